#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "documents/texts_fixture.h"
#include "documents/texts_format.h"

namespace viridian::documents {
namespace {

/// Reads all that a reader of any bytes may read, and says how many texts that were.
size_t read_all(const std::string& bytes) {
  const auto texts = open(bytes);
  if (!texts.ok()) return 0;
  const uint32_t count = std::min((*texts)->size(), uint32_t{70'000});
  auto cursor = TextCursor::open(*texts);
  size_t read = 0;
  for (uint32_t i = 0; i < count; i += 1 + count / 500) {
    std::string out;
    const Status status = (*texts)->read(i, out);
    // Of wrong bytes, where it begins to look may make another text of them.
    if (cursor.ok()) (void)cursor->read(i);
    EXPECT_LE(out.capacity(), 1024 + 2 * kMostExpansion * bytes.size());
    if (!status.ok()) {
      EXPECT_TRUE(out.empty());
      continue;
    }
    ++read;
    const auto length = (*texts)->length(i);
    EXPECT_TRUE(length.ok() && *length == out.size());
    bool same = false;
    const uint32_t one[] = {i};
    EXPECT_TRUE(
        read_many(*texts, one, [&](uint32_t, std::string_view text) { same = text == out; }).ok());
    EXPECT_TRUE(same);
  }
  return read;
}

TEST(DamagedTexts, AreErrorsOrTexts) {
  std::mt19937 random(1);
  size_t read = 0, rounds = 0;
  for (; rounds < 500; ++rounds) {
    PlainTexts plain = mixed_texts(random, random() % 60);
    if (rounds % 50 == 0) plain.push_back(std::string(3 << 20, 'z'));
    std::string bytes = *build(plain);
    for (auto flips = 1 + random() % 4; flips > 0; --flips) {
      // Half of them where the numbers are that say where everything is.
      const size_t reach = random() % 2 == 0 ? std::min<size_t>(bytes.size(), 200) : bytes.size();
      bytes[random() % reach] ^= static_cast<char>(1 << random() % 8);
    }
    if (random() % 8 == 0) bytes.resize(random() % bytes.size());
    read += read_all(bytes);
    if (HasFailure()) return;
  }
  EXPECT_GT(read, rounds) << "the damage was too great to test more than the header";
}

TEST(DamagedTexts, LyingSizesTakeNoMemory) {
  // One text of one piece after another, each of which says that it has 1 MiB and has 3 bytes.
  constexpr uint32_t runs = 1000;
  std::string bytes(sizeof(TextsHeader) + (runs + 1) * sizeof(uint64_t), '\0');
  const TextsHeader header{kTextsVersion, 1, runs, 0};
  std::memcpy(bytes.data(), &header, sizeof header);
  std::string run;
  append_length(kPieceBytes, run);
  run += "abc";
  for (uint32_t i = 0; i <= runs; ++i) {
    const uint64_t entry = RunEntry{i * run.size(), i == runs}.packed();
    std::memcpy(bytes.data() + sizeof header + i * sizeof entry, &entry, sizeof entry);
    if (i < runs) bytes += run;
  }
  EXPECT_EQ(read_all(bytes), 0U);
}

TEST(DamagedTexts, OfALaterVersionAreRefused) {
  std::string bytes = *build({"a"});
  bytes[0] = 2;
  const auto texts = open(bytes);
  ASSERT_FALSE(texts.ok());
  EXPECT_NE(texts.error().message().find("version 2"), std::string::npos);
}

}  // namespace
}  // namespace viridian::documents
