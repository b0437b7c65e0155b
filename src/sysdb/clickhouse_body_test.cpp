#include "sysdb/clickhouse_body.h"

#include <gtest/gtest.h>

#include <random>

namespace viridian::clickhouse {
namespace {

using sysdb::CatalogueChange;
using sysdb::CatalogueState;

/// A state that has something of everything.
CatalogueState some_state() {
  CatalogueState state;
  const auto apply = [&](const Result<CatalogueChange>& change) {
    ASSERT_TRUE(change.ok()) << change.error().message();
    state.apply(*change);
  };
  apply(state.create_tenant("t\n\"\\"));
  apply(state.set_tenant_resource_name("t\n\"\\", "\xe4\xb8\xad"));
  apply(state.create_database({"t\n\"\\", "d"}));
  for (int i = 0; i < 5; ++i) {
    Collection row;
    row.id = Uuid::random();
    row.name = "c" + std::to_string(i);
    row.tenant = kDefaultTenant;
    row.database = kDefaultDatabase;
    row.metadata = Metadata{{"k", 0.1 * i}, {"s", std::string(100, 'x')}};
    if (i > 2) row.dimension = 3;
    Segment segment{Uuid::random(), row.id, SegmentScope::vector, "test::Segment", 7, {}};
    segment.placement = "shard-1";
    apply(state.create_collection(row, {segment}));
  }
  return state;
}

void expect_equal(const CatalogueChange& got, const CatalogueChange& expected) {
  EXPECT_EQ(got.from_nothing, expected.from_nothing);
  EXPECT_EQ(got.removed_collections, expected.removed_collections);
  ASSERT_EQ(got.removed_databases.size(), expected.removed_databases.size());
  for (size_t i = 0; i < got.removed_databases.size(); ++i) {
    EXPECT_EQ(got.removed_databases[i].tenant, expected.removed_databases[i].tenant);
    EXPECT_EQ(got.removed_databases[i].database, expected.removed_databases[i].database);
  }
  EXPECT_EQ(got.tenants, expected.tenants);
  EXPECT_EQ(got.databases, expected.databases);
  EXPECT_EQ(got.collections, expected.collections);
}

TEST(ClickHouseBody, ComesBackAsItWas) {
  CatalogueChange change = some_state().everything();
  change.removed_collections = {Uuid::random(), Uuid()};
  change.removed_databases = {{"t\n", ""}, {"", "\xc3\xa9"}};
  for (const CatalogueChange& one : {change, CatalogueChange(), CatalogueState::reset()}) {
    const auto decoded = decode_body(encode_body(one));
    ASSERT_TRUE(decoded.ok()) << decoded.error().message();
    expect_equal(*decoded, one);
  }
}

TEST(ClickHouseBody, PartsMakeTheSameStateAndAreNoLongerThanAskedFor) {
  const CatalogueChange whole = some_state().everything();
  const size_t one_row = encode_body({.from_nothing = false,
                                      .removed_collections = {},
                                      .removed_databases = {},
                                      .tenants = {},
                                      .databases = {},
                                      .collections = {whole.collections[4]}})
                             .size();
  for (const size_t bytes : {size_t{1}, one_row, 3 * one_row, size_t{1} << 20}) {
    const std::vector<std::string> bodies = encode_bodies(whole, bytes);
    CatalogueState state;
    for (const std::string& body : bodies) {
      if (bytes > one_row) {
        EXPECT_LE(body.size(), bytes + 9);  // and the line with the checksum
      }
      const auto change = decode_body(body);
      ASSERT_TRUE(change.ok()) << change.error().message();
      state.apply(*change);
    }
    expect_equal(state.everything(), whole);
    EXPECT_EQ(bodies.size() == 1, bytes == size_t{1} << 20);
  }
}

TEST(ClickHouseBody, DamageIsDataLossAndANewerVersionIsRefused) {
  const std::string body = encode_body(some_state().everything());
  for (size_t length = 0; length < body.size(); ++length)
    ASSERT_EQ(decode_body(std::string_view(body).substr(0, length)).error().code(), Code::data_loss)
        << length;
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = body;
    damaged[random() % body.size()] ^= static_cast<char>(1 << random() % 8);
    const auto decoded = decode_body(damaged);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.error().code(), Code::data_loss);
  }
  // The checksum of what follows was worked out elsewhere.
  const auto newer = decode_body("2a6269d8\n{\"version\":2}\n");
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.error().code(), Code::failed_precondition) << newer.error().message();
}

}  // namespace
}  // namespace viridian::clickhouse
