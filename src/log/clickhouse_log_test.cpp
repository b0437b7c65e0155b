// What clickhouse::Log does beyond what every log does: several owners and readers of the same
// collection, answers of some age, days.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "clickhouse/hanging_proxy.h"
#include "clickhouse/literal.h"
#include "clickhouse/test_server.h"
#include "log/clickhouse_log_fixture.h"

namespace viridian::clickhouse {
namespace {

using conformance::ClickHouseClient;
using std::chrono::milliseconds;

TEST_F(ClickHouseLogTest, AppendIfIsRefusedWhereTheLogGoesFurther) {
  const auto owner = process(true);
  EXPECT_EQ(append(*owner, 3), 3u);
  const auto refused = owner->log->append_if(Context(), id_, batch_of(1), 2);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::aborted);
  EXPECT_EQ(owner->log->append_if(Context(), id_, batch_of(2), 3).value_or(0), 5u);
}

TEST_F(ClickHouseLogTest, OfManyThatDecidedByTheSameStateOneAppends) {
  const auto owner = process(true);
  append(*owner, 1);
  std::atomic<int> won = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back(
        [&] { won += owner->log->append_if(Context(), id_, batch_of(1), 1).ok(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(owner->log->last(Context(), id_).value_or(0), 2u);
}

TEST_F(ClickHouseLogTest, WhoDoesNotHoldTheLeaseIsTold) {
  const auto other = process(false);
  const auto refused = other->log->append(Context(), id_, batch_of(1));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::aborted);
}

TEST_F(ClickHouseLogTest, OwnerThatWasRobbedIsRefusedAndReadersAgree) {
  const auto first = process(true);
  append(*first, 2);
  const auto second = process(true);
  EXPECT_EQ(append(*second, 3), 5u);
  const auto refused = first->log->append(Context(), id_, batch_of(1));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::aborted);
  EXPECT_EQ(append(*second, 1), 6u);
  for (const LogProcess* reader : {first.get(), second.get()}) {
    std::vector<SeqId> ends;
    for (SeqId at = 0; at < 6; at = ends.back()) {
      const auto found = reader->log->read(Context(), id_, at, 1 << 20);
      ASSERT_TRUE(found.ok()) << found.error().message();
      ASSERT_FALSE(found->empty());
      for (const LogBatch& batch : *found) ends.push_back(batch.last_seq());
    }
    EXPECT_EQ(ends, (std::vector<SeqId>{2, 5, 6}));
  }
}

// The robbed one wrote; its successor does not know, since nothing told it before it sealed.
TEST_F(ClickHouseLogTest, ReaderOfWhatCameToNothingBeginsAnew) {
  const auto first = process(true);
  append(*first, 2);
  const auto second = process(true);
  EXPECT_EQ(append(*second, 1), 3u);
  const auto reader = process(false);
  // Rows of the second epoch that its owner never committed, and the third did not see.
  const auto third = process(true);
  ASSERT_TRUE(third->seals.begin(Context(), id_, 3).ok());
  LogBlocks late(third->client.client().seconds(), 10, 1000);
  late.add(id_, 3, 4, *batch_of(2));
  ASSERT_TRUE(third->client.client().insert(Context(), {}, kLogTable, late.blocks().front()).ok());
  ASSERT_EQ(reader->log->read(Context(), id_, 0, 1 << 20)->back().last_seq(), 5u);
  LogBlocks seal(third->client.client().seconds(), 10, 1000);
  seal.add_seal(id_, 4, 3, 3);
  ASSERT_TRUE(third->client.client().insert(Context(), {}, kLogTable, seal.blocks().front()).ok());
  EXPECT_TRUE(reader->log->counts(id_, 5)) << "nobody has asked";
  EXPECT_EQ(reader->log->last(Context(), id_).value(), 3u);
  EXPECT_FALSE(reader->log->counts(id_, 5));
  EXPECT_TRUE(reader->log->counts(id_, 3));
  const auto stale = reader->log->read(Context(), id_, 5, 1 << 20);
  ASSERT_FALSE(stale.ok());
  EXPECT_EQ(stale.error().code(), Code::out_of_range);
  reader->log->forget_reader(id_);
  EXPECT_EQ(reader->log->read(Context(), id_, 0, 1 << 20)->back().last_seq(), 3u);
  EXPECT_TRUE(reader->log->read(Context(), id_, 3, 1 << 20)->empty());
}

// Its epoch goes on from what its first attempt to begin it found, whatever has come since.
TEST_F(ClickHouseLogTest, HolderThatSettlesKnowsWhatItsEpochWillNotGoOnFrom) {
  const auto first = process(true);
  EXPECT_EQ(append(*first, 2), 2u);
  HangingProxy proxy(ClickHouseServer::shared()->port(), 100, std::chrono::hours(1), 1);
  Settings settings = settings_;
  settings.set("clickhouse.url", proxy.url());
  LogProcess second(settings, lease_, true);
  const auto shortly = [] { return Context::with_timeout(milliseconds(300)); };
  EXPECT_FALSE(second.log->append(shortly(), id_, batch_of(1)).ok());
  EXPECT_EQ(proxy.held(), 1u);
  LogBlocks late(first->client.client().seconds(), 10, 1000);
  late.add(id_, first->leases.epoch(Context(), id_).value(), 3, *batch_of(2));
  ASSERT_TRUE(first->client.client().insert(Context(), {}, kLogTable, late.blocks().front()).ok());
  ASSERT_EQ(second.log->read(Context(), id_, 0, 1 << 20)->back().last_seq(), 4u);
  EXPECT_FALSE(second.log->settle(shortly(), id_).ok());
  proxy.let_go();
  const auto settled = second.log->settle(Context(), id_);
  ASSERT_TRUE(settled.ok()) << settled.error().message();
  EXPECT_EQ(*settled, 2u);
  EXPECT_TRUE(second.log->counts(id_, 2));
  EXPECT_FALSE(second.log->counts(id_, 4));
  EXPECT_EQ(append(second, 1), 3u);
  EXPECT_EQ(second.log->settle(Context(), id_).value_or(0), 3u);
  EXPECT_EQ(process(false)->log->settle(Context(), id_).error().code(), Code::aborted);
}

TEST_F(ClickHouseLogTest, ManyCollectionsAreForgottenByMoreStatementsThanOne) {
  const auto owner = process(true);
  append(*owner, 1);
  std::vector<CollectionId> dropped{id_};
  for (int i = 0; i < 6000; ++i) dropped.push_back(Uuid::random());
  Topics topics;
  Upkeep upkeep({owner->client.client(), topics, owner->history, owner->leases}, {});
  upkeep.drop(dropped);
  const Context context = Context::with_timeout(std::chrono::minutes(1));
  for (const CollectionId& id : dropped) ASSERT_TRUE(upkeep.finish_drop(context, id).ok());
  EXPECT_EQ(count(*owner, "collection_id = " + literal(id_)), 0u);
}

TEST_F(ClickHouseLogTest, HolderAnswersForItselfAsLongAsItIsCertain) {
  const auto owner = process(true);
  append(*owner, 2);
  const int asked = owner->history.asked;
  EXPECT_EQ(owner->log->last(Context(), id_).value_or(0), 2u);
  EXPECT_TRUE(owner->log->read(Context(), id_, 2, 100)->empty());
  EXPECT_EQ(owner->history.asked, asked);
  owner->leases.set_certain(false);
  EXPECT_EQ(owner->log->last(Context(), id_).value_or(0), 2u);
  EXPECT_EQ(owner->history.asked, asked + 1);
}

TEST_F(ClickHouseLogTest, AnswersMayBeAsOldAsTheContextSays) {
  const auto owner = process(true);
  const auto reader = process(false);
  append(*owner, 2);
  EXPECT_EQ(reader->log->last(Context(), id_).value_or(0), 2u);
  append(*owner, 1);
  const int asked = reader->history.asked;
  const Context any = Context().with_freshness({Context::kAnyAge, 0});
  EXPECT_EQ(reader->log->last(any, id_).value_or(0), 2u);
  const Context hour = Context().with_freshness({std::chrono::hours(1), 0});
  EXPECT_EQ(reader->log->last(hour, id_).value_or(0), 2u);
  EXPECT_EQ(reader->history.asked, asked);
  // What the caller wrote itself has to be in it.
  const Context session = Context().with_freshness({Context::kAnyAge, 3});
  EXPECT_EQ(reader->log->last(session, id_).value_or(0), 3u);
  append(*owner, 1);
  EXPECT_EQ(reader->log->last(Context(), id_).value_or(0), 4u);
}

TEST_F(ClickHouseLogTest, WhatSomebodyWantsFreshIsAskedForInTheBackground) {
  const auto owner = process(true);
  const auto reader = process(false);
  append(*owner, 1);
  const Context bounded = Context().with_freshness({milliseconds(20), 0});
  EXPECT_EQ(reader->log->last(bounded, id_).value_or(0), 1u);
  append(*owner, 1);
  EXPECT_EQ(learnt_within(std::chrono::minutes(1), *reader, 2), 2u);
}

TEST_F(ClickHouseLogTest, LastNumbersAreAskedForWhileDropsTakeTheirTime) {
  const auto owner = process(true);
  const auto reader = process(false);
  append(*owner, 1);
  std::atomic<bool> forgetting = false, stuck = true;
  reader->history.before_forget = [&] {
    forgetting = true;
    while (stuck) std::this_thread::sleep_for(milliseconds(5));
  };
  ASSERT_TRUE(reader->log->drop(Context(), Uuid::random()).ok());
  while (!forgetting) std::this_thread::yield();
  const Context bounded = Context().with_freshness({milliseconds(20), 0});
  EXPECT_EQ(reader->log->last(bounded, id_).value_or(0), 1u);
  append(*owner, 1);
  EXPECT_EQ(learnt_within(std::chrono::seconds(20), *reader, 2), 2u);
  stuck = false;
}

TEST_F(ClickHouseLogTest, ErasedRecordsAreStoredNowhere) {
  const auto owner = process(true);
  append(*owner, 4);
  append(*owner, 3);
  append(*owner, 2);
  ASSERT_TRUE(owner->log->erase(Context(), id_, 8).ok());
  EXPECT_EQ(count(*owner, "collection_id = " + literal(id_) + " AND op < 9"), 2u);
  const auto found = owner->log->read(Context(), id_, 7, 1 << 20);
  ASSERT_TRUE(found.ok()) << found.error().message();
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(owner->log->read(Context(), id_, 6, 100).error().code(), Code::out_of_range);
  EXPECT_EQ(append(*owner, 1), 10u);
}

// Rows of long ago are made by hand: two collections, of which one is all trimmed.
TEST_F(ClickHouseLogTest, DaysGoOnceEverythingInThemIsLetGoOf) {
  const auto owner = process(true);
  constexpr uint32_t kDay = 86'400;
  const CollectionId other = Uuid::random();
  for (const CollectionId& id : {id_, other}) {
    LogBlocks old(owner->client.client().seconds() - 5 * kDay, 10, 10'000);
    old.add_seal(id, 1, 0, 0);
    old.add(id, 1, 1, *batch_of(4));
    ASSERT_TRUE(owner->client.client().insert(Context(), {}, kLogTable, old.blocks().front()).ok());
  }
  EXPECT_EQ(append(*owner, 2), 6u);
  Topics topics;
  Upkeep upkeep({owner->client.client(), topics, owner->history, owner->leases}, {});
  const std::string old_rows = "ts < now() - 86400";
  ASSERT_TRUE(owner->log->trim(Context(), id_, 4).ok());
  ASSERT_TRUE(upkeep.drop_days(Context()).ok());
  EXPECT_EQ(count(*owner, old_rows), 10u);  // the other one's are needed
  ASSERT_TRUE(owner->log->trim(Context(), other, 4).ok());
  ASSERT_TRUE(upkeep.drop_days(Context()).ok());
  EXPECT_EQ(count(*owner, old_rows), 0u);
  // Numbers go on as if nothing had been there to forget.
  const auto fresh = process(true);
  EXPECT_EQ(fresh->log->last(Context(), other).value_or(0), 4u);
  EXPECT_EQ(fresh->log->read(Context(), id_, 4, 1 << 20)->back().last_seq(), 6u);
  EXPECT_EQ(fresh->log->append(Context(), other, batch_of(1)).value_or(0), 5u);
}

TEST_F(ClickHouseLogTest, WellServersHaveNoFindings) {
  const auto owner = process(true);
  EXPECT_TRUE(owner->log->health(Context::with_timeout(std::chrono::seconds(30))).empty());
}

// As of a replica that is frozen: it takes connections and all the time there is.
TEST_F(ClickHouseLogTest, OfAReplicaThatSaysNothingTheOthersAreNotSuspected) {
  Listener silent([](int socket) {
    for (char buffer[1024]; ::recv(socket, buffer, sizeof buffer, 0) > 0;) continue;
  });
  Settings settings = ClickHouseServer::shared()->settings();
  settings.set("clickhouse.url", silent.url() + "," + ClickHouseServer::shared()->url());
  settings.set("clickhouse.timeout_ms", "1000");
  ClickHouseClient client(settings);
  Replicas replicas(client.client(), client.metrics());
  const auto health = replicas.health(Context::with_timeout(milliseconds(1000)));
  ASSERT_EQ(health.size(), 2u);
  EXPECT_FALSE(health[0].reachable);
  EXPECT_TRUE(health[1].reachable) << health[1].error;
}

}  // namespace
}  // namespace viridian::clickhouse
