// What a graph segment answers, next to reading everything: whatever the space, the vectors, the
// filter, and however much is deleted, replaced and merged.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "index/flat.h"
#include "property/segment_rig.h"
#include "segment/graph_reader.h"

namespace viridian::conformance {
namespace {

struct Shape {
  std::string name;
  Space space;
  uint32_t dim;
  int rows;
  bool copies = false;    ///< most vectors are there several times
  bool spread = false;    ///< lengths over six decades
  bool zeros = false;     ///< some vectors are zero
  bool constant = false;  ///< most dimensions are the same in all
  bool groups = false;    ///< vectors lie in groups far apart
};
std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.name; }

class GraphSearch : public testing::TestWithParam<Shape> {
 protected:
  GraphSearch() : rig_(1000, GetParam().space) {}

  std::vector<float> vector() {
    const Shape& shape = GetParam();
    std::vector<float> made(shape.dim);
    if (shape.zeros && generator_.below(50) == 0) return made;
    const int centre = generator_.below(30);
    for (uint32_t i = 0; i < shape.dim; ++i) {
      const bool fixed = shape.constant && i > 2;
      const float noise = static_cast<float>(generator_.below(2001) - 1000) / 1500;
      made[i] = fixed ? 3.0F : static_cast<float>((centre * 7919 + int(i) * 104729) % 13) / 6 - 1;
      if (!fixed) made[i] += shape.groups ? noise / 50 : noise;
    }
    if (shape.spread) {
      float length = 1;
      for (int i = generator_.below(7); i > 0; --i) length *= 10;
      for (float& value : made) value *= length / 1000;
    }
    if (shape.copies && !earlier_.empty() && generator_.below(3) != 0)
      return earlier_[static_cast<size_t>(generator_.below(static_cast<int>(earlier_.size())))];
    if (earlier_.size() < 200) earlier_.push_back(made);
    return made;
  }
  void write(Operation operation, int first, int count) {
    std::vector<Row> rows;
    for (int i = first; i < first + count; ++i) {
      Row row{std::to_string(i), {}};
      if (operation != Operation::remove) row.vector = vector();
      rows.push_back(row);
    }
    rig_.apply(batch_of(operation, rows));
  }
  void merge_due() {
    while (const auto range = rig_.vectors().merge_due()) rig_.merge(true, *range);
  }

  /// All live offsets, and their vectors.
  void load() {
    const auto view = rig_.view();
    const auto all = view->metadata().all(Context());
    ASSERT_TRUE(all.ok());
    offsets_ = all->slice(0, all->size());
    vectors_ = Matrix{GetParam().dim, {}};
    ASSERT_TRUE(view->vectors().fetch(Context(), offsets_, vectors_).ok());
  }

  using Plan = std::optional<segment::SearchPlan>;

  /// The share of the k nearest that is found; everything else has to be right anyhow.
  double recall(const Matrix& queries, uint32_t k, const OffsetSet* allowed, Plan plan = {}) {
    const auto view = rig_.view();
    const auto& reader = dynamic_cast<const segment::GraphVectorReader&>(view->vectors());
    const auto found = reader.search_by(Context(), {&queries, k, allowed}, plan);
    EXPECT_TRUE(found.ok()) << found.error().message();
    if (!found.ok()) return 0;
    const index::FlatScanner scanner(GetParam().space, GetParam().dim, queries);
    std::vector<float> norms(offsets_.size());
    index::FlatScanner::norms(vectors_.values.data(), GetParam().dim, offsets_.size(),
                              norms.data());
    std::vector<uint64_t> live((offsets_.size() + 63) / 64);
    size_t count = 0;
    for (size_t i = 0; i < offsets_.size(); ++i)
      if (allowed == nullptr || allowed->contains(offsets_[i])) {
        live[i / 64] |= uint64_t{1} << (i % 64);
        ++count;
      }
    std::vector<index::TopK> exact(queries.rows(), index::TopK(offsets_.size()));
    scanner.scan(vectors_.values.data(), norms.data(), offsets_.data(), live.data(),
                 offsets_.size(), exact);
    size_t hits = 0, wanted = 0;
    for (size_t q = 0; q < queries.rows(); ++q) {
      const std::vector<Neighbour> all = exact[q].sorted();
      const std::vector<Neighbour>& got = (*found)[q];
      EXPECT_EQ(got.size(), std::min<size_t>(k, count));
      const float last = all.empty() ? 0 : all[got.empty() ? 0 : got.size() - 1].distance;
      std::set<Offset> seen;
      for (size_t i = 0; i < got.size(); ++i) {
        EXPECT_TRUE(seen.insert(got[i].offset).second) << "twice";
        const auto same = std::find(all.begin(), all.end(), got[i]);
        EXPECT_NE(same, all.end()) << "not allowed, not live, or not that far";
        EXPECT_GE(got[i].distance, got[i > 0 ? i - 1 : 0].distance);
        hits += got[i].distance <= last ? 1 : 0;
      }
      wanted += got.size();
    }
    return wanted == 0 ? 1 : static_cast<double>(hits) / static_cast<double>(wanted);
  }

  Matrix queries(int count) {
    Matrix made{GetParam().dim, {}};
    for (int i = 0; i < count; ++i) {
      const std::vector<float> one = vector();
      made.values.insert(made.values.end(), one.begin(), one.end());
    }
    return made;
  }

  /// All live offsets by their distance to a query.
  std::vector<Offset> by_distance(const Matrix& query) {
    const index::FlatScanner scanner(GetParam().space, GetParam().dim, query);
    std::vector<float> norms(offsets_.size());
    index::FlatScanner::norms(vectors_.values.data(), GetParam().dim, offsets_.size(),
                              norms.data());
    index::TopK all(offsets_.size());
    scanner.scan(vectors_.values.data(), norms.data(), offsets_.data(), nullptr, offsets_.size(),
                 {&all, 1});
    std::vector<Offset> ordered;
    for (const Neighbour& each : all.sorted()) ordered.push_back(each.offset);
    return ordered;
  }

  /// Filters that allow what is nearest to the queries, or what is farthest, by every plan.
  void check_correlated() {
    using enum segment::SearchPlan;
    Matrix asked = queries(1);
    const std::vector<Offset> ordered = by_distance(asked);
    const auto near = std::span(ordered).first(std::min<size_t>(8, ordered.size()));
    ASSERT_TRUE(rig_.view()->vectors().fetch(Context(), near, asked).ok());
    for (const size_t part : std::initializer_list<size_t>{2, 10, 100}) {
      OffsetSet nearest, farthest;
      for (size_t i = 0; i < (ordered.size() + part - 1) / part; ++i) {
        nearest.insert(ordered[i]);
        farthest.insert(ordered[ordered.size() - 1 - i]);
      }
      for (const Plan plan : {Plan(), Plan(walk), Plan(scan), Plan(read)}) {
        const auto name = [&](const char* lie) {
          return lie + std::string(" part 1/") + std::to_string(part) + " by plan " +
                 (plan ? std::to_string(static_cast<int>(*plan)) : "chosen");
        };
        EXPECT_GE(recall(asked, 10, &nearest, plan), 0.95) << name("nearest");
        // Beside long vectors, codes do not tell the products of short ones apart.
        const bool too_close = GetParam().spread && GetParam().space == Space::ip;
        EXPECT_GE(recall(asked, 10, &farthest, plan), too_close ? 0.7 : 0.95) << name("farthest");
      }
    }
  }

  void check() {
    load();
    const Matrix asked = queries(40);
    EXPECT_GE(recall(asked, 10, nullptr), 0.97);
    EXPECT_GE(recall(asked, 1, nullptr), 0.97);
    for (const int modulus : {2, 10, 100, 1000}) {
      OffsetSet allowed;
      for (const Offset offset : offsets_)
        if (offset * 2654435761U % 1000003 % static_cast<Offset>(modulus) == 0)
          allowed.insert(offset);
      EXPECT_GE(recall(asked, 10, &allowed), 0.97) << "one in " << modulus;
    }
    OffsetSet far;  // what is far from the first query
    for (size_t i = offsets_.size() / 2; i < offsets_.size(); ++i) far.insert(offsets_[i]);
    EXPECT_GE(recall(asked, 10, &far), 0.97);
    check_correlated();
    find_all();
  }

  /// Every live record by its own vector, unless another lies as near.
  void find_all() {
    if (GetParam().space == Space::ip) return;
    const auto found = rig_.view()->vectors().search(Context(), {&vectors_, 10, nullptr});
    ASSERT_TRUE(found.ok());
    size_t lost = 0;
    for (size_t i = 0; i < offsets_.size(); ++i) {
      const std::vector<Neighbour>& got = (*found)[i];
      const bool there = std::any_of(got.begin(), got.end(), [&](const Neighbour& neighbour) {
        return neighbour.offset == offsets_[i];
      });
      // What is as near, but for rounding, may come before it in order of offsets.
      const auto* const own = vectors_.row(i);
      const bool zero = std::all_of(own, own + vectors_.dim, [](float x) { return x == 0; });
      const float to_itself = zero && GetParam().space == Space::cosine ? 1 : 0;
      lost += there || (got.size() == 10 && got[9].distance <= to_itself + 1e-6F) ? 0 : 1;
    }
    EXPECT_EQ(lost, 0u);
  }

  Generator generator_{7};
  SegmentRig rig_;
  std::vector<std::vector<float>> earlier_;
  std::vector<Offset> offsets_;
  Matrix vectors_;
};

TEST_P(GraphSearch, FindsTheNearestThroughSealsMergesDeletesAndFilters) {
  const int rows = GetParam().rows;
  write(Operation::add, 0, rows);
  rig_.seal();
  merge_due();
  ASSERT_EQ(rig_.vectors().files().size(), 1u);
  check();
  write(Operation::remove, 0, rows / 10);
  write(Operation::upsert, rows / 5, rows / 10);
  write(Operation::add, rows, rows / 20);
  check();
  rig_.seal();
  merge_due();
  rig_.reopen();
  check();
  write(Operation::remove, rows / 3, rows / 3);
  check();
  write(Operation::remove, rows / 20, rows);
  check();
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, GraphSearch,
    testing::Values(Shape{"l2", Space::l2, 24, 4000}, Shape{"cosine", Space::cosine, 100, 4000},
                    Shape{"ip", Space::ip, 32, 4000}, Shape{"two", Space::l2, 2, 3000},
                    Shape{"one", Space::l2, 1, 2000}, Shape{"three", Space::cosine, 3, 3000},
                    Shape{"large", Space::cosine, 1100, 1500},
                    Shape{"copies", Space::l2, 16, 4000, true},
                    Shape{"spread", Space::cosine, 48, 3000, false, true},
                    Shape{"spread_l2", Space::l2, 48, 3000, false, true},
                    Shape{"spread_ip", Space::ip, 48, 3000, false, true},
                    Shape{"zeros", Space::cosine, 20, 3000, false, false, true},
                    Shape{"constant", Space::l2, 40, 3000, false, false, false, true},
                    Shape{"groups", Space::l2, 32, 3000, false, false, false, false, true}),
    [](const auto& shape) { return shape.param.name; });

}  // namespace
}  // namespace viridian::conformance
