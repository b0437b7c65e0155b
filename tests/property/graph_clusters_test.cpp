// What estimates cannot tell apart: near copies of one vector, and clusters with fewer rows than
// are asked for.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "property/segment_rig.h"

namespace viridian::conformance {
namespace {

struct Clusters {
  std::string name;
  Space space;
  uint32_t dim;
  size_t rows;
  size_t near;   ///< of these, the last, near copies of one vector
  float spread;  ///< of those: a standard deviation of each value
};
std::ostream& operator<<(std::ostream& out, const Clusters& clusters) {
  return out << clusters.name;
}

class GraphClusters : public testing::TestWithParam<Clusters> {
 protected:
  static constexpr size_t kClusters = 200;

  GraphClusters() : rig_(1000, GetParam().space), centres_(kClusters) {
    for (auto& centre : centres_) centre = noise({}, 1);
    const Clusters& clusters = GetParam();
    std::vector<Row> rows;
    for (size_t i = 0; i < clusters.rows; ++i) {
      const bool is_copy = i >= clusters.rows - clusters.near;
      vectors_.push_back(is_copy ? noise(centres_[0], clusters.spread)
                                 : noise(centres_[i % kClusters], 0.7F));
      rows.push_back({std::to_string(i), vectors_.back()});
      if (rows.size() < 1000 && i + 1 < clusters.rows) continue;
      rig_.apply(batch_of(Operation::add, rows));
      rows.clear();
    }
    rig_.seal();
    rig_.merge_everything();
  }

  std::vector<float> noise(std::vector<float> about, float deviation) {
    std::normal_distribution<float> normal(0, deviation);
    about.resize(GetParam().dim);
    for (float& value : about) value += normal(random_);
    return about;
  }

  std::vector<Neighbour> find(const std::vector<float>& vector, uint32_t k, double recall,
                              uint32_t breadth = 0, const OffsetSet* allowed = nullptr) {
    const Matrix one{GetParam().dim, {vector.begin(), vector.end()}};
    VectorQuery query{&one, k, allowed};
    query.recall = recall;
    query.breadth = breadth;
    auto found = rig_.view()->vectors().search(Context(), query);
    EXPECT_TRUE(found.ok()) << found.error().message();
    return found.ok() ? found->front() : std::vector<Neighbour>();
  }

  std::mt19937 random_{7};
  SegmentRig rig_;
  std::vector<std::vector<float>> centres_, vectors_;
};

class GraphNearCopies : public GraphClusters {};

TEST_P(GraphNearCopies, AreFoundByTheirOwnVectors) {
  const size_t rows = vectors_.size(), near = GetParam().near;
  const auto all = rig_.view()->metadata().all(Context());
  ASSERT_TRUE(all.ok());
  const std::vector<Offset> offsets = all->slice(0, rows);
  OffsetSet half;
  for (size_t i = 1; i < rows; i += 2) half.insert(offsets[i]);
  for (const uint32_t breadth : {0U, 60U, 200U}) {
    for (const bool filtered : {false, true}) {
      const OffsetSet* const allowed = filtered ? &half : nullptr;
      size_t lost = 0;
      const size_t step = near / 200 | 1;  // odd, so that the filter allows some
      for (size_t i = rows - near; i < rows; i += step) {
        if (filtered && i % 2 == 0) continue;
        const auto found = find(vectors_[i], 1, 0.99, breadth, allowed);
        const auto exact = find(vectors_[i], 1, 1, 0, allowed);
        ASSERT_EQ(found.size(), 1U);
        lost += found[0].distance > exact[0].distance ? 1 : 0;
      }
      EXPECT_EQ(lost, 0U) << "breadth " << breadth << (filtered ? ", filtered" : "");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, GraphNearCopies,
                         testing::Values(Clusters{"cosine", Space::cosine, 100, 12000, 200, 0.002F},
                                         Clusters{"l2", Space::l2, 64, 12000, 100, 0.002F},
                                         Clusters{"most", Space::l2, 64, 4000, 2500, 0.002F},
                                         Clusters{"fine", Space::l2, 384, 6000, 200, 0.0005F}),
                         [](const auto& clusters) { return clusters.param.name; });

class GraphManyResults : public GraphClusters {};

TEST_P(GraphManyResults, HaveTheRecallAskedFor) {
  for (const uint32_t k : {100U, 300U, 1000U}) {
    for (const double recall : {0.95, 0.99}) {
      size_t hits = 0;
      constexpr size_t kQueries = 20;
      for (size_t i = 0; i < kQueries; ++i) {
        const std::vector<float> query = noise(centres_[i], 0.7F);
        std::set<Offset> nearest;
        for (const Neighbour& each : find(query, k, 1)) nearest.insert(each.offset);
        for (const Neighbour& each : find(query, k, recall)) hits += nearest.count(each.offset);
      }
      const double share = static_cast<double>(hits) / (static_cast<double>(k) * kQueries);
      EXPECT_GE(share, recall - 0.02) << k << " nearest";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, GraphManyResults,
                         testing::Values(Clusters{"cosine", Space::cosine, 384, 20000, 0, 0},
                                         Clusters{"l2", Space::l2, 64, 30000, 0, 0},
                                         Clusters{"ip", Space::ip, 64, 20000, 0, 0}),
                         [](const auto& clusters) { return clusters.param.name; });

}  // namespace
}  // namespace viridian::conformance
