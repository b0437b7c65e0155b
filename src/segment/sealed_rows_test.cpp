#include "segment/sealed_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "os/real_files.h"
#include "os/temporary_directory.h"
#include "segment/merge_plan.h"

namespace viridian::segment {
namespace {

class NoThrottle final : public Throttle {
 public:
  Status pass(const Context&, uint64_t) override { return ok_status(); }
};

class SealedRowsTest : public testing::Test {
 protected:
  std::shared_ptr<const SealedFile> write(const std::vector<Offset>& offsets,
                                          const std::vector<Offset>& ended) {
    identity_ = {FileKind::vectors, Uuid::random(), Uuid::random()};
    const std::string name = identity_.file.to_string();
    auto writer = SealedFileWriter::create(files_, directory_.path(), name, identity_);
    EXPECT_TRUE(writer.ok());
    EXPECT_TRUE(writer->begin("offsets").ok());
    EXPECT_TRUE(writer->append(std::as_bytes(std::span(offsets))).ok());
    EXPECT_TRUE(writer->begin("ended").ok());
    EXPECT_TRUE(writer->append(std::as_bytes(std::span(ended))).ok());
    const auto size = writer->finish();
    EXPECT_TRUE(size.ok());
    size_ = *size;
    return open();
  }
  /// The file written last.
  std::shared_ptr<const SealedFile> open() {
    const std::string path = os::join(directory_.path(), identity_.file.to_string());
    auto file = SealedFile::open(files_, path, identity_, size_);
    EXPECT_TRUE(file.ok());
    return *file;
  }
  std::unique_ptr<SealedRows> rows(const std::vector<Offset>& offsets) {
    auto file = write(offsets, {});
    return std::make_unique<SealedRows>(file, *file->section("offsets"));
  }
  std::vector<Offset> ascending(size_t n, uint64_t gap) {
    std::vector<Offset> offsets;
    for (Offset offset = random_() % gap; offsets.size() < n; offset += 1 + random_() % gap)
      offsets.push_back(offset);
    return offsets;
  }

  std::mt19937_64 random_{1};
  FileIdentity identity_;
  uint64_t size_ = 0;
  Context context_;
  NoThrottle throttle_;
  os::RealFiles files_;
  os::TemporaryDirectory directory_;
};

TEST_F(SealedRowsTest, LowerBoundIsThatOfASortedList) {
  for (const size_t n : {0, 1, 2, 7, 1000}) {
    const std::vector<Offset> offsets = ascending(n, 5);
    const auto sealed = rows(offsets);
    for (int i = 0; i < 300; ++i) {
      const auto from = static_cast<uint32_t>(random_() % (n + 1));
      const Offset wanted = random_() % (n * 5 + 3);
      const auto want = std::lower_bound(offsets.begin() + from, offsets.end(), wanted);
      const auto got = sealed->lower_bound(wanted, from);
      ASSERT_TRUE(got.ok());
      EXPECT_EQ(*got, want - offsets.begin()) << wanted << " from " << from << " of " << n;
    }
  }
}

// Format version 1 has its lists of ended offsets in the order in which they ended.
TEST_F(SealedRowsTest, FindsOffsetsInAnyOrder) {
  const std::vector<Offset> offsets = ascending(500, 3);
  const auto sealed = rows(offsets);
  std::vector<Offset> wanted;
  for (int i = 0; i < 400; ++i) wanted.push_back(random_() % 1500);
  size_t found = 0;
  ASSERT_TRUE(for_each_found(wanted, *sealed, [&](size_t i, uint32_t row) {
                EXPECT_EQ(offsets[row], wanted[i]);
                ++found;
                return ok_status();
              }).ok());
  EXPECT_EQ(found, std::count_if(wanted.begin(), wanted.end(), [&](Offset offset) {
              return std::binary_search(offsets.begin(), offsets.end(), offset);
            }));
}

TEST_F(SealedRowsTest, PlanHasEveryLiveRowOnceInOrder) {
  for (int round = 0; round < 20; ++round) {
    const size_t sources = 1 + random_() % 5;
    const std::vector<Offset> all = ascending(3000, 4);
    std::vector<std::vector<Offset>> parts(sources);
    for (const Offset offset : all) parts[offset / 50 % sources].push_back(offset);
    std::vector<std::unique_ptr<SealedRows>> sealed;
    std::vector<const SealedRows*> pointers;
    std::vector<Offset> live;
    for (const auto& part : parts) {
      sealed.push_back(rows(part));
      pointers.push_back(sealed.back().get());
      for (uint32_t row = 0; row < part.size(); ++row) {
        if (random_() % 10 == 0) sealed.back()->set_end(row, 1 + random_() % 10);
        if (sealed.back()->end(row) > 5) live.push_back(part[row]);
      }
    }
    std::sort(live.begin(), live.end());
    const auto plan = MergePlan::make(context_, throttle_, pointers, 5);
    ASSERT_TRUE(plan.ok()) << plan.error().message();
    ASSERT_EQ(plan->rows(), live.size());
    std::vector<Offset> got;
    ASSERT_TRUE(plan->for_each_run(17,
                                   [&](const MergePlan::Run& run) {
                                     EXPECT_LE(run.rows, 17u);
                                     for (uint32_t row = run.row; row < run.row + run.rows; ++row) {
                                       EXPECT_EQ(plan->new_row(run.source, row), got.size());
                                       got.push_back(parts[run.source][row]);
                                     }
                                     return ok_status();
                                   })
                    .ok());
    EXPECT_EQ(got, live);
  }
}

TEST_F(SealedRowsTest, OffsetThatIsLiveInTwoFilesIsReported) {
  const auto a = rows({1, 2, 3}), b = rows({3, 4});
  const auto plan = MergePlan::make(context_, throttle_, {a.get(), b.get()}, 5);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().code(), Code::data_loss);
}

TEST_F(SealedRowsTest, MergedListOfEndedOffsetsHasWhatOlderFilesHold) {
  const auto older = rows({1, 5, 9});
  const auto a = write({5}, {9, 1, 7}), b = write({}, {5, 1, 100});
  const std::vector<const SealedFile*> files = {a.get(), b.get()};
  const std::vector<const SealedRows*> olders = {older.get()};
  const auto ended = merge_ended(context_, files, olders);
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(*ended, (std::vector<Offset>{1, 5, 9}));
  EXPECT_TRUE(merge_ended(context_, files, {})->empty());
}

TEST_F(SealedRowsTest, DamageShowsWhereItIsReadAndNowhereElse) {
  const std::string path = write(ascending(50000, 3), {})->path();
  const std::vector<uint64_t> bad = {1, 4};
  const auto damage = files_.open(path, os::OpenMode::write);
  ASSERT_TRUE(damage.ok());
  for (const uint64_t block : bad) {
    const uint64_t at = block * SealedFile::kBlockBytes + 77;
    std::byte byte{};
    ASSERT_TRUE((*damage)->read_at(at, std::span(&byte, 1)).ok());
    byte ^= std::byte{8};
    ASSERT_TRUE((*damage)->write_at(at, std::span<const std::byte>(&byte, 1)).ok());
  }
  const auto file = open();
  const auto offsets = file->section("offsets");
  ASSERT_TRUE(offsets.ok());
  for (uint64_t i = 0; i < 50000; i += 1000) {
    const uint64_t block = (offsets->offset + i * sizeof(Offset)) / SealedFile::kBlockBytes;
    const auto read = file->element<Offset>(*offsets, i);
    if (std::find(bad.begin(), bad.end(), block) == bad.end()) {
      EXPECT_TRUE(read.ok()) << i;
      continue;
    }
    ASSERT_FALSE(read.ok()) << i;
    EXPECT_EQ(read.error().code(), Code::data_loss);
  }
}

}  // namespace
}  // namespace viridian::segment
