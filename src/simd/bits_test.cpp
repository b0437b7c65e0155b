#include "simd/bits.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <vector>

namespace viridian::simd {
namespace {

TEST(CountBits, CountsWhateverTheNumberOfWords) {
  std::mt19937_64 random(1);
  for (size_t size = 0; size < 70; ++size) {
    std::vector<uint64_t> words(size);
    uint64_t expected = 0;
    for (uint64_t& word : words) {
      word = random() & random();
      expected += static_cast<uint64_t>(std::popcount(word));
    }
    EXPECT_EQ(count_bits(words.data(), size), expected) << size;
  }
}

}  // namespace
}  // namespace viridian::simd
