#include "documents/texts.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>

#include "documents/text_cursor.h"
#include "documents/texts_fixture.h"
#include "documents/texts_format.h"

namespace viridian::documents {
namespace {

std::shared_ptr<const Texts> kept(const PlainTexts& plain, Effort effort = Effort::thorough) {
  auto bytes = build(plain, effort);
  EXPECT_TRUE(bytes.ok());
  auto texts = open(*std::move(bytes));
  EXPECT_TRUE(texts.ok());
  return *texts;
}

void expect_same(const std::shared_ptr<const Texts>& texts, const PlainTexts& plain,
                 std::span<const uint32_t> some) {
  std::vector<uint32_t> seen;
  const Status status = read_many(texts, some, [&](uint32_t i, std::string_view text) {
    seen.push_back(i);
    ASSERT_TRUE(text == plain[i]) << "text " << i;
  });
  ASSERT_TRUE(status.ok()) << status.error().message();
  ASSERT_TRUE(std::equal(seen.begin(), seen.end(), some.begin(), some.end()));
  for (const uint32_t i : some) {
    std::string out = "before";
    ASSERT_TRUE(texts->read(i, out).ok());
    ASSERT_TRUE(out == "before" + plain[i]) << "text " << i;
    const auto length = texts->length(i);
    ASSERT_TRUE(length.ok());
    ASSERT_EQ(*length, plain[i].size());
  }
}

void expect_same(const PlainTexts& plain) {
  std::vector<uint32_t> all(plain.size());
  std::iota(all.begin(), all.end(), 0U);
  for (const Effort effort : {Effort::quick, Effort::thorough}) {
    const auto texts = kept(plain, effort);
    ASSERT_EQ(texts->size(), plain.size());
    expect_same(texts, plain, all);
  }
}

/// In the order given, some twice in a row.
void expect_same(TextCursor& cursor, const PlainTexts& plain, std::span<const uint32_t> some) {
  for (const uint32_t i : some) {
    for (int times = i % 5 == 0 ? 2 : 1; times > 0; --times) {
      const auto text = cursor.read(i);
      ASSERT_TRUE(text.ok()) << text.error().message();
      ASSERT_TRUE(*text == plain[i]) << "text " << i;
    }
  }
}

TEST(TextCursor, ReadsInAnyOrder) {
  std::mt19937 random(4);
  for (int round = 0; round < 10; ++round) {
    PlainTexts plain = mixed_texts(random, 500);
    plain[random() % plain.size()] = prose(random, kPieceBytes * 2 + 5);
    std::vector<uint32_t> order(plain.size());
    std::iota(order.begin(), order.end(), 0U);
    auto cursor = TextCursor::open(kept(plain));
    ASSERT_TRUE(cursor.ok());
    expect_same(*cursor, plain, order);
    std::reverse(order.begin(), order.end());
    expect_same(*cursor, plain, order);
    std::shuffle(order.begin(), order.end(), random);
    expect_same(*cursor, plain, order);
    EXPECT_EQ(cursor->read(500).error().code(), Code::internal);
    expect_same(*cursor, plain, order);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(Texts, AreGivenBackAsTheyWere) {
  std::mt19937 random(1);
  for (const size_t count : {0U, 1U, 2U, 3U, 50U, 1000U, 8000U}) {
    for (int round = 0; round < 3; ++round) {
      expect_same(mixed_texts(random, count));
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Texts, MayAllBeEmptyOrAlike) {
  expect_same(PlainTexts(1));
  expect_same(PlainTexts(70'000));
  expect_same(PlainTexts(65'536, "a"));
  expect_same(PlainTexts(300, std::string(1024, 'x')));
}

TEST(Texts, MayBeOfAnyLengthAroundThoseThatAreCut) {
  std::mt19937 random(2);
  constexpr size_t mega = 1 << 20;
  PlainTexts plain;
  for (const size_t bytes : {size_t{1023}, size_t{1024}, size_t{1025}, mega - 1, mega, mega + 1,
                             2 * mega, 5 * mega + 12}) {
    plain.push_back(prose(random, bytes));
    plain.push_back("between");
    plain.push_back(random_bytes(random, bytes));
    plain.emplace_back();
    plain.emplace_back(bytes, '\0');
  }
  expect_same(plain);
}

TEST(Texts, AreReadInAnySelectionAndOrder) {
  std::mt19937 random(3);
  PlainTexts plain = mixed_texts(random, 3000);
  plain[1700] = prose(random, 3'000'000);
  const auto texts = kept(plain);
  for (int round = 0; round < 30; ++round) {
    std::vector<uint32_t> some;
    for (size_t left = random() % 200; left > 0; --left)
      some.push_back(random() % 50 == 0 ? 1700 : static_cast<uint32_t>(random() % plain.size()));
    if (round % 3 != 0) std::sort(some.begin(), some.end());
    expect_same(texts, plain, some);
    if (HasFatalFailure()) return;
  }
}

TEST(Texts, ThatAreNotThereAreErrors) {
  const auto texts = kept({"a", "b"});
  std::string out = "as it was";
  EXPECT_FALSE(texts->read(2, out).ok());
  EXPECT_EQ(out, "as it was");
  EXPECT_FALSE(texts->length(2).ok());
  const uint32_t some[] = {1, 7};
  EXPECT_FALSE(read_many(texts, some, [](uint32_t, std::string_view) {}).ok());
}

TEST(Texts, AreTheSameBytesForTheSameTexts) {
  std::mt19937 random(4);
  const PlainTexts plain = mixed_texts(random, 5000);
  EXPECT_EQ(*build(plain), *build(plain));
}

TEST(Texts, TakeLittleRoom) {
  std::mt19937 random(5);
  PlainTexts plain, noise;
  size_t bytes = 0;
  for (int i = 0; i < 20'000; ++i) bytes += plain.emplace_back(prose(random, 75)).size();
  EXPECT_LT(build(plain)->size(), bytes / 2);
  for (int i = 0; i < 1000; ++i) noise.push_back(random_bytes(random, 1200));
  EXPECT_LT(build(noise)->size(), 1000 * 1211U + 100);
  EXPECT_LT(build(PlainTexts(65'536))->size(), 65'536 * 9 / 8U) << "empty texts: a byte each";
}

TEST(Texts, BuilderSaysWhatItUses) {
  std::mt19937 random(6);
  TextsBuilder builder;
  builder.add(prose(random, 1'000'000));
  EXPECT_GE(builder.memory(), 1'000'000U);
  EXPECT_LE(builder.memory(), 2'100'000U);
}

TEST(Texts, AreReadByManyThreads) {
  std::mt19937 random(7);
  PlainTexts plain = mixed_texts(random, 2000);
  plain[3] = prose(random, 1'200'000);
  const auto texts = kept(plain);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (uint32_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 own(seed);
      for (int round = 0; round < 500; ++round) {
        const auto i = static_cast<uint32_t>(own() % plain.size());
        std::string out;
        if (!texts->read(i, out).ok() || out != plain[i]) ++wrong;
        const uint32_t some[] = {i, std::min(i + 1, texts->size() - 1)};
        const Status status = read_many(
            texts, some, [&](uint32_t at, std::string_view text) { wrong += text != plain[at]; });
        wrong += !status.ok();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace viridian::documents
