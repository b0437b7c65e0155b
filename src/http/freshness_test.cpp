#include "http/freshness.h"

#include <gtest/gtest.h>

namespace viridian::http {
namespace {

using std::chrono::milliseconds;

Context::Freshness parsed(std::string_view text) {
  const auto freshness = parse_freshness(text);
  EXPECT_TRUE(freshness.ok()) << text;
  return freshness.ok() ? *freshness : Context::Freshness{milliseconds(-1), 77};
}

void expect(std::string_view text, milliseconds age, uint64_t at_least) {
  EXPECT_EQ(parsed(text).age, age) << text;
  EXPECT_EQ(parsed(text).at_least, at_least) << text;
}

TEST(Freshness, EveryLevelIsUnderstood) {
  expect("strong", milliseconds(0), 0);
  expect("eventual", Context::kAnyAge, 0);
  expect("bounded=250", milliseconds(250), 0);
  expect("session=12", Context::kAnyAge, 12);
  expect("session=18446744073709551615", Context::kAnyAge, UINT64_MAX);
  expect("bounded=86400000,session=3", milliseconds(86'400'000), 3);
  expect(" session=3 ,\tstrong ", milliseconds(0), 3);
}

TEST(Freshness, EverythingElseIsRefusedWithWhatIsAllowed) {
  for (const char* text :
       {"", "weak", "Strong", "bounded", "bounded=", "bounded=-1", "bounded=1.5", "bounded=1s",
        "bounded=86400001", "session", "session=", "session=x", "session=18446744073709551616",
        "strong,eventual", "session=1,session=2", "strong,", ",", "strong;session=1"}) {
    const auto freshness = parse_freshness(text);
    ASSERT_FALSE(freshness.ok()) << text;
    EXPECT_EQ(freshness.error().code(), Code::invalid_argument);
    EXPECT_NE(freshness.error().message().find("session=NUMBER"), std::string::npos);
  }
}

TEST(Freshness, WhatIsWrittenIsReadTheSame) {
  for (const milliseconds age :
       {milliseconds(0), milliseconds(1), milliseconds(86'400'000), Context::kAnyAge}) {
    for (const uint64_t at_least : {uint64_t{0}, uint64_t{1}, UINT64_MAX})
      expect(format_freshness({age, at_least}), age, at_least);
  }
}

}  // namespace
}  // namespace viridian::http
