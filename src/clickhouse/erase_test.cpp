// Two ClickHouse servers for one shard. They do not replicate here: each is to the other what a
// replica is that lacks something, or has not run a mutation yet.
#include "clickhouse/erase.h"

#include <gtest/gtest.h>

#include <thread>

#include "clickhouse/test_client.h"
#include "tests/conformance/clickhouse_server.h"

namespace viridian::clickhouse {
namespace {

using std::chrono::milliseconds;
using Numbers = std::vector<uint64_t>;

class Erase : public testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_CLICKHOUSE(); }
  void start(const std::string& urls) {
    Settings settings = ClickHouseServer::shared()->settings();
    settings.set("clickhouse.url", urls);
    client_ = TestClient::start(settings);
  }
  static std::string one() { return ClickHouseServer::shared()->url(); }
  static std::string other() { return ClickHouseServer::second()->url(); }
  static std::string nobody() { return ClickHouseServer::url_of_nobody(); }
  void make_table(Node node, Numbers rows) {
    const Status made = client_->execute(
        Context(), node,
        "CREATE TABLE " + client_->database() + ".t (n UInt64) ENGINE = MergeTree ORDER BY n");
    ASSERT_TRUE(made.ok()) << made.error().message();
    ASSERT_TRUE(client_->insert(Context(), node, "t", {{{"n", std::move(rows)}}}).ok());
  }
  Numbers rows(Node node) {
    const auto block =
        client_->select(Context(), node, "SELECT n FROM " + client_->database() + ".t ORDER BY n",
                        {{"n", Numbers()}});
    EXPECT_TRUE(block.ok()) << block.error().message();
    return block.ok() ? block->get<Numbers>(0) : Numbers();
  }
  Status erase(const Context& context = Context()) {
    return erase_rows(context, *client_, 0, "t", "n < 10");
  }

  TestClient client_;
};

TEST_F(Erase, RowsThatAreThereGoAndTheOthersStay) {
  start(one());
  make_table({}, {1, 2, 30});
  const Status erased = erase();
  ASSERT_TRUE(erased.ok()) << erased.error().message();
  EXPECT_EQ(rows({}), Numbers{30});
  EXPECT_TRUE(erase().ok()) << "there are none";
}

TEST_F(Erase, ReplicaThatShowsNoneDoesNotSpeakForTheOthers) {
  start(one() + "," + other());
  make_table({0, 0}, {30});
  make_table({0, 1}, {1, 2, 30});
  const Status erased = erase();
  ASSERT_TRUE(erased.ok()) << erased.error().message();
  EXPECT_EQ(rows({0, 1}), Numbers{30});
}

TEST_F(Erase, WhatOneMutationDidNotTakeIsAskedForAgain) {
  start(one() + "," + other());
  make_table({0, 0}, {1, 30});
  make_table({0, 1}, {2, 30});
  const Status erased = erase();
  ASSERT_TRUE(erased.ok()) << erased.error().message();
  EXPECT_EQ(rows({0, 0}), Numbers{30});
  EXPECT_EQ(rows({0, 1}), Numbers{30});
}

TEST_F(Erase, NothingIsSaidToBeGoneWhileAReplicaIsAway) {
  start(one() + "," + nobody());
  make_table({0, 0}, {1, 30});
  for (int i = 0; i < 2; ++i) {
    const Status erased = erase();
    ASSERT_FALSE(erased.ok());
    EXPECT_EQ(erased.error().code(), Code::unavailable);
  }
  const auto until = Context::Clock::now() + std::chrono::minutes(1);
  while (rows({0, 0}) != Numbers{30} && Context::Clock::now() < until) std::this_thread::yield();
  EXPECT_EQ(rows({0, 0}), Numbers{30}) << "those that answer have begun";
}

TEST_F(Erase, MutationThatDoesNotEndIsNotWaitedForWithoutLimit) {
  start(one());
  make_table({}, {1, 30});
  ASSERT_TRUE(
      client_->execute(Context(), {}, "SYSTEM STOP MERGES " + client_->database() + ".t").ok());
  const Status erased = erase(Context::with_timeout(milliseconds(500)));
  ASSERT_FALSE(erased.ok());
  EXPECT_EQ(erased.error().code(), Code::unavailable) << erased.error().message();
  EXPECT_NE(erased.error().message().find("still there"), std::string::npos);
  ASSERT_TRUE(
      client_->execute(Context(), {}, "SYSTEM START MERGES " + client_->database() + ".t").ok());
  EXPECT_TRUE(erase().ok());
}

}  // namespace
}  // namespace viridian::clickhouse
