#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "viridian/base/result.h"

namespace viridian::postings {

/// The bytes of one index, wherever they lie: in memory, or in a file of which only what is asked
/// for is read. Thread-safe.
class Source {
 public:
  virtual ~Source() = default;
  virtual uint64_t size() const noexcept = 0;
  /// Bytes that live as long as the source. They are aligned as `begin` is, up to 8.
  ///   data_loss  they are damaged, or beyond the end
  virtual Result<std::span<const std::byte>> read(uint64_t begin, uint64_t size) const = 0;
  /// For a reader that finds the bytes to be sound but wrong.
  virtual Error damaged(uint64_t at, std::string_view what) const = 0;
};

/// An index in memory.
class MemorySource final : public Source {
 public:
  explicit MemorySource(std::string bytes) : bytes_(std::move(bytes)) {}
  uint64_t size() const noexcept override { return bytes_.size(); }
  Result<std::span<const std::byte>> read(uint64_t begin, uint64_t size) const override {
    if (begin > bytes_.size() || size > bytes_.size() - begin)
      return damaged(begin, "it ends early");
    return std::as_bytes(std::span(bytes_)).subspan(begin, size);
  }
  Error damaged(uint64_t at, std::string_view what) const override {
    return Error(Code::internal, "an index in memory is wrong at byte " + std::to_string(at) +
                                     ": " + std::string(what));
  }

 private:
  std::string bytes_;
};

}  // namespace viridian::postings
