#pragma once
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace viridian {

/// Strings end to end in one buffer.
class StringColumn {
 public:
  StringColumn() = default;
  StringColumn(std::initializer_list<std::string_view> values) {
    for (std::string_view value : values) push_back(value);
  }

  void push_back(std::string_view value) {
    bytes_.append(value);
    ends_.push_back(bytes_.size());
  }
  void reserve(size_t rows, size_t bytes) {
    ends_.reserve(rows);
    bytes_.reserve(bytes);
  }
  size_t size() const noexcept { return ends_.size(); }
  bool empty() const noexcept { return ends_.empty(); }
  std::string_view operator[](size_t row) const {
    const uint64_t begin = row == 0 ? 0 : ends_[row - 1];
    return std::string_view(bytes_).substr(begin, ends_[row] - begin);
  }
  /// All strings, concatenated; row i ends at ends()[i].
  const std::string& bytes() const noexcept { return bytes_; }
  const std::vector<uint64_t>& ends() const noexcept { return ends_; }
  friend bool operator==(const StringColumn&, const StringColumn&) = default;

 private:
  std::string bytes_;
  std::vector<uint64_t> ends_;
};

/// Strings that may be absent. An empty string is not an absent one.
class NullableStringColumn {
 public:
  void push_back(std::optional<std::string_view> value) {
    values_.push_back(value.value_or(std::string_view()));
    present_.push_back(value.has_value());
  }
  void reserve(size_t rows, size_t bytes) {
    values_.reserve(rows, bytes);
    present_.reserve(rows);
  }
  size_t size() const noexcept { return present_.size(); }
  bool empty() const noexcept { return present_.empty(); }
  bool has(size_t row) const { return present_[row]; }
  std::optional<std::string_view> operator[](size_t row) const {
    if (!present_[row]) return std::nullopt;
    return values_[row];
  }
  const StringColumn& values() const noexcept { return values_; }
  friend bool operator==(const NullableStringColumn&, const NullableStringColumn&) = default;

 private:
  StringColumn values_;
  std::vector<bool> present_;
};

/// std::allocator with 64-byte alignment: a cache line, and the widest vector register.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) noexcept {}
  T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), kAlignment)); }
  void deallocate(T* pointer, size_t) noexcept { ::operator delete(pointer, kAlignment); }
  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }
};
using FloatBuffer = std::vector<float, AlignedAllocator<float>>;

/// Float vectors of one length, row after row. dim is 0 while there are none.
struct Matrix {
  uint32_t dim = 0;
  FloatBuffer values;

  size_t rows() const noexcept { return dim == 0 ? 0 : values.size() / dim; }
  const float* row(size_t i) const { return values.data() + i * dim; }
  friend bool operator==(const Matrix&, const Matrix&) = default;
};

}  // namespace viridian
