#include "clickhouse/address.h"

#include <gtest/gtest.h>

#include "clickhouse/client.h"
#include "clickhouse/errors.h"

namespace viridian::clickhouse {
namespace {

TEST(Addresses, ShardsAndReplicasAreSeparatedAndSpelledOut) {
  const auto shards = parse_addresses("http://a, https://b:1/x/;http://[::1]:8123/");
  ASSERT_TRUE(shards.ok()) << shards.error().message();
  EXPECT_EQ(*shards, (std::vector<std::vector<std::string>>{{"http://a:80", "https://b:1/x"},
                                                            {"http://[::1]:8123"}}));
}

TEST(Addresses, WhatIsNoAddressOrHoldsAPasswordIsRefusedWithoutRepeatingIt) {
  for (const char* setting :
       {"", "a:b:c", "ftp://a", "http://u:secret@a", "http://u@a", "http://a/?password=secret",
        "http://a,,http://b", "http://a;", "http://a/#x"}) {
    const auto shards = parse_addresses(setting);
    ASSERT_FALSE(shards.ok()) << setting;
    EXPECT_EQ(shards.error().code(), Code::invalid_argument);
    EXPECT_EQ(shards.error().message().find("secret"), std::string::npos);
  }
}

TEST(Addresses, ParametersAreEscapedByByte) {
  EXPECT_EQ(percent_encode("a b&c=\xC3%~"), "a%20b%26c%3D%C3%25~");
}

TEST(ServerErrors, TheServersNumberSurvivesWhatIsPutBeforeIt) {
  const Error error =
      server_error("http://a:1", 404, 60, "Code: 60, e.displayText() = DB::Exception: Table\n");
  EXPECT_EQ(error.message(),
            "ClickHouse at http://a:1 answered: Code: 60, e.displayText() = DB::Exception: Table");
  EXPECT_EQ(server_code(error.with("somewhere, Code: 5")), 60);
  EXPECT_EQ(server_code(Error(Code::not_found, "Code: 60")), 0);
  EXPECT_EQ(server_code(server_error("http://a:1", 502, 0, "Code of a proxy")), 0);
}

TEST(ServerErrors, UnknownNumbersGoByTheirStatus) {
  EXPECT_EQ(server_error("a", 400, 7777, "").code(), Code::invalid_argument);
  EXPECT_EQ(server_error("a", 500, 7777, "").code(), Code::internal);
  EXPECT_EQ(server_error("a", 500, 0, "").code(), Code::unavailable);
}

TEST(ServerErrors, LongTextsAreCut) {
  EXPECT_LT(server_error("a", 500, 0, std::string(1 << 20, 'x')).message().size(), 3000U);
}

}  // namespace
}  // namespace viridian::clickhouse
