#include "os/large_array.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace viridian::os {
namespace {

TEST(LargeArray, IsAlignedAndHoldsWhatIsWrittenAtEverySize) {
  for (const size_t n : {size_t{1}, size_t{100}, (size_t{1} << 20) - 1, (size_t{1} << 20) + 3,
                         (size_t{5} << 18) + 1}) {
    LargeArray<float> array(n);
    const size_t alignment = n * sizeof(float) >= (size_t{4} << 20) ? size_t{2} << 20 : 64;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(array.data()) % alignment, 0u) << n;
    for (size_t i = 0; i < n; ++i) array.data()[i] = static_cast<float>(i % 1000);
    for (size_t i = 0; i < n; ++i) ASSERT_EQ(array.data()[i], static_cast<float>(i % 1000)) << n;
  }
}

TEST(LargeArray, LargePagesAreTakenAsAWhole) {
  constexpr size_t kPage = size_t{2} << 20;
  const LargeArray<char> small(kPage);
  EXPECT_EQ(small.taken(1), 1u);
  EXPECT_EQ(small.taken(kPage), kPage);
  const LargeArray<char> large(3 * kPage + 5);
  EXPECT_EQ(large.taken(0), 0u);
  EXPECT_EQ(large.taken(1), kPage);
  EXPECT_EQ(large.taken(kPage), kPage);
  EXPECT_EQ(large.taken(2 * kPage + 1), 3 * kPage);
  EXPECT_EQ(large.taken(3 * kPage + 1), 3 * kPage + 1);
}

}  // namespace
}  // namespace viridian::os
