// Graph segments with little memory: what is not in memory is read from the file, what cannot be
// built at once is built in parts, and what cannot be searched is refused.
#include <gtest/gtest.h>

#include <random>

#include "property/segment_rig.h"
#include "segment/build_options.h"
#include "segment/index_memory.h"

namespace viridian::conformance {
namespace {

constexpr uint32_t kWide = 200;  // so wide that indexes have finer records
constexpr int kRows = 2000;
constexpr uint64_t kIndexedRows = 1000;

class GraphMemory : public testing::Test {
 protected:
  std::vector<float> vector() {
    std::vector<float> made(kWide);
    const int centre = generator_.below(20);
    for (uint32_t i = 0; i < kWide; ++i)
      made[i] = static_cast<float>((centre * 7919 + int(i) * 104729) % 13) +
                static_cast<float>(generator_.below(1000)) / 200;
    return made;
  }
  void write_and_merge(int count) {
    std::vector<Row> rows;
    for (int i = 0; i < count; ++i) rows.push_back({std::to_string(i), vector()});
    rig_.apply(batch_of(Operation::add, rows));
    rig_.seal();
    while (const auto range = rig_.vectors().merge_due()) rig_.merge(true, *range);
  }
  Matrix queries(int count) {
    Matrix made{kWide, {}};
    for (int i = 0; i < count; ++i) {
      const std::vector<float> one = vector();
      made.values.insert(made.values.end(), one.begin(), one.end());
    }
    return made;
  }
  void limit_to(uint64_t bytes) {
    rig_.limit_index_memory(bytes, &metrics_);
    rig_.reopen();
  }
  double used() { return metrics_.gauge("viridian_index_memory_bytes", "").value(); }
  size_t indexes() {
    const SegmentFile& entry = rig_.vectors().files().front();
    auto sealed = segment::SealedFile::open(
        rig_.files(), os::join(rig_.directory(), entry.name),
        {segment::FileKind::vectors, entry.id, rig_.collection()}, entry.size_bytes);
    EXPECT_TRUE(sealed.ok());
    return segment::indexes_of(**sealed)->size();
  }
  static uint64_t for_building(uint64_t rows) {
    return 3 * index::build_bytes({}, kWide, std::thread::hardware_concurrency(), rows);
  }
  Result<std::vector<std::vector<Neighbour>>> search(const VectorQuery& query) {
    return rig_.view()->vectors().search(context_, query);
  }

  Context context_;
  Generator generator_{3};
  obs::Metrics metrics_;
  SegmentRig rig_{kIndexedRows};
};

TEST_F(GraphMemory, AnswersAreTheSameWithFinerRecordsInTheFile) {
  write_and_merge(kRows);
  const segment::IndexNeed need = rig_.vectors().index_need();
  ASSERT_GT(need.finer, 0u);
  EXPECT_EQ(need.rows, uint64_t{kRows});
  const Matrix asked = queries(50);
  OffsetSet some;
  for (Offset offset = 0; offset < kRows; offset += 7) some.insert(offset);
  const std::vector<VectorQuery> all = {
      {&asked, 10, nullptr, 0.95}, {&asked, 10, &some, 0.95}, {&asked, 100, nullptr, 0.9}};
  std::vector<std::vector<std::vector<Neighbour>>> before;
  for (const VectorQuery& query : all) before.push_back(*search(query));
  limit_to((need.needed + need.finer / 2) * 3 / 2);
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(*search(all[i]), before[i]);
  EXPECT_EQ(used(), static_cast<double>(need.needed));
  limit_to((need.needed + need.finer) * 3 / 2 + 3);
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(*search(all[i]), before[i]);
  EXPECT_EQ(used(), static_cast<double>(need.needed + need.finer));
}

TEST_F(GraphMemory, WhatCannotBeSearchedIsRefusedButReadWhereAllIsAskedFor) {
  write_and_merge(kRows);
  const Matrix asked = queries(5);
  const auto before = search({&asked, 10, nullptr, 1});
  const uint64_t needed = rig_.vectors().index_need().needed;
  limit_to(needed);
  const auto refused = search({&asked, 10, nullptr, 0.9});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::resource_exhausted);
  for (const std::string& said :
       {std::string("vectors.memory_bytes"), std::to_string(needed), std::to_string(kRows)})
    EXPECT_NE(refused.error().message().find(said), std::string::npos) << said;
  const auto exact = search({&asked, 10, nullptr, 1});
  ASSERT_TRUE(exact.ok());
  EXPECT_EQ(*exact, *before);
}

// Rows that codes can hardly tell apart ask for more bits than their writers were admitted with.
TEST(GraphMemoryOfHardRows, WhatIsAcceptedCanBeSearchedAfterEveryMerge) {
  constexpr size_t kHardRows = 9000;
  constexpr uint32_t kDim = 256;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> centre(kDim);
  for (float& value : centre) value = normal(random);
  std::vector<Row> rows;
  for (size_t i = 0; i < kHardRows; ++i) {
    std::vector<float> made(kDim);
    for (uint32_t at = 0; at < kDim; ++at)
      made[at] = i % 4 != 0 ? centre[at] + 0.002F * normal(random) : 3 * normal(random);
    rows.push_back({std::to_string(i), made});
  }
  HnswParameters hnsw;
  hnsw.ef_construction = 20;
  hnsw.num_threads = 1;
  const uint64_t usual =
      kHardRows * (segment::kMemoryPerRow +
                   index::searched_bytes_per_row(segment::build_options(Space::l2, hnsw), kDim));
  for (const uint64_t limit : {usual * 8 / 5, usual * 6 / 5}) {
    SegmentRig rig(100, Space::l2, hnsw);
    rig.limit_index_memory(limit * 3 / 2 + 1, nullptr);
    rig.reopen();
    rig.apply(batch_of(Operation::add, rows));
    rig.seal();
    const auto need = [&] { return rig.vectors().index_need().needed; };
    ASSERT_EQ(need(), usual);
    rig.writer(true).begin_merge({0, 1});
    const uint64_t reserved = need();
    rig.write_merged(true);
    rig.adopt_merged(true);
    EXPECT_LE(need(), reserved);
    EXPECT_LE(reserved, limit);
    EXPECT_EQ(need() > usual, limit > usual * 3 / 2)
        << "the rows are not as hard as they are to be";
    const Matrix asked{kDim, {rows[8].vector.begin(), rows[8].vector.end()}};
    const auto found = rig.view()->vectors().search(Context(), {&asked, 10, nullptr, 0.95});
    ASSERT_TRUE(found.ok()) << found.error().message();
    EXPECT_EQ(*found, *rig.view()->vectors().search(Context(), {&asked, 10, nullptr, 1}));
  }
}

TEST_F(GraphMemory, BuildThatDoesNotFitIsSplitAndFindsAsMuch) {
  limit_to(for_building(kRows / 2 + 100));
  write_and_merge(kRows);
  ASSERT_EQ(rig_.vectors().files().size(), 1u);
  EXPECT_EQ(indexes(), 2u);
  EXPECT_TRUE(rig_.vectors().compacted());
  EXPECT_EQ(rig_.vectors().index_need().rows, uint64_t{kRows});
  std::vector<Row> gone;
  for (int i = 900; i < 1100; ++i) gone.push_back({std::to_string(i), {}});
  rig_.apply(batch_of(Operation::remove, gone));
  const Matrix asked = queries(50);
  OffsetSet second;  // most of it in the second index
  for (Offset offset = 950; offset < kRows; offset += 3) second.insert(offset);
  for (const OffsetSet* allowed : std::initializer_list<const OffsetSet*>{nullptr, &second}) {
    const auto exact = search({&asked, 10, allowed, 1});
    const auto found = search({&asked, 10, allowed, 0.95});
    ASSERT_TRUE(found.ok()) << found.error().message();
    size_t hits = 0;
    for (size_t i = 0; i < found->size(); ++i) {
      EXPECT_EQ((*found)[i].size(), 10u);
      for (const Neighbour& each : (*found)[i])
        hits += std::find((*exact)[i].begin(), (*exact)[i].end(), each) != (*exact)[i].end();
    }
    EXPECT_GE(hits, 475u);
  }
  VectorQuery one{&asked, 10, nullptr, 0.95};
  for (const Offset offset : {Offset{5}, Offset{1995}}) {
    const auto way = rig_.view()->vectors().way_to(context_, one, offset);
    ASSERT_TRUE(way.ok());
    EXPECT_EQ(way->how, Searched::How::walked) << offset;
  }
}

TEST_F(GraphMemory, CodesOfFilesWithoutAnIndexAreInTheSameMemory) {
  limit_to(150'000);
  write_and_merge(kRows);
  ASSERT_EQ(indexes(), 0u);
  const Matrix asked = queries(5);
  const auto exact = search({&asked, 10, nullptr, 1});
  for (const uint64_t limit : std::initializer_list<uint64_t>{150'000, 900'000}) {
    limit_to(limit);
    for (int i = 0; i < 6; ++i) EXPECT_EQ(*search({&asked, 10, nullptr, 0.9}), *exact);
    const uint64_t codes = segment::CodedRows::most_bytes(kWide, kRows);
    EXPECT_EQ(used(), limit * 2 / 3 < codes ? 0 : static_cast<double>(codes)) << limit;
  }
}

TEST_F(GraphMemory, WhereNotEvenFewRowsCanBeIndexedAllAreReadAndMergesEnd) {
  limit_to(for_building(kIndexedRows) - 1000);
  write_and_merge(kRows);
  EXPECT_EQ(indexes(), 0u);
  EXPECT_FALSE(rig_.vectors().merge_due());
  EXPECT_TRUE(rig_.vectors().compacted());
  EXPECT_EQ(rig_.vectors().index_need().needed, 0u);
  rig_.merge(true, {0, 1});
  EXPECT_EQ(metrics_.counter("viridian_index_unbuilt_total", "").value(), 1u);
  const Matrix asked = queries(5);
  EXPECT_EQ(*search({&asked, 10, nullptr, 0.9}), *search({&asked, 10, nullptr, 1}));
  limit_to(for_building(kRows));  // more memory: it gets one
  while (const auto range = rig_.vectors().merge_due()) rig_.merge(true, *range);
  EXPECT_EQ(indexes(), 1u);
}

}  // namespace
}  // namespace viridian::conformance
