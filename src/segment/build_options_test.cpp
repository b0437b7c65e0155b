#include "segment/build_options.h"

#include <gtest/gtest.h>

#include <limits>

namespace viridian::segment {
namespace {

constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();

TEST(BuildOptions, WhatIsUnsetIsLeftToTheBuilder) {
  const index::IndexOptions options = build_options(Space::cosine, {});
  EXPECT_EQ(options.space, Space::cosine);
  EXPECT_EQ(options.degree, 0u);
  EXPECT_EQ(options.leaf, 0u);
  EXPECT_EQ(build_threads({}, 8), 8u);
}

TEST(BuildOptions, ParametersCountWithinBounds) {
  HnswParameters parameters;
  for (const auto& [given, degree] : {std::pair<uint64_t, uint32_t>(0, 16),
                                      {8, 16},
                                      {9, 18},
                                      {24, 48},
                                      {48, 96},
                                      {49, 96},
                                      {kHuge, 96}}) {
    parameters.max_neighbors = given;
    EXPECT_EQ(build_options(Space::l2, parameters).degree, degree) << given;
  }
  for (const auto& [given, leaf] : {std::pair<uint64_t, uint32_t>(0, 200),
                                    {20, 200},
                                    {21, 210},
                                    {400, 4000},
                                    {401, 4000},
                                    {kHuge, 4000}}) {
    parameters.ef_construction = given;
    EXPECT_EQ(build_options(Space::l2, parameters).leaf, leaf) << given;
  }
}

TEST(BuildOptions, NoMoreThreadsThanAskedForNorThanProcessors) {
  HnswParameters parameters;
  for (const auto& [given, threads] :
       {std::pair<uint64_t, size_t>(0, 1), {1, 1}, {3, 3}, {8, 8}, {9, 8}, {kHuge, 8}}) {
    parameters.num_threads = given;
    EXPECT_EQ(build_threads(parameters, 8), threads) << given;
  }
  EXPECT_EQ(build_threads(parameters, 0), 1u);  // it is not known how many there are
}

}  // namespace
}  // namespace viridian::segment
