#pragma once
#include <cstddef>
#include <string>

/// For the programs of this folder, which end where something fails: errors are exceptions.
namespace viridian::bench {

/// What a file of NumPy's holds.
struct Array {
  size_t rows = 0, columns = 1;
  std::string bytes;
  const float* floats() const { return reinterpret_cast<const float*>(bytes.data()); }
  const float* row(size_t i) const { return floats() + i * columns; }
};

/// A file of version 1, in C order.
Array read_npy(const std::string& path);

}  // namespace viridian::bench
