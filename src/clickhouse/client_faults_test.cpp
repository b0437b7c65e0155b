#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <optional>
#include <string>
#include <thread>

#include "clickhouse/client.h"
#include "clickhouse/http_connection.h"
#include "clickhouse/native.h"
#include "clickhouse/test_client.h"
#include "clickhouse/test_server.h"
#include "config/load.h"
#include "tests/conformance/clickhouse_server.h"

namespace viridian::clickhouse {
namespace {

using Then = TestReply::Then;

const Shape kNumbers = {{"n", std::vector<uint64_t>()}};

std::string numbers(std::vector<uint64_t> values) {
  return *encode_native({{{"n", std::move(values)}}});
}
std::string names(StringColumn values) { return *encode_native({{{"name", std::move(values)}}}); }

std::string whole(std::string_view status, std::string_view headers, std::string_view body) {
  return fmt::format("HTTP/1.1 {}\r\n{}Content-Length: {}\r\n\r\n{}", status, headers, body.size(),
                     body);
}
std::string chunk(std::string_view bytes) {
  return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}
const std::string kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string kLastChunk = "0\r\n\r\n";
/// What the fake server's clock shows: a time long from now.
constexpr uint32_t kTime = 4'000'000'000;

/// Answers to the questions that a client asks at the start.
std::optional<TestReply> at_the_start(const TestRequest& request) {
  const auto asks = [&](std::string_view what) {
    return request.body.find(what) != std::string::npos;
  };
  const auto reply = [](const std::string& body) {
    return TestReply{whole("200 OK", "", body), Then::keep, {}};
  };
  if (asks("FROM system.settings")) return reply(names({"max_threads", "async_insert"}));
  if (asks("FROM system.merge_tree_settings")) return reply(names({"fsync_after_insert"}));
  if (asks("now()")) return reply(*encode_native({{{"now", std::vector{kTime}}}}));
  return std::nullopt;
}

/// A client of a server that answers `reply` to everything but the questions at the start.
class FakeServer {
 public:
  explicit FakeServer(TestReply reply, std::map<std::string, std::string> settings = {})
      : FakeServer([reply](const TestRequest&) { return reply; }, std::move(settings)) {}
  explicit FakeServer(TestServer::Script script, std::map<std::string, std::string> settings = {})
      : server_([script = std::move(script)](const TestRequest& request) -> TestReply {
          auto reply = at_the_start(request);
          return reply ? *std::move(reply) : script(request);
        }) {
    config::Sources sources;
    sources.flags = {{"clickhouse.url", server_.url()},
                     {"clickhouse.timeout_ms", "10000"},
                     {"clickhouse.user", "alice"},
                     {"clickhouse.password", "secret-word"},
                     {"migrations", "none"}};
    for (const auto& [key, value] : settings) sources.flags[key] = value;
    client_ = TestClient::start(config::load(sources)->settings);
  }
  Client& client() { return *client_; }
  const TestClient& assembly() { return client_; }
  /// What was asked after the start.
  std::vector<TestRequest> asked() const {
    std::vector<TestRequest> requests = server_.requests();
    std::erase_if(requests, [](const TestRequest& request) {
      return request.body.find("FROM system.") != std::string::npos;
    });
    return requests;
  }
  Result<Block> select(const Context& context = Context()) {
    return client_->select(context, {}, "SELECT n FROM t", kNumbers);
  }
  /// The numbers that came before the end.
  Status stream(std::vector<uint64_t>& got, const Context& context = Context()) {
    return client_->stream(context, {}, "SELECT n FROM t", kNumbers, [&](Block& block) {
      const auto& values = block.get<std::vector<uint64_t>>(0);
      got.insert(got.end(), values.begin(), values.end());
      return ok_status();
    });
  }
  Status insert() {
    return client_->insert(Context(), {}, "t", {{{"n", std::vector<uint64_t>{7}}}});
  }

 private:
  TestServer server_;
  TestClient client_;
};

TEST(ClientFaults, CredentialsTravelInHeadersOnly) {
  FakeServer fake({whole("200 OK", "", numbers({1})), Then::keep, {}});
  ASSERT_TRUE(fake.select().ok());
  ASSERT_EQ(fake.asked().size(), 1U);
  const std::string head = fake.asked()[0].head;
  EXPECT_NE(head.find("\r\nX-ClickHouse-User: alice"), std::string::npos);
  EXPECT_NE(head.find("\r\nX-ClickHouse-Key: secret-word"), std::string::npos);
  const std::string line = head.substr(0, head.find("\r\n"));
  EXPECT_EQ(line.find("alice"), std::string::npos);
  EXPECT_EQ(line.find("secret"), std::string::npos);
  EXPECT_TRUE(line.starts_with("POST /?")) << line;
  EXPECT_EQ(head.find("Accept-Encoding"), std::string::npos);
}

TEST(ClientFaults, OnlySettingsThatTheServerKnowsAreSent) {
  FakeServer fake({whole("200 OK", "", ""), Then::keep, {}});
  ASSERT_TRUE(fake.insert().ok());
  const std::string insert = fake.asked()[0].head;
  EXPECT_NE(insert.find("&async_insert=0"), std::string::npos);
  EXPECT_NE(insert.find("&wait_end_of_query=1"), std::string::npos);
  EXPECT_EQ(insert.find("insert_deduplicate"), std::string::npos);
  std::vector<uint64_t> got;
  ASSERT_TRUE(fake.stream(got).ok());
  const std::string stream = fake.asked()[1].head;
  EXPECT_NE(stream.find("max_threads="), std::string::npos);
  EXPECT_EQ(stream.find("wait_end_of_query"), std::string::npos);
  EXPECT_TRUE(fake.client().knows({}, "fsync_after_insert"));
  EXPECT_FALSE(fake.client().knows({}, "insert_deduplicate"));
}

TEST(ClientFaults, RowsDoNotBearATimeBeforeTheServers) {
  FakeServer fake({whole("200 OK", "", ""), Then::keep, {}});
  EXPECT_GE(fake.client().seconds(), kTime);
  EXPECT_LT(fake.client().seconds(), kTime + 3600);
}

TEST(ClientFaults, AServerIsAskedForItsTimeUntilItTells) {
  std::atomic<bool> asked{false};
  TestServer server([&asked](const TestRequest& request) -> TestReply {
    if (request.body.find("now()") != std::string::npos && !asked.exchange(true))
      return {whole("503 Service Unavailable", "", ""), Then::keep, {}};
    return at_the_start(request).value_or(
        TestReply{whole("200 OK", "", numbers({1})), Then::keep, {}});
  });
  config::Sources sources;
  sources.flags = {{"clickhouse.url", server.url()}, {"migrations", "none"}};
  const TestClient client = TestClient::make(config::load(sources)->settings);
  const auto select = [&] { return client->select(Context(), {}, "SELECT n FROM t", kNumbers); };
  EXPECT_EQ(select().error().code(), Code::unavailable);
  ASSERT_TRUE(select().ok());
  EXPECT_GE(client->seconds(), kTime);
}

TEST(ClientFaults, AnExceptionHeaderCountsEvenWith200) {
  FakeServer fake({whole("200 OK", "X-ClickHouse-Exception-Code: 252\r\n",
                         "Code: 252. DB::Exception: Too many parts"),
                   Then::keep,
                   {}});
  const Status status = fake.insert();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::resource_exhausted) << status.error().message();
  EXPECT_EQ(server_code(status.error()), 252);
}

TEST(ClientFaults, AnExceptionAfterDataIsTheServersError) {
  const std::string message = "Code: 241, e.displayText() = DB::Exception: Memory limit";
  FakeServer fake({kChunked + chunk(numbers({1, 2})) + chunk(numbers({3}) + message) + kLastChunk,
                   Then::keep,
                   {}});
  std::vector<uint64_t> got;
  const Status status = fake.stream(got);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::resource_exhausted) << status.error().message();
  EXPECT_EQ(server_code(status.error()), 241);
  EXPECT_EQ(got, (std::vector<uint64_t>{1, 2, 3}));
}

TEST(ClientFaults, ATaggedExceptionAfterDataIsTheServersError) {
  const std::string message =
      "\r\n__exception__\r\nabcdefgh\r\nCode: 159. DB::Exception: Timeout exceeded\r\n43 "
      "abcdefgh\r\n__exception__\r\n";
  FakeServer fake(
      {"HTTP/1.1 200 OK\r\nX-ClickHouse-Exception-Tag: abcdefgh\r\n"
       "Transfer-Encoding: chunked\r\n\r\n" +
           chunk(numbers({1}) + message) + kLastChunk,
       Then::keep,
       {}});
  std::vector<uint64_t> got;
  const Status status = fake.stream(got);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(server_code(status.error()), 159) << status.error().message();
}

TEST(ClientFaults, AnExceptionBeforeACutIsTheServersError) {
  FakeServer fake(
      {kChunked + chunk(numbers({1}) + "Code: 395. DB::Exception: thrown"), Then::close, {}});
  std::vector<uint64_t> got;
  const Status status = fake.stream(got);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(server_code(status.error()), 395) << status.error().message();
}

TEST(ClientFaults, ACutAnswerIsAnErrorEvenBetweenBlocks) {
  for (const Then then : {Then::close, Then::reset}) {
    FakeServer fake({kChunked + chunk(numbers({1, 2})), then, {}});
    std::vector<uint64_t> got;
    const Status status = fake.stream(got);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code(), Code::unavailable) << status.error().message();
    EXPECT_FALSE(fake.select().ok());
  }
}

TEST(ClientFaults, AnAnswerThatEndsInsideABlockIsDataLoss) {
  const std::string bytes = numbers({1, 2, 3});
  FakeServer fake({whole("200 OK", "", bytes.substr(0, bytes.size() - 3)), Then::keep, {}});
  std::vector<uint64_t> got;
  const Status status = fake.stream(got);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::data_loss) << status.error().message();
  EXPECT_EQ(fake.select().error().code(), Code::data_loss);
}

TEST(ClientFaults, AnAnswerWithoutAnEndIsNotTrusted) {
  FakeServer fake({"HTTP/1.1 200 OK\r\n\r\n" + numbers({1}), Then::close, {}});
  EXPECT_EQ(fake.select().error().code(), Code::unavailable);
}

TEST(ClientFaults, SilenceIsGivenUp) {
  FakeServer fake({kChunked + chunk(numbers({1})), Then::stall, {}},
                  {{"clickhouse.timeout_ms", "200"}});
  std::vector<uint64_t> got;
  const Status status = fake.stream(got);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::unavailable);
  EXPECT_NE(status.error().message().find("clickhouse.timeout_ms"), std::string::npos);
  EXPECT_EQ(fake.insert().error().code(), Code::unavailable);
}

// Memory may run out wherever an answer is taken. That says nothing of what was asked for.
TEST(ClientFaults, AnExceptionDoesNotPassThroughTheNetworksCode) {
  TestServer server([](const TestRequest&) -> TestReply {
    return {whole("200 OK", "", "some bytes"), Then::keep, {}};
  });
  auto connection = HttpConnection::create({server.url(), {}, {}});
  ASSERT_TRUE(connection.ok());
  const auto take = [](std::string_view) -> Taken { throw std::bad_alloc(); };
  ASSERT_TRUE((*connection)->begin({"", "", false}, take).ok());
  const std::atomic<bool> stopping{false};
  const Context context;
  const auto over =
      (*connection)->run({context, std::chrono::seconds(10), stopping}, [] { return false; });
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code(), Code::unavailable) << over.error().message();
}

TEST(ClientFaults, ASlowAnswerThatGoesOnIsWaitedFor) {
  const std::string answer = whole("200 OK", "", numbers({1, 2}));
  FakeServer fake({answer, Then::keep, std::chrono::milliseconds(10)},
                  {{"clickhouse.timeout_ms", "500"}});
  ASSERT_GT(answer.size() * 10, 500U);
  const auto got = fake.select();
  ASSERT_TRUE(got.ok()) << got.error().message();
  EXPECT_EQ(got->rows(), 2U);
}

TEST(ClientFaults, TheCallersDeadlineCounts) {
  FakeServer fake({"", Then::stall, {}});
  const auto late = [] { return Context::with_timeout(std::chrono::milliseconds(50)); };
  std::vector<uint64_t> got;
  EXPECT_EQ(fake.select(late()).error().code(), Code::deadline_exceeded);
  EXPECT_EQ(fake.stream(got, late()).error().code(), Code::deadline_exceeded);
}

TEST(ClientFaults, StoppingEndsWhatWaits) {
  std::atomic<bool> asked{false};
  FakeServer fake([&asked](const TestRequest&) -> TestReply {
    asked = true;
    return {"", Then::stall, {}};
  });
  std::thread stopper([&] {
    while (!asked) std::this_thread::yield();
    fake.client().stop();
  });
  EXPECT_EQ(fake.select().error().code(), Code::unavailable);
  stopper.join();
}

TEST(ClientFaults, ARefusedPasswordIsNotRepeatedInTheMessage) {
  FakeServer fake(
      {whole("401 Unauthorized", "", "Code: 193, e.displayText() = DB::Exception: Wrong password"),
       Then::keep,
       {}});
  const auto status = fake.select();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::unauthenticated);
  EXPECT_EQ(status.error().message().find("secret"), std::string::npos);
}

TEST(ClientFaults, WhatAProxySaysIsUnderstoodByItsStatus) {
  FakeServer busy({whole("503 Service Unavailable", "", "<html>"), Then::keep, {}});
  EXPECT_EQ(busy.insert().error().code(), Code::unavailable);
  EXPECT_EQ(server_code(busy.insert().error()), 0);
  FakeServer limited({whole("429 Too Many Requests", "", ""), Then::keep, {}});
  EXPECT_EQ(limited.insert().error().code(), Code::resource_exhausted);
}

TEST(ClientFaults, ConnectionsAreUsedAgain) {
  FakeServer fake({whole("200 OK", "", numbers({1})), Then::keep, {}});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(fake.select().ok());
  for (const TestRequest& request : fake.asked())
    EXPECT_EQ(request.connection, fake.asked()[0].connection);
}

/// Answers, but breaks a connection off without a word at its second request.
TestServer::Script breaking_at_second(std::string answer) {
  auto seen = std::make_shared<std::map<uint32_t, int>>();
  return [answer = std::move(answer), seen](const TestRequest& request) -> TestReply {
    if (++(*seen)[request.connection] == 2) return {"", Then::close, {}};
    return {answer, Then::keep, {}};
  };
}

TEST(ClientFaults, AnInsertIsNeverSentTwice) {
  FakeServer fake(breaking_at_second(whole("200 OK", "", "")));
  ASSERT_TRUE(fake.insert().ok());
  const Status second = fake.insert();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), Code::unavailable) << second.error().message();
  EXPECT_EQ(fake.asked().size(), 2U);
  ASSERT_TRUE(fake.insert().ok());
}

TEST(ClientFaults, AStatementIsNeverSentTwice) {
  FakeServer fake(breaking_at_second(whole("200 OK", "", "")));
  ASSERT_TRUE(fake.client().execute(Context(), {}, "RENAME TABLE a TO b").ok());
  EXPECT_FALSE(fake.client().execute(Context(), {}, "RENAME TABLE b TO c").ok());
  EXPECT_EQ(fake.asked().size(), 2U);
}

TEST(ClientFaults, AQueryIsSentAgainWhereAnOldConnectionBreaks) {
  FakeServer fake(breaking_at_second(whole("200 OK", "", numbers({1}))));
  for (int i = 0; i < 5; ++i) {
    const auto got = fake.select();
    EXPECT_TRUE(got.ok()) << got.error().message();
  }
}

TEST(ClientFaults, OnlySoManyConnectionsAreUsed) {
  std::atomic<bool> asked{false};
  FakeServer fake(
      [&asked](const TestRequest&) -> TestReply {
        asked = true;
        return {"", Then::stall, {}};
      },
      {{"clickhouse.connections", "1"}});
  Context first;
  std::thread holder([&] { EXPECT_EQ(fake.select(first).error().code(), Code::cancelled); });
  while (!asked) std::this_thread::yield();
  const auto second = fake.select(Context::with_timeout(std::chrono::milliseconds(50)));
  EXPECT_EQ(second.error().code(), Code::deadline_exceeded);
  first.cancel();
  holder.join();
}

TEST(ClientFaults, NobodyThereIsUnavailable) {
  config::Sources sources;
  sources.flags = {{"clickhouse.url", "http://127.0.0.1:1"}, {"migrations", "none"}};
  const TestClient client = TestClient::make(config::load(sources)->settings);
  const Status started = client.system().start(Context());
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code(), Code::unavailable) << started.error().message();
}

TEST(ClientFaults, MetricsSayWhatHappened) {
  FakeServer fake({whole("503 Service Unavailable", "", ""), Then::keep, {}});
  EXPECT_FALSE(fake.insert().ok());
  const std::string text = (*fake.assembly().system().require<obs::Metrics>())->expose();
  EXPECT_NE(text.find("viridian_clickhouse_requests_total{kind=\"insert\""), std::string::npos);
  EXPECT_NE(text.find("viridian_clickhouse_errors_total{error=\"unavailable\""), std::string::npos)
      << text;
}

TEST(ClientFaults, AnUploadThatIsCutAnywhereStoresAllRowsOrNone) {
  SKIP_WITHOUT_CLICKHOUSE();
  ClickHouseServer& server = *ClickHouseServer::shared();
  TestProxy proxy(server.port());
  Settings settings = server.settings();
  const TestClient direct = TestClient::start(settings);
  ASSERT_TRUE(direct
                  ->execute(Context(), {},
                            "CREATE TABLE " + direct->database() +
                                ".cut (tag UInt32, s String, v Array(Float32)) ENGINE = MergeTree"
                                " ORDER BY tag")
                  .ok());
  settings.set("clickhouse.url", proxy.url());
  const TestClient client = TestClient::start(settings);
  const auto insert = [&client](uint32_t tag) {
    return client->insert(Context(), {}, "cut",
                          {{{"tag", std::vector<uint32_t>{tag, tag, tag}},
                            {"s", StringColumn{"", "b", "cc"}},
                            {"v", FloatArrays{{0, 1, 3}, {1, 2, 3}}}}});
  };
  const size_t before = proxy.sent();
  ASSERT_TRUE(insert(0).ok());
  const size_t bytes = proxy.sent() - before;
  ASSERT_GT(bytes, 100U);
  uint32_t stored = 0;
  for (size_t cut = 1; cut <= bytes + 1; ++cut) {
    proxy.break_after(cut);
    stored += insert(static_cast<uint32_t>(cut)).ok() ? 1 : 0;
  }
  const auto rows = direct->select(
      Context(), {}, "SELECT tag, count() AS n FROM " + direct->database() + ".cut GROUP BY tag",
      {{"tag", std::vector<uint32_t>()}, {"n", std::vector<uint64_t>()}});
  ASSERT_TRUE(rows.ok()) << rows.error().message();
  for (size_t i = 0; i < rows->rows(); ++i)
    EXPECT_EQ(rows->get<std::vector<uint64_t>>(1)[i], 3U) << rows->get<std::vector<uint32_t>>(0)[i];
  EXPECT_GE(rows->rows(), stored + 1);
  EXPECT_LT(rows->rows(), bytes / 2);
  ASSERT_TRUE(direct->execute(Context(), {}, "DROP DATABASE " + direct->database()).ok());
}

}  // namespace
}  // namespace viridian::clickhouse
