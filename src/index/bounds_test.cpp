#include "index/bounds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "index/flat.h"
#include "os/large_array.h"
#include "property/hard_vectors.h"

namespace viridian::index {
namespace {

using conformance::hard_vectors;
using conformance::HardVectors;

constexpr std::array kSpaces = {Space::l2, Space::cosine, Space::ip};
constexpr size_t kRows = 200, kQueries = 24;

/// Rows with codes, in one block.
struct Coded {
  Coded(Space in, uint32_t dimension, const HardVectors& kind, std::mt19937& random)
      : space(in), dim(dimension), coder(in, dimension), units(coder.bytes(kRows)) {
    std::vector<float> vector(dim);
    for (size_t row = 0; row < kRows; ++row) {
      kind.make(random, vector, row);
      values.insert(values.end(), vector.begin(), vector.end());
    }
    norms.resize(kRows);
    FlatScanner::norms(values.data(), dim, kRows, norms.data());
    std::vector<BoundCoder::Row> rows;
    for (size_t row = 0; row < kRows; ++row) rows.push_back({&values[row * dim], norms[row]});
    coder.encode(rows, centre, units.data());
  }

  /// By row.
  std::vector<float> distances(const Matrix& query) const {
    const FlatScanner scanner(space, dim, query);
    std::vector<Offset> offsets;
    for (Offset row = 0; row < kRows; ++row) offsets.push_back(row);
    std::vector<TopK> all(1, TopK(kRows));
    scanner.scan(values.data(), norms.data(), offsets.data(), nullptr, kRows, all);
    std::vector<float> by_row(kRows);
    for (const Neighbour& each : all[0].sorted()) by_row[each.offset] = each.distance;
    return by_row;
  }
  /// Empty: nothing can be told.
  std::vector<float> bounds(const Matrix& query) const {
    BoundQuery bound(coder);
    if (!bound.assign(query.row(0))) return {};
    bound.move_to(*centre);
    std::vector<float> out(256), minima(4);
    bound.bounds(units.data(), 256, out.data(), minima.data());
    for (size_t group = 0; group < 4; ++group)
      EXPECT_EQ(minima[group],
                *std::min_element(out.begin() + static_cast<ptrdiff_t>(group) * 64,
                                  out.begin() + static_cast<ptrdiff_t>(group + 1) * 64));
    for (size_t row = kRows; row < 256; ++row) EXPECT_TRUE(std::isinf(out[row]) && out[row] > 0);
    out.resize(kRows);
    return out;
  }

  Space space;
  uint32_t dim;
  BoundCoder coder;
  os::LargeArray<uint8_t> units;
  std::shared_ptr<const Centre> centre;
  std::vector<float> values, norms;
};

// A bound above a distance would lose a result.
TEST(Bounds, NoDistanceIsBelowItsBound) {
  std::mt19937 random(11);
  for (const HardVectors& kind : hard_vectors()) {
    for (const uint32_t dim : {1U, 2U, 3U, 8U, 17U, 33U, 100U, 384U, 1000U}) {
      for (const Space space : kSpaces) {
        const Coded coded(space, dim, kind, random);
        for (size_t q = 0; q < kQueries; ++q) {
          // Rows themselves, what is a little beside them, and others.
          Matrix query{dim, {}};
          const float* const row = &coded.values[q % kRows * dim];
          query.values.assign(row, row + dim);
          if (q % 4 == 1) query.values[random() % dim] *= 1.0001F;
          if (q % 4 == 2)
            for (float& value : query.values) value *= -3;
          if (q % 4 == 3)
            for (float& value : query.values) value = conformance::normal(random);
          const std::vector<float> exact = coded.distances(query), bounds = coded.bounds(query);
          for (size_t i = 0; i < bounds.size(); ++i)
            ASSERT_LE(bounds[i], exact[i]) << kind.name << ", dim " << dim << ", space "
                                           << static_cast<int>(space) << ", row " << i;
        }
      }
    }
  }
}

// Codes that rule nothing out would be right as well, and of no use.
TEST(Bounds, AreAsNearAsFourBitsAllow) {
  std::mt19937 random(12);
  for (const Space space : kSpaces) {
    const Coded coded(space, 384, hard_vectors().front(), random);
    Matrix query{384, {}};
    for (int i = 0; i < 384; ++i) query.values.push_back(conformance::normal(random));
    const std::vector<float> exact = coded.distances(query), bounds = coded.bounds(query);
    ASSERT_EQ(bounds.size(), kRows);
    // The lengths of row and query are about sqrt(384), the residual's a ninth of that.
    const float unit = space == Space::cosine ? 1.0F : space == Space::ip ? 384.0F : 2 * 384.0F;
    for (size_t i = 0; i < kRows; ++i) EXPECT_LT(exact[i] - bounds[i], 0.26F * unit);
  }
}

TEST(Bounds, ACentreIsKeptForRowsThatLieAboutIt) {
  std::mt19937 random(13);
  constexpr uint32_t kDim = 64;
  const BoundCoder coder(Space::l2, kDim);
  os::LargeArray<uint8_t> units(coder.bytes(kRows));
  std::shared_ptr<const Centre> centre;
  const auto encode = [&](float about) {
    std::vector<float> values(kRows * kDim);
    for (float& value : values) value = about + conformance::normal(random);
    std::vector<float> norms(kRows);
    FlatScanner::norms(values.data(), kDim, kRows, norms.data());
    std::vector<BoundCoder::Row> rows;
    for (size_t row = 0; row < kRows; ++row) rows.push_back({&values[row * kDim], norms[row]});
    coder.encode(rows, centre, units.data());
  };
  encode(3);
  const auto first = centre;
  EXPECT_NEAR(first->point[0], 3, 0.5);
  encode(3);
  EXPECT_EQ(centre, first);
  encode(-3);
  EXPECT_NE(centre, first);
  EXPECT_NEAR(centre->point[0], -3, 0.5);
}

}  // namespace
}  // namespace viridian::index
