#include "segment/sealed_file.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "os/forwarding_files.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"

namespace viridian::segment {
namespace {

/// `size` bytes of the number, the lowest first.
std::string number(uint64_t value, size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>((value >> (8 * i)) & 0xFF));
  return bytes;
}

std::string zeros(size_t size) { return std::string(size, '\0'); }

std::string checksum(std::string_view bytes) { return number(crc32c(0, os::as_bytes(bytes)), 4); }

std::string text_of(const Uuid& uuid) {
  return std::string(os::as_text(std::as_bytes(std::span(uuid.bytes))));
}

std::string entry(const std::string& name, uint64_t offset, uint64_t size) {
  return name + zeros(16 - name.size()) + number(offset, 8) + number(size, 8);
}

/// The file as docs/file-formats.md has it, put together without the code's own structs.
TEST(SealedFile, LiesOnDiskAsItsFormatSays) {
  constexpr size_t kBlock = 65536;
  const FileIdentity identity{FileKind::vectors, Uuid::random(), Uuid::random()};
  const std::string first = "seven b";
  const std::string second(kBlock, 'x');

  std::string expected = "VIRIDSEG" + number(3, 4) + number(2, 4) + text_of(identity.file) +
                         text_of(identity.collection) + zeros(12);
  expected += checksum(expected);
  expected += first + zeros(64 - first.size()) + second;
  const uint64_t data_size = expected.size();
  const std::string_view data = expected;
  const std::string footer = number(2, 4) + number(2, 4) + entry("first", 64, first.size()) +
                             entry("sixteen_letters_", 128, second.size()) +
                             checksum(data.substr(0, kBlock)) + checksum(data.substr(kBlock));
  expected += footer + number(data_size, 8) + checksum(footer) + zeros(4) + "VIRIDEND";

  os::RealFiles files;
  const os::TemporaryDirectory directory;
  auto writer = SealedFileWriter::create(files, directory.path(), "file", identity);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->begin("first").ok());
  ASSERT_TRUE(writer->append(os::as_bytes(first)).ok());
  ASSERT_TRUE(writer->begin("sixteen_letters_").ok());
  ASSERT_TRUE(writer->append(os::as_bytes(second)).ok());
  const auto size = writer->finish();
  ASSERT_TRUE(size.ok());
  EXPECT_EQ(*size, expected.size());

  const std::string path = os::join(directory.path(), "file");
  const auto mapping = files.map(path);
  ASSERT_TRUE(mapping.ok());
  EXPECT_TRUE(os::as_text((*mapping)->bytes()) == expected);

  const auto file = SealedFile::open(files, path, identity, expected.size());
  ASSERT_TRUE(file.ok());
  const auto section = (*file)->section("sixteen_letters_");
  ASSERT_TRUE(section.ok());
  const auto bytes = (*file)->read(*section, 0, second.size());
  ASSERT_TRUE(bytes.ok());
  EXPECT_TRUE(os::as_text(*bytes) == second);
}

/// Notes what is asked for in advance, as offset and size.
class AskedFiles final : public os::ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;
  using Asked = std::vector<std::pair<uint64_t, uint64_t>>;

  Result<std::unique_ptr<os::Mapping>> map(const std::string& path) override {
    VIRIDIAN_TRY(auto inner, ForwardingFiles::map(path));
    return std::unique_ptr<os::Mapping>(std::make_unique<Noting>(std::move(inner), asked));
  }
  Asked asked;

 private:
  class Noting final : public os::Mapping {
   public:
    Noting(std::unique_ptr<os::Mapping> inner, Asked& asked)
        : inner_(std::move(inner)), asked_(asked) {}
    os::Bytes bytes() const noexcept override { return inner_->bytes(); }
    void will_need(os::Bytes part) const noexcept override {
      asked_.emplace_back(part.data() - bytes().data(), part.size());
    }

   private:
    std::unique_ptr<os::Mapping> inner_;
    Asked& asked_;
  };
};

TEST(SealedFile, AsksForWholeBlocksOfWhatItHasNotVerifiedAndForNothingTwice) {
  constexpr uint64_t kBlock = SealedFile::kBlockBytes, kRow = 1000, kRows = 2000;
  const FileIdentity identity{FileKind::vectors, Uuid::random(), Uuid::random()};
  os::RealFiles real;
  AskedFiles files(real);
  const os::TemporaryDirectory directory;
  auto writer = SealedFileWriter::create(files, directory.path(), "file", identity);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->append_section("rows", std::string(kRows * kRow, 'x')).ok());
  const auto size = writer->finish();
  ASSERT_TRUE(size.ok());
  const auto file = SealedFile::open(files, os::join(directory.path(), "file"), identity, *size);
  ASSERT_TRUE(file.ok());
  const Section rows = *(*file)->section("rows");
  ASSERT_EQ(rows.offset, 64u);

  // In block 0; in block 3; on its border to 4, so asked for with it; beyond the section.
  (*file)->will_need(rows, std::vector<uint32_t>{3, 197, 262, kRows}, kRow);
  EXPECT_EQ(files.asked, (AskedFiles::Asked{{0, kBlock}, {3 * kBlock, 2 * kBlock}}));
  for (const uint32_t row : {3U, 197U, 262U}) {
    const auto bytes = (*file)->read_scattered(rows, row * kRow, kRow);
    ASSERT_TRUE(bytes.ok());
    EXPECT_EQ(os::as_text(*bytes), std::string(kRow, 'x'));
  }
  EXPECT_FALSE((*file)->read_scattered(rows, kRows * kRow, 1).ok());
  files.asked.clear();
  (*file)->will_need(rows, std::vector<uint32_t>{3, 197, 262}, kRow);
  EXPECT_EQ(files.asked, AskedFiles::Asked());
}

TEST(SealedFile, WhatIsReadHereAndThereIsVerified) {
  const FileIdentity identity{FileKind::vectors, Uuid::random(), Uuid::random()};
  os::RealFiles files;
  const os::TemporaryDirectory directory;
  auto writer = SealedFileWriter::create(files, directory.path(), "file", identity);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->append_section("rows", std::string(2'000'000, 'x')).ok());
  const auto size = writer->finish();
  ASSERT_TRUE(size.ok());
  const std::string path = os::join(directory.path(), "file");
  {
    const auto file = files.open(path, os::OpenMode::write);
    ASSERT_TRUE((*file)->write_at(1'000'000, os::as_bytes("y")).ok());
  }
  const auto file = SealedFile::open(files, path, identity, *size);
  ASSERT_TRUE(file.ok());
  const Section rows = *(*file)->section("rows");
  EXPECT_TRUE((*file)->read_scattered(rows, 0, 1000).ok());
  const auto damaged = (*file)->read_scattered(rows, 999'000, 10);
  ASSERT_FALSE(damaged.ok());
  EXPECT_EQ(damaged.error().code(), Code::data_loss);
}

}  // namespace
}  // namespace viridian::segment
