// An index whose parts name what is not there is refused: searches follow them without looking.
#include "index/index_check.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "index/index_builder.h"
#include "index/rows_fixture.h"
#include "os/background_threads.h"

namespace viridian::index {
namespace {

constexpr uint32_t kDim = 16;
constexpr uint32_t kFar = 0xfffffff0;

/// Of rows some of which have the same vector, and some no direction.
BuiltIndex small_index() {
  std::vector<float> values = clustered(300, kDim, 3);
  for (const size_t row : {100, 150, 200}) {
    std::fill_n(&values[row * kDim], kDim, 0.0F);
    std::copy_n(&values[10 * kDim], kDim, &values[(row + 1) * kDim]);
  }
  const Rows rows(values, kDim);
  os::BackgroundThreads one(1);
  return *build_index(Context(), rows, {Space::cosine, 0, 200, 0}, one);
}

uint32_t& row_in_record(BuiltIndex& built, size_t node) {
  uint8_t* const end = built.records.data() + (node + 1) * built.record_bytes(built.header.bits);
  return *reinterpret_cast<uint32_t*>(end - sizeof(simd::RecordTail) +
                                      offsetof(simd::RecordTail, row));
}

struct Damage {
  std::string said;
  std::function<void(BuiltIndex&, IndexHeader&)> make;
};

std::vector<Damage> damages() {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  return {
      {"header", [](auto&, auto& header) { header.space = 3; }},
      {"header", [](auto&, auto& header) { header.dim = UINT32_MAX; }},
      {"header", [](auto&, auto& header) { header.bits = 3; }},
      {"header", [](auto&, auto& header) { header.nodes = header.rows + 1; }},
      {"size", [](auto&, auto& header) { header.dim -= 1; }},
      {"size", [](auto&, auto& header) { header.degree -= 1; }},
      {"no number", [](auto&, auto& header) { header.scale = kNone; }},
      {"no number", [](auto& built, auto&) { built.centre[3] = kNone; }},
      {"levels", [](auto&, auto& header) { header.levels[1].recall = 1; }},
      {"levels", [](auto&, auto& header) { header.levels[0].breadth[0] = 0; }},
      {"link", [](auto& built, auto&) { built.links.back() = built.header.nodes; }},
      {"link", [](auto& built, auto&) { built.links[77] = kFar; }},
      {"start", [](auto& built, auto&) { built.entries[0] = kFar; }},
      {"row's node", [](auto& built, auto&) { built.nodes_of[7] = built.header.nodes; }},
      {"record's row", [](auto& built, auto&) { built.nodes_of[7] = IndexArrays::kNoNode; }},
      {"record's row", [](auto& built, auto&) { row_in_record(built, 20) = built.header.rows; }},
      {"record's row", [](auto& built, auto&) { row_in_record(built, 20) ^= 1; }},
      {"not among those", [](auto& built, auto&) { row_in_record(built, 20) |= kApart; }},
      {"do not ascend, or are none", [](auto& built, auto&) { built.apart.push_back(kFar); }},
      {"do not ascend, or are none",
       [](auto& built, auto&) { built.apart.push_back(built.apart[0]); }},
      {"record of a row apart",
       [](auto& built, auto&) { built.apart.insert(built.apart.begin(), 7); }},
      {"same vector",
       [](auto& built, auto&) { std::swap(built.twins.front(), built.twins.back()); }},
      {"same vector", [](auto& built, auto&) { built.twins.back().row = built.header.rows; }},
      {"same vector", [](auto& built, auto&) { built.twins.front().row = 11; }},
  };
}

TEST(IndexCheck, WhatNamesWhatIsNotThereIsRefusedWithWhatItIs) {
  ASSERT_TRUE(GraphIndex::open(small_index().arrays()).ok());
  ASSERT_EQ(small_index().apart.size(), 1u);
  ASSERT_EQ(small_index().twins.size(), 5u);
  for (const Damage& damage : damages()) {
    BuiltIndex built = small_index();
    IndexHeader header = built.header;
    damage.make(built, header);
    IndexArrays arrays = built.arrays();
    arrays.header = header;
    const auto opened = GraphIndex::open(arrays);
    ASSERT_FALSE(opened.ok()) << damage.said;
    EXPECT_EQ(opened.error().code(), Code::data_loss);
    EXPECT_NE(opened.error().message().find(damage.said), std::string::npos)
        << opened.error().message();
  }
}

TEST(IndexCheck, WalksAndScansEndWithTheirContext) {
  constexpr uint32_t kRows = 6000;
  const std::vector<float> values = clustered(kRows, kDim, 3);
  const Rows rows(values, kDim);
  os::BackgroundThreads one(1);
  const BuiltIndex built = *build_index(Context(), rows, {Space::l2, 0, 300, 0}, one);
  const auto index = *GraphIndex::open(built.arrays());
  NodeSet all(kRows);
  for (uint32_t node = 0; node < kRows; ++node) all.insert(node);
  Context context;
  IndexSearch search(*index);
  ASSERT_TRUE(search.assign(values.data()));
  search.stop_with(&context);
  const uint64_t hops = (search.walk(kRows), search.counts().hops);
  const uint64_t distances = (search.scan(all, 10), search.counts().distances);
  EXPECT_FALSE(search.stopped());
  EXPECT_EQ(distances, kRows);
  context.cancel();
  search.scan(all, 10);
  EXPECT_TRUE(search.stopped());
  EXPECT_LT(search.counts().distances, distances);
  search.walk(kRows);
  EXPECT_TRUE(search.stopped());
  EXPECT_LT(search.counts().hops, hops / 4);
  search.stop_with(nullptr);
  search.walk(kRows);
  EXPECT_FALSE(search.stopped());
  EXPECT_EQ(search.counts().hops, hops);
}

}  // namespace
}  // namespace viridian::index
