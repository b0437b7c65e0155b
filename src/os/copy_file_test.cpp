#include "os/copy_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <thread>

#include "os/faulty_files.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"
#include "os/test_files.h"
#include "os/thread_priority.h"

namespace viridian::os {
namespace {

class CopyFileTest : public ::testing::Test {
 protected:
  TemporaryDirectory directory_;
  const std::string from_ = directory_.path() + "/from";
  const std::string to_ = directory_.path() + "/to";
  RealFiles real_;
  FaultyFiles files_{real_, FaultyFiles::Syncs::pretended};
};

TEST_F(CopyFileTest, CopyIsEqualAndSynced) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1} << 20, (size_t{3} << 20) + 5}) {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 % 251);
    write_file(from_, bytes);
    ASSERT_TRUE(real_.remove(to_).ok());
    const uint64_t syncs = files_.count(FileCalls::sync);
    ASSERT_TRUE(copy_file(files_, from_, to_).ok());
    EXPECT_TRUE(read_file(to_) == bytes) << size;
    EXPECT_EQ(files_.count(FileCalls::sync), syncs + 1);
  }
}

TEST_F(CopyFileTest, FileInItsPlaceIsLeftAlone) {
  write_file(from_, "new");
  write_file(to_, "old");
  EXPECT_EQ(copy_file(files_, from_, to_).error().code(), Code::already_exists);
  EXPECT_EQ(read_file(to_), "old");
}

TEST_F(CopyFileTest, AnyFailedCallLeavesNothing) {
  write_file(from_, std::string((2 << 20) + 1, 'x'));
  for (uint64_t nth = 1;; ++nth) {
    files_.fail({.nth = nth, .code = Code::resource_exhausted, .partial_write = 10});
    const Status copied = copy_file(files_, from_, to_);
    if (!files_.struck()) break;
    EXPECT_EQ(copied.error().code(), Code::resource_exhausted) << nth;
    EXPECT_FALSE(real_.exists(to_).value()) << nth;
  }
}

TEST(ThreadPriority, OnlyTheCallingThreadIsLowered) {
  const int before = getpriority(PRIO_PROCESS, 0);
  int lowered = 0;
  std::thread([&] {
    lower_thread_priority();
    lowered = getpriority(PRIO_PROCESS, 0);
  }).join();
  EXPECT_GE(lowered, std::max(before, 10));
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), before);
}

}  // namespace
}  // namespace viridian::os
