#pragma once
#include <cstddef>
#include <type_traits>

namespace viridian::os {

/// Room for `n` numbers that are not initialised, aligned for vector instructions. What is not
/// written takes no memory of the machine's; what is, from some megabytes on, lies in large pages
/// where the system gives them: a scan then misses the translation buffer far less often, and
/// filling takes one page fault where it took 512.
class LargeMemory {
 public:
  /// Throws std::bad_alloc.
  explicit LargeMemory(size_t bytes);
  ~LargeMemory();
  LargeMemory(LargeMemory&& other) noexcept;
  LargeMemory& operator=(LargeMemory&& other) noexcept;
  void* data() const noexcept { return data_; }
  /// What it takes of the machine's memory when only its first `used` bytes have been written: a
  /// large page is taken as a whole.
  size_t taken(size_t used) const noexcept;

 private:
  size_t bytes_;
  void* data_;
};

template <class T>
class LargeArray {
  static_assert(std::is_trivial_v<T>);

 public:
  explicit LargeArray(size_t n) : memory_(n * sizeof(T)) {}
  T* data() noexcept { return static_cast<T*>(memory_.data()); }
  const T* data() const noexcept { return static_cast<const T*>(memory_.data()); }
  /// In bytes, when only the first `n` have been written.
  size_t taken(size_t n) const noexcept { return memory_.taken(n * sizeof(T)); }

 private:
  LargeMemory memory_;
};

}  // namespace viridian::os
