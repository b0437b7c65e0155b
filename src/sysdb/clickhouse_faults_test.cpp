#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <mutex>

#include "clickhouse/test_client.h"
#include "clickhouse/test_server.h"
#include "sysdb/clickhouse_sysdb.h"
#include "sysdb/told_leases.h"
#include "tests/conformance/clickhouse_server.h"

namespace viridian::clickhouse {
namespace {

/// Hands whole requests to the program's ClickHouse, and decides about those with a certain word.
class StatementProxy {
 public:
  /// What to do with a request; `forward` hands it on.
  using Decide = std::function<TestReply(const std::function<TestReply()>& forward)>;

  StatementProxy() : server_([this](const TestRequest& request) { return answer(request); }) {}
  std::string url() const { return server_.url(); }
  void on(std::string word, Decide decide) {
    const std::lock_guard lock(mutex_);
    word_ = std::move(word);
    decide_ = std::move(decide);
  }
  static TestReply broken() { return {"", TestReply::Then::reset}; }

 private:
  TestReply answer(const TestRequest& request) {
    Decide decide;
    {
      const std::lock_guard lock(mutex_);
      if (request.body.find(word_) != std::string::npos) decide = decide_;
    }
    const auto handed_on = [request] { return forward(request); };
    return decide ? decide(handed_on) : handed_on();
  }
  static TestReply forward(const TestRequest& request) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(ClickHouseServer::shared()->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    TestReply reply{"", TestReply::Then::close};
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
        send_all(socket, request.head + "\r\nConnection: close\r\n\r\n" + request.body)) {
      char buffer[4096];
      for (ssize_t n = 0; (n = ::recv(socket, buffer, sizeof buffer, 0)) > 0;)
        reply.bytes.append(buffer, static_cast<size_t>(n));
    }
    ::close(socket);
    return reply;
  }

  std::mutex mutex_;
  std::string word_;  // guarded by mutex_, as decide_
  Decide decide_;
  TestServer server_;  // goes first: its threads use the rest
};

/// One server of ours reaches ClickHouse through the proxy, the other one does not.
class ClickHouseSysDbFaults : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_CLICKHOUSE();
    Settings settings = ClickHouseServer::shared()->settings();
    straight_ = TestClient::start(settings);
    settings.set("clickhouse.url", proxy_.url());
    through_ = TestClient::start(settings);
    leases_.held = 1;
    db_ = std::make_unique<SysDb>(*through_, &leases_, SysDb::Options());
    other_ = std::make_unique<SysDb>(*straight_, nullptr, SysDb::Options());
    for (SysDb* db : {db_.get(), other_.get()}) {
      const Status started = db->start(Context());
      ASSERT_TRUE(started.ok()) << started.error().message();
    }
  }
  void TearDown() override {
    if (!straight_) return;
    EXPECT_TRUE(straight_->execute(Context(), {}, "DROP DATABASE " + straight_->database()).ok());
  }

  StatementProxy proxy_;
  ToldLeases leases_;
  TestClient straight_;
  TestClient through_;
  std::unique_ptr<SysDb> db_;
  std::unique_ptr<SysDb> other_;
};

TEST_F(ClickHouseSysDbFaults, ChangeThatWasNotAnsweredIsFoundThoughOthersBuiltUponIt) {
  std::atomic<int> renames = 0;
  proxy_.on("RENAME TABLE", [&](const auto& forward) {
    ++renames;
    (void)forward();
    for (const char* name : {"u", "v"}) {
      const Status made = other_->create_tenant(Context(), name);
      EXPECT_TRUE(made.ok()) << made.error().message();
    }
    return StatementProxy::broken();
  });
  const Status made = db_->create_tenant(Context(), "t");
  EXPECT_TRUE(made.ok()) << made.error().message();
  EXPECT_EQ(renames, 1);
  for (SysDb* db : {db_.get(), other_.get()})
    for (const char* name : {"t", "u", "v"}) EXPECT_TRUE(db->get_tenant(Context(), name).ok());
}

TEST_F(ClickHouseSysDbFaults, RequestThatNeverArrivedIsRepeated) {
  std::atomic<int> renames = 0;
  proxy_.on("RENAME TABLE", [&](const auto& forward) {
    return ++renames < 3 ? StatementProxy::broken() : forward();
  });
  EXPECT_TRUE(db_->create_tenant(Context(), "t").ok());
  EXPECT_EQ(renames, 3);
  EXPECT_TRUE(other_->get_tenant(Context(), "t").ok());
}

TEST_F(ClickHouseSysDbFaults, ChangeOfAnotherMeanwhileIsTakenIntoAccount) {
  std::atomic<int> renames = 0;
  proxy_.on("RENAME TABLE", [&](const auto& forward) {
    if (++renames == 1) {
      EXPECT_TRUE(other_->create_tenant(Context(), "t").ok());
    }
    return forward();
  });
  const Status made = db_->create_tenant(Context(), "t");
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code(), Code::already_exists);
}

// Lists of tables that are made beside DDL may fail for one that is gone, or lack one.
TEST_F(ClickHouseSysDbFaults, ListOfTablesThatFailsOrLacksTheHeadIsAskedForAgain) {
  ASSERT_TRUE(other_->create_tenant(Context(), "t").ok());
  const std::string failed = "Code: 60, e.displayText() = DB::Exception: Table x doesn't exist.";
  std::atomic<int> lists = 0;
  proxy_.on("SHOW TABLES", [&](const auto& forward) -> TestReply {
    switch (++lists) {
      case 1:
        return {"HTTP/1.1 404 Not Found\r\nContent-Length: " + std::to_string(failed.size()) +
                "\r\n\r\n" + failed};
      case 2:
        return {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
      default:
        return forward();
    }
  });
  const auto tenant = db_->get_tenant(Context(), "t");
  EXPECT_TRUE(tenant.ok()) << tenant.error().message();
  EXPECT_EQ(lists, 3);
}

// A request that is still on its way must not change what a holder has answered from memory.
TEST_F(ClickHouseSysDbFaults, ChangeThatWasGivenUpCannotTakeEffectAfterTheNextRead) {
  Collection row;
  row.id = Uuid::random();
  row.name = "a";
  row.tenant = kDefaultTenant;
  row.database = kDefaultDatabase;
  ASSERT_TRUE(db_->create_collection(Context(), row, {}).ok());
  EXPECT_EQ(db_->get_collection(Context(), row.id)->name, "a");
  std::function<TestReply()> on_its_way;
  std::atomic<bool> arrived = false;
  proxy_.on("RENAME TABLE", [&](const auto& forward) {
    on_its_way = forward;
    arrived = true;
    return StatementProxy::broken();
  });
  CollectionChange change;
  change.name = "b";
  const auto changed =
      db_->update_collection(Context::with_timeout(std::chrono::milliseconds(300)), row.id, change);
  ASSERT_FALSE(changed.ok());
  EXPECT_NE(changed.error().message().find("is not known"), std::string::npos)
      << changed.error().message();
  ASSERT_TRUE(arrived);
  proxy_.on("", {});
  EXPECT_EQ(db_->get_collection(Context(), row.id)->name, "a");
  (void)on_its_way();
  EXPECT_EQ(other_->get_collection(Context(), row.id)->name, "a");
  EXPECT_EQ(db_->get_collection(Context(), row.id)->name, "a");
}

}  // namespace
}  // namespace viridian::clickhouse
