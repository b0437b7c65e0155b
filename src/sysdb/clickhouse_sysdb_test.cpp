#include "sysdb/clickhouse_sysdb.h"

#include <gtest/gtest.h>

#include <mutex>
#include <random>
#include <thread>

#include "clickhouse/test_client.h"
#include "sysdb/name_history.h"
#include "sysdb/sysdb_workload.h"
#include "sysdb/told_leases.h"
#include "tests/conformance/clickhouse_server.h"

namespace viridian::clickhouse {
namespace {

Collection collection(const std::string& name) {
  Collection made;
  made.id = Uuid::random();
  made.name = name;
  made.tenant = kDefaultTenant;
  made.database = kDefaultDatabase;
  return made;
}

CollectionChange renamed(const std::string& name) {
  CollectionChange change;
  change.name = name;
  return change;
}

/// Unset: it was ok.
template <class T>
std::optional<Code> code_of(const Result<T>& result) {
  if (result.ok()) return std::nullopt;
  return result.error().code();
}

/// Several servers' SysDbs over one database.
class ClickHouseSysDb : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_CLICKHOUSE();
    client_ = TestClient::start(ClickHouseServer::shared()->settings());
  }
  void TearDown() override {
    if (client_) execute("DROP DATABASE " + client_->database());
  }
  std::unique_ptr<SysDb> open(viridian::Leases* leases = nullptr, uint64_t snapshot_every = 1000) {
    auto db = std::make_unique<SysDb>(*client_, leases, SysDb::Options{snapshot_every});
    const Status started = db->start(Context());
    EXPECT_TRUE(started.ok()) << started.error().message();
    return db;
  }
  void execute(const std::string& sql) {
    const Status done = client_->execute(Context(), {}, sql);
    EXPECT_TRUE(done.ok()) << done.error().message();
  }
  std::vector<std::string> tables(const std::string& like) {
    const auto block =
        client_->select(Context(), {}, "SHOW TABLES FROM " + client_->database() + " LIKE " + like,
                        {{"name", StringColumn()}});
    std::vector<std::string> names;
    EXPECT_TRUE(block.ok()) << block.error().message();
    for (size_t i = 0; block.ok() && i < block->rows(); ++i)
      names.emplace_back(block->get<StringColumn>(0)[i]);
    return names;
  }
  /// Removes the newest version's name, and adds what another server wrote beside version 1.
  std::string lose_head_beside(const std::string& txn) {
    const std::string head = tables("'head%'").at(0);
    execute("INSERT INTO " + client_->database() + ".sysdb_log SELECT 1 AS version, '" + txn +
            "' AS txn, '' AS prev, '' AS body, now() AS ts");
    execute("DROP TABLE " + client_->database() + "." + head);
    return head;
  }
  uint64_t log_rows() {
    const auto block = client_->select(
        Context(), {}, "SELECT toUInt64(count()) AS n FROM " + client_->database() + ".sysdb_log",
        {{"n", std::vector<uint64_t>()}});
    return block.ok() ? block->get<std::vector<uint64_t>>(0)[0] : 0;
  }

  TestClient client_;
};

// ---- Restored databases

// The newest version's name is no row, so a backup of the tables' rows lacks it. Taken for a new
// catalogue, the restored one would be empty, and the data of its collections be removed.
TEST_F(ClickHouseSysDb, ACatalogueWithoutItsHeadIsNotTakenForAnEmptyOne) {
  ASSERT_TRUE(open()->create_collection(Context(), collection("a"), {}).ok());
  ASSERT_TRUE(open()->create_collection(Context(), collection("b"), {}).ok());
  // What lost against the last change, or never took effect.
  const std::string head = lose_head_beside("lost");
  SysDb db(*client_, nullptr, {});
  const Status refused = db.start(Context());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::failed_precondition);
  EXPECT_NE(refused.error().message().find(head + " loses nothing"), std::string::npos)
      << refused.error().message();
  EXPECT_TRUE(tables("'head%'").empty());
  execute("CREATE TABLE " + client_->database() + "." + head + " (nothing UInt8) ENGINE = Memory");
  EXPECT_EQ(open()->all_collections(Context())->size(), 2u);
}

// Two servers were changing it at the same moment: one of them may have been told that it had.
TEST_F(ClickHouseSysDb, WhichOfTwoLastChangesCountsIsNotGuessed) {
  ASSERT_TRUE(open()->create_collection(Context(), collection("a"), {}).ok());
  const std::string head = lose_head_beside("other");
  SysDb db(*client_, nullptr, {});
  const std::string why = db.start(Context()).error().message();
  for (const std::string& name : {std::string("head_0_"), std::string("head_1_other"), head})
    EXPECT_NE(why.find(name), std::string::npos) << why;
  EXPECT_EQ(why.find("loses nothing"), std::string::npos) << why;
}

// ---- Histories

/// Random calls about few names by several threads, through several SysDbs.
class Crowd {
 public:
  explicit Crowd(std::vector<SysDb*> dbs) : dbs_(std::move(dbs)) {}

  void run(size_t threads, int calls, uint32_t seed) {
    std::vector<std::jthread> crowd;
    for (size_t t = 0; t < threads; ++t)
      crowd.emplace_back([this, t, calls, seed] {
        std::mt19937 random(seed * 100 + static_cast<uint32_t>(t));
        for (int done = 0; done < calls;) done += one(*dbs_[t % dbs_.size()], random) ? 1 : 0;
      });
  }
  void look(const char* name) { (void)get(*dbs_.front(), name); }
  std::vector<NameCall> take() { return std::move(calls_); }

 private:
  using Kind = NameCall::Kind;

  /// Whether there was an answer, or none can be had.
  bool one(SysDb& db, std::mt19937& random) {
    constexpr const char* kNames[] = {"a", "b", "c"};
    const std::string name = kNames[random() % 3];
    const auto what = random() % 10;
    if (what < 3) return get(db, name);
    if (what < 6) {
      const Collection made = collection(name);
      {
        const std::lock_guard lock(mutex_);
        ids_.push_back(made.id);
      }
      return note({Kind::create, name, made.id},
                  [&] { return db.create_collection(Context(), made, {}); });
    }
    CollectionId id;
    {
      const std::lock_guard lock(mutex_);
      // One of the last: it may be there still.
      if (!ids_.empty()) id = ids_[ids_.size() - 1 - random() % std::min<size_t>(ids_.size(), 4)];
    }
    if (what < 8)
      return note({Kind::rename, name, id}, [&]() -> Status {
        VIRIDIAN_TRY_VOID(db.update_collection(Context(), id, renamed(name)));
        return ok_status();
      });
    return note({Kind::remove, "", id}, [&] { return db.delete_collection(Context(), id); });
  }

  bool get(SysDb& db, const std::string& name) {
    NameCall call{Kind::get, name, {}};
    call.begun = clock_++;
    const auto row = db.get_collection(Context(), DatabasePath(), name);
    call.ended = clock_++;
    call.answer = answer_of(row);
    if (row.ok()) call.id = row->id;
    // An unknown answer to a question says nothing.
    const std::lock_guard lock(mutex_);
    if (call.answer == NameCall::Answer::unknown) return false;
    calls_.push_back(call);
    return true;
  }

  template <class Do>
  bool note(NameCall call, const Do& action) {
    call.begun = clock_++;
    const Status status = action();
    call.ended = clock_++;
    call.answer = answer_of(status);
    const bool nothing = call.answer == NameCall::Answer::unknown &&
                         status.error().message().find("is not known") == std::string::npos;
    const std::lock_guard lock(mutex_);
    if (!nothing) calls_.push_back(call);
    return !nothing;
  }

  template <class T>
  static NameCall::Answer answer_of(const Result<T>& result) {
    using Answer = NameCall::Answer;
    if (result.ok()) return Answer::ok;
    switch (result.error().code()) {
      case Code::already_exists:
        return Answer::taken;
      case Code::not_found:
        return Answer::missing;
      default:
        EXPECT_EQ(code_of(result), Code::unavailable) << result.error().message();
        return Answer::unknown;
    }
  }

  const std::vector<SysDb*> dbs_;
  std::atomic<uint64_t> clock_{0};
  std::mutex mutex_;
  std::vector<NameCall> calls_;    // guarded by mutex_
  std::vector<CollectionId> ids_;  // guarded by mutex_
};

TEST(NameHistory, FindsAnswersThatNoOrderExplains) {
  using Kind = NameCall::Kind;
  using Answer = NameCall::Answer;
  const CollectionId one = Uuid::random();
  const CollectionId two = Uuid::random();
  const NameCall first{Kind::create, "a", one, Answer::ok, 0, 1};
  // Both got the name; an old answer after a newer one; a lost one.
  EXPECT_FALSE(NameHistory({first, {Kind::create, "a", two, Answer::ok, 0, 2}}).explainable());
  EXPECT_FALSE(NameHistory({first,
                            {Kind::rename, "b", one, Answer::ok, 2, 9},
                            {Kind::get, "b", one, Answer::ok, 3, 4},
                            {Kind::get, "a", one, Answer::ok, 5, 6}})
                   .explainable());
  EXPECT_FALSE(NameHistory({first, {Kind::get, "a", {}, Answer::missing, 2, 3}}).explainable());
  // The same at the same time, and with a call that nobody knows of whether it was done.
  EXPECT_TRUE(NameHistory({first, {Kind::get, "a", {}, Answer::missing, 0, 3}}).explainable());
  EXPECT_TRUE(NameHistory({first,
                           {Kind::remove, "", one, Answer::unknown, 2, 3},
                           {Kind::get, "a", one, Answer::ok, 4, 5},
                           {Kind::get, "a", {}, Answer::missing, 6, 7}})
                  .explainable());
}

TEST_F(ClickHouseSysDb, CallsOfManyThreadsOfTwoServersHaveAnOrder) {
  const auto one = open();
  const auto two = open();
  for (uint32_t round = 0; round < 6 && !HasFailure(); ++round) {
    ASSERT_TRUE(one->reset(Context()).ok());
    Crowd crowd({one.get(), two.get()});
    crowd.run(8, 5, round);
    EXPECT_TRUE(NameHistory(crowd.take()).explainable()) << "round " << round;
  }
}

TEST_F(ClickHouseSysDb, DeathOfClickHouseLosesNothingThatWasAcknowledged) {
  const auto one = open();
  const auto two = open();
  for (uint32_t round = 0; round < 4 && !HasFailure(); ++round) {
    ASSERT_TRUE(one->reset(Context()).ok());
    Crowd crowd({one.get(), two.get()});
    {
      std::atomic<bool> done = false;
      std::jthread calls([&] {
        crowd.run(6, 6, 50 + round);
        done = true;
      });
      // Amid the changes: their bodies are coming in.
      const uint64_t rows = log_rows();
      while (!done && log_rows() < rows + 5) std::this_thread::yield();
      ClickHouseServer::shared()->kill();
      ClickHouseServer::shared()->start();
    }
    for (const char* name : {"a", "b", "c"}) crowd.look(name);
    EXPECT_TRUE(NameHistory(crowd.take()).explainable()) << "round " << round;
    EXPECT_EQ(tables("'head\\_%'").size(), 1u);
    const auto fresh = open();
    EXPECT_EQ(*SysDbWorkload::describe(*fresh), *SysDbWorkload::describe(*one));
  }
}

// ---- Names that a crash leaves

TEST_F(ClickHouseSysDb, NamesThatACrashLeftArePutAsideAndTheNewestCounts) {
  const auto one = open();
  const Collection made = collection("a");
  ASSERT_TRUE(one->create_collection(Context(), made, {}).ok());
  ASSERT_TRUE(one->update_collection(Context(), made.id, renamed("b")).ok());
  const std::string head = tables("'head\\_%'").at(0);
  // Amid RENAME: the old name, one that lost against ours, and one from long ago.
  for (const std::string& left : {std::string("head_1_0"), head + "z", std::string("head_0_")})
    execute("CREATE TABLE " + client_->database() + "." + left +
            " (nothing UInt8) ENGINE = Memory");
  const auto two = open();
  EXPECT_EQ(two->get_collection(Context(), made.id)->name, "b");
  EXPECT_EQ(tables("'head\\_%'"), std::vector{head});
  EXPECT_TRUE(tables("'void\\_%'").empty());
  ASSERT_TRUE(two->update_collection(Context(), made.id, renamed("c")).ok());
  EXPECT_EQ(one->get_collection(Context(), made.id)->name, "c");
}

// ---- Snapshots

TEST_F(ClickHouseSysDb, SnapshotsBringStartersAndStragglersUpToDateAndOldChangesGo) {
  const auto straggler = open(nullptr, 10);
  ASSERT_EQ(straggler->count_collections(Context(), {}).value(), 0u);
  const auto writer = open(nullptr, 10);
  const SysDbWorkload workload(7, 64);
  for (const auto& step : workload.steps()) ASSERT_TRUE(step(*writer).ok());
  const std::string expected = workload.after(64);
  EXPECT_EQ(*SysDbWorkload::describe(*straggler), expected);
  EXPECT_EQ(*SysDbWorkload::describe(*open(nullptr, 10)), expected);
  // The mutation is done in the background; what it leaves is two snapshots and what follows.
  while (log_rows() > 22) std::this_thread::yield();
  EXPECT_EQ(*SysDbWorkload::describe(*open(nullptr, 10)), expected);
  // Also a snapshot in many parts, one of which is all that a dead server wrote of another.
  execute("INSERT INTO " + client_->database() +
          ".sysdb_log SELECT toUInt64(64), 'snapshot-x-0-2', '', 'nothing', now()");
  EXPECT_EQ(*SysDbWorkload::describe(*open(nullptr, 10)), expected);
}

TEST_F(ClickHouseSysDb, DamagedChangeIsDataLossAndNotAnOlderCatalogue) {
  const auto one = open();
  ASSERT_TRUE(one->create_tenant(Context(), "t").ok());
  const auto before = open();
  ASSERT_TRUE(one->create_tenant(Context(), "u").ok());
  execute("ALTER TABLE " + client_->database() + ".sysdb_log DELETE WHERE version = 2");
  while (log_rows() > 1) std::this_thread::yield();
  EXPECT_EQ(code_of(before->get_tenant(Context(), "t")), Code::data_loss);
  EXPECT_TRUE(before->get_tenant(Context().with_freshness({.age = Context::kAnyAge}), "t").ok());
  SysDb late(*client_, nullptr, {});
  EXPECT_EQ(code_of(late.start(Context())), Code::data_loss);
}

// ---- Freshness, and slots that are held

TEST_F(ClickHouseSysDb, ReadsAreAsOldAsTheyMayBe) {
  const auto one = open();
  const auto two = open();
  ASSERT_TRUE(one->create_tenant(Context(), "t").ok());
  using Freshness = Context::Freshness;
  const Context any = Context().with_freshness(Freshness{.age = Context::kAnyAge});
  const Context day = Context().with_freshness(Freshness{.age = std::chrono::hours(24)});
  EXPECT_FALSE(two->get_tenant(any, "t").ok());
  EXPECT_FALSE(two->get_tenant(day, "t").ok());
  EXPECT_TRUE(two->get_tenant(Context(), "t").ok());
  EXPECT_TRUE(two->get_tenant(any, "t").ok());
}

TEST_F(ClickHouseSysDb, HolderAnswersFromMemoryWhileItIsCertain) {
  ToldLeases leases;
  const auto holder = open(&leases);
  const auto other = open();
  const Collection made = collection("a");
  ASSERT_TRUE(other->create_collection(Context(), made, {}).ok());
  leases.held = 5;
  EXPECT_EQ(holder->get_collection(Context(), made.id)->name, "a");
  // Nobody may do this; it shows where answers come from.
  ASSERT_TRUE(other->update_collection(Context(), made.id, renamed("b")).ok());
  EXPECT_EQ(holder->get_collection(Context(), made.id)->name, "a");
  leases.sure = false;
  EXPECT_EQ(holder->get_collection(Context(), made.id)->name, "b");
  leases.sure = true;
  ASSERT_TRUE(holder->update_collection(Context(), made.id, renamed("c")).ok());
  EXPECT_EQ(holder->get_collection(Context(), made.id)->name, "c");
  ASSERT_TRUE(other->update_collection(Context(), made.id, renamed("d")).ok());
  leases.held = 6;  // taken anew: what was read under another epoch does not count
  EXPECT_EQ(holder->get_collection(Context(), made.id)->name, "d");
  leases.held = 0;
  EXPECT_EQ(code_of(holder->update_collection(Context(), made.id, renamed("e"))), Code::aborted);
  EXPECT_EQ(code_of(holder->delete_collection(Context(), made.id)), Code::aborted);
  EXPECT_EQ(holder->get_collection(Context(), made.id)->name, "d");
}

// Else the new holder answers from memory what the old one has changed since.
TEST_F(ClickHouseSysDb, ChangeThatTheHolderBeforeWasPermittedCannotTakeEffectAfterTheNextOnesRead) {
  ToldLeases old_leases;
  ToldLeases new_leases;
  const auto old_holder = open(&old_leases);
  const auto new_holder = open(&new_leases);
  const Collection made = collection("a");
  ASSERT_TRUE(old_holder->create_collection(Context(), made, {}).ok());
  old_leases.held = 1;
  old_leases.on_confirm = [&] {  // it was permitted, and then the slot is taken
    old_leases.held = 0;
    new_leases.held = 2;
    EXPECT_EQ(new_holder->get_collection(Context(), made.id)->name, "a");
  };
  EXPECT_EQ(code_of(old_holder->update_collection(Context(), made.id, renamed("b"))),
            Code::aborted);
  EXPECT_EQ(new_holder->get_collection(Context(), made.id)->name, "a");
  new_leases.sure = false;
  EXPECT_EQ(new_holder->get_collection(Context(), made.id)->name, "a");
}

TEST_F(ClickHouseSysDb, SeveralServersOfClickHouseAreRefused) {
  const std::string url = ClickHouseServer::shared()->url();
  config::Sources sources;
  sources.flags = {{"clickhouse.url", url + ";" + url}, {"clickhouse.database", "unused"}};
  const auto loaded = config::load(sources);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  const TestClient two_shards = TestClient::make(loaded->settings);
  SysDb db(*two_shards, nullptr, {});
  EXPECT_EQ(code_of(db.start(Context())), Code::failed_precondition);
}

}  // namespace
}  // namespace viridian::clickhouse
