#include "component/data_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "os/faulty_files.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"
#include "os/test_files.h"

namespace viridian::local {
namespace {

using os::read_file;
using os::write_file;
using testing::HasSubstr;

class DataDirectoryTest : public testing::Test {
 protected:
  os::TemporaryDirectory temporary_;
  os::RealFiles files_;
  const std::string path_ = temporary_.path() + "/a/b";
  const std::string format_ = path_ + "/FORMAT";
};

TEST_F(DataDirectoryTest, IsMadeAndHeld) {
  DataDirectory directory(files_, path_ + "///");
  EXPECT_EQ(directory.path(), path_);
  const Status status = directory.start(Context());
  ASSERT_TRUE(status.ok()) << status.error().message();
  EXPECT_TRUE(std::filesystem::exists(path_ + "/LOCK"));
}

TEST_F(DataDirectoryTest, SecondHolderIsToldWhoTheFirstIs) {
  DataDirectory first(files_, path_);
  ASSERT_TRUE(first.start(Context()).ok());
  const std::string holder = "process " + std::to_string(getpid());
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    DataDirectory second(files_, path_);
    const Status status = second.start(Context());
    const bool refused = !status.ok() && status.error().code() == Code::failed_precondition &&
                         status.error().message().find(holder) != std::string::npos;
    _exit(refused ? 0 : 1);
  }
  int exited = -1;
  ASSERT_EQ(waitpid(child, &exited, 0), child);
  EXPECT_EQ(exited, 0);
}

TEST_F(DataDirectoryTest, StopLetsGo) {
  DataDirectory first(files_, path_);
  ASSERT_TRUE(first.start(Context()).ok());
  first.stop();
  first.stop();
  DataDirectory second(files_, path_);
  EXPECT_TRUE(second.start(Context()).ok());
}

TEST_F(DataDirectoryTest, FileInItsPlaceIsAnError) {
  write_file(temporary_.path() + "/file", "x");
  DataDirectory directory(files_, temporary_.path() + "/file");
  const Status status = directory.start(Context());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::failed_precondition);
  EXPECT_THAT(status.error().message(), HasSubstr(temporary_.path() + "/file is a file"));
}

TEST_F(DataDirectoryTest, FormatComesBackAsWrittenAndEveryFlippedBitIsNoticed) {
  const DirectoryFormat format{7, 3, "viridian 9.1.0"};
  const std::string text = write_directory_format(format);
  EXPECT_EQ(read_directory_format(text).value(), format);
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto read = read_directory_format(flipped);
    EXPECT_TRUE(!read.ok() || *read == format) << bit;
  }
  for (size_t size = 0; size < text.size(); ++size)
    EXPECT_EQ(read_directory_format(text.substr(0, size)).error().code(), Code::data_loss) << size;
}

TEST_F(DataDirectoryTest, NewDirectorySaysItsFormat) {
  DataDirectory directory(files_, path_);
  ASSERT_TRUE(directory.start(Context()).ok());
  EXPECT_EQ(directory.version_found(), 0u);
  const DirectoryFormat format = read_directory_format(read_file(format_)).value();
  EXPECT_EQ(format.version, DataDirectory::kVersion);
  EXPECT_EQ(format.needs, DataDirectory::kVersion);
  EXPECT_THAT(format.created_by, HasSubstr("viridian "));
  directory.stop();
  const std::string text = read_file(format_);
  ASSERT_TRUE(directory.start(Context()).ok());
  EXPECT_EQ(directory.version_found(), DataDirectory::kVersion);
  EXPECT_EQ(read_file(format_), text);
}

// Version 1 had no FORMAT.
TEST_F(DataDirectoryTest, DirectoryOfVersionOneIsUpgraded) {
  for (const char* name : {"sysdb.sqlite3", "log", "segments"}) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_ + "/" + name);
    DataDirectory directory(files_, path_);
    ASSERT_TRUE(directory.start(Context()).ok());
    EXPECT_EQ(directory.version_found(), 1u) << name;
    EXPECT_EQ(read_directory_format(read_file(format_)).value().version, DataDirectory::kVersion);
  }
}

TEST_F(DataDirectoryTest, NewerFormatIsRefusedAndNothingIsTouched) {
  std::filesystem::create_directories(path_ + "/log");
  const std::string text = write_directory_format({9, 8, "viridian 5.0"});
  write_file(format_, text);
  for (const bool read_only : {false, true}) {
    DataDirectory directory(files_, path_, read_only);
    const Status status = directory.start(Context());
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code(), Code::failed_precondition);
    EXPECT_THAT(status.error().message(), HasSubstr("viridian 5.0"));
    EXPECT_THAT(status.error().message(), HasSubstr("format 8"));
    EXPECT_THAT(files_.list(path_).value(), testing::ElementsAre("FORMAT", "log"));
    EXPECT_EQ(read_file(format_), text);
  }
}

TEST_F(DataDirectoryTest, NewerFormatThatThisProgramMayOpenIsLeftAsItIs) {
  std::filesystem::create_directories(path_);
  const std::string text = write_directory_format({9, DataDirectory::kVersion, "viridian 5.0"});
  write_file(format_, text);
  DataDirectory directory(files_, path_);
  ASSERT_TRUE(directory.start(Context()).ok());
  EXPECT_EQ(directory.version_found(), 9u);
  EXPECT_EQ(read_file(format_), text);
}

TEST_F(DataDirectoryTest, DamagedFormatIsRefused) {
  std::filesystem::create_directories(path_);
  for (const std::string& text : {std::string(), std::string("version 2\n")}) {
    write_file(format_, text);
    DataDirectory directory(files_, path_);
    const Status status = directory.start(Context());
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code(), Code::data_loss);
    EXPECT_THAT(status.error().message(), HasSubstr(path_ + "/FORMAT"));
    EXPECT_EQ(read_file(format_), text);
    EXPECT_FALSE(std::filesystem::exists(path_ + "/LOCK"));
  }
}

TEST_F(DataDirectoryTest, ReadOnlyStandsBesideTheHolderAndMakesNothing) {
  DataDirectory early(files_, path_, true);
  EXPECT_EQ(early.start(Context()).error().code(), Code::not_found);
  EXPECT_FALSE(std::filesystem::exists(path_));
  std::filesystem::create_directories(path_);
  EXPECT_EQ(early.start(Context()).error().code(), Code::not_found) << "nothing is in it";
  DataDirectory holder(files_, path_);
  ASSERT_TRUE(holder.start(Context()).ok());
  const auto names = files_.list(path_).value();
  DataDirectory reader(files_, path_, true);
  const Status status = reader.start(Context());
  ASSERT_TRUE(status.ok()) << status.error().message();
  EXPECT_TRUE(reader.read_only());
  EXPECT_EQ(files_.list(path_).value(), names);
  reader.stop();
  DataDirectory second(files_, path_);
  EXPECT_FALSE(second.start(Context()).ok()) << "the holder's lock is still held";
  holder.stop();
  EXPECT_TRUE(reader.start(Context()).ok());
  EXPECT_TRUE(second.start(Context()).ok()) << "a reader keeps nobody out";
}

TEST_F(DataDirectoryTest, HeldLockNamesTheProgramAndTheWayOut) {
  DataDirectory first(files_, path_);
  ASSERT_TRUE(first.start(Context()).ok());
  DataDirectory second(files_, path_);
  const Status status = second.start(Context());
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), HasSubstr("process " + std::to_string(getpid())));
  EXPECT_THAT(status.error().message(), HasSubstr("component_test"));
  EXPECT_THAT(status.error().message(), HasSubstr("read_only"));
}

// Whatever call fails, the next start finds a directory that is new, of version 1, or whole.
TEST_F(DataDirectoryTest, FailedStartMayBeTriedAgain) {
  os::FaultyFiles faulty(files_, os::FaultyFiles::Syncs::pretended);
  for (const bool data : {false, true}) {
    bool struck = true;
    for (uint64_t nth = 1; struck; ++nth) {
      std::filesystem::remove_all(path_);
      if (data) std::filesystem::create_directories(path_ + "/log");
      faulty.fail({.nth = nth, .code = Code::resource_exhausted, .partial_write = 10});
      DataDirectory directory(faulty, path_);
      const Status status = directory.start(Context());
      struck = faulty.struck();
      EXPECT_EQ(status.ok(), !struck) << nth;
      faulty.clear();
      directory.stop();
      ASSERT_TRUE(directory.start(Context()).ok()) << nth;
      EXPECT_EQ(read_directory_format(read_file(format_)).value().version, DataDirectory::kVersion);
    }
  }
}

TEST_F(DataDirectoryTest, EmptyPathIsRefused) {
  Registry registry;
  registry.add<os::RealFiles, os::Files>("os::RealFiles");
  registry.add<DataDirectory, DataDirectory>("local::DataDirectory");
  Settings settings;
  settings.set("files", "os::RealFiles");
  settings.set("data_directory", "local::DataDirectory");
  settings.set("path", "");
  System system(registry, settings);
  EXPECT_EQ(system.require<DataDirectory>().error().code(), Code::invalid_argument);
}

}  // namespace
}  // namespace viridian::local
