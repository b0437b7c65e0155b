// What a graph segment holds to however often its records are turned over: every live record is
// found by its own vector, recall stays what it was, and files do not grow.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "property/lost_records.h"
#include "property/segment_rig.h"

namespace viridian::conformance {
namespace {

constexpr uint32_t kVectorDim = 24;
constexpr uint64_t kIndexedRows = 400;
constexpr int kRecords = 1500, kChunk = 150, kCentres = 40;
constexpr int kTurnovers = 10;

enum class Way {
  readd,      ///< deleted and added again under other ids
  clustered,  ///< the same, those near each other one after the other
  upsert,     ///< replaced under the same ids
  window      ///< the oldest deleted and what was never there added
};
struct Turnover {
  std::string name;
  Way way;
  Space space;
};
std::ostream& operator<<(std::ostream& out, const Turnover& one) { return out << one.name; }

class GraphDrift : public testing::TestWithParam<Turnover> {
 protected:
  GraphDrift() : rig_(kIndexedRows, GetParam().space) {
    for (int i = 0; i < kRecords; ++i) live_.push_back({std::to_string(next_id_++), vector(i)});
  }

  /// The n-th to come.
  std::vector<float> vector(int n) {
    const bool ordered = GetParam().way == Way::clustered || GetParam().way == Way::window;
    const int centre = ordered ? n * kCentres / kRecords : generator_.below(kCentres);
    std::vector<float> made;
    for (uint32_t i = 0; i < kVectorDim; ++i) {
      const int place = (centre * 7919 + static_cast<int>(i) * 104729) % 13;
      made.push_back(static_cast<float>(place) / 6 - 1 +
                     static_cast<float>(generator_.below(2001) - 1000) / 1500);
    }
    return made;
  }

  static void add(SegmentRig& to, const std::vector<Row>& rows) {
    for (size_t begin = 0; begin < rows.size(); begin += kChunk) {
      const auto first = rows.begin() + static_cast<ptrdiff_t>(begin);
      apply(to, Operation::add, {first, first + kChunk});
    }
  }
  static void apply(SegmentRig& to, Operation operation, const std::vector<Row>& rows) {
    to.apply(batch_of(operation, rows));
    to.seal();
    for (const bool vectors : {false, true})
      while (const auto range = to.writer(vectors).merge_due()) to.merge(vectors, *range);
  }

  void turn_over(int turnover) {
    const Way way = GetParam().way;
    if (way == Way::readd)
      for (size_t i = live_.size(); i > 1; --i)
        std::swap(live_[i - 1], live_[static_cast<size_t>(generator_.below(static_cast<int>(i)))]);
    for (size_t begin = 0; begin < live_.size(); begin += kChunk) {
      const auto first = live_.begin() + static_cast<ptrdiff_t>(begin);
      std::vector<Row> chunk(first, first + kChunk), ids;
      for (const Row& row : chunk) ids.push_back({row.id});
      if (way != Way::upsert) rig_.apply(batch_of(Operation::remove, ids));
      for (size_t i = 0; i < chunk.size(); ++i) {
        if (way != Way::upsert) chunk[i].id = std::to_string(next_id_++);
        const int n = static_cast<int>(begin + i) + (way == Way::window ? turnover * 613 : 0);
        if (way == Way::upsert || way == Way::window) chunk[i].vector = vector(n % kRecords);
      }
      apply(rig_, way == Way::upsert ? Operation::upsert : Operation::add, chunk);
      std::copy(chunk.begin(), chunk.end(), first);
    }
  }

  static std::vector<std::vector<Neighbour>> search(SegmentRig& rig, const Matrix& vectors,
                                                    uint32_t k, double recall) {
    auto found = rig.view()->vectors().search(Context(), {&vectors, k, nullptr, recall});
    EXPECT_TRUE(found.ok()) << found.error().message();
    return found.ok() ? *std::move(found) : std::vector<std::vector<Neighbour>>(vectors.rows());
  }

  double recall(SegmentRig& rig, const Matrix& queries) {
    constexpr uint32_t kNearest = 10;
    const auto found = search(rig, queries, kNearest, 0.99);
    const auto exact = search(rig, queries, kNearest, 1);
    size_t hits = 0;
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].size(), kNearest);
      for (const Neighbour& one : found[i])
        hits += one.distance <= exact[i].back().distance ? 1 : 0;
    }
    return static_cast<double>(hits) / static_cast<double>(kNearest * queries.rows());
  }

  Matrix queries() {
    Matrix made{kVectorDim, {}};
    for (int i = 0; i < 100; ++i) {
      const std::vector<float> one = vector(i * kRecords / 100);
      made.values.insert(made.values.end(), one.begin(), one.end());
    }
    return made;
  }

  void expect_all_found() {
    const auto view = rig_.view();
    const auto all = view->metadata().all(Context());
    ASSERT_TRUE(all.ok());
    ASSERT_EQ(all->size(), live_.size());
    const std::vector<Offset> offsets = all->slice(0, all->size());
    const auto ask = [&](std::span<const uint64_t> some, uint32_t k, double recall) {
      Matrix vectors{kVectorDim, {}};
      EXPECT_TRUE(view->vectors().fetch(Context(), some, vectors).ok());
      return search(rig_, vectors, k, recall);
    };
    // Whatever the recall: that all are found is no matter of it.
    EXPECT_EQ(lost_records(offsets, 1, 0.9, ask), 0u);
    EXPECT_EQ(lost_records(offsets, 1, 0.99, ask), 0u);
    EXPECT_EQ(lost_records(offsets, 10, 0.99, ask), 0u);
  }

  Generator generator_{11};
  SegmentRig rig_;
  std::vector<Row> live_;
  int next_id_ = 0;
};

TEST_P(GraphDrift, TenTurnoversLoseNothing) {
  add(rig_, live_);
  const uint64_t bytes = rig_.file_bytes();
  for (int turnover = 1; turnover <= kTurnovers; ++turnover) {
    turn_over(turnover);
    SCOPED_TRACE(turnover);
    expect_all_found();
    EXPECT_GE(recall(rig_, queries()), 0.97);
    EXPECT_LE(rig_.file_bytes(), bytes * 3 / 2);
  }
  SegmentRig fresh(kIndexedRows, GetParam().space);
  add(fresh, live_);
  const Matrix asked = queries();
  EXPECT_GE(recall(rig_, asked), recall(fresh, asked) - 0.01);
  EXPECT_LE(rig_.file_bytes(), fresh.file_bytes() * 3 / 2);
}

INSTANTIATE_TEST_SUITE_P(Ways, GraphDrift,
                         testing::Values(Turnover{"readd", Way::readd, Space::l2},
                                         Turnover{"clustered", Way::clustered, Space::cosine},
                                         Turnover{"upsert", Way::upsert, Space::cosine},
                                         Turnover{"window", Way::window, Space::l2},
                                         Turnover{"readd_ip", Way::readd, Space::ip}),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace viridian::conformance
