#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace viridian::os {

/// All bytes of a file of the operating system, read around Files. For tests, which fail where that
/// is not possible.
inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  EXPECT_TRUE(in.is_open() && !in.bad()) << "cannot read " << path;
  return bytes;
}

/// Makes the file or replaces what is in it. As above.
inline void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes << std::flush;
  EXPECT_TRUE(out.good()) << "cannot write " << path;
}

}  // namespace viridian::os
