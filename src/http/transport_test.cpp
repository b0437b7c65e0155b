#include "http/transport.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "http/test_client.h"

namespace viridian::http {
namespace {

using std::chrono::milliseconds;

/// Runs everything on a few threads; can be told to be full, or to lose its queue.
class TestExecutor : public Executor {
 public:
  TestExecutor() {
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { work(); });
  }
  ~TestExecutor() override {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  bool submit(std::function<void()> work) override {
    if (full_) return false;
    if (forgetful_) return true;
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
    wake_.notify_one();
    return true;
  }
  void parallel_for(size_t n, const std::function<void(size_t)>& body) override {
    for (size_t i = 0; i < n; ++i) body(i);
  }
  size_t concurrency() const override { return 2; }

  std::atomic<bool> full_ = false;
  std::atomic<bool> forgetful_ = false;

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return done_ || !queue_.empty(); });
      if (queue_.empty()) return;
      auto next = std::move(queue_.front());
      queue_.erase(queue_.begin());
      lock.unlock();
      next();
      next = nullptr;
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::function<void()>> queue_;
  bool done_ = false;
  std::vector<std::thread> threads_;
};

/// Says what arrived: "METHOD path?query body".
Response echo(const Request& request) {
  if (request.path == "/throw") throw std::runtime_error("thrown");
  if (request.path == "/big") return {200, "text/plain", std::string(8 << 20, 'x'), {}};
  return {200,
          "text/plain",
          request.method + " " + request.path + "?" + request.query + " " + request.body,
          {}};
}
Response refusal(int status, std::string_view message) {
  return {status, "application/json", std::string(message), {{"refused", "yes"}}};
}

class TransportTest : public ::testing::Test {
 protected:
  void listen(const TransportOptions& options = {}, Handler handler = echo) {
    auto made = Transport::listen(options, executor_, std::move(handler), refusal);
    ASSERT_TRUE(made.ok()) << made.error().message();
    transport_ = *std::move(made);
  }
  uint16_t port() const { return transport_->port(); }
  /// Waits until the numbers say so.
  template <class F>
  void wait_until(F&& condition) {
    while (!condition(transport_->stats())) std::this_thread::yield();
  }

  TestExecutor executor_;
  std::unique_ptr<Transport> transport_;
};

TEST_F(TransportTest, AnswersOnOneConnectionUntilTheClientSaysClose) {
  listen();
  TestClient client(port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send("GET /a%20b?x=1 HTTP/1.1\r\nHost: h\r\n\r\n"));
    const RawResponse response = client.read_response();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "GET /a%20b?x=1 ");
    EXPECT_EQ(response.headers.count("connection"), 0u);
    EXPECT_EQ(response.headers.count("date"), 1u);
  }
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ(client.read_response().headers.at("connection"), "close");
  EXPECT_TRUE(client.at_end());
}

TEST_F(TransportTest, AnsweringDoesNotDependOnHowTheBytesAreCut) {
  listen();
  const std::string request = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
  TestClient client(port());
  for (size_t cut = 1; cut < request.size(); ++cut) {
    ASSERT_TRUE(client.send(request.substr(0, cut)));
    // The server has seen the first part once it answers somebody who came later.
    ASSERT_EQ(exchange(port(), "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").status, 200);
    ASSERT_TRUE(client.send(request.substr(cut)));
    const RawResponse response = client.read_response();
    ASSERT_EQ(response.status, 200) << cut;
    ASSERT_EQ(response.body, "POST /p? hello") << cut;
  }
}

TEST_F(TransportTest, PipelinedRequestsAreAnsweredInOrder) {
  listen();
  TestClient client(port());
  std::string all;
  for (int i = 0; i < 50; ++i) {
    all += "POST /" + std::to_string(i) + " HTTP/1.1\r\nContent-Length: 2\r\n\r\nok\r\n";
  }
  ASSERT_TRUE(client.send(all));
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client.read_response().body, "POST /" + std::to_string(i) + "? ok");
  }
}

TEST_F(TransportTest, ChunkedBodiesAreJoined) {
  listen();
  TestClient client(port());
  ASSERT_TRUE(
      client.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: t\r\n\r\n"));
  EXPECT_EQ(client.read_response().body, "POST /? abcde");
  ASSERT_TRUE(client.send("GET /next HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(client.read_response().body, "GET /next? ");
}

TEST_F(TransportTest, HeadGetsTheLengthWithoutTheBody) {
  listen();
  TestClient client(port());
  ASSERT_TRUE(client.send("HEAD /h HTTP/1.1\r\n\r\nGET /g HTTP/1.1\r\n\r\n"));
  const RawResponse head = client.read_response(/*has_body=*/false);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), "9");
  EXPECT_EQ(client.read_response().body, "GET /g? ");
}

TEST_F(TransportTest, WhatIsNotHttpIsRefusedAndTheConnectionClosed) {
  listen();
  const std::vector<std::pair<std::string, int>> cases = {
      {"nonsense\r\n\r\n", 400},
      {"GET / HTTP/3.7\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET / HTTP/1.1\r\nbad header\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"GET / HTTP/1.1\r\nX: " + std::string(size_t{17} << 10, 'a') + "\r\n\r\n", 431},
      {"GET /" + std::string(size_t{17} << 10, 'a') + " HTTP/1.1\r\n\r\n", 431},
      {"POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: tea\r\n\r\n", 417},
  };
  for (const auto& [request, status] : cases) {
    TestClient client(port());
    ASSERT_TRUE(client.send(request));
    const RawResponse response = client.read_response();
    EXPECT_EQ(response.status, status) << request.substr(0, 60);
    EXPECT_EQ(response.headers.count("refused"), 1u);
    client.finish_sending();
    EXPECT_TRUE(client.at_end());
  }
}

// A client that announces a gigabyte must hear "too large" before it sends it, and while the
// connection is still good enough to read the answer from.
TEST_F(TransportTest, AnnouncedGigabyteIsRefusedBeforeItIsSent) {
  listen({.max_body_bytes = 1000});
  TestClient client(port());
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n"));
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.headers.at("connection"), "close");
  // Still taken and thrown away, up to the largest body that would have been taken.
  EXPECT_TRUE(client.send(std::string(1000, 'x')));
  EXPECT_EQ(transport_->stats().body_bytes, 0u);
}

TEST_F(TransportTest, BodyLimitHoldsToTheByte) {
  listen({.max_body_bytes = 10});
  const auto post = [](const std::string& body) {
    return "POST / HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  EXPECT_EQ(exchange(port(), post("0123456789")).status, 200);
  EXPECT_EQ(exchange(port(), post("0123456789a")).status, 413);
  const std::string chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(exchange(port(), chunked + "6\r\n012345\r\n4\r\n6789\r\n0\r\n\r\n").status, 200);
  EXPECT_EQ(exchange(port(), chunked + "6\r\n012345\r\n5\r\n6789a\r\n0\r\n\r\n").status, 413);
}

TEST_F(TransportTest, BodiesTogetherKeepWithinTheirBudget) {
  listen({.max_body_bytes = 100, .max_inflight_bytes = 150});
  TestClient first(port());
  ASSERT_TRUE(first.send("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc"));
  wait_until([](const TransportStats& stats) { return stats.body_bytes == 100; });
  const std::string body(60, 'x');
  EXPECT_EQ(exchange(port(), "POST / HTTP/1.1\r\nContent-Length: 60\r\n\r\n" + body).status, 503);
  EXPECT_EQ(exchange(port(), "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3c\r\n" + body +
                                 "\r\n0\r\n\r\n")
                .status,
            503);
  ASSERT_TRUE(first.send(std::string(97, 'y')));
  EXPECT_EQ(first.read_response().status, 200);
  wait_until([](const TransportStats& stats) { return stats.body_bytes == 0; });
  EXPECT_EQ(exchange(port(), "POST / HTTP/1.1\r\nContent-Length: 60\r\n\r\n" + body).status, 200);
}

TEST_F(TransportTest, ClientThatLeavesGivesItsBudgetBack) {
  listen();
  {
    TestClient client(port());
    ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc"));
    wait_until([](const TransportStats& stats) { return stats.body_bytes == 100; });
  }
  wait_until(
      [](const TransportStats& stats) { return stats.body_bytes == 0 && stats.connections == 0; });
}

TEST_F(TransportTest, ExpectedContinueIsSentBeforeTheBody) {
  listen();
  TestClient client(port());
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
  EXPECT_EQ(client.read_response().status, 100);
  ASSERT_TRUE(client.send("ok"));
  EXPECT_EQ(client.read_response().body, "POST /? ok");
}

TEST_F(TransportTest, SlowHeaderSlowBodyAndIdleConnectionsAreEnded) {
  listen({.idle_timeout = milliseconds(80), .request_timeout = milliseconds(80)});
  TestClient idle(port());
  EXPECT_TRUE(idle.at_end());
  TestClient slow_header(port());
  ASSERT_TRUE(slow_header.send("GET / HT"));
  EXPECT_EQ(slow_header.read_response().status, 408);
  TestClient slow_body(port());
  ASSERT_TRUE(slow_body.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"));
  EXPECT_EQ(slow_body.read_response().status, 408);
}

TEST_F(TransportTest, ClientThatStopsReadingIsCutOff) {
  listen({.idle_timeout = milliseconds(80)});
  TestClient client(port());
  ASSERT_TRUE(client.send("GET /big HTTP/1.1\r\n\r\n"));
  wait_until([](const TransportStats& stats) { return stats.accepted == 1; });
  wait_until([](const TransportStats& stats) { return stats.connections == 0; });
  EXPECT_EQ(client.read_response().status, 0) << "the answer must have been cut";
}

TEST_F(TransportTest, LargeAnswersArriveWhole) {
  listen();
  EXPECT_EQ(exchange(port(), "GET /big HTTP/1.1\r\n\r\n").body.size(), size_t{8} << 20);
}

TEST_F(TransportTest, HandlerThatThrowsIsAnswered500) {
  listen();
  TestClient client(port());
  ASSERT_TRUE(client.send("GET /throw HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(client.read_response().status, 500);
  EXPECT_EQ(client.read_response().status, 200);
}

TEST_F(TransportTest, FullOrForgetfulExecutorIsAnswered503) {
  listen();
  executor_.full_ = true;
  EXPECT_EQ(exchange(port(), "GET / HTTP/1.1\r\n\r\n").status, 503);
  executor_.full_ = false;
  executor_.forgetful_ = true;
  EXPECT_EQ(exchange(port(), "GET / HTTP/1.1\r\n\r\n").status, 503);
}

TEST_F(TransportTest, ConnectionsBeyondTheLimitAreTurnedAway) {
  listen({.max_connections = 2});
  TestClient a(port());
  TestClient b(port());
  wait_until([](const TransportStats& stats) { return stats.connections == 2; });
  TestClient c(port());
  EXPECT_EQ(c.read_response().status, 503);
  ASSERT_TRUE(a.send("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(a.read_response().status, 200);
}

TEST_F(TransportTest, TwoThousandConnectionsAreServedByTwoThreads) {
  listen({.threads = 2});
  std::vector<TestClient> clients;
  for (int i = 0; i < 2000; ++i) {
    clients.emplace_back(port());
    ASSERT_TRUE(clients.back().connected()) << i;
  }
  for (int round = 0; round < 2; ++round) {
    for (auto& client : clients) ASSERT_TRUE(client.send("GET /x HTTP/1.1\r\n\r\n"));
    for (auto& client : clients) ASSERT_EQ(client.read_response().body, "GET /x? ");
  }
  EXPECT_EQ(transport_->stats().connections, 2000u);
}

TEST_F(TransportTest, AddressInUseIsSaidPlainly) {
  listen();
  auto second = Transport::listen({.port = port()}, executor_, echo, refusal);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), Code::failed_precondition);
  EXPECT_EQ(second.error().message().rfind(
                "address 127.0.0.1:" + std::to_string(port()) + " is in use", 0),
            0u)
      << second.error().message();
  auto nowhere = Transport::listen({.host = "256.1.1.1"}, executor_, echo, refusal);
  ASSERT_FALSE(nowhere.ok());
  EXPECT_EQ(nowhere.error().code(), Code::invalid_argument);
}

TEST_F(TransportTest, StopLetsTheRequestInFlightFinishAndClosesIdleConnections) {
  std::promise<void> entered;
  std::promise<void> proceed;
  listen({}, [&](const Request& request) {
    entered.set_value();
    proceed.get_future().wait();
    return echo(request);
  });
  TestClient idle(port());
  TestClient busy(port());
  wait_until([](const TransportStats& stats) { return stats.connections == 2; });
  ASSERT_TRUE(busy.send("GET /busy HTTP/1.1\r\n\r\n"));
  entered.get_future().wait();
  auto stopped =
      std::async(std::launch::async, [&] { transport_->stop(std::chrono::seconds(20)); });
  EXPECT_TRUE(idle.at_end());
  EXPECT_FALSE(TestClient(port()).connected());
  proceed.set_value();
  const RawResponse response = busy.read_response();
  EXPECT_EQ(response.body, "GET /busy? ");
  EXPECT_EQ(response.headers.at("connection"), "close");
  busy.finish_sending();
  stopped.wait();
  EXPECT_EQ(transport_->stats().connections, 0u);
}

TEST_F(TransportTest, StopWithoutGraceCancelsTheRequestInFlight) {
  std::promise<void> entered;
  listen({}, [&](const Request& request) {
    entered.set_value();
    while (request.context.check().ok()) std::this_thread::yield();
    return echo(request);
  });
  TestClient busy(port());
  ASSERT_TRUE(busy.send("GET /busy HTTP/1.1\r\n\r\n"));
  entered.get_future().wait();
  transport_->stop(milliseconds(0));
  EXPECT_TRUE(busy.at_end());
  EXPECT_EQ(transport_->stats().handling, 0u);
}

TEST_F(TransportTest, LongRequestsHaveAnExecutorOfTheirOwnAndNoDeadline) {
  TestExecutor slow;
  TransportOptions options;
  options.takes_long = [](std::string_view method, std::string_view path, bool) {
    return method == "POST" && path == "/long";
  };
  options.long_executor = &slow;
  listen(options, [](const Request& request) {
    return Response{200, "text/plain", request.context.deadline() ? "soon" : "whenever", {}};
  });
  const auto answer = [&](const std::string& start) {
    TestClient client(port());
    EXPECT_TRUE(client.send(start + " HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"));
    return client.read_response();
  };
  EXPECT_EQ(answer("POST /short").body, "soon");
  executor_.full_ = true;
  EXPECT_EQ(answer("POST /short").status, 503);
  EXPECT_EQ(answer("GET /long").status, 503);
  EXPECT_EQ(answer("POST /long").body, "whenever");
  transport_.reset();
}

// Requests for a server that does not answer wait on their threads; reads go on beside them.
TEST_F(TransportTest, RequestsForHoldersLeaveTheThreadsToTheOthers) {
  TestExecutor holders;
  TransportOptions options;
  options.is_for_holder = [](std::string_view method, std::string_view) { return method == "PUT"; };
  options.holder_executor = &holders;
  std::promise<void> answered;
  const std::shared_future<void> holder(answered.get_future());
  listen(options, [&](const Request& request) {
    if (request.method == "PUT") holder.wait();
    return echo(request);
  });
  std::vector<TestClient> stuck;
  for (int i = 0; i < 8; ++i) {
    stuck.emplace_back(port());
    ASSERT_TRUE(stuck.back().send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"));
  }
  wait_until([](const TransportStats& stats) { return stats.handling == 8; });
  TestClient reader(port());
  ASSERT_TRUE(reader.send("GET /x HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(reader.read_response().body, "GET /x? ");
  answered.set_value();
  for (TestClient& client : stuck) EXPECT_EQ(client.read_response().status, 200);
  transport_.reset();
}

TEST_F(TransportTest, RequestsThatWereSentOnEndWhenTheirSenderHangsUp) {
  std::promise<void> entered;
  std::promise<std::string> outcome;
  listen({}, [&](const Request& request) {
    if (request.path == "/first") return echo(request);
    entered.set_value();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (request.context.check().ok() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(milliseconds(1));
    outcome.set_value(request.context.check().ok() ? "waited for" : "given up");
    return echo(request);
  });
  {
    TestClient sender(port());
    const std::string rest = " HTTP/1.1\r\nHost: h\r\nx-viridian-forwarded: 1\r\n\r\n";
    for (int i = 0; i < 3; ++i) {  // of whose end nothing is left
      ASSERT_TRUE(sender.send("GET /first" + rest));
      EXPECT_EQ(sender.read_response().status, 200);
    }
    ASSERT_TRUE(sender.send("GET /second" + rest));
    entered.get_future().wait();
  }
  EXPECT_EQ(outcome.get_future().get(), "given up");
  transport_.reset();
}

TEST_F(TransportTest, RequestsThatWereSentOnHaveExecutorsOfTheirOwn) {
  TestExecutor slow;
  TestExecutor forwarded;
  TestExecutor forwarded_slow;
  TransportOptions options;
  options.takes_long = [](std::string_view, std::string_view path, bool sent_on) {
    return path == "/long" || (path == "/close" && !sent_on);
  };
  options.long_executor = &slow;
  options.forwarded_executor = &forwarded;
  options.forwarded_long_executor = &forwarded_slow;
  listen(options, [](const Request& request) {
    return Response{200, "text/plain", request.context.deadline() ? "soon" : "whenever", {}};
  });
  const auto ask = [&](const std::string& path, const std::string& header) {
    TestClient client(port());
    EXPECT_TRUE(client.send("GET " + path + " HTTP/1.1\r\nHost: h\r\n" + header + "\r\n"));
    return client.read_response();
  };
  // Whatever waits for other servers, what they sent here is answered.
  executor_.full_ = slow.full_ = true;
  EXPECT_EQ(ask("/short", "").status, 503);
  EXPECT_EQ(ask("/long", "").status, 503);
  EXPECT_EQ(ask("/close", "").status, 503);
  EXPECT_EQ(ask("/short", "x-viridian-forwarded: 1\r\n").body, "soon");
  EXPECT_EQ(ask("/long", "x-viridian-forwarded: 1\r\n").body, "whenever");
  forwarded_slow.full_ = true;  // with compactions that were sent on
  EXPECT_EQ(ask("/close", "x-viridian-forwarded: 1\r\n").body, "soon");
  forwarded_slow.full_ = false;
  forwarded.full_ = true;
  EXPECT_EQ(ask("/short", "x-viridian-forwarded: 1\r\n").status, 503);
  EXPECT_EQ(ask("/long", "x-viridian-forwarded: 1\r\n").body, "whenever");
  transport_.reset();
}

}  // namespace
}  // namespace viridian::http
