#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <memory>

namespace viridian::segment {

/// A growing array whose elements never move: chunk i holds kFirst * 2^i elements.
/// One thread grows and writes it. Others may read element i once they learned, through something
/// that synchronises, that it was written.
template <class T>
class StableArray {
 public:
  static constexpr size_t kFirst = 64;

  const T& operator[](size_t i) const { return chunks_[chunk_of(i)][i - start_of(chunk_of(i))]; }
  T& operator[](size_t i) { return chunks_[chunk_of(i)][i - start_of(chunk_of(i))]; }

  /// Makes element i usable, value-initialised if it is new. Elements come one after the other.
  T& at_grown(size_t i) {
    const size_t chunk = chunk_of(i);
    if (!chunks_[chunk]) chunks_[chunk] = std::make_unique<T[]>(kFirst << chunk);
    return chunks_[chunk][i - start_of(chunk)];
  }

 private:
  static size_t chunk_of(size_t i) {
    return static_cast<size_t>(std::bit_width(i / kFirst + 1)) - 1;
  }
  static size_t start_of(size_t chunk) { return kFirst * ((size_t{1} << chunk) - 1); }

  std::array<std::unique_ptr<T[]>, 42> chunks_;
};

}  // namespace viridian::segment
