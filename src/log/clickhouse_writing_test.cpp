// What clickhouse::Log says of batches of which it is not known whether they are stored, or count.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "clickhouse/literal.h"
#include "conformance/mem_history.h"
#include "log/clickhouse_log_fixture.h"

namespace viridian::clickhouse {
namespace {

using conformance::ClickHouseClient;
using conformance::MemHistory;
using std::chrono::milliseconds;

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

// Its successor read when one of them was stored already, and the other one was not.
TEST_F(ClickHouseLogTest, OfBatchesThatAreCommittedTogetherThoseCountThatTheNextEpochGoesOnFrom) {
  const auto owner = process(true);
  const auto next = process(false);
  EXPECT_EQ(append(*owner, 1), 1u);
  const uint64_t epoch = owner->leases.epoch(Context(), id_).value();
  std::atomic<int> begun = 0;
  std::atomic<int> commits = 0;
  owner->history.before_commit = [&] {
    if (++commits == 1) {
      while (begun < 2) std::this_thread::yield();
      std::this_thread::sleep_for(milliseconds(200));  // the two wait for the next insert now
      return;
    }
    if (commits > 2) return;
    ASSERT_EQ(next->leases.take(), epoch + 1);
    LogBlocks seal(next->client.client().seconds(), 10, 1000);
    seal.add_seal(id_, epoch + 1, epoch, 4);
    ASSERT_TRUE(next->client.client().insert(Context(), {}, kLogTable, seal.blocks().front()).ok());
  };
  std::vector<Result<SeqId>> outcomes(2, Error(Code::internal, "not asked"));
  std::jthread first([&] { append(*owner, 1); });
  while (commits == 0) std::this_thread::yield();
  std::vector<std::jthread> both;
  for (auto& outcome : outcomes) {
    both.emplace_back([&] {
      ++begun;
      outcome = owner->log->append(Context(), id_, batch_of(2));
    });
  }
  both.clear();
  if (!outcomes[0].ok()) std::swap(outcomes[0], outcomes[1]);
  EXPECT_EQ(outcomes[0].value_or(0), 4u);
  ASSERT_FALSE(outcomes[1].ok());
  EXPECT_EQ(outcomes[1].error().code(), Code::aborted);
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

}  // namespace
}  // namespace viridian::clickhouse
