#include "segment/merge_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace viridian::segment {
namespace {

constexpr uint64_t kMega = uint64_t{1} << 20;

std::vector<FileWeight> files(std::initializer_list<uint64_t> megabytes) {
  std::vector<FileWeight> weights;
  for (const uint64_t size : megabytes) weights.push_back({size * kMega, 1000, 0, 0});
  return weights;
}

void expect_range(const std::vector<FileWeight>& weights, size_t first, size_t count) {
  const auto range = choose_merge(weights);
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->first, first);
  EXPECT_EQ(range->count, count);
}

TEST(MergePolicy, FewFilesStayAsTheyAre) {
  EXPECT_FALSE(choose_merge({}));
  EXPECT_FALSE(choose_merge(files({64})));
  EXPECT_FALSE(choose_merge(files({64, 64, 64})));
}

TEST(MergePolicy, FourOfOneSizeAreMerged) { expect_range(files({64, 64, 64, 64}), 0, 4); }

TEST(MergePolicy, LargeFileIsNotWrittenAgainForSmallOnes) {
  EXPECT_FALSE(choose_merge(files({1000, 1, 1, 1})));
  expect_range(files({1000, 1, 1, 1, 1}), 1, 4);
}

TEST(MergePolicy, BacklogIsMergedAtOnce) {
  expect_range(std::vector<FileWeight>(100, FileWeight{kMega, 10, 0, 0}), 0, 100);
}

TEST(MergePolicy, FileWithGarbageIsWrittenAgainByItself) {
  auto weights = files({1000, 400, 100});
  weights[1].dead_bytes = 150 * kMega;
  EXPECT_FALSE(choose_merge(weights));
  weights[1].dead_bytes = 220 * kMega;
  // The last file is small next to what is written anyway, and costs little to take along.
  weights[2].bytes = 40 * kMega;
  expect_range(weights, 1, 2);
}

TEST(MergePolicy, ListsOfEndedRowsAreGarbageThatOnlyAMergeOfAllRemoves) {
  auto weights = files({1000, 400, 100});
  weights[2].ended_bytes = 90 * kMega;
  EXPECT_FALSE(choose_merge(weights));
  weights[1].ended_bytes = 200 * kMega;
  expect_range(weights, 0, 3);
}

TEST(MergePolicy, NoMergeMakesMoreRowsThanAFileHolds) {
  std::vector<FileWeight> weights(8, FileWeight{kMega, uint64_t{1} << 30, 0, 0});
  const auto range = choose_merge(weights);
  EXPECT_FALSE(range.has_value()) << "four have 2^32 rows";
}

// Whatever sizes are sealed: files stay few, and a byte is written about log2(all / one) times.
TEST(MergePolicy, FilesStayFewAndWritesLogarithmic) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<FileWeight> weights;
    uint64_t total = 0, written = 0;
    size_t most = 0;
    for (int i = 0; i < 1000; ++i) {
      const uint64_t size = seed % 2 == 0 ? kMega : kMega / 16 << random() % 8;
      weights.push_back({size, 10, 0, 0});
      total += size;
      written += size;
      while (const auto range = choose_merge(weights)) {
        const auto first = weights.begin() + static_cast<ptrdiff_t>(range->first);
        FileWeight merged;
        for (auto file = first; file != first + static_cast<ptrdiff_t>(range->count); ++file) {
          merged.bytes += file->bytes;
          merged.rows += file->rows;
        }
        written += merged.bytes;
        *first = merged;
        weights.erase(first + 1, first + static_cast<ptrdiff_t>(range->count));
      }
      most = std::max(most, weights.size());
    }
    EXPECT_LE(most, 16u) << seed;
    EXPECT_LT(static_cast<double>(written) / static_cast<double>(total), std::log2(1000) + 1)
        << seed;
  }
}

FileWeight of_rows(uint64_t rows, bool indexed) { return {rows * 1000, rows, 0, 0, indexed}; }

TEST(IndexedMergePolicy, WaitsUntilThereAreEnoughRowsToIndex) {
  EXPECT_FALSE(choose_indexed_merge({}, 20'000));
  EXPECT_FALSE(choose_indexed_merge(std::vector{of_rows(19'999, false)}, 20'000));
  const auto alone = choose_indexed_merge(std::vector{of_rows(20'000, false)}, 20'000);
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->first, 0u);
  EXPECT_EQ(alone->count, 1u);
  EXPECT_FALSE(choose_indexed_merge(std::vector{of_rows(50'000, true)}, 20'000));
}

TEST(IndexedMergePolicy, TakesFilesBeforeThoseUnlessTheyAreMuchLarger) {
  const auto range =
      choose_indexed_merge(std::vector{of_rows(900'000, true), of_rows(80'000, true),
                                       of_rows(12'000, false), of_rows(9'000, false)},
                           20'000);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 1u);
  EXPECT_EQ(range->count, 3u);
}

TEST(IndexedMergePolicy, FileTooLargeForAnIndexIsLeftAlone) {
  EXPECT_FALSE(
      choose_indexed_merge(std::vector{FileWeight{uint64_t{1} << 40, kMostIndexedRows, 0, 0, true},
                                       of_rows(1'000, false)},
                           20'000));
}

TEST(IndexedMergePolicy, FilesAreNotJoinedBeyondWhatOneIndexCanHold) {
  const std::vector files = {of_rows(60'000, true), of_rows(30'000, false)};
  EXPECT_EQ(choose_indexed_merge(files, 20'000, 90'000)->first, 0u);
  EXPECT_EQ(choose_indexed_merge(files, 20'000, 80'000)->first, 1u);
}

TEST(IndexedMergePolicy, WithoutRoomForAnyIndexFilesAreMergedAsIfThereWereNone) {
  const std::vector files(5, of_rows(30'000, false));
  const auto range = choose_indexed_merge(files, 20'000, 10'000);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->count, choose_merge(files)->count);
  EXPECT_FALSE(choose_indexed_merge(std::vector{of_rows(30'000, false)}, 20'000, 10'000));
}

// Whatever is sealed: few indexes, few rows without one, and a row is built into few of them.
TEST(IndexedMergePolicy, IndexesStayFewAndBuildsLogarithmic) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<FileWeight> weights;
    uint64_t total = 0, built = 0;
    for (int i = 0; i < 1000; ++i) {
      const uint64_t rows = 1 + random() % (seed % 2 == 0 ? 2'000 : 30'000);
      weights.push_back(of_rows(rows, false));
      total += rows;
      while (const auto range = choose_indexed_merge(weights, 20'000)) {
        const auto first = weights.begin() + static_cast<ptrdiff_t>(range->first);
        uint64_t merged = 0;
        for (auto file = first; file != first + static_cast<ptrdiff_t>(range->count); ++file)
          merged += file->rows;
        if (merged >= 20'000) built += merged;
        *first = of_rows(merged, merged >= 20'000);
        weights.erase(first + 1, first + static_cast<ptrdiff_t>(range->count));
      }
      uint64_t unindexed = 0;
      for (const FileWeight& file : weights) unindexed += file.indexed ? 0 : file.rows;
      ASSERT_LT(unindexed, 20'000u);
      ASSERT_LE(weights.size(), 12u);
    }
    EXPECT_LT(static_cast<double>(built) / static_cast<double>(total), 12) << seed;
  }
}

}  // namespace
}  // namespace viridian::segment
