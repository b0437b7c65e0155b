#include <gtest/gtest.h>

#include <vector>

#include "segment/vector_part.h"

namespace viridian::segment {
namespace {

TEST(VectorHead, CountsThePageThatItsLastVectorBegan) {
  constexpr uint32_t kDim = 1024;
  constexpr size_t kPage = size_t{2} << 20;
  const std::vector<float> vector(kDim, 1);
  VectorHead head(kDim);
  EXPECT_LT(head.bytes(), kPage);
  // Chunks of 16, 32, ..., 512 vectors, the last one of 2 MiB; the next one is of 4.
  for (Offset offset = 0; offset < 1008; ++offset) head.push_back(offset, vector.data());
  const size_t before = head.bytes();
  EXPECT_GE(before, size_t{1008} * (kDim + 1) * sizeof(float));
  EXPECT_LT(before, size_t{1008} * (kDim + 1) * sizeof(float) + 100'000);
  head.push_back(1008, vector.data());
  EXPECT_GE(head.bytes(), before + kPage);
  EXPECT_LT(head.bytes(), before + kPage + 100'000);
  for (Offset offset = 1009; offset < 1008 + 512; ++offset) head.push_back(offset, vector.data());
  EXPECT_LT(head.bytes(), before + kPage + 100'000);
}

}  // namespace
}  // namespace viridian::segment
