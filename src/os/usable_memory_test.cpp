#include "os/usable_memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "os/temporary_directory.h"

namespace viridian::os {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

class ControlGroups : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path whole = root_.path() + "/" + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text << "\n";
  }
  uint64_t limit(const std::string& groups) const {
    return control_group_memory(groups, root_.path());
  }
  TemporaryDirectory root_;
};

TEST_F(ControlGroups, LeastLimitOnTheWayCounts) {
  write("a/memory.max", "5000");
  write("a/b/memory.max", "max");
  write("a/b/c/memory.max", "7000");
  EXPECT_EQ(limit("0::/a/b/c\n"), 5000u);
  EXPECT_EQ(limit("0::/a/b\n"), 5000u);
  EXPECT_EQ(limit("0::/\n"), kNoLimit);
  write("memory.max", "4000");  // of a container: nothing else of the path is there
  EXPECT_EQ(limit("0::/x/y\n"), 4000u);
}

TEST_F(ControlGroups, FirstVersionHasAHierarchyForMemory) {
  write("memory/memory.limit_in_bytes", "9223372036854771712");
  write("memory/a/memory.limit_in_bytes", "3000");
  write("cpu/a/memory.limit_in_bytes", "1");
  EXPECT_EQ(limit("5:cpu:/a\n4:cpuset,memory:/a\n0::/\n"), 3000u);
  EXPECT_EQ(limit("4:memory:/\n"), 9223372036854771712u);
}

TEST_F(ControlGroups, WhatCannotBeReadLimitsNothing) {
  EXPECT_EQ(limit(""), kNoLimit);
  EXPECT_EQ(limit("no colons\n1:memory\n2:memory:relative\n"), kNoLimit);
  EXPECT_GT(usable_memory(), 0u);
}

}  // namespace
}  // namespace viridian::os
