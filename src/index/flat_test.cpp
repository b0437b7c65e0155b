#include "index/flat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <random>

#include "simd/distance.h"

namespace viridian::index {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Neighbour> smallest(std::vector<Neighbour> all, size_t k) {
  std::sort(all.begin(), all.end(), [](const Neighbour& a, const Neighbour& b) {
    return std::pair(a.distance, a.offset) < std::pair(b.distance, b.offset);
  });
  all.resize(std::min(k, all.size()));
  return all;
}

/// Distances from few values, so that ties are common.
std::vector<Neighbour> random_neighbours(std::mt19937& random, size_t n, size_t values) {
  std::vector<Neighbour> all;
  for (Offset offset = 0; offset < n; ++offset) {
    all.push_back({offset, static_cast<float>(random() % values) - 3});
  }
  std::shuffle(all.begin(), all.end(), random);
  return all;
}

TEST(TopK, KeepsTheSmallestByDistanceThenOffset) {
  std::mt19937 random(1);
  for (size_t k : {0U, 1U, 2U, 10U, 127U, 128U, 129U, 1000U, 5000U}) {
    for (size_t n : {0U, 1U, 9U, 10U, 11U, 137U, 138U, 139U, 3000U}) {
      const auto all = random_neighbours(random, n, 1 + random() % 2000);
      TopK top(k);
      for (const Neighbour& neighbour : all) top.offer(neighbour.distance, neighbour.offset);
      ASSERT_EQ(top.sorted(), smallest(all, k)) << "k " << k << ", n " << n;
      EXPECT_THAT(top.sorted(), IsEmpty()) << "sorted() leaves nothing";
    }
  }
}

TEST(TopK, MergingPartsGivesWhatOneWouldHaveKept) {
  std::mt19937 random(2);
  for (size_t k : {1U, 10U, 300U}) {
    const auto all = random_neighbours(random, 5000, 100);
    std::array<TopK, 4> parts = {TopK(k), TopK(k), TopK(k), TopK(k)};
    for (const Neighbour& n : all) parts[random() % 4].offer(n.distance, n.offset);
    for (size_t i = 1; i < 4; ++i) parts[0].merge(parts[i]);
    EXPECT_EQ(parts[0].sorted(), smallest(all, k));
  }
}

TEST(TopK, TheBoundFallsAndNeverExcludesAResult) {
  std::mt19937 random(3);
  const auto all = random_neighbours(random, 20000, 1U << 20);
  TopK top(50);
  float before = top.bound();
  EXPECT_TRUE(std::isinf(before));
  for (const Neighbour& n : all) {
    top.offer(n.distance, n.offset);
    ASSERT_LE(top.bound(), before);
    before = top.bound();
  }
  const auto result = top.sorted();
  EXPECT_GE(before, result.back().distance);
  EXPECT_LT(before, all.size()) << "rejection has begun";
}

TEST(TopK, TheLargestKTakesNoMemoryOfItsOwn) {
  TopK top(4294967295U);
  top.offer(2, 0);
  top.offer(1, 1);
  EXPECT_THAT(top.sorted(), ElementsAre(Neighbour{1, 1}, Neighbour{0, 2}));
}

/// A data set, and the two things a scanner can be compared with.
struct Rows {
  Rows(std::mt19937& random, uint32_t dimension, size_t count, size_t query_count)
      : dim(dimension), n(count) {
    std::normal_distribution<float> normal;
    queries.dim = dim;
    queries.values.resize(query_count * dim);
    for (float& value : queries.values) value = normal(random);
    values.resize(n * dim);
    for (float& value : values) value = normal(random);
    // Twins, for ties.
    for (size_t i = 3; i < n; i += 7) std::copy_n(row(i - 3), dim, values.begin() + ptr(i));
    for (size_t i = 0; i < n; ++i) offsets.push_back(1000 + 3 * i);
    measure();
  }

  void measure() {
    norms.resize(n);
    FlatScanner::norms(values.data(), dim, n, norms.data());
  }
  ptrdiff_t ptr(size_t i) const { return static_cast<ptrdiff_t>(i * dim); }
  const float* row(size_t i) const { return values.data() + i * dim; }

  /// By the same kernels, one row at a time: a scanner must agree bit for bit.
  float same_order(Space space, size_t q, size_t i) const {
    float raw = 0;
    if (space == Space::l2) {
      simd::kernels().l2(queries.row(q), row(i), dim, 1, &raw);
      return raw;
    }
    simd::kernels().dot(queries.row(q), row(i), dim, 1, &raw);
    if (space == Space::ip) return 1.0F - raw;
    float query_norm = 0;
    FlatScanner::norms(queries.row(q), dim, 1, &query_norm);
    return static_cast<float>(1.0 - double{raw} / (double{query_norm} * double{norms[i]}));
  }
  double exact(Space space, size_t q, size_t i) const {
    double dot = 0, l2 = 0, qq = 0, rr = 0;
    for (size_t j = 0; j < dim; ++j) {
      const double a = queries.row(q)[j], b = row(i)[j];
      dot += a * b;
      l2 += (a - b) * (a - b);
      qq += a * a;
      rr += b * b;
    }
    if (space == Space::l2) return l2;
    return space == Space::ip ? 1 - dot : 1 - dot / std::sqrt(qq * rr);
  }

  uint32_t dim;
  size_t n;
  Matrix queries;
  FloatBuffer values;
  std::vector<float> norms;
  std::vector<Offset> offsets;
};

constexpr std::array kSpaces = {Space::l2, Space::cosine, Space::ip};

void expect_exact(const Rows& rows, Space space, const std::vector<bool>& live, size_t k) {
  const FlatScanner scanner(space, rows.dim, rows.queries);
  std::vector<uint64_t> bits((rows.n + 63) / 64);
  std::vector<const float*> pointers;
  std::vector<Offset> offsets;
  std::vector<float> norms;
  for (size_t i = 0; i < rows.n; ++i) {
    if (!live[i]) continue;
    bits[i / 64] |= uint64_t{1} << (i % 64);
    pointers.push_back(rows.row(i));
    offsets.push_back(rows.offsets[i]);
    norms.push_back(rows.norms[i]);
  }
  // A bit beyond the rows must not be believed.
  if (rows.n % 64 != 0) bits.back() |= uint64_t{1} << (rows.n % 64);
  std::vector<TopK> scanned(scanner.queries(), TopK(k)), gathered(scanner.queries(), TopK(k));
  scanner.scan(rows.values.data(), space == Space::cosine ? rows.norms.data() : nullptr,
               rows.offsets.data(), bits.data(), rows.n, scanned);
  scanner.gather(pointers, space == Space::cosine ? norms.data() : nullptr, offsets, gathered);
  for (size_t q = 0; q < scanner.queries(); ++q) {
    std::vector<Neighbour> all;
    for (size_t i = 0; i < rows.n; ++i) {
      if (!live[i]) continue;
      all.push_back({rows.offsets[i], rows.same_order(space, q, i)});
      ASSERT_NEAR(all.back().distance, rows.exact(space, q, i), 1e-3 * rows.dim);
    }
    const auto expected = smallest(all, k);
    ASSERT_EQ(scanned[q].sorted(), expected) << "scan, dim " << rows.dim << ", n " << rows.n;
    ASSERT_EQ(gathered[q].sorted(), expected) << "gather, dim " << rows.dim << ", n " << rows.n;
  }
}

TEST(FlatScanner, FindsExactlyTheNearestLiveRows) {
  std::mt19937 random(4);
  for (int round = 0; round < 60; ++round) {
    const Rows rows(random, static_cast<uint32_t>(1 + random() % 130), random() % 400,
                    random() % 4);
    // From all dead to all live; in stretches, so that whole words are dead.
    const size_t dead = random() % 5, stretch = 1 + random() % 150;
    std::vector<bool> live;
    for (bool now = true; live.size() < rows.n; live.push_back(now)) {
      if (random() % stretch == 0) now = random() % 4 >= dead;
    }
    for (Space space : kSpaces) {
      ASSERT_NO_FATAL_FAILURE(expect_exact(rows, space, live, random() % 60));
    }
  }
}

TEST(FlatScanner, TakesBlocksOfAnyDimension) {
  std::mt19937 random(5);
  for (uint32_t dim : {1U, 2U, 768U, 5000U}) {
    const Rows rows(random, dim, 150, 3);
    for (Space space : kSpaces) {
      ASSERT_NO_FATAL_FAILURE(expect_exact(rows, space, std::vector<bool>(150, true), 20));
    }
  }
}

/// All distances of one query to given rows, in row order.
std::vector<float> distances(Space space, const Matrix& query, const Matrix& rows) {
  const FlatScanner scanner(space, query.dim, query);
  std::vector<float> norms(rows.rows());
  FlatScanner::norms(rows.values.data(), rows.dim, rows.rows(), norms.data());
  std::vector<Offset> offsets;
  for (Offset i = 0; i < rows.rows(); ++i) offsets.push_back(i);
  std::vector<TopK> top(1, TopK(100));
  scanner.scan(rows.values.data(), norms.data(), offsets.data(), nullptr, rows.rows(), top);
  std::vector<float> result(rows.rows());
  for (const Neighbour& neighbour : top[0].sorted()) result[neighbour.offset] = neighbour.distance;
  return result;
}

TEST(FlatScanner, GivesTheDistancesOfTheirDefinitions) {
  const Matrix query{2, {3, 4}};
  const Matrix rows{2, {3, 4, -6, -8, 0, 0, 4, -3}};
  EXPECT_THAT(distances(Space::l2, query, rows), ElementsAre(0, 225, 25, 50));
  EXPECT_THAT(distances(Space::cosine, query, rows), ElementsAre(0, 2, 1, 1));
  EXPECT_THAT(distances(Space::ip, query, rows), ElementsAre(-24, 51, 1, 1));
}

TEST(FlatScanner, AZeroVectorIsAtCosineDistanceOne) {
  EXPECT_THAT(distances(Space::cosine, {2, {0, 0}}, {2, {1, 2, 0, 0, -0.0F, 0}}),
              ElementsAre(1, 1, 1));
}

TEST(FlatScanner, ClampsWhatOverflows) {
  const Matrix query{2, {1e30F, 1e30F}};
  const Matrix rows{2, {-1e30F, -1e30F, 1e30F, 1e30F, 1e30F, -1e30F, 1, 1}};
  EXPECT_THAT(distances(Space::l2, query, rows), ElementsAre(FLT_MAX, 0, FLT_MAX, FLT_MAX));
  EXPECT_THAT(distances(Space::ip, query, rows), ElementsAre(FLT_MAX, -FLT_MAX, FLT_MAX, -2e30F));
  for (float distance : distances(Space::cosine, query, rows)) {
    EXPECT_TRUE(std::isfinite(distance));
  }
}

}  // namespace
}  // namespace viridian::index
