#include "os/real_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>

#include "os/temporary_directory.h"

namespace viridian::os {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RealFilesTest : public ::testing::Test {
 protected:
  std::string path(std::string_view name) const { return join(directory_.path(), name); }

  std::unique_ptr<File> make(std::string_view name, std::string_view text) {
    auto file = files_.open(path(name), OpenMode::open_create);
    EXPECT_TRUE(file.ok()) << file.error().message();
    EXPECT_TRUE((*file)->write_at(0, as_bytes(text)).ok());
    return *std::move(file);
  }

  std::string text_of(const File& file) {
    std::string text(1'000'000, '\0');
    const auto got = file.read_at(0, std::as_writable_bytes(std::span(text)));
    EXPECT_TRUE(got.ok());
    text.resize(got.value_or(0));
    return text;
  }

  template <class T>
  void expect_error(const Result<T>& result, Code code, const std::string& named) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), code) << result.error().message();
    EXPECT_THAT(result.error().message(), HasSubstr(named));
  }

  TemporaryDirectory directory_;
  RealFiles files_;
};

TEST_F(RealFilesTest, ManyPartsLandOneAfterTheOther) {
  auto file = make("a", "head");
  std::mt19937 random(1);
  std::vector<std::string> pieces;
  std::string whole = "head";
  for (int i = 0; i < 3'000; ++i) pieces.push_back(std::string(random() % 50, char('a' + i % 26)));
  std::vector<Bytes> parts;
  for (const std::string& piece : pieces) {
    parts.push_back(as_bytes(piece));
    whole += piece;
  }
  ASSERT_TRUE(file->write_at(4, parts).ok());
  EXPECT_EQ(text_of(*file), whole);
  EXPECT_EQ(file->size().value(), whole.size());
  ASSERT_TRUE(file->sync().ok());
}

TEST_F(RealFilesTest, ReadsAreShortOnlyAtTheEnd) {
  auto file = make("a", "0123456789");
  std::string buffer(6, '?');
  EXPECT_EQ(file->read_at(7, std::as_writable_bytes(std::span(buffer))).value(), 3u);
  EXPECT_EQ(buffer, "789???");
  EXPECT_EQ(file->read_at(99, std::as_writable_bytes(std::span(buffer))).value(), 0u);
}

TEST_F(RealFilesTest, ReserveKeepsTheSizeAndTruncateCuts) {
  auto file = make("a", "0123456789");
  ASSERT_TRUE(file->reserve(1 << 20).ok());
  EXPECT_EQ(file->size().value(), 10u);
  ASSERT_TRUE(file->truncate(4).ok());
  EXPECT_EQ(text_of(*file), "0123");
}

TEST_F(RealFilesTest, OpenModesSayWhatMustExist) {
  expect_error(files_.open(path("none"), OpenMode::read), Code::not_found, path("none"));
  expect_error(files_.open(path("none"), OpenMode::write), Code::not_found, path("none"));
  make("a", "x");
  expect_error(files_.open(path("a"), OpenMode::create), Code::already_exists, path("a"));
  EXPECT_TRUE(files_.open(path("a"), OpenMode::open_create).ok());
  EXPECT_TRUE(files_.open(path("b"), OpenMode::create).ok());
}

TEST_F(RealFilesTest, WritingToAFileOpenedForReadingIsAnErrorThatNamesIt) {
  make("a", "x");
  const auto file = files_.open(path("a"), OpenMode::read).value().release();
  const std::unique_ptr<File> owned(file);
  expect_error(owned->write_at(0, as_bytes("y")), Code::internal, path("a"));
}

TEST_F(RealFilesTest, ErrnoBecomesTheDocumentedCode) {
  EXPECT_EQ(system_error("write", "f", ENOSPC).code(), Code::resource_exhausted);
  EXPECT_EQ(system_error("write", "f", EDQUOT).code(), Code::resource_exhausted);
  EXPECT_EQ(system_error("write", "f", EIO).code(), Code::data_loss);
  EXPECT_EQ(system_error("write", "f", EACCES).code(), Code::permission_denied);
  EXPECT_EQ(system_error("write", "f", EROFS).code(), Code::permission_denied);
  EXPECT_EQ(system_error("write", "f", EINVAL).code(), Code::internal);
}

// The device that is always full, as the kernel offers it.
TEST_F(RealFilesTest, AFullDiskIsResourceExhausted) {
  auto full = files_.open("/dev/full", OpenMode::write);
  if (!full.ok()) GTEST_SKIP() << "no /dev/full here";
  expect_error((*full)->write_at(0, as_bytes("x")), Code::resource_exhausted, "/dev/full");
}

TEST_F(RealFilesTest, MapsWholeFilesAlsoEmptyOnes) {
  make("a", "mapped");
  make("empty", "");
  EXPECT_EQ(as_text(files_.map(path("a")).value()->bytes()), "mapped");
  EXPECT_TRUE(files_.map(path("empty")).value()->bytes().empty());
  expect_error(files_.map(path("none")), Code::not_found, path("none"));
}

TEST_F(RealFilesTest, MakesListsRenamesAndRemoves) {
  ASSERT_TRUE(files_.make_directories(path("d/e/f/")).ok());
  ASSERT_TRUE(files_.make_directories(path("d/e/f")).ok());
  make("d/2", "two");
  make("d/1", "one");
  EXPECT_THAT(files_.list(path("d")).value(), ElementsAre("1", "2", "e"));
  ASSERT_TRUE(files_.rename(path("d/1"), path("d/2")).ok());
  ASSERT_TRUE(files_.sync_directory(path("d")).ok());
  EXPECT_EQ(text_of(*files_.open(path("d/2"), OpenMode::read).value()), "one");
  EXPECT_FALSE(files_.exists(path("d/1")).value());
  EXPECT_TRUE(files_.exists(path("d/2")).value());
  EXPECT_TRUE(files_.remove(path("d/2")).ok());
  EXPECT_TRUE(files_.remove(path("d/2")).ok());
  EXPECT_TRUE(files_.remove_all(path("d")).ok());
  EXPECT_TRUE(files_.remove_all(path("d")).ok());
  EXPECT_FALSE(files_.exists(path("d")).value());
}

TEST_F(RealFilesTest, DirectoryErrorsNameThePath) {
  make("file", "x");
  expect_error(files_.list(path("none")), Code::not_found, path("none"));
  expect_error(files_.sync_directory(path("none")), Code::not_found, path("none"));
  expect_error(files_.rename(path("none"), path("x")), Code::not_found, path("none"));
  expect_error(files_.make_directories(path("file")), Code::already_exists, path("file"));
  expect_error(files_.make_directories(path("file/d")), Code::internal, path("file/d"));
}

TEST_F(RealFilesTest, ASecondLockIsRefusedNamingTheHolder) {
  {
    const auto held = files_.lock(path("LOCK"), "process 41 on host north");
    ASSERT_TRUE(held.ok()) << held.error().message();
    const auto refused = files_.lock(path("LOCK"), "process 42 on host south");
    expect_error(refused, Code::failed_precondition, "process 41 on host north");
    expect_error(refused, Code::failed_precondition, path("LOCK"));
  }
  EXPECT_TRUE(files_.lock(path("LOCK"), "p").ok());
  EXPECT_EQ(text_of(*files_.open(path("LOCK"), OpenMode::read).value()), "p");
}

}  // namespace
}  // namespace viridian::os
