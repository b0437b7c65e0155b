#include "os/faulty_files.h"

#include <gtest/gtest.h>

#include <array>

#include "os/real_files.h"
#include "os/temporary_directory.h"

namespace viridian::os {
namespace {

class FaultyFilesTest : public ::testing::Test {
 protected:
  TemporaryDirectory directory_;
  RealFiles real_;
  FaultyFiles files_{real_};
  std::string path_ = join(directory_.path(), "file");
};

TEST_F(FaultyFilesTest, FailsTheNthCallOfTheChosenKindOnly) {
  auto file = files_.open(path_, OpenMode::create).value();
  files_.fail({.calls = FileCalls::sync, .nth = 2, .code = Code::data_loss});
  EXPECT_TRUE(file->write_at(0, as_bytes("abc")).ok());
  EXPECT_TRUE(file->sync().ok());
  EXPECT_FALSE(files_.struck());
  const Status second = file->sync();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), Code::data_loss);
  EXPECT_TRUE(files_.struck());
  EXPECT_TRUE(file->sync().ok());
  EXPECT_EQ(files_.count(FileCalls::sync), 3u);
  EXPECT_EQ(files_.count(FileCalls::sync | FileCalls::write), 4u);
}

TEST_F(FaultyFilesTest, AFailingWriteMayLeaveAPart) {
  auto file = files_.open(path_, OpenMode::create).value();
  files_.fail({.calls = FileCalls::write, .code = Code::resource_exhausted, .partial_write = 5});
  const std::array<Bytes, 3> parts = {as_bytes("abc"), as_bytes("def"), as_bytes("ghi")};
  EXPECT_FALSE(file->write_at(0, parts).ok());
  EXPECT_EQ(as_text(real_.map(path_).value()->bytes()), "abcde");
}

TEST_F(FaultyFilesTest, CanFailEveryLaterCall) {
  auto file = files_.open(path_, OpenMode::create).value();
  files_.fail({.nth = 2, .every_later = true});
  EXPECT_TRUE(file->size().ok());
  EXPECT_FALSE(file->size().ok());
  EXPECT_FALSE(files_.exists(path_).ok());
  EXPECT_FALSE(files_.list(directory_.path()).ok());
  files_.clear();
  EXPECT_TRUE(file->size().ok());
}

}  // namespace
}  // namespace viridian::os
