#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>

#include "text/terms_builder.h"
#include "text/tokenizer.h"

namespace viridian::text {

/// std::mt19937, whose numbers are of a wider type than they need.
class WordRandom {
 public:
  using result_type = uint32_t;
  explicit WordRandom(uint32_t seed) : engine_(seed) {}
  static constexpr uint32_t min() { return 0; }
  static constexpr uint32_t max() { return UINT32_MAX; }
  uint32_t operator()() { return static_cast<uint32_t>(engine_()); }

 private:
  std::mt19937 engine_;
};

inline Tokenizer plain_tokenizer() {
  auto tokenizer = Tokenizer::create({});
  EXPECT_TRUE(tokenizer.ok());
  return *std::move(tokenizer);
}

/// One of `vocabulary` words, the n-th with a probability of about 1 / n.
inline std::string zipf_word(WordRandom& random, uint32_t vocabulary) {
  std::uniform_real_distribution<double> share(0, std::log(vocabulary));
  return "w" + std::to_string(static_cast<uint32_t>(std::exp(share(random))));
}

inline std::string zipf_text(WordRandom& random, uint32_t words, uint32_t vocabulary) {
  std::string text;
  for (uint32_t i = 0; i < words; ++i) text += zipf_word(random, vocabulary) + ' ';
  return text;
}

/// Of 0 words at times, mostly of few, of many at times.
inline uint32_t random_length(WordRandom& random) {
  return static_cast<uint32_t>(std::exp(static_cast<double>(random() % 1000) / 170)) - 1;
}

}  // namespace viridian::text
