#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "index/graph_builder.h"
#include "index/graph_search.h"
#include "index/index_builder.h"
#include "index/random.h"
#include "index/rotation.h"
#include "index/rows_fixture.h"
#include "os/background_threads.h"
#include "os/large_array.h"

namespace viridian::index {
namespace {

float squared_distance(const float* a, const float* b, uint32_t dim) {
  float sum = 0;
  for (uint32_t i = 0; i < dim; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

void set_all(RowCodes& codes, const std::vector<float>& values, uint32_t dim) {
  for (size_t row = 0; row < codes.rows(); ++row) codes.set(row, &values[row * dim]);
}

TEST(Rotation, KeepsLengthsAndSpreadsValues) {
  for (const uint32_t dim : {1U, 2U, 3U, 100U, 384U, 768U}) {
    const Rotation rotation(dim, 7);
    std::vector<float> vector(dim);
    vector[dim / 2] = 3;
    rotation.apply(vector.data());
    float length = 0, greatest = 0;
    for (const float value : vector) {
      length += value * value;
      greatest = std::max(greatest, std::fabs(value));
    }
    EXPECT_NEAR(length, 9, 1e-3) << dim;
    EXPECT_LT(greatest, dim < 100 ? 3.1F : 1.5F) << dim;
  }
}

TEST(Records, EstimatesAreWithinWhatTheBitsAllow) {
  constexpr uint32_t kDim = 128;
  const std::vector<float> values = clustered(200, kDim, 3);
  for (const auto& [bits, error] : {std::pair(1U, 0.3F), {2U, 0.15F}, {4U, 0.05F}, {8U, 0.01F}}) {
    const RecordCoder coder(kDim, bits);
    os::LargeArray<uint8_t> record(coder.bytes());
    RecordQuery query(coder);
    for (size_t row = 1; row < 200; ++row) {
      const float* const vector = &values[row * kDim];
      coder.encode(vector, static_cast<uint32_t>(row), record.data());
      query.assign(values.data());
      const uint8_t* const records[] = {record.data()};
      float out[4];
      query.distances(records, 1, out);
      float length = 0;
      for (uint32_t i = 0; i < kDim; ++i) length += values[i] * values[i];
      const float exact = squared_distance(values.data(), vector, kDim);
      EXPECT_NEAR(out[0] + length, exact, error * (exact + 2 * length)) << bits;
    }
  }
}

TEST(Partition, EveryRowIsInALeafAndNoLeafIsTooLarge) {
  constexpr uint32_t kDim = 32;
  std::vector<float> values = clustered(9000, kDim, 5);
  // Many copies of one vector, which no leader tells apart.
  for (size_t row = 0; row < 3000; ++row)
    std::copy_n(values.begin(), kDim, values.begin() + static_cast<ptrdiff_t>(row * kDim));
  RowCodes codes(values.size() / kDim, kDim);
  set_all(codes, values, kDim);
  os::BackgroundThreads two(2);
  const Leaves leaves = partition(codes, {300, 3, 11}, two);
  std::set<uint32_t> rows;
  for (size_t i = 0; i < leaves.size(); ++i) {
    EXPECT_LE(leaves[i].size(), 300U);
    EXPECT_EQ(std::set<uint32_t>(leaves[i].begin(), leaves[i].end()).size(), leaves[i].size());
    rows.insert(leaves[i].begin(), leaves[i].end());
  }
  EXPECT_EQ(rows.size(), codes.rows());
}

TEST(Graph, IsTheSameForAnyNumberOfThreadsAndFindsTheNearest) {
  constexpr uint32_t kDim = 64;
  constexpr size_t kRows = 6000, kQueries = 100, kNearest = 10;
  const std::vector<float> values = clustered(kRows, kDim, 9);
  const std::vector<float> queries = clustered(kQueries, kDim, 1234);
  RowCodes codes(kRows, kDim);
  set_all(codes, values, kDim);
  GraphOptions options;
  options.partition.leaf = 400;
  os::BackgroundThreads one(1), two(2);
  const Graph graph = *build_graph(Context(), codes, options, one);
  const Graph again = *build_graph(Context(), codes, options, two);
  EXPECT_EQ(graph.neighbours, again.neighbours);
  EXPECT_EQ(graph.order, again.order);

  const RecordCoder coder(kDim, 4);
  os::LargeArray<uint8_t> records(kRows * coder.bytes()), entry_records(64 * coder.bytes());
  for (size_t row = 0; row < kRows; ++row)
    coder.encode(&values[row * kDim], static_cast<uint32_t>(row),
                 records.data() + row * coder.bytes());
  std::vector<uint32_t> entries(64);
  for (size_t i = 0; i < entries.size(); ++i) {
    entries[i] = static_cast<uint32_t>(random_number(4, i) % kRows);
    std::memcpy(entry_records.data() + i * coder.bytes(),
                records.data() + entries[i] * coder.bytes(), coder.bytes());
  }
  const GraphView view{&coder,
                       kRows,
                       options.degree,
                       records.data(),
                       graph.neighbours.data(),
                       entries,
                       entry_records.data()};
  GraphSearch search(view);
  size_t found = 0;
  for (size_t q = 0; q < kQueries; ++q) {
    const float* const query = &queries[q * kDim];
    std::vector<Candidate> exact;
    for (uint32_t row = 0; row < kRows; ++row)
      exact.push_back({squared_distance(query, &values[row * kDim], kDim), row});
    std::sort(exact.begin(), exact.end());
    std::set<uint32_t> nearest;
    for (size_t i = 0; i < kNearest; ++i) nearest.insert(exact[i].row);
    std::set<uint32_t> seen;
    search.assign(query);
    for (const uint64_t each : search.walk(60)) {
      EXPECT_TRUE(seen.insert(GraphSearch::row_of(each)).second) << "found twice";
      found += nearest.count(GraphSearch::row_of(each));
    }
  }
  EXPECT_GT(found, kQueries * kNearest * 97 / 100);
}

TEST(Index, IsTheSameForAnyNumberOfThreads) {
  constexpr uint32_t kDim = 48;
  const std::vector<float> values = clustered(5000, kDim, 21);
  const Rows rows(values, kDim);
  os::BackgroundThreads one(1), two(2);
  const BuiltIndex a = *build_index(Context(), rows, {Space::cosine, 0, 300, 0}, one);
  const BuiltIndex b = *build_index(Context(), rows, {Space::cosine, 0, 300, 0}, two);
  const auto bytes_of = [](const IndexHeader& header) {
    return std::string(reinterpret_cast<const char*>(&header), sizeof header);
  };
  EXPECT_EQ(bytes_of(a.header), bytes_of(b.header));
  EXPECT_EQ(a.links, b.links);
  EXPECT_EQ(a.entries, b.entries);
  EXPECT_EQ(a.nodes_of, b.nodes_of);
  EXPECT_EQ(a.apart, b.apart);
  const size_t bytes = a.arrays().records.size();
  ASSERT_EQ(bytes, b.arrays().records.size());
  EXPECT_EQ(std::memcmp(a.records.data(), b.records.data(), bytes), 0);
}

// No edge leads from one to another, and one has fewer rows than are asked for.
TEST(Index, GroupsFarApartAreFoundFromEachOther) {
  constexpr uint32_t kDim = 32;
  std::vector<float> values = clustered(1500, kDim, 5);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = values[i] * 0.02F + 50 * real(i / kDim % 20, i % kDim);
  const Rows rows(values, kDim);
  os::BackgroundThreads one(1);
  const BuiltIndex built = *build_index(Context(), rows, {Space::l2, 0, 300, 0}, one);
  for (const uint32_t breadth : built.header.levels[3].breadth) EXPECT_NE(breadth, 0U);
}

}  // namespace
}  // namespace viridian::index
