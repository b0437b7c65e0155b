#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "conformance/clickhouse_client.h"
#include "conformance/clickhouse_server.h"
#include "conformance/single_leases.h"
#include "log/clickhouse_log.h"
#include "log/clickhouse_rows.h"
#include "log/seal_history.h"

namespace viridian::clickhouse {

/// Commits that fail as a test says.
class FlakyHistory final : public History {
 public:
  explicit FlakyHistory(History& inner) : inner_(inner) {}
  std::atomic<bool> down = false;
  std::atomic<int> asked = 0;
  std::atomic<int> refused = 0;  ///< calls of commit()
  std::function<void()> before_commit;
  std::function<void()> before_forget;

  Result<Extent> begin(const Context& c, const CollectionId& id, uint64_t epoch) override {
    return inner_.begin(c, id, epoch);
  }
  std::vector<Status> commit(const Context& c, std::span<const Commit> commits) override {
    if (before_commit) before_commit();
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
    if (before_forget) before_forget();
    return inner_.forget(c, ids);
  }

 private:
  History& inner_;
};

/// A process with a log whose histories are the rows' own.
struct LogProcess {
  LogProcess(const Settings& settings, const std::shared_ptr<conformance::SharedLease>& lease,
             bool holds, const Log::Options& options = {})
      : client(settings), leases(lease, holds), seals(client.client(), leases), history(seals) {
    log = std::make_unique<Log>(Log::Parts{client.client(), history, leases, client.metrics()},
                                options);
  }
  conformance::ClickHouseClient client;
  conformance::SingleLeases leases;
  SealHistory seals;
  FlakyHistory history;
  std::unique_ptr<Log> log;
};

inline SharedBatch batch_of(size_t rows) {
  RecordBatch batch;
  for (size_t i = 0; i < rows; ++i) batch.ids.push_back("id" + std::to_string(i));
  return std::make_shared<const RecordBatch>(std::move(batch));
}

class ClickHouseLogTest : public testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_CLICKHOUSE(); }
  std::unique_ptr<LogProcess> process(bool holds, const Log::Options& options = {}) {
    if (settings_.begin() == settings_.end()) settings_ = ClickHouseServer::shared()->settings();
    return std::make_unique<LogProcess>(settings_, lease_, holds, options);
  }
  SeqId append(LogProcess& process, size_t rows) {
    const auto last = process.log->append(Context(), id_, batch_of(rows));
    EXPECT_TRUE(last.ok()) << last.error().message();
    return last.value_or(0);
  }
  /// The last number that a process knows of without asking, once it is `wanted` or time is up.
  SeqId learnt_within(std::chrono::seconds most, LogProcess& process, SeqId wanted) {
    const Context any = Context().with_freshness({Context::kAnyAge, 0});
    const auto until = Context::Clock::now() + most;
    SeqId known = 0;
    while ((known = process.log->last(any, id_).value_or(0)) < wanted &&
           Context::Clock::now() < until)
      std::this_thread::yield();
    return known;
  }
  static uint64_t count(LogProcess& process, const std::string& condition) {
    const auto block = process.client.client().select(
        Context(), {},
        "SELECT count() AS n FROM " + log_table(process.client.client()) + " WHERE " + condition,
        {{"n", std::vector<uint64_t>()}});
    return block.ok() ? block->get<std::vector<uint64_t>>(0).front() : 0;
  }

  Settings settings_;
  std::shared_ptr<conformance::SharedLease> lease_ = std::make_shared<conformance::SharedLease>();
  const CollectionId id_ = Uuid::random();
};

}  // namespace viridian::clickhouse
