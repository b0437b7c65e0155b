#include "http/api_client.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <optional>
#include <thread>

#include "component/thread_pool.h"
#include "http/errors.h"
#include "http/scripted_api.h"
#include "http/server.h"

namespace viridian::http {
namespace {

class ApiClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(pool_.start(Context()).ok());
    start({});
  }
  void TearDown() override {
    if (server_) server_->stop();
    pool_.stop();
  }
  void start(const TransportOptions& options) {
    server_ = std::make_unique<Server>(api_, pool_, metrics_, options, "");
    const Status started = server_->start(Context());
    ASSERT_TRUE(started.ok()) << started.error().message();
  }
  ApiClient client() {
    return ApiClient({"127.0.0.1", server_->port(), ""}, {.timeout = std::chrono::seconds(20)});
  }

  ScriptedApi api_;
  ThreadPool pool_{2, 64};
  obs::Metrics metrics_;
  std::unique_ptr<Server> server_;
  const Context context_;
};

TEST_F(ApiClientTest, EveryCodeComesBackAsItWas) {
  ApiClient client = this->client();
  for (int i = 0; i <= static_cast<int>(Code::internal); ++i) {
    const Code code = static_cast<Code>(i);
    api_.failure = Error(code, "the reason");
    const auto result = client.get_tenant(context_, "abc");
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(code_name(result.error().code()), code_name(code));
    EXPECT_EQ(result.error().message(), "the reason");
  }
}

TEST_F(ApiClientTest, NamesTravelWhateverTheyHold) {
  ApiClient client = this->client();
  const std::string name = "a/b c?d#e%20é&+";
  const auto tenant = client.get_tenant(context_, name);
  ASSERT_TRUE(tenant.ok()) << tenant.error().message();
  EXPECT_EQ(tenant->name, name);
}

TEST_F(ApiClientTest, WritesBringTheirNumberBack) {
  ApiClient client = this->client();
  RecordBatch batch;
  batch.ids = {"a"};
  batch.embeddings.dim = 1;
  batch.embeddings.values = {1.0F};
  const auto written = client.write(context_, {{}, Uuid::random()}, batch);
  ASSERT_TRUE(written.ok()) << written.error().message();
  EXPECT_EQ(written->last, 42u);
  DeleteRequest request;
  request.selection.ids = StringColumn{"a"};
  const auto deleted = client.delete_records(context_, {{}, Uuid::random()}, request);
  ASSERT_TRUE(deleted.ok()) << deleted.error().message();
  EXPECT_EQ(deleted->deleted, 2u);
  EXPECT_EQ(deleted->last, 44u);
}

TEST_F(ApiClientTest, WhatAContextAsksForTravels) {
  ApiClient client = this->client();
  const CollectionRef ref{{}, Uuid::random()};
  ASSERT_TRUE(client.get(context_, ref, {}).ok());
  EXPECT_FALSE(api_.last_context.freshness().has_value());
  EXPECT_FALSE(api_.last_context.forwarded());
  const Context asked =
      context_.with_freshness({std::chrono::milliseconds(250), 12}).as_forwarded();
  ASSERT_TRUE(client.get(asked, ref, {}).ok());
  ASSERT_TRUE(api_.last_context.freshness().has_value());
  EXPECT_EQ(api_.last_context.age(), std::chrono::milliseconds(250));
  EXPECT_EQ(api_.last_context.freshness()->at_least, 12u);
  EXPECT_TRUE(api_.last_context.forwarded());
}

TEST_F(ApiClientTest, ServersTravelWithAllTheirFields) {
  ApiClient client = this->client();
  const auto servers = client.servers(context_);
  ASSERT_TRUE(servers.ok()) << servers.error().message();
  EXPECT_EQ(*servers, *api_.servers(context_));
}

/// A server that is frozen: its connections are taken, and nothing is ever answered.
class FrozenServer {
 public:
  FrozenServer() {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address_), size), 0);
    EXPECT_EQ(::listen(socket_, 8), 0);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address_), &size), 0);
  }
  ~FrozenServer() { ::close(socket_); }
  FrozenServer(const FrozenServer&) = delete;
  FrozenServer& operator=(const FrozenServer&) = delete;
  ServerUrl url() const { return {"127.0.0.1", ntohs(address_.sin_port), ""}; }

 private:
  const int socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address_{};
};

TEST_F(ApiClientTest, AServerThatIsNotWorthWaitingForIsGivenUp) {
  std::atomic<bool> worthwhile{true};
  std::atomic<bool> done{false};
  const FrozenServer frozen;
  ApiClient client(frozen.url(), {.timeout = std::chrono::hours(1)},
                   ApiClient::Peer{"b", [&] {
                                     // The second question is the last one.
                                     done = !worthwhile.exchange(false);
                                     return !done.load();
                                   }});
  const auto answer = client.get_tenant(context_, "abc");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(code_name(answer.error().code()), "cancelled");
  EXPECT_TRUE(done);
}

TEST_F(ApiClientTest, ACallEndsWithItsContext) {
  const FrozenServer frozen;
  for (const bool of_a_peer : {false, true}) {
    std::optional<ApiClient::Peer> peer;
    if (of_a_peer) peer = ApiClient::Peer{"b", [] { return true; }};
    ApiClient client(frozen.url(), {.timeout = std::chrono::hours(1)}, peer);
    Context context;
    std::thread caller(
        [&] { EXPECT_EQ(code_name(client.compact(context, {}).error().code()), "cancelled"); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    context.cancel();
    caller.join();
    const Context brief = Context::with_timeout(std::chrono::milliseconds(20));
    EXPECT_EQ(code_name(client.compact(brief, {}).error().code()), "deadline_exceeded");
  }
}

/// An ApiClient of server "b 1", and whatever is at its address.
class PeerClientTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(pool_.start(Context()).ok()); }
  void TearDown() override {
    transport_.reset();
    pool_.stop();
  }
  void listen(Handler handler) {
    auto made = Transport::listen(
        {}, pool_, std::move(handler),
        [this](int status, std::string_view why) { return application_.refuse(status, why); });
    ASSERT_TRUE(made.ok()) << made.error().message();
    transport_ = *std::move(made);
  }
  void listen() {
    listen([this](const Request& request) { return application_.handle(request); });
  }
  /// With which code a write ends; "ok".
  std::string write(const Context& context = {}) {
    ApiClient client({"127.0.0.1", transport_->port(), ""}, {.timeout = std::chrono::seconds(20)},
                     ApiClient::Peer{"b 1", {}});
    RecordBatch batch;
    batch.ids = {"a"};
    batch.embeddings.dim = 1;
    batch.embeddings.values = {1.0F};
    const auto done = client.write(context.as_forwarded(), {{}, Uuid::random()}, batch);
    return done.ok() ? "ok" : std::string(code_name(done.error().code()));
  }

  std::string id_ = "b 1";
  ScriptedApi api_;
  ThreadPool pool_{2, 64};
  obs::Metrics metrics_;
  Application application_{
      Services{api_, [] { return true; }, [] { return std::string(); }, {}, [this] { return id_; }},
      metrics_, ""};
  std::unique_ptr<Transport> transport_;
};

TEST_F(PeerClientTest, TheWantedServersAnswersAreTaken) {
  listen();
  EXPECT_EQ(write(), "ok");
  api_.failure = Error(Code::unavailable, "its store does not answer");
  EXPECT_EQ(write(), "unavailable");
  api_.failure = Error(Code::not_found, "gone");
  EXPECT_EQ(write(), "not_found");
}

TEST_F(PeerClientTest, AnotherServerAtTheAddressDoesNothing) {
  listen();
  id_ = "c";
  EXPECT_EQ(write(), "aborted");
  EXPECT_EQ(api_.last_rows, 0u);
  const uint16_t port = transport_->port();
  transport_.reset();
  ApiClient client({"127.0.0.1", port, ""}, {.timeout = std::chrono::seconds(20)},
                   ApiClient::Peer{"b 1", {}});
  EXPECT_EQ(code_name(client.heartbeat(Context()).error().code()), "aborted");
}

// The address of a server that died may be anything's by now.
TEST_F(PeerClientTest, SomethingElseAtTheAddressIsNoAnswer) {
  for (const int status : {200, 404, 503}) {
    listen([&](const Request&) { return Response{status, "text/html", "welcome", {}}; });
    EXPECT_EQ(write(), "cancelled") << status;
  }
}

// A compaction, say, that another server works on, and is in no hurry with.
TEST_F(PeerClientTest, AServerThatStopsDoesNotWaitForAnotherOne) {
  const FrozenServer frozen;
  ApiClient holder(frozen.url(), {.timeout = std::chrono::hours(1)},
                   ApiClient::Peer{"b", [] { return true; }});
  std::promise<void> asked;
  listen([&](const Request& request) {
    asked.set_value();
    EXPECT_FALSE(holder.compact(request.context.as_forwarded(), {}).ok());
    return Response();
  });
  std::thread client([&, port = transport_->port()] {
    ApiClient here({"127.0.0.1", port, ""}, {.timeout = std::chrono::hours(1)});
    EXPECT_FALSE(here.version(Context()).ok());
  });
  asked.get_future().wait();
  const auto told = std::chrono::steady_clock::now();
  transport_->stop(std::chrono::milliseconds(0));
  EXPECT_LT(std::chrono::steady_clock::now() - told, std::chrono::seconds(10));
  client.join();
}

// What comes through later than that may undo what was written since.
TEST_F(PeerClientTest, WhatWasSentOnEndsBeforeItsSenderGivesUp) {
  listen();
  const Context context = Context::with_timeout(std::chrono::seconds(10));
  EXPECT_EQ(write(context), "ok");
  ASSERT_TRUE(api_.last_context.deadline());
  EXPECT_LT(*api_.last_context.deadline(), *context.deadline());
  EXPECT_EQ(write(), "ok");
  EXPECT_LT(*api_.last_context.deadline(), Context::Clock::now() + std::chrono::seconds(20));
}

TEST_F(PeerClientTest, AServerThatIsTooBusyHasNotActed) {
  listen([&](const Request&) { return application_.refuse(503, "no room"); });
  EXPECT_EQ(write(), "aborted");
}

TEST_F(PeerClientTest, AnAnswerWithoutTheNumberOfAWriteIsNone) {
  for (const char* number : {"", "x", "4 2", "-1"}) {
    listen([&](const Request& request) {
      Response response = application_.handle(request);
      for (auto& [name, value] : response.headers)
        if (name == kSequenceHeader) value = number;
      return response;
    });
    EXPECT_EQ(write(), "cancelled") << number;
    ApiClient client({"127.0.0.1", transport_->port(), ""}, {.timeout = std::chrono::seconds(20)});
    const auto done = client.delete_records(Context(), {{}, Uuid::random()}, {});
    if (*number == '\0') {  // as servers of Chroma's answer, of which there are no peers
      ASSERT_TRUE(done.ok()) << done.error().message();
      EXPECT_EQ(done->last, 0u);
    } else {
      EXPECT_EQ(code_name(done.error().code()), "unavailable") << number;
    }
  }
}

TEST_F(ApiClientTest, ExplanationsTravelWithAllTheirFields) {
  ApiClient client = this->client();
  api_.explanation = {Explanation::Outcome::not_reached,  12, 0.25F, 10, 0.5F,
                      Searched{Searched::How::walked, 48}};
  PlanStep walk{"walk", "file 1", "walk", 900, 800, 20, 300, 0.25, 48, 12.5, 17, {}};
  api_.explanation.plan = {{"open"}, {.name = "search", .actual = 0, .steps = {walk}}};
  ExplainRequest request;
  request.id = "a/b";
  request.query.n_queries = 1;
  request.query.vectors = {2, {1, 0.1F}};
  request.query.recall_target = 0.9;
  const CollectionRef ref{{}, Uuid::random()};
  const Context eventual = context_.with_freshness({Context::kAnyAge, 0});
  const auto explained = client.explain(eventual, ref, request);
  ASSERT_TRUE(explained.ok()) << explained.error().message();
  EXPECT_EQ(*explained, api_.explanation);
  EXPECT_EQ(api_.last_ref.id, ref.id);
  EXPECT_EQ(api_.last_explain.id, request.id);
  EXPECT_EQ(api_.last_explain.query.vectors, request.query.vectors);
  EXPECT_EQ(api_.last_explain.query.recall_target, 0.9);
  EXPECT_EQ(api_.last_context.age(), Context::kAnyAge);
  api_.explanation = {};
  request.id.reset();
  request.get.emplace().limit = 7;
  const auto of_get = client.explain(eventual, ref, request);
  ASSERT_TRUE(of_get.ok()) << of_get.error().message();
  EXPECT_EQ(*of_get, api_.explanation);
  EXPECT_EQ(api_.last_explain.id, std::nullopt);
  ASSERT_TRUE(api_.last_explain.get.has_value());
  EXPECT_EQ(api_.last_explain.get->limit, 7U);
}

TEST_F(ApiClientTest, SnapshotsTravelWithAllTheirFields) {
  ApiClient client = this->client();
  const SnapshotInfo expected{"before/upgrade", 1700000000, 2, 30, 4000, 500};
  const auto created = client.create_snapshot(context_, expected.name);
  ASSERT_TRUE(created.ok()) << created.error().message();
  EXPECT_EQ(*created, expected);
  const auto verified = client.verify_snapshot(context_, expected.name);
  ASSERT_TRUE(verified.ok()) << verified.error().message();
  EXPECT_EQ(*verified, expected);
  EXPECT_EQ(api_.last_name, expected.name);
  const auto listed = client.list_snapshots(context_);
  ASSERT_TRUE(listed.ok()) << listed.error().message();
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ(listed->front().name, "only");
}

TEST_F(ApiClientTest, RestoreRequestsTravelWithAllTheirFields) {
  ApiClient client = this->client();
  RestoreRequest request;
  request.snapshot = "nightly";
  request.path = DatabasePath{"tenant-1", "database-1"};
  request.collection = "old";
  request.to = DatabasePath{"tenant-2", "database-2"};
  request.new_name = "new";
  const auto restored = client.restore_snapshot(context_, request);
  ASSERT_TRUE(restored.ok()) << restored.error().message();
  ASSERT_EQ(restored->size(), 1u);
  EXPECT_EQ(restored->front().name, "new");
  EXPECT_EQ(api_.last_restore.snapshot, "nightly");
  EXPECT_EQ(api_.last_restore.path->tenant, "tenant-1");
  EXPECT_EQ(api_.last_restore.path->database, "database-1");
  EXPECT_EQ(api_.last_restore.collection, "old");
  EXPECT_EQ(api_.last_restore.to->tenant, "tenant-2");
  EXPECT_EQ(api_.last_restore.to->database, "database-2");
  EXPECT_EQ(api_.last_restore.new_name, "new");
}

// A server that was restarted has closed the pooled connections; nobody should notice.
TEST_F(ApiClientTest, ConnectionsThatTheServerClosedAreReplaced) {
  ApiClient client = this->client();
  ASSERT_TRUE(client.create_tenant(context_, "abc").ok());
  TransportOptions same;
  same.port = server_->port();
  server_->stop();
  const auto unreachable = client.heartbeat(context_);
  ASSERT_FALSE(unreachable.ok());
  EXPECT_EQ(unreachable.error().code(), Code::unavailable);
  start(same);
  EXPECT_TRUE(client.create_tenant(context_, "abc").ok());
  EXPECT_TRUE(client.heartbeat(context_).ok());
}

TEST_F(ApiClientTest, ServerMessageOfARefusedBodyIsHeard) {
  TransportOptions options;
  options.max_body_bytes = 1000;
  server_->stop();
  start(options);
  ApiClient client = this->client();
  const Status refused = client.create_tenant(context_, std::string(20 << 20, 'x'));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::invalid_argument);
  EXPECT_EQ(refused.error().message(), "Failed to buffer the request body: length limit exceeded");
}

TEST_F(ApiClientTest, ContextThatIsOverSendsNothing) {
  ApiClient client = this->client();
  Context context;
  context.cancel();
  const auto result = client.heartbeat(context);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), Code::cancelled);
}

TEST_F(ApiClientTest, ManyThreadsShareOneClient) {
  ApiClient client = this->client();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) EXPECT_TRUE(client.pre_flight(context_).ok());
    });
  }
}

}  // namespace
}  // namespace viridian::http
