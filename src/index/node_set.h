#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace viridian::index {

/// Some of a graph's nodes: those that a search is about.
class NodeSet {
 public:
  explicit NodeSet(size_t nodes) : bits_((nodes + 63) / 64) {}

  void insert(uint32_t node) {
    const uint64_t bit = uint64_t{1} << (node % 64);
    size_ += (bits_[node / 64] & bit) == 0;
    bits_[node / 64] |= bit;
  }
  bool contains(uint32_t node) const noexcept { return (bits_[node / 64] >> (node % 64) & 1) != 0; }
  uint64_t size() const noexcept { return size_; }
  /// A bit per node.
  const std::vector<uint64_t>& bits() const noexcept { return bits_; }

 private:
  std::vector<uint64_t> bits_;
  uint64_t size_ = 0;
};

}  // namespace viridian::index
