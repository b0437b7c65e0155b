#include "component/data_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "os/real_files.h"
#include "os/temporary_directory.h"

namespace viridian::local {
namespace {

using testing::HasSubstr;

class DataDirectoryTest : public testing::Test {
 protected:
  os::TemporaryDirectory temporary_;
  os::RealFiles files_;
  const std::string path_ = temporary_.path() + "/a/b";
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
  std::ofstream(temporary_.path() + "/file") << "x";
  DataDirectory directory(files_, temporary_.path() + "/file");
  const Status status = directory.start(Context());
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), HasSubstr(temporary_.path() + "/file"));
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
