#include "sysdb/postgres_sysdb.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <thread>

#include "postgres/migrations.h"
#include "sysdb/sysdb_workload.h"
#include "tests/conformance/postgres_server.h"

namespace viridian {
namespace {

using std::chrono::milliseconds;

/// Leases that say what the test says.
class ScriptedLeases final : public Leases {
 public:
  Result<Holder> holder(const Context&, const CollectionId&) override {
    return Error(Code::unavailable, "nobody");
  }
  Result<uint64_t> epoch(const Context&, const CollectionId&) override {
    if (epoch_ == 0) return Error(Code::aborted, "another server has it");
    return epoch_.load();
  }
  Status confirm(const Context&, const CollectionId&, uint64_t epoch) override {
    if (before_confirm) before_confirm();
    if (lost_ || epoch != epoch_) return Error(Code::aborted, "another server took it");
    return ok_status();
  }
  bool certain(const CollectionId&, uint64_t epoch) const noexcept override {
    return certain_ && epoch == epoch_;
  }
  std::vector<ServerInfo> servers() const override { return {}; }
  Status renew(const Context&, const CollectionId&, uint64_t) override { return ok_status(); }
  Status take(const Context&, uint32_t) override { return ok_status(); }

  std::atomic<uint64_t> epoch_ = 0;
  std::atomic<bool> certain_ = false;
  std::atomic<bool> lost_ = false;
  std::function<void()> before_confirm;
};

class PostgresSysDb : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_POSTGRES();
    url_ = PostgresServer::shared()->new_database();
    pool_ = PostgresServer::pool(url_);
  }
  static Collection collection(const std::string& name) {
    Collection made;
    made.id = Uuid::random();
    made.name = name;
    made.tenant = kDefaultTenant;
    made.database = kDefaultDatabase;
    return made;
  }
  static CollectionChange dimension(uint32_t to) {
    CollectionChange change;
    change.dimension.emplace(to);
    return change;
  }
  static Context aged(milliseconds age) { return Context().with_freshness({age, 0}); }

  Context ctx_;
  std::string url_;
  std::unique_ptr<postgres::Pool> pool_;
};

// If two servers could both make a collection of one name, one's records would be lost to its
// users.
TEST_F(PostgresSysDb, OfManyThatMakeANameOneDoes) {
  const auto second_pool = PostgresServer::pool(url_);
  postgres::SysDb first(*pool_);
  postgres::SysDb second(*second_pool);
  constexpr int kThreads = 8;
  constexpr int kNames = 25;
  std::mutex mutex;
  std::map<std::string, std::vector<CollectionId>> winners;
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        SysDb& db = t % 2 == 0 ? static_cast<SysDb&>(first) : second;
        for (int i = 0; i < kNames; ++i) {
          const Collection made = collection("c" + std::to_string(i));
          const Status status = db.create_collection(ctx_, made, {});
          if (!status.ok() && status.error().code() != Code::already_exists) ++wrong;
          // Whoever it was, everybody finds it from now on.
          if (!db.get_collection(ctx_, DatabasePath(), made.name).ok()) ++wrong;
          if (!status.ok()) continue;
          const std::lock_guard lock(mutex);
          winners[made.name].push_back(made.id);
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(winners.size(), size_t{kNames});
  for (const auto& [name, ids] : winners) {
    ASSERT_EQ(ids.size(), 1u) << name;
    EXPECT_EQ(first.get_collection(ctx_, DatabasePath(), name)->id, ids[0]);
  }
}

// A database goes while collections are made in it: each is either refused or removed.
TEST_F(PostgresSysDb, NothingIsLeftInADatabaseThatGoes) {
  postgres::SysDb db(*pool_);
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(db.create_database(ctx_, {kDefaultTenant, "d"}).ok());
    std::vector<CollectionId> made;
    std::vector<CollectionId> removed;
    {
      std::jthread writer([&] {
        for (int i = 0; i < 50; ++i) {
          Collection one = collection("c" + std::to_string(i));
          one.database = "d";
          const Status status = db.create_collection(ctx_, one, {});
          if (status.ok()) made.push_back(one.id);
          if (status.ok()) continue;
          EXPECT_EQ(status.error().code(), Code::not_found);
          return;
        }
      });
      while (*db.count_collections(ctx_, {kDefaultTenant, "d"}) < 5) std::this_thread::yield();
      removed = *db.delete_database(ctx_, {kDefaultTenant, "d"});
    }
    std::sort(made.begin(), made.end());
    EXPECT_EQ(made, removed);
    EXPECT_TRUE(db.all_collections(ctx_)->empty());
  }
}

TEST_F(PostgresSysDb, ChangesByManyAreDoneOneAfterTheOther) {
  const auto second_pool = PostgresServer::pool(url_);
  postgres::SysDb first(*pool_);
  postgres::SysDb second(*second_pool);
  const Collection made = collection("counter");
  ASSERT_TRUE(first.create_collection(ctx_, made, {}).ok());
  ASSERT_TRUE(first.update_collection(ctx_, made.id, dimension(0)).ok());
  constexpr uint32_t kEach = 40;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        SysDb& db = t % 2 == 0 ? static_cast<SysDb&>(first) : second;
        for (uint32_t done = 0; done < kEach;) {
          CollectionChange change;
          change.only_if = *db.get_collection(ctx_, made.id);
          change.dimension.emplace(*change.only_if->dimension + 1);
          const auto changed = db.update_collection(ctx_, made.id, change);
          EXPECT_EQ(changed.ok() ? Code::aborted : changed.error().code(), Code::aborted);
          done += changed.ok() ? 1 : 0;
        }
      });
    }
  }
  EXPECT_EQ(first.get_collection(ctx_, made.id)->dimension, 4 * kEach);
  EXPECT_EQ(second.get_collection(ctx_, made.id)->dimension, 4 * kEach);
}

// ---- Rows in memory

TEST_F(PostgresSysDb, ReadsAreAsOldAsTheyMayBe) {
  postgres::SysDb here(*pool_);
  postgres::SysDb there(*pool_);
  const Collection made = collection("c");
  ASSERT_TRUE(here.create_collection(ctx_, made, {}).ok());
  ASSERT_TRUE(there.update_collection(ctx_, made.id, dimension(5)).ok());
  EXPECT_EQ(here.get_collection(aged(Context::kAnyAge), made.id)->dimension, std::nullopt);
  EXPECT_EQ(here.get_collection(aged(std::chrono::hours(1)), made.id)->dimension, std::nullopt);
  EXPECT_EQ(here.get_collection(aged(milliseconds(0)), made.id)->dimension, 5u);
  EXPECT_EQ(here.get_collection(aged(Context::kAnyAge), made.id)->dimension, 5u);
  ASSERT_TRUE(here.update_collection(ctx_, made.id, dimension(6)).ok());
  EXPECT_EQ(here.get_collection(aged(Context::kAnyAge), made.id)->dimension, 6u);
  ASSERT_TRUE(here.delete_collection(ctx_, made.id).ok());
  EXPECT_FALSE(here.get_collection(aged(Context::kAnyAge), made.id).ok());
}

TEST_F(PostgresSysDb, HolderThatIsCertainAnswersFromMemory) {
  ScriptedLeases leases;
  postgres::SysDb holder(*pool_, &leases);
  postgres::SysDb other(*pool_);  // does what no server with leases would: it is to be noticed
  const Collection made = collection("c");
  ASSERT_TRUE(other.create_collection(ctx_, made, {}).ok());
  leases.epoch_ = 3;
  leases.certain_ = true;
  ASSERT_TRUE(holder.get_collection(ctx_, made.id).ok());
  ASSERT_TRUE(other.update_collection(ctx_, made.id, dimension(1)).ok());
  EXPECT_EQ(holder.get_collection(ctx_, made.id)->dimension, std::nullopt) << "from memory";
  leases.certain_ = false;
  EXPECT_EQ(holder.get_collection(ctx_, made.id)->dimension, 1u);
  leases.certain_ = true;
  ASSERT_TRUE(other.update_collection(ctx_, made.id, dimension(2)).ok());
  leases.epoch_ = 4;
  EXPECT_EQ(holder.get_collection(ctx_, made.id)->dimension, 2u) << "a row of an epoch before";
  EXPECT_EQ(holder.update_collection(ctx_, made.id, dimension(3))->dimension, 3u);
  EXPECT_EQ(holder.get_collection(ctx_, made.id)->dimension, 3u);
  // What another server's delete_database() leaves here is forgotten when somebody says so.
  ASSERT_TRUE(other.delete_collection(ctx_, made.id).ok());
  EXPECT_EQ(holder.delete_collection(ctx_, made.id).error().code(), Code::not_found);
  EXPECT_EQ(holder.get_collection(ctx_, made.id).error().code(), Code::not_found);
  // Where nobody says so, it is noticed once the holder looks at everything.
  const Collection next = collection("d");
  ASSERT_TRUE(holder.create_collection(ctx_, next, {}).ok());
  ASSERT_TRUE(holder.get_collection(ctx_, next.id).ok());
  ASSERT_TRUE(other.delete_collection(ctx_, next.id).ok());
  ASSERT_TRUE(holder.all_collections(ctx_).ok());
  EXPECT_EQ(holder.get_collection(ctx_, next.id).error().code(), Code::not_found);
}

TEST_F(PostgresSysDb, OnlyTheHolderChangesARow) {
  ScriptedLeases leases;
  postgres::SysDb db(*pool_, &leases);
  const Collection made = collection("c");
  ASSERT_TRUE(db.create_collection(ctx_, made, {}).ok());
  EXPECT_EQ(db.update_collection(ctx_, made.id, dimension(1)).error().code(), Code::aborted);
  EXPECT_EQ(db.delete_collection(ctx_, made.id).error().code(), Code::aborted);
  leases.epoch_ = 1;
  leases.lost_ = true;
  EXPECT_EQ(db.update_collection(ctx_, made.id, dimension(1)).error().code(), Code::aborted);
  EXPECT_EQ(db.delete_collection(ctx_, made.id).error().code(), Code::aborted);
  EXPECT_EQ(*db.get_collection(ctx_, made.id), made);
  leases.lost_ = false;
  EXPECT_TRUE(db.update_collection(ctx_, made.id, dimension(1)).ok());
  EXPECT_TRUE(db.delete_collection(ctx_, made.id).ok());
}

// The holder before confirms that it is one and then sleeps; the next one must not remember the row
// as it was before the change that is still to come.
TEST_F(PostgresSysDb, NextHolderWaitsForAChangeThatIsUnderWay) {
  ScriptedLeases old_leases;
  ScriptedLeases new_leases;
  postgres::SysDb old_holder(*pool_, &old_leases);
  postgres::SysDb new_holder(*pool_, &new_leases);
  const Collection made = collection("c");
  ASSERT_TRUE(old_holder.create_collection(ctx_, made, {}).ok());
  old_leases.epoch_ = 1;
  std::atomic<bool> confirming = false;
  std::atomic<bool> go_on = false;
  old_leases.before_confirm = [&] {
    confirming = true;
    while (!go_on) std::this_thread::yield();
  };
  std::jthread change(
      [&] { EXPECT_TRUE(old_holder.update_collection(ctx_, made.id, dimension(8)).ok()); });
  while (!confirming) std::this_thread::yield();
  new_leases.epoch_ = 2;
  new_leases.certain_ = true;
  const auto impatient =
      new_holder.get_collection(Context::with_timeout(milliseconds(100)), made.id);
  EXPECT_EQ(impatient.ok() ? Code::internal : impatient.error().code(), Code::deadline_exceeded);
  std::jthread read([&] {
    EXPECT_EQ(new_holder.get_collection(ctx_, made.id)->dimension, 8u);
    EXPECT_EQ(new_holder.get_collection(ctx_, made.id)->dimension, 8u);
  });
  go_on = true;
}

// ---- The server's death

TEST_F(PostgresSysDb, AcknowledgedChangesSurviveKills) {
  postgres::SysDb db(*pool_);
  constexpr size_t kSteps = 150;
  const SysDbWorkload workload(11, kSteps);
  std::atomic<size_t> acknowledged = 0;
  std::jthread writer([&] {
    for (const auto& step : workload.steps()) {
      // A change whose outcome is not known may have been made: then it is found made.
      for (bool again = true; again;) {
        const Status done = step(db);
        again = !done.ok() && done.error().code() == Code::unavailable;
        const bool as_should_be = done.ok() || again ||
                                  done.error().code() == Code::already_exists ||
                                  done.error().code() == Code::not_found;
        EXPECT_TRUE(as_should_be) << done.error().message();
      }
      ++acknowledged;
    }
  });
  for (const size_t at : {20u, 60u, 100u}) {
    while (acknowledged < at) std::this_thread::yield();
    PostgresServer::shared()->kill();
    PostgresServer::shared()->start();
  }
  writer.join();
  EXPECT_EQ(*SysDbWorkload::describe(db), workload.after(kSteps));
}

TEST_F(PostgresSysDb, FrozenServerHoldsNobodyUpLongerThanTheirTime) {
  postgres::SysDb db(*pool_);
  ASSERT_TRUE(db.get_database(ctx_, {}).ok());
  PostgresServer::shared()->freeze();
  const auto late = db.get_database(Context::with_timeout(milliseconds(150)), {});
  const Status change = db.create_tenant(Context::with_timeout(milliseconds(150)), "t");
  PostgresServer::shared()->thaw();
  ASSERT_FALSE(late.ok() || change.ok());
  EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
  EXPECT_EQ(change.error().code(), Code::deadline_exceeded);
  EXPECT_TRUE(db.get_database(ctx_, {}).ok());
}

}  // namespace
}  // namespace viridian
