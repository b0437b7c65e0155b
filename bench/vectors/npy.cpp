#include "vectors/npy.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace viridian::bench {

Array read_npy(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  char head[10];
  in.read(head, sizeof head);
  std::string header(static_cast<unsigned char>(head[8]) |
                         static_cast<size_t>(static_cast<unsigned char>(head[9])) << 8,
                     ' ');
  in.read(header.data(), static_cast<std::streamsize>(header.size()));
  const size_t shape = header.find("'shape': (");
  if (!in || shape == std::string::npos) throw std::runtime_error("not an array: " + path);
  Array array;
  if (std::sscanf(header.c_str() + shape, "'shape': (%zu, %zu", &array.rows, &array.columns) < 1)
    throw std::runtime_error("no shape: " + path);
  array.bytes.assign(std::istreambuf_iterator<char>(in), {});
  return array;
}

}  // namespace viridian::bench
