#include "documents/dictionary.h"

#include <gtest/gtest.h>

#include "documents/texts_fixture.h"

namespace viridian::documents {
namespace {

TEST(Dictionary, HasWhatRecursAndNothingElse) {
  std::mt19937 random(1);
  const std::string phrase = "the quick brown fox jumps over the lazy dog";
  std::string text;
  for (int i = 0; i < 2000; ++i) {
    text += random_bytes(random, 600);
    if (i % 10 == 0) text += phrase;
  }
  const std::string dictionary = choose_dictionary(text, 4096);
  EXPECT_LE(dictionary.size(), 4096U);
  EXPECT_NE(dictionary.find(phrase), std::string::npos);
  size_t with_it = 0;
  for (size_t at = dictionary.find("brown"); at != std::string::npos;
       at = dictionary.find("brown", at + 1))
    ++with_it;
  EXPECT_LE(with_it, 2U) << "what it has once is worth nothing more";
}

TEST(Dictionary, IsFullWhereMuchRecurs) {
  std::mt19937 random(2);
  const std::string text = prose(random, 3'000'000);
  EXPECT_GT(choose_dictionary(text, 2048).size(), 2048U - 128);
  EXPECT_EQ(choose_dictionary(text, 2048), choose_dictionary(text, 2048));
}

TEST(Dictionary, IsEmptyWhereThereIsNothingToChoose) {
  std::mt19937 random(3);
  EXPECT_EQ(choose_dictionary("", 1000), "");
  EXPECT_EQ(choose_dictionary("some text", 1000), "");
  EXPECT_EQ(choose_dictionary(prose(random, 10'000), 0), "");
  EXPECT_EQ(choose_dictionary(random_bytes(random, 10'000), 1000), "");
  EXPECT_EQ(choose_dictionary(random_bytes(random, 3'000'000), 1000), "");
}

}  // namespace
}  // namespace viridian::documents
