#include "clickhouse/native.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "clickhouse/literal.h"
#include "clickhouse/test_blocks.h"

namespace viridian::clickhouse {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

/// Bytes that come in small pieces of different sizes.
class Dribble final : public ByteSource {
 public:
  Dribble(std::string_view bytes, size_t most) : rest_(bytes), most_(most) {}
  std::string_view peek() override { return rest_.substr(0, left_); }
  void skip(size_t n) override {
    rest_.remove_prefix(n);
    left_ -= n;
    if (left_ == 0) left_ = next_ = next_ % most_ + 1;
  }

 private:
  std::string_view rest_;
  size_t most_;
  size_t next_ = 1;
  size_t left_ = 1;
};

std::string encode(const Block& block) {
  auto bytes = encode_native(block);
  if (bytes.ok()) return *std::move(bytes);
  ADD_FAILURE() << bytes.error().message();
  return {};
}

/// All blocks of a source end to end.
Result<Block> decode(ByteSource& source, const Shape& shape, NativeLimits limits = {}) {
  NativeDecoder decoder(source, shape, limits);
  Block whole = empty_of(shape);
  Block block;
  while (true) {
    VIRIDIAN_TRY(const bool more, decoder.next(block));
    if (!more) return whole;
    append(whole, block);
  }
}

Result<Block> decode(std::string_view bytes, const Shape& shape, NativeLimits limits = {}) {
  MemorySource source(bytes);
  return decode(source, shape, limits);
}

TEST(NativeCodec, BytesAreThoseOfTheServer) {
  // What ClickHouse 18.16 and 26.7 answer to SELECT 1 AS a.
  EXPECT_EQ(encode({{{"a", std::vector<uint8_t>{1}}}}),
            "\x01\x01\x01"
            "a\x05UInt8\x01"sv);
  Block block{every_type()};
  block.get<std::vector<uint8_t>>(0) = {0x01};
  block.get<std::vector<uint16_t>>(1) = {0x0102};
  block.get<std::vector<uint32_t>>(2) = {0x01020304};
  block.get<std::vector<uint64_t>>(3) = {0x0102030405060708};
  block.get<std::vector<Uuid>>(4) = {*Uuid::parse("00010203-0405-0607-0809-0a0b0c0d0e0f")};
  block.get<StringColumn>(5).push_back(std::string(200, 'x'));
  block.get<FloatArrays>(6) = {{2}, {1.0F, -2.0F}};
  block.get<Times>(7) = {{0x01020304}};
  const std::string expected =
      "\x08\x01"
      "\x02u8\x05UInt8\x01"
      "\x03u16\x06UInt16\x02\x01"
      "\x03u32\x06UInt32\x04\x03\x02\x01"
      "\x03u64\x06UInt64\x08\x07\x06\x05\x04\x03\x02\x01"
      "\x04uuid\x04UUID\x07\x06\x05\x04\x03\x02\x01\x00\x0F\x0E\x0D\x0C\x0B\x0A\x09\x08"
      "\x01s\x06String\xC8\x01"s +
      std::string(200, 'x') +
      "\x01v\x0E"
      "Array(Float32)\x02\0\0\0\0\0\0\0\0\0\x80\x3F\0\0\0\xC0"
      "\x01t\x08"
      "DateTime\x04\x03\x02\x01"s;
  EXPECT_EQ(encode(block), expected);
  const auto back = decode(expected, every_type());
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(*back, block);
}

TEST(NativeCodec, AnyBlocksComeBackHoweverTheirBytesArrive) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 60; ++round) {
    std::string bytes;
    Block whole{every_type()};
    for (size_t blocks = random() % 4; blocks > 0; --blocks) {
      const Block block = random_block(random, random() % 20);
      bytes += encode(block);
      append(whole, block);
    }
    Dribble dribble(bytes, 1 + random() % 40);
    const auto slowly = decode(dribble, every_type());
    ASSERT_TRUE(slowly.ok()) << slowly.error().message();
    EXPECT_TRUE(same_bits(*slowly, whole));
    const auto at_once = decode(bytes, every_type());
    ASSERT_TRUE(at_once.ok()) << at_once.error().message();
    EXPECT_TRUE(same_bits(*at_once, whole));
  }
}

TEST(NativeCodec, LargeColumnsComeBack) {
  std::mt19937_64 random(2);
  Block block{{{"v", FloatArrays()}, {"n", std::vector<uint64_t>()}}};
  for (uint64_t i = 0; i < 50'000; ++i) {
    auto& arrays = block.get<FloatArrays>(0);
    for (uint64_t n = random() % 5; n > 0; --n) arrays.values.push_back(static_cast<float>(i));
    arrays.ends.push_back(arrays.values.size());
    block.get<std::vector<uint64_t>>(1).push_back(random());
  }
  const std::string bytes = encode(block);
  Dribble dribble(bytes, 100'000);
  const auto back = decode(dribble, empty_of(block.columns).columns);
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(*back, block);
}

TEST(NativeCodec, ACutAnywhereButBetweenBlocksIsAnError) {
  std::mt19937_64 random(3);
  const std::string first = encode(random_block(random, 3));
  const std::string bytes = first + encode(random_block(random, 2));
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    const auto back = decode(std::string_view(bytes).substr(0, cut), every_type());
    if (cut == 0 || cut == first.size()) {
      EXPECT_TRUE(back.ok()) << cut;
    } else {
      ASSERT_FALSE(back.ok()) << cut;
      EXPECT_EQ(back.error().code(), Code::data_loss);
    }
  }
}

TEST(NativeCodec, AFlippedBitNeverMakesAnAnswerShorter) {
  std::mt19937_64 random(4);
  const Block block = random_block(random, 5);
  const std::string bytes = encode(block);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto back = decode(flipped, every_type());
    if (back.ok()) {
      EXPECT_EQ(back->rows(), block.rows()) << bit;
      EXPECT_FALSE(same_bits(*back, block)) << bit;
    } else {
      EXPECT_EQ(back.error().code(), Code::data_loss);
    }
  }
}

TEST(NativeCodec, AMessageInThePlaceOfABlockIsKept) {
  const Shape shape = {{"a", std::vector<uint8_t>()}};
  const std::string block = encode({{{"a", std::vector<uint8_t>{1, 2}}}});
  const std::string message = "Code: 395, e.displayText() = DB::Exception: no";
  const std::string bytes = block + message;
  MemorySource source(bytes);
  NativeDecoder decoder(source, shape);
  Block got;
  ASSERT_TRUE(decoder.next(got).value());
  EXPECT_EQ(got.rows(), 2U);
  ASSERT_FALSE(decoder.next(got).ok());
  EXPECT_EQ(decoder.header_bytes() + std::string(source.peek()), message);
}

TEST(NativeCodec, OtherNamesTypesOrColumnsAreRefused) {
  const std::string bytes = encode({{{"a", std::vector<uint8_t>{1}}}});
  EXPECT_TRUE(decode(bytes, {{"a", std::vector<uint8_t>()}}).ok());
  EXPECT_FALSE(decode(bytes, {{"b", std::vector<uint8_t>()}}).ok());
  EXPECT_FALSE(decode(bytes, {{"aa", std::vector<uint8_t>()}}).ok());
  EXPECT_FALSE(decode(bytes, {{"a", std::vector<uint16_t>()}}).ok());
  EXPECT_FALSE(decode(bytes, {{"a", std::vector<uint8_t>()}, {"b", std::vector<uint8_t>()}}).ok());
}

TEST(NativeCodec, ATimeZoneIsPartOfATypeAndNotOfAValue) {
  const Shape shape = {{"t", Times()}};
  const auto back = decode(
      "\x01\x01\x01t\x0F"
      "DateTime('UTC')\x01\0\0\0"sv,
      shape);
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(back->get<Times>(0).seconds, std::vector<uint32_t>{1});
  EXPECT_FALSE(decode("\x01\x01\x01t\x0D"
                      "DateTime64(3)\x01\0\0\0\0\0\0\0"sv,
                      shape)
                   .ok());
}

TEST(NativeCodec, BlocksWithoutRowsAreNothing) {
  const Shape shape = {{"a", StringColumn()}};
  const std::string empty = encode(empty_of(shape));
  const std::string full = encode({{{"a", StringColumn{"x"}}}});
  const auto back = decode(empty + full + empty, shape);
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(back->rows(), 1U);
}

TEST(NativeCodec, LengthsAreNotBelieved) {
  const Shape strings = {{"a", StringColumn()}};
  const Shape arrays = {{"a", FloatArrays()}};
  const Shape numbers = {{"a", std::vector<uint64_t>()}};
  const std::string huge = "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F";
  EXPECT_FALSE(decode("\x01" + huge, numbers).ok());
  // The most rows there may be, and no bytes: nothing like that much memory is taken.
  EXPECT_FALSE(decode("\x01\x80\x80\x80\x08\x01"
                      "a\x06UInt64"s,
                      numbers)
                   .ok());
  EXPECT_FALSE(decode("\x01\x01\x01"
                      "a\x06String" +
                          huge,
                      strings)
                   .ok());
  EXPECT_FALSE(decode("\x01\x01\x01"
                      "a\x0E"
                      "Array(Float32)\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"sv,
                      arrays)
                   .ok());
  // Ends that do not ascend.
  EXPECT_FALSE(decode("\x01\x02\x01"
                      "a\x0E"
                      "Array(Float32)\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv,
                      arrays)
                   .ok());
  // A varint without an end.
  EXPECT_FALSE(decode(std::string(11, '\xFF'), numbers).ok());
}

TEST(NativeCodec, ABlockBeyondItsLimitsIsRefused) {
  const Block block{{{"a", StringColumn{std::string(60, 'x'), std::string(60, 'y')}}}};
  const std::string bytes = encode(block);
  const Shape shape = {{"a", StringColumn()}};
  EXPECT_TRUE(decode(bytes, shape, {2, 120}).ok());
  EXPECT_FALSE(decode(bytes, shape, {1, 120}).ok());
  EXPECT_FALSE(decode(bytes, shape, {2, 119}).ok());
}

TEST(NativeCodec, ColumnsOfUnequalLengthAreNotEncoded) {
  EXPECT_FALSE(encode_native({{{"a", std::vector<uint8_t>{1}}, {"b", StringColumn()}}}).ok());
  EXPECT_FALSE(encode_native({{{"a", FloatArrays{{2, 1}, {1, 2}}}}}).ok());
  EXPECT_FALSE(encode_native({{{"a", FloatArrays{{1}, {1, 2}}}}}).ok());
}

TEST(Literal, QuotesAndWhatIsNotAsciiAreEscaped) {
  EXPECT_EQ(literal("a'b\\c\"`"), R"('a\'b\\c"`')");
  EXPECT_EQ(literal("\0\n\x7F\xC3"sv), R"('\x00\x0A\x7F\xC3')");
  EXPECT_EQ(identifier("a`b'"), R"(`a\`b'`)");
  EXPECT_EQ(literal(*Uuid::parse("00010203-0405-0607-0809-0a0b0c0d0e0f")),
            "toUUID('00010203-0405-0607-0809-0a0b0c0d0e0f')");
}

}  // namespace
}  // namespace viridian::clickhouse
