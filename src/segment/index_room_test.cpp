// Indexes of several collections in a memory that is too small for all of them.
#include <random>

#include "segment/upkeep_fixture.h"

namespace viridian::conformance {
namespace {

constexpr int kCollections = 3;
constexpr int kRows = 400;
constexpr uint32_t kWidth = 16;

class IndexRoom : public SegmentUpkeep {
 protected:
  static std::vector<float> vector(std::mt19937_64& random) {
    std::vector<float> made(kWidth);
    for (float& value : made) value = static_cast<float>(random() % 1000) / 100;
    return made;
  }
  /// With an index of all its records.
  CollectionId filled(uint64_t seed) {
    std::mt19937_64 random(seed);
    const CollectionId id = holder_.make_collection();
    std::vector<Row> rows;
    for (int i = 0; i < kRows; ++i) rows.push_back({std::to_string(i), vector(random)});
    holder_.append(id, batch_of(Operation::add, rows));
    EXPECT_TRUE(manager().compact(context_, id).ok());
    return id;
  }
  /// What one of them needs; kMemoryPerRow and the usual records and links.
  static uint64_t needed() {
    return kRows * (segment::kMemoryPerRow + index::searched_bytes_per_row({}, kWidth));
  }
  void limit_to(uint64_t bytes) {
    holder_.options().index_bytes = bytes;
    ASSERT_TRUE(holder_.reopen().ok());
  }
  Result<std::vector<std::vector<Neighbour>>> search(const CollectionId& id, const Matrix& asked,
                                                     double recall) {
    const auto last = holder_.log().last(context_, id);
    VIRIDIAN_TRY(const auto view, manager().pin(context_, id, last.ok() ? *last : 0));
    return view->vectors().search(context_, {&asked, 5, nullptr, recall});
  }
};

TEST_F(IndexRoom, CollectionsTakeTurnsAndEachAnswersAsIfAlone) {
  holder_.options().indexed_rows = 200;
  ASSERT_TRUE(holder_.reopen().ok());
  std::vector<CollectionId> ids;
  for (uint64_t i = 0; i < kCollections; ++i) ids.push_back(filled(i));
  std::mt19937_64 random(9);
  Matrix asked{kWidth, {}};
  for (int i = 0; i < 4; ++i) {
    const std::vector<float> one = vector(random);
    asked.values.insert(asked.values.end(), one.begin(), one.end());
  }
  std::vector<std::vector<std::vector<Neighbour>>> alone;
  for (const CollectionId& id : ids) alone.push_back(*search(id, asked, 0.9));
  limit_to(needed() * 2 * 3 / 2 + 3);  // for two of them
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t round = 0; round < 60; ++round) {
        const size_t which = (t + round * (t % 2 + 1)) % kCollections;
        const auto found = search(ids[which], asked, 0.9);
        ASSERT_TRUE(found.ok()) << found.error().message();
        EXPECT_EQ(*found, alone[which]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(IndexRoom, WritersAreToldBeforeTheirVectorsCannotBeSearched) {
  holder_.options().indexed_rows = 200;
  ASSERT_TRUE(holder_.reopen().ok());
  const CollectionId id = filled(1);
  limit_to(needed() * 3 / 2 + 1000);
  ASSERT_NE(holder_.pin(id), nullptr);
  EXPECT_TRUE(manager().admit(context_, id, 1000, 1).ok());
  const Status refused = manager().admit(context_, id, 1000, 100);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::resource_exhausted);
  EXPECT_NE(refused.error().message().find("vectors.memory_bytes"), std::string::npos);
  EXPECT_TRUE(manager().admit(context_, id, 1000, 0).ok());  // what brings no vectors
  const CollectionId small = holder_.make_collection();      // will be read
  holder_.append(small, batch_of(Operation::add, {{"x", std::vector<float>(kWidth)}}));
  ASSERT_NE(holder_.pin(small), nullptr);
  EXPECT_TRUE(manager().admit(context_, small, 1000, 100).ok());
}

}  // namespace
}  // namespace viridian::conformance
