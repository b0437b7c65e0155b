// Seals on a real server: what is sent and arrives late, or is asked for once its epoch is over.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "clickhouse/hanging_proxy.h"
#include "clickhouse/literal.h"
#include "clickhouse/test_client.h"
#include "conformance/clickhouse_client.h"
#include "conformance/clickhouse_server.h"
#include "conformance/single_leases.h"
#include "log/clickhouse_rows.h"
#include "log/seal_history.h"

namespace viridian::clickhouse {
namespace {

using conformance::ClickHouseClient;
using conformance::SharedLease;
using conformance::SingleLeases;
using std::chrono::milliseconds;
using Spans = std::vector<Span>;

class ClickHouseSeals : public testing::Test {
 protected:
  /// A process with leases of its own.
  struct Process {
    Process(const Settings& settings, const std::shared_ptr<SharedLease>& lease)
        : client(settings), leases(lease), history(client.client(), leases) {}
    uint64_t epoch() { return leases.epoch(Context(), {}).value(); }
    ClickHouseClient client;
    SingleLeases leases;
    SealHistory history;
  };

  void SetUp() override {
    SKIP_WITHOUT_CLICKHOUSE();
    settings_ = ClickHouseServer::shared()->settings();
    first_ = process(settings_);
  }
  std::unique_ptr<Process> process(const Settings& settings) {
    return std::make_unique<Process>(settings, lease_);
  }
  /// All of whose inserts arrive once it is let go of.
  std::unique_ptr<Process> hanging(std::unique_ptr<HangingProxy>& proxy) {
    proxy = std::make_unique<HangingProxy>(ClickHouseServer::shared()->port(), 100,
                                           std::chrono::hours(1), 1);
    Settings settings = settings_;
    settings.set("clickhouse.url", proxy->url());
    return process(settings);
  }
  void store(uint64_t epoch, SeqId first, SeqId last) {
    RecordBatch batch;
    for (SeqId seq = first; seq <= last; ++seq) batch.ids.push_back(std::to_string(seq));
    LogBlocks rows(first_->client.client().seconds(), 1000, 1 << 20);
    rows.add(id_, epoch, first, batch);
    ASSERT_TRUE(
        first_->client.client().insert(Context(), {}, kLogTable, rows.blocks().front()).ok());
  }
  void wait_for_seals(uint64_t epoch, uint64_t number) {
    const std::string sql = "SELECT count() AS n FROM " + log_table(first_->client.client()) +
                            " WHERE collection_id = " + literal(id_) +
                            " AND epoch = " + std::to_string(epoch) +
                            " AND op = " + std::to_string(kSealOp);
    const auto until = Context::Clock::now() + std::chrono::minutes(1);
    for (uint64_t found = 0; found < number;) {
      ASSERT_LT(Context::Clock::now(), until) << found << " seals arrived";
      const auto block =
          first_->client.client().select(Context(), {}, sql, {{"n", std::vector<uint64_t>()}});
      ASSERT_TRUE(block.ok()) << block.error().message();
      found = block->get<std::vector<uint64_t>>(0).front();
      std::this_thread::sleep_for(milliseconds(5));
    }
  }
  static Status commit(Process& process, const History::Commit& one) {
    return process.history.commit(Context(), std::span(&one, 1)).front();
  }
  static Context shortly() { return Context::with_timeout(milliseconds(300)); }

  Settings settings_;
  std::shared_ptr<SharedLease> lease_ = std::make_shared<SharedLease>();
  std::unique_ptr<Process> first_;
  const CollectionId id_ = Uuid::random();
};

// Rows that come between two attempts must not make the second one say something else: it may
// arrive when records of the new epoch have those numbers.
TEST_F(ClickHouseSeals, EpochGoesOnFromWhereItsFirstAttemptSaid) {
  const uint64_t old = first_->epoch();
  ASSERT_TRUE(first_->history.begin(Context(), id_, old).ok());
  store(old, 1, 100);
  std::unique_ptr<HangingProxy> proxy;
  const auto second = hanging(proxy);
  const uint64_t epoch = second->epoch();
  EXPECT_FALSE(second->history.begin(shortly(), id_, epoch).ok());
  store(old, 101, 110);
  EXPECT_FALSE(second->history.begin(shortly(), id_, epoch).ok());
  EXPECT_EQ(proxy->held(), 2u);
  proxy->let_go();
  const auto begun = second->history.begin(Context(), id_, epoch);
  ASSERT_TRUE(begun.ok()) << begun.error().message();
  EXPECT_EQ(begun->last, 100u);
  store(epoch, 101, 105);
  wait_for_seals(epoch, 2);
  const Extent extent = second->history.extent(Context(), id_).value();
  EXPECT_EQ(extent.last, 105u);
  EXPECT_EQ(extent.spans, (Spans{{old, 1}, {epoch, 101}}));
}

TEST_F(ClickHouseSeals, LogThatMayHaveBegunInTheMiddleBeginsThere) {
  std::unique_ptr<HangingProxy> proxy;
  const auto process = hanging(proxy);
  const uint64_t epoch = process->epoch();
  EXPECT_FALSE(process->history.start_after(shortly(), id_, epoch, 50).ok());
  EXPECT_EQ(process->history.start_after(shortly(), id_, epoch, 60).error().code(),
            Code::already_exists);
  proxy->let_go();
  EXPECT_EQ(process->history.begin(Context(), id_, epoch).value().last, 50u);
  wait_for_seals(epoch, 1);
  EXPECT_EQ(process->history.extent(Context(), id_).value().spans, (Spans{{epoch, 51}}));
}

// The next holder's seal says what counts, not that the lease is lost.
TEST_F(ClickHouseSeals, WhatWasStoredIsRefusedOnlyIfTheNextEpochBeganWithoutIt) {
  const auto code = [&](SeqId from, SeqId to, uint64_t epoch) {
    const Status outcome = commit(*first_, {id_, epoch, from, to});
    return outcome.ok() ? Code::internal : outcome.error().code();
  };
  const uint64_t old = first_->epoch();
  ASSERT_TRUE(first_->history.begin(Context(), id_, old).ok());
  store(old, 1, 10);
  const auto second = process(settings_);
  EXPECT_EQ(code(0, 10, old), Code::unavailable) << "nobody has said yet";
  ASSERT_TRUE(second->history.begin(Context(), id_, second->epoch()).ok());
  EXPECT_TRUE(commit(*first_, {id_, old, 0, 10}).ok());
  store(old, 11, 12);
  EXPECT_EQ(code(10, 12, old), Code::aborted);
  store(second->epoch(), 11, 20);
  ASSERT_TRUE(commit(*second, {id_, second->epoch(), 10, 20}).ok());
  EXPECT_TRUE(commit(*first_, {id_, old, 0, 10}).ok());
  ASSERT_TRUE(second->history.trim(Context(), id_, 15).ok());
  EXPECT_EQ(code(0, 10, old), Code::unavailable) << "nobody knows any more";
  EXPECT_EQ(code(10, 16, old), Code::aborted);
}

// It had lost its lease before it read what it sealed; its successor read before that, or after.
TEST_F(ClickHouseSeals, SealOfAnOwnerThatIsNoneAnyMoreSettlesNothing) {
  const uint64_t old = first_->epoch();
  ASSERT_TRUE(first_->history.begin(Context(), id_, old).ok());
  store(old, 1, 10);
  const auto second = process(settings_);
  std::unique_ptr<HangingProxy> proxy;
  const auto third = hanging(proxy);
  EXPECT_FALSE(third->history.begin(shortly(), id_, third->epoch()).ok());
  store(old, 11, 20);
  ASSERT_TRUE(second->history.begin(Context(), id_, second->epoch()).ok());
  EXPECT_EQ(commit(*first_, {id_, old, 10, 20}).error().code(), Code::unavailable);
  proxy->let_go();
  ASSERT_TRUE(third->history.begin(Context(), id_, third->epoch()).ok());
  EXPECT_EQ(commit(*first_, {id_, old, 10, 20}).error().code(), Code::aborted);
  EXPECT_TRUE(commit(*first_, {id_, old, 0, 10}).ok());
}

// Its seal was on its way while its successor read the rows that it had not seen itself.
TEST_F(ClickHouseSeals, NothingCountsOfAnOwnerThatItsSuccessorWentBy) {
  const uint64_t old = first_->epoch();
  ASSERT_TRUE(first_->history.begin(Context(), id_, old).ok());
  store(old, 1, 10);
  std::unique_ptr<HangingProxy> proxy, later;
  const auto second = hanging(proxy);
  const uint64_t epoch = second->epoch();
  EXPECT_FALSE(second->history.begin(shortly(), id_, epoch).ok());
  store(old, 11, 20);
  const auto third = hanging(later);
  EXPECT_FALSE(third->history.begin(shortly(), id_, third->epoch()).ok());
  proxy->let_go();
  ASSERT_TRUE(second->history.begin(Context(), id_, epoch).ok());
  store(epoch, 11, 11);
  EXPECT_EQ(commit(*second, {id_, epoch, 10, 11}).error().code(), Code::unavailable);
  later->let_go();
  ASSERT_TRUE(third->history.begin(Context(), id_, third->epoch()).ok());
  EXPECT_EQ(second->history.extent(Context(), id_)->spans, (Spans{{old, 1}, {third->epoch(), 21}}));
  EXPECT_EQ(commit(*second, {id_, epoch, 10, 11}).error().code(), Code::aborted);
  EXPECT_TRUE(commit(*first_, {id_, old, 10, 20}).ok());
}

TEST_F(ClickHouseSeals, SeveralServersAreRefused) {
  Settings settings = settings_;
  const std::string url = ClickHouseServer::shared()->url();
  for (const char* separator : {",", ";"}) {
    settings.set("clickhouse.url", url + separator + url);
    const TestClient client = TestClient::make(settings);
    const auto made = SealHistory::create(client.system());
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().code(), Code::failed_precondition);
  }
}

}  // namespace
}  // namespace viridian::clickhouse
