#include "simd/distance.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace viridian::simd {
namespace {

/// The order of rounding that distance.h promises, written as plainly as it goes.
template <class Term>
float canonical(size_t dim, Term term) {
  std::array<float, 16> sums{};
  for (size_t i = 0; i < dim; ++i) {
    const float product = term(i);
    sums[i % 16] += product;
  }
  for (size_t step : {8U, 4U, 2U, 1U}) {
    for (size_t j = 0; j < step; ++j) sums[j] += sums[j + step];
  }
  return sums[0];
}
float canonical_l2(const float* a, const float* b, size_t dim) {
  return canonical(dim, [&](size_t i) {
    const float difference = a[i] - b[i];
    return difference * difference;
  });
}
float canonical_dot(const float* a, const float* b, size_t dim) {
  return canonical(dim, [&](size_t i) { return a[i] * b[i]; });
}

/// One bit pattern for all NaNs.
uint32_t bits(float value) {
  return std::isnan(value) ? 0x7fc00000U : std::bit_cast<uint32_t>(value);
}

/// Query and rows in buffers of exactly their size, so that a sanitizer sees every stray read;
/// `skew` floats before them break any alignment beyond a float's.
struct Case {
  Case(size_t dimension, size_t row_count, size_t floats_before)
      : dim(dimension),
        n(row_count),
        skew(floats_before),
        query(skew + dim),
        rows(skew + n * dim) {}

  const float* q() const { return query.data() + skew; }
  const float* row(size_t i) const { return rows.data() + skew + i * dim; }
  template <class Next>
  void fill(Next next) {
    for (float& value : query) value = next();
    for (float& value : rows) value = next();
  }

  size_t dim, n, skew;
  std::vector<float> query, rows;
};

void expect_canonical(const Case& c) {
  // In descending order, so that gathering is not what the contiguous kernels do.
  std::vector<const float*> scattered(c.n);
  for (size_t i = 0; i < c.n; ++i) scattered[i] = c.row(c.n - 1 - i);
  for (const Target& target : supported_targets()) {
    const Kernels& k = target.kernels;
    std::array<std::vector<float>, 6> out;
    // One more than asked for, to see that it stays.
    for (auto& results : out) results.assign(c.n + 1, 42.0F);
    k.l2(c.q(), c.row(0), c.dim, c.n, out[0].data());
    k.dot(c.q(), c.row(0), c.dim, c.n, out[1].data());
    k.squared_norm(c.row(0), c.dim, c.n, out[2].data());
    k.l2_gather(c.q(), scattered.data(), c.dim, c.n, out[3].data());
    k.dot_gather(c.q(), scattered.data(), c.dim, c.n, out[4].data());
    k.squared_norm_gather(scattered.data(), c.dim, c.n, out[5].data());
    for (size_t i = 0; i < c.n; ++i) {
      SCOPED_TRACE(testing::Message() << target.name << ", dim " << c.dim << ", row " << i << " of "
                                      << c.n << ", skew " << c.skew);
      const size_t back = c.n - 1 - i;
      const uint32_t l2 = bits(canonical_l2(c.q(), c.row(i), c.dim));
      const uint32_t dot = bits(canonical_dot(c.q(), c.row(i), c.dim));
      const uint32_t norm = bits(canonical_dot(c.row(i), c.row(i), c.dim));
      ASSERT_EQ(bits(out[0][i]), l2);
      ASSERT_EQ(bits(out[1][i]), dot);
      ASSERT_EQ(bits(out[2][i]), norm);
      ASSERT_EQ(bits(out[3][back]), l2);
      ASSERT_EQ(bits(out[4][back]), dot);
      ASSERT_EQ(bits(out[5][back]), norm);
    }
    for (const auto& results : out) ASSERT_EQ(results[c.n], 42.0F);
    if (c.n < kTileQueries) continue;
    // The first four rows stand in for queries.
    std::vector<float> l2(kTileQueries * c.n), dot(kTileQueries * c.n);
    k.l2_tile(c.row(0), c.row(0), c.dim, c.n, l2.data());
    k.dot_tile(c.row(0), c.row(0), c.dim, c.n, dot.data());
    for (size_t i = 0; i < l2.size(); ++i) {
      const float *a = c.row(i % kTileQueries), *b = c.row(i / kTileQueries);
      ASSERT_EQ(bits(l2[i]), bits(canonical_l2(a, b, c.dim))) << target.name << " " << c.dim;
      ASSERT_EQ(bits(dot[i]), bits(canonical_dot(a, b, c.dim))) << target.name << " " << c.dim;
    }
  }
}

auto normal_values(std::mt19937& random) {
  return [&random, normal = std::normal_distribution<float>()]() mutable { return normal(random); };
}

TEST(Distance, EveryTargetGivesTheSameBitsForEverySmallDimension) {
  std::mt19937 random(1);
  for (size_t dim = 1; dim <= 300; ++dim) {
    Case c(dim, random() % 11, random() % 16);
    c.fill(normal_values(random));
    ASSERT_NO_FATAL_FAILURE(expect_canonical(c));
  }
}

TEST(Distance, EveryTargetGivesTheSameBitsForLargeDimensions) {
  std::mt19937 random(2);
  for (int i = 0; i < 12; ++i) {
    Case c(i == 0 ? 16384 : 301 + random() % 16000, 1 + random() % 9, random() % 16);
    c.fill(normal_values(random));
    ASSERT_NO_FATAL_FAILURE(expect_canonical(c));
  }
}

TEST(Distance, EveryTargetGivesTheSameBitsForExtremeValues) {
  using limits = std::numeric_limits<float>;
  const std::array<float, 14> values = {0.0F,
                                        -0.0F,
                                        limits::denorm_min(),
                                        -limits::denorm_min(),
                                        limits::min(),
                                        1e-20F,
                                        -1e-30F,
                                        1.0F,
                                        -1.0F,
                                        1e19F,
                                        limits::max(),
                                        -limits::max(),
                                        3e18F,
                                        16777217.0F};
  std::mt19937 random(3);
  for (int i = 0; i < 400; ++i) {
    Case c(1 + random() % 70, 1 + random() % 9, random() % 16);
    // Few different values in one case: overflow must not hide all the rest.
    const size_t from = random() % values.size(), span = 1 + random() % 4;
    c.fill([&] { return values[(from + random() % span) % values.size()]; });
    ASSERT_NO_FATAL_FAILURE(expect_canonical(c));
  }
}

TEST(Distance, EveryTargetGivesTheSameBitsForInfinityAndNan) {
  std::mt19937 random(4);
  for (size_t dim = 1; dim < 40; ++dim) {
    Case c(dim, 5, 1);
    c.fill(normal_values(random));
    c.query[1 + random() % dim] = std::numeric_limits<float>::infinity();
    c.rows[1 + random() % dim] = std::numeric_limits<float>::quiet_NaN();
    c.rows[1 + dim + random() % dim] = -std::numeric_limits<float>::infinity();
    ASSERT_NO_FATAL_FAILURE(expect_canonical(c));
  }
}

TEST(Distance, IsCloseToDoublePrecision) {
  std::mt19937 random(5);
  for (size_t dim : {1U, 3U, 16U, 100U, 384U, 1000U, 16384U}) {
    Case c(dim, 5, 0);
    c.fill(normal_values(random));
    std::vector<float> l2(c.n), dot(c.n), norm(c.n);
    kernels().l2(c.q(), c.row(0), dim, c.n, l2.data());
    kernels().dot(c.q(), c.row(0), dim, c.n, dot.data());
    kernels().squared_norm(c.row(0), dim, c.n, norm.data());
    for (size_t i = 0; i < c.n; ++i) {
      double exact_l2 = 0, exact_dot = 0, magnitude = 0, exact_norm = 0;
      for (size_t j = 0; j < dim; ++j) {
        const double a = c.q()[j], b = c.row(i)[j];
        exact_l2 += (a - b) * (a - b);
        exact_dot += a * b;
        magnitude += std::abs(a * b);
        exact_norm += b * b;
      }
      // Each of dim / 16 + 4 additions may be off by half a unit in the last place.
      const double tolerance = (static_cast<double>(dim) / 16 + 6) * 6e-8;
      EXPECT_NEAR(l2[i], exact_l2, 2 * tolerance * exact_l2);
      EXPECT_NEAR(dot[i], exact_dot, tolerance * magnitude);
      EXPECT_NEAR(norm[i], exact_norm, tolerance * exact_norm);
    }
  }
}

TEST(Distance, TheFastestTargetIsInUse) {
  const std::vector<Target> targets = supported_targets();
  ASSERT_FALSE(targets.empty());
  EXPECT_EQ(target_name(), targets.front().name);
#if defined(__x86_64__)
  EXPECT_EQ(__builtin_cpu_supports("avx2") != 0, target_name().substr(0, 3) == "AVX");
#endif
}

}  // namespace
}  // namespace viridian::simd
