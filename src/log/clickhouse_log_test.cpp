// What clickhouse::Log does beyond what every log does: several owners and readers of the same
// collection, answers of some age, numbers of which it is not known whether they are stored, days.
#include "log/clickhouse_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "clickhouse/literal.h"
#include "clickhouse/test_server.h"
#include "conformance/clickhouse_client.h"
#include "conformance/clickhouse_server.h"
#include "conformance/mem_history.h"
#include "conformance/single_leases.h"
#include "log/clickhouse_rows.h"
#include "log/seal_history.h"

namespace viridian::clickhouse {
namespace {

using conformance::ClickHouseClient;
using conformance::MemHistory;
using conformance::SharedLease;
using conformance::SingleLeases;
using std::chrono::milliseconds;

/// Commits that fail as a test says.
class FlakyHistory final : public History {
 public:
  explicit FlakyHistory(History& inner) : inner_(inner) {}
  std::atomic<bool> down = false;
  std::atomic<int> asked = 0;
  std::atomic<int> refused = 0;  ///< calls of commit()

  Result<Extent> begin(const Context& c, const CollectionId& id, uint64_t epoch) override {
    return inner_.begin(c, id, epoch);
  }
  std::vector<Status> commit(const Context& c, std::span<const Commit> commits) override {
    if (!down) return inner_.commit(c, commits);
    ++refused;
    return std::vector<Status>(commits.size(), Error(Code::unavailable, "down"));
  }
  Result<Extent> extent(const Context& c, const CollectionId& id) override {
    ++asked;
    return inner_.extent(c, id);
  }
  Result<std::vector<Last>> lasts(const Context& c, std::span<const CollectionId> ids) override {
    return inner_.lasts(c, ids);
  }
  Status start_after(const Context& c, const CollectionId& id, uint64_t epoch,
                     SeqId after) override {
    return inner_.start_after(c, id, epoch, after);
  }
  Status trim(const Context& c, const CollectionId& id, SeqId up_to) override {
    return inner_.trim(c, id, up_to);
  }
  Status forget(const Context& c, std::span<const CollectionId> ids) override {
    return inner_.forget(c, ids);
  }

 private:
  History& inner_;
};

/// Leases that are about to be given up, or are gone, as a test says.
class FadingLeases final : public viridian::Leases {
 public:
  std::atomic<bool> leaving = false;  ///< nothing is begun under them any more
  std::atomic<bool> gone = false;
  std::atomic<int> asked = 0;

  Result<Holder> holder(const Context&, const CollectionId&) override {
    return Holder{"another", "", false};
  }
  Result<uint64_t> epoch(const Context&, const CollectionId&) override {
    ++asked;
    if (leaving || gone) return Error(Code::aborted, "not this server's to write");
    return uint64_t{1};
  }
  Status confirm(const Context&, const CollectionId&, uint64_t) override {
    if (gone) return Error(Code::aborted, "not this server's");
    return ok_status();
  }
  bool certain(const CollectionId&, uint64_t) const noexcept override { return !leaving && !gone; }
  std::vector<ServerInfo> servers() const override { return {}; }
  Status renew(const Context&, const CollectionId&, uint64_t) override { return ok_status(); }
  Status take(const Context&, uint32_t) override { return ok_status(); }
};

/// A process with a log whose histories are the rows' own.
struct Process {
  Process(const Settings& settings, const std::shared_ptr<SharedLease>& lease, bool holds,
          const Log::Options& options = {})
      : client(settings), leases(lease, holds), seals(client.client(), leases), history(seals) {
    log = std::make_unique<Log>(Log::Parts{client.client(), history, leases, client.metrics()},
                                options);
  }
  ClickHouseClient client;
  SingleLeases leases;
  SealHistory seals;
  FlakyHistory history;
  std::unique_ptr<Log> log;
};

SharedBatch batch_of(size_t rows) {
  RecordBatch batch;
  for (size_t i = 0; i < rows; ++i) batch.ids.push_back("id" + std::to_string(i));
  return std::make_shared<const RecordBatch>(std::move(batch));
}

class ClickHouseLogTest : public testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_CLICKHOUSE(); }
  std::unique_ptr<Process> process(bool holds, const Log::Options& options = {}) {
    if (settings_.begin() == settings_.end()) settings_ = ClickHouseServer::shared()->settings();
    return std::make_unique<Process>(settings_, lease_, holds, options);
  }
  SeqId append(Process& process, size_t rows) {
    const auto last = process.log->append(Context(), id_, batch_of(rows));
    EXPECT_TRUE(last.ok()) << last.error().message();
    return last.value_or(0);
  }
  static uint64_t count(Process& process, const std::string& condition) {
    const auto block = process.client.client().select(
        Context(), {},
        "SELECT count() AS n FROM " + log_table(process.client.client()) + " WHERE " + condition,
        {{"n", std::vector<uint64_t>()}});
    return block.ok() ? block->get<std::vector<uint64_t>>(0).front() : 0;
  }

  Settings settings_;
  std::shared_ptr<SharedLease> lease_ = std::make_shared<SharedLease>();
  const CollectionId id_ = Uuid::random();
};

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
  for (const Process* reader : {first.get(), second.get()}) {
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
  EXPECT_EQ(reader->log->read(Context(), id_, 0, 1 << 20)->back().last_seq(), 3u);
  EXPECT_TRUE(reader->log->read(Context(), id_, 3, 1 << 20)->empty());
}

TEST_F(ClickHouseLogTest, BatchWhoseCommitFailedIsCommittedLaterUnderItsNumber) {
  const auto owner = process(true);
  append(*owner, 2);
  owner->history.down = true;
  const auto unknown =
      owner->log->append(Context::with_timeout(milliseconds(300)), id_, batch_of(3));
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code(), Code::unavailable);
  EXPECT_EQ(owner->log->last(Context(), id_).value_or(0), 2u);
  owner->history.down = false;
  EXPECT_EQ(append(*owner, 1), 6u);
  const auto found = owner->log->read(Context(), id_, 0, 1 << 20);
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 3u);
  EXPECT_EQ((*found)[1].batch->rows(), 3u);
}

TEST_F(ClickHouseLogTest, DoubtfulBatchIsSettledWithoutAnotherAppend) {
  const auto owner = process(true);
  append(*owner, 2);
  owner->history.down = true;
  EXPECT_FALSE(owner->log->append(Context::with_timeout(milliseconds(200)), id_, batch_of(3)).ok());
  owner->history.down = false;
  EXPECT_TRUE(owner->log->wait(Context::with_timeout(std::chrono::minutes(1)), id_, 4).ok());
}

TEST_F(ClickHouseLogTest, DoubtfulBatchIsKeptWhileASlotIsOnlyLeavingAndNotOnceItIsLost) {
  ClickHouseClient client(ClickHouseServer::shared()->settings());
  FadingLeases leases;
  MemHistory rows;
  FlakyHistory history(rows);
  Log log({client.client(), history, leases, client.metrics()}, {});
  // Of a batch that is stored; from then on the leases are as `then` says.
  const auto lose_an_answer = [&](std::atomic<bool>& then) {
    const int before = history.refused;
    history.down = true;
    while (history.refused == before)
      EXPECT_FALSE(log.append(Context::with_timeout(milliseconds(200)), id_, batch_of(3)).ok());
    then = true;
    history.down = false;
  };
  const auto await_asked = [&](int more) {
    const int before = leases.asked;
    while (leases.asked < before + more) std::this_thread::yield();
  };
  leases.leaving = true;
  EXPECT_EQ(log.append(Context(), id_, batch_of(1)).error().code(), Code::aborted);
  leases.leaving = false;
  lose_an_answer(leases.leaving);
  await_asked(3);
  leases.leaving = false;
  EXPECT_TRUE(log.wait(Context::with_timeout(std::chrono::minutes(1)), id_, 2).ok());
  lose_an_answer(leases.gone);
  await_asked(1);
  std::this_thread::sleep_for(milliseconds(100));
  const int asked = leases.asked;
  std::this_thread::sleep_for(milliseconds(1200));
  EXPECT_EQ(leases.asked, asked) << "nothing is left to try again";
}

TEST_F(ClickHouseLogTest, RecordThatNoInsertTakesIsRefusedAndTheCollectionGoesOn) {
  const auto owner = process(true);
  RecordBatch batch;
  for (const char* id : {"small", "huge"}) batch.ids.push_back(id);
  batch.documents.push_back("d");
  batch.documents.push_back(std::string(Client::kBlockBytes, 'x'));
  const auto refused =
      owner->log->append(Context(), id_, std::make_shared<const RecordBatch>(std::move(batch)));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::invalid_argument);
  EXPECT_NE(refused.error().message().find("'huge'"), std::string::npos);
  EXPECT_EQ(append(*owner, 1), 1u);
  EXPECT_EQ(count(*owner, "collection_id = " + literal(id_) + " AND op < 9"), 1u);
}

// A first record that fills a block, and then more of them than the server is sent at once.
TEST_F(ClickHouseLogTest, BatchOfWhichALaterBlockIsRefusedLeavesNothingThatCounts) {
  Log::Options options;
  options.writer.block_rows = 2 * Client::kBlockRows;
  options.writer.block_bytes = size_t{12} << 20;
  const auto owner = process(true, options);
  EXPECT_EQ(append(*owner, 2), 2u);
  RecordBatch batch;
  for (size_t i = 0; i <= Client::kBlockRows + 1; ++i) {
    batch.ids.push_back("id" + std::to_string(i));
    batch.documents.push_back(i == 0 ? std::string(options.writer.block_bytes, 'x') : "");
  }
  const auto refused =
      owner->log->append(Context(), id_, std::make_shared<const RecordBatch>(std::move(batch)));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::unavailable) << refused.error().message();
  EXPECT_EQ(append(*owner, 1), 3u);
  const auto found = owner->log->read(Context(), id_, 0, 1 << 20);
  ASSERT_TRUE(found.ok()) << found.error().message();
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ(found->back().batch->rows(), 1u);
  const std::string stored = "collection_id = " + literal(id_) + " AND op < 9";
  const uint64_t rows = count(*owner, stored);
  std::this_thread::sleep_for(milliseconds(1200));
  EXPECT_EQ(count(*owner, stored), rows) << "it is not sent again and again";
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
  const Context any = Context().with_freshness({Context::kAnyAge, 0});
  const auto until = Context::Clock::now() + std::chrono::minutes(1);
  while (reader->log->last(any, id_).value_or(0) < 2 && Context::Clock::now() < until)
    std::this_thread::yield();
  EXPECT_EQ(reader->log->last(any, id_).value_or(0), 2u);
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
