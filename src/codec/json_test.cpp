#include "codec/json.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "codec/json_reader.h"

namespace viridian::json {
namespace {

std::string error_of(std::string_view text) {
  const auto value = parse(text);
  if (value.ok()) return "ok";
  EXPECT_EQ(value.error().code(), Code::invalid_argument);
  const std::string prefix = "Failed to parse the request body as JSON: ";
  EXPECT_TRUE(value.error().message().starts_with(prefix));
  return value.error().message().substr(prefix.size());
}

Value parsed(std::string_view text) {
  auto value = parse(text);
  EXPECT_TRUE(value.ok()) << text << ": " << value.error().message();
  return value.ok() ? *std::move(value) : Value();
}

template <class T>
std::string written(const T& value) {
  Writer out;
  if constexpr (std::is_floating_point_v<T>)
    out.floating(value);
  else
    out.value(value);
  return std::move(out).take();
}

/// Our tree as the oracle's, so that both readers can be compared.
nlohmann::json oracle_of(const Value& value) {
  if (value.boolean() != nullptr) return *value.boolean();
  if (value.integer() != nullptr) return *value.integer();
  if (value.floating() != nullptr) return *value.floating();
  if (value.string() != nullptr) return *value.string();
  if (value.array() != nullptr) {
    auto result = nlohmann::json::array();
    for (const Value& element : *value.array()) result.push_back(oracle_of(element));
    return result;
  }
  if (value.object() != nullptr) {
    auto result = nlohmann::json::object();
    for (const auto& [name, member] : *value.object()) result[name] = oracle_of(member);
    return result;
  }
  return nullptr;
}

class Random {
 public:
  uint64_t below(uint64_t n) { return engine_() % n; }
  std::string text() {
    static const std::vector<std::string> kPieces = {"a",
                                                     "\"",
                                                     "\\",
                                                     "/",
                                                     "\n",
                                                     std::string(1, '\0'),
                                                     "\x1f",
                                                     "\x7f",
                                                     "\xC3\xA9",
                                                     "\xE2\x82\xAC",
                                                     "\xF0\x9F\x98\x80",
                                                     "plain text of some length",
                                                     " "};
    std::string result;
    for (uint64_t n = below(8); n > 0; --n) result += kPieces[below(kPieces.size())];
    return result;
  }
  double number() {
    double value = std::bit_cast<double>(engine_());
    return std::isfinite(value) ? value : 0.1;
  }
  Value value(int depth) {
    switch (below(depth > 0 ? 7 : 5)) {
      case 0:
        return Value();
      case 1:
        return Value(below(2) == 0);
      case 2:
        return Value(static_cast<int64_t>(engine_() >> below(64)));
      case 3:
        return Value(below(2) == 0 ? number() : static_cast<double>(below(1000)) / 8);
      case 4:
        return Value(text());
      case 5: {
        Array elements;
        for (uint64_t n = below(5); n > 0; --n) elements.push_back(value(depth - 1));
        return Value(std::move(elements));
      }
      default: {
        Object members;
        for (uint64_t n = below(5); n > 0; --n)
          members.emplace_back(text() + std::to_string(n), value(depth - 1));
        return Value(std::move(members));
      }
    }
  }

 private:
  std::mt19937_64 engine_{20240517};
};

TEST(Json, WhatIsWrittenIsReadBackByUsAndByTheOracle) {
  Random random;
  for (int round = 0; round < 3000; ++round) {
    const Value value = random.value(4);
    const std::string text = written(value);
    const auto oracle = nlohmann::json::parse(text, nullptr, false);
    ASSERT_FALSE(oracle.is_discarded()) << text;
    ASSERT_EQ(oracle, oracle_of(value)) << text;
    ASSERT_EQ(written(parsed(text)), text);
    // The oracle's own spelling, with blanks and all characters escaped, means the same to us.
    ASSERT_EQ(oracle_of(parsed(oracle.dump(2, ' ', true))), oracle) << text;
  }
}

TEST(Json, ChangedTextsAreAcceptedExactlyWhenTheOracleAcceptsThem) {
  Random random;
  const std::string bytes = "{}[]\",:\\0123456789-+.eEtruefalsn \x01\xC3\xA9";
  for (int round = 0; round < 20000; ++round) {
    std::string text = written(random.value(3));
    for (uint64_t n = 1 + random.below(2); n > 0 && !text.empty(); --n) {
      const size_t at = random.below(text.size());
      const char byte = bytes[random.below(bytes.size())];
      switch (random.below(3)) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        default:
          text.erase(at, 1);
          break;
      }
    }
    ASSERT_EQ(parse(text).ok(), nlohmann::json::accept(text)) << text;
  }
}

TEST(Json, DoublesAndFloatsReadBackBitForBit) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 100000; ++round) {
    const double value = std::bit_cast<double>(random());
    if (std::isfinite(value)) {
      const Value read = parsed(written(value));
      ASSERT_NE(read.floating(), nullptr) << written(value);
      ASSERT_EQ(std::bit_cast<uint64_t>(*read.floating()), std::bit_cast<uint64_t>(value));
    }
    const float small = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (std::isfinite(small)) {
      const Value read = parsed(written(small));
      ASSERT_NE(read.floating(), nullptr) << written(small);
      ASSERT_EQ(std::bit_cast<uint32_t>(static_cast<float>(*read.floating())),
                std::bit_cast<uint32_t>(small));
    }
  }
}

TEST(Json, DecimalTextsAreReadAsTheOracleReadsThem) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 100000; ++round) {
    std::string text = random() % 2 == 0 ? "-" : "";
    for (uint64_t n = 1 + random() % 22; n > 0; --n) text += static_cast<char>('1' + random() % 9);
    if (random() % 4 != 0) text += "." + std::to_string(random() % 100000000);
    if (random() % 3 == 0) text += "e" + std::to_string(static_cast<int>(random() % 60) - 30);
    const Value value = parsed(text);
    const double read =
        value.integer() != nullptr ? static_cast<double>(*value.integer()) : *value.floating();
    ASSERT_EQ(std::bit_cast<uint64_t>(read),
              std::bit_cast<uint64_t>(std::strtod(text.c_str(), nullptr)))
        << text;
  }
}

TEST(Json, NumbersAreWrittenShortAndRecognisably) {
  EXPECT_EQ(written(1.0), "1.0");
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(0.1f), "0.1");
  EXPECT_EQ(written(-0.0f), "-0.0");
  EXPECT_EQ(written(0.01613009f), "0.01613009");
  EXPECT_EQ(written(9.223372036854776e18), "9223372036854775808.0");
  EXPECT_EQ(written(1e30), "1e+30");
  EXPECT_EQ(written(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(written(std::nanf("")), "null");
}

TEST(Json, IntegersBeyondInt64BecomeFlaggedDoubles) {
  EXPECT_EQ(*parsed("9223372036854775807").integer(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(*parsed("-9223372036854775808").integer(), std::numeric_limits<int64_t>::min());
  for (const char* text : {"9223372036854775808", "-9223372036854775809", "18446744073709551616",
                           "100000000000000000000000000"}) {
    const Value value = parsed(text);
    ASSERT_NE(value.floating(), nullptr) << text;
    EXPECT_EQ(*value.floating(), std::strtod(text, nullptr));
    EXPECT_TRUE(value.is_big_integer());
  }
  EXPECT_FALSE(parsed("1e3").is_big_integer());
  EXPECT_EQ(*parsed("1e-400").floating(), 0);
  EXPECT_NE(error_of("1e400").find("number out of range"), std::string::npos);
}

TEST(Json, FaultsSayWhatAndWhere) {
  EXPECT_EQ(error_of(""), "EOF while parsing a value at line 1 column 0");
  EXPECT_EQ(error_of("{} x"), "trailing characters at line 1 column 4");
  EXPECT_EQ(error_of("{\n\"a\": NaN}"), "expected value at line 2 column 6");
  EXPECT_EQ(error_of("[1,"), "EOF while parsing a value at line 1 column 3");
  EXPECT_EQ(error_of("[1"), "EOF while parsing a list at line 1 column 2");
  EXPECT_EQ(error_of("{\"a\""), "EOF while parsing an object at line 1 column 4");
  EXPECT_EQ(error_of("\"abc"), "EOF while parsing a string at line 1 column 4");
  EXPECT_TRUE(error_of("[\"\xFF\"]").starts_with("invalid UTF-8 at line 1 column 3"));
  EXPECT_TRUE(error_of("[\"\xED\xA0\x80\"]").starts_with("invalid UTF-8"));
  for (const char* text :
       {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\u0041")", R"("\ud800\ud800")"})
    EXPECT_TRUE(error_of(text).starts_with("lone surrogate")) << text;
  EXPECT_EQ(*parsed(R"("\ud83d\ude00")").string(), "\xF0\x9F\x98\x80");
  for (const char* text :
       {"01",       "1.",     ".5",      "-",         "+1",         "1e",        "0x10",
        "Infinity", "tru",    "nul",     "[1,]",      "{\"a\":1,}", "{a:1}",     "'a'",
        "[1}",      "\"\t\"", R"("\x")", R"("\u12")", "[1 2]",      "{\"a\" 1}", "]"})
    EXPECT_NE(error_of(text), "ok") << text;
}

TEST(Json, NestingHasALimit) {
  const auto nested = [](int depth) {
    return std::string(static_cast<size_t>(depth), '[') +
           std::string(static_cast<size_t>(depth), ']');
  };
  EXPECT_TRUE(parse(nested(kMaxDepth)).ok());
  EXPECT_NE(error_of(nested(kMaxDepth + 1)).find("recursion limit"), std::string::npos);
  EXPECT_NE(error_of(std::string(1000000, '[')), "ok");
  EXPECT_TRUE(parse("[" + nested(100) + "," + nested(100) + "]").ok());
}

TEST(Json, RepeatedMembersStayForTheReaderToJudge) {
  EXPECT_EQ(parsed(R"({"a":1,"a":2})").object()->size(), 2u);
}

TEST(Json, WriterReplacesWhatIsNotUtf8) {
  std::string out;
  append_string(out, "a\xFF\xC3");
  EXPECT_EQ(out, "\"a\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(Reader, StringsOfAllLengthsEndWhereTheyEnd) {
  for (size_t length = 0; length < 40; ++length)
    for (const char* end : {"\"", "\\n\"", "\xC3\xA9\""}) {
      const std::string text = "\"" + std::string(length, 'x') + end;
      const auto oracle = nlohmann::json::parse(text);
      EXPECT_EQ(*parsed(text).string(), oracle.get<std::string>());
    }
}

TEST(Reader, FloatsStopAtWhatIsNoNumber) {
  Reader reader("[1, 2.5, \"x\"]");
  FloatBuffer floats;
  bool only_numbers = true;
  ASSERT_TRUE(reader.begin_array());
  ASSERT_TRUE(reader.read_floats(floats, only_numbers));
  EXPECT_FALSE(only_numbers);
  EXPECT_EQ(floats, (FloatBuffer{1, 2.5f}));
}

TEST(Reader, FloatsRoundToTheNearestUpToTheLargest) {
  Reader reader(
      "[3.4028235e+38,3.40282356e+38,-3.4028235e+38,3.4028236e+38,-1e300,16777217,1e-50]");
  FloatBuffer floats;
  bool only_numbers = false;
  ASSERT_TRUE(reader.begin_array());
  ASSERT_TRUE(reader.read_floats(floats, only_numbers));
  constexpr float kMax = std::numeric_limits<float>::max();
  EXPECT_EQ(floats, (FloatBuffer{kMax, kMax, -kMax, INFINITY, -INFINITY, 16777216, 0}));
}

}  // namespace
}  // namespace viridian::json
