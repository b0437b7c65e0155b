#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace viridian::clickhouse {

/// Accepts connections on loopback, each served by a thread of its own; ends them all at the end.
class Listener {
 public:
  explicit Listener(std::function<void(int socket)> serve) : serve_(std::move(serve)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(socket_, 64) != 0 ||
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      std::abort();
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept(); });
  }
  ~Listener() {
    stopping_ = true;
    ::shutdown(socket_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::scoped_lock lock(mutex_);
      for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    ::close(socket_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  bool stopping() const { return stopping_; }

 private:
  void accept() {
    while (true) {
      const int socket = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      const std::scoped_lock lock(mutex_);
      const auto place = open_.insert(open_.end(), socket);
      threads_.emplace_back([this, socket, place] {
        serve_(socket);
        const std::scoped_lock closing(mutex_);
        open_.erase(place);
        ::close(socket);
      });
    }
  }

  const std::function<void(int)> serve_;
  const int socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::list<int> open_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

inline bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

/// Closing this socket tells the other side that the connection broke.
inline void reset_on_close(int socket) {
  const linger now{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/// One request as it came.
struct TestRequest {
  std::string head;  ///< request line and headers
  std::string body;
  uint32_t connection = 0;  ///< a number, the same for requests on one connection
};

/// What to answer, byte by byte if need be, and what then happens to the connection.
struct TestReply {
  std::string bytes;
  enum class Then { keep, close, reset, stall } then = Then::keep;
  std::chrono::milliseconds pause{0};  ///< before each byte; 0: all at once
};

/// An HTTP server that answers as a test says.
class TestServer {
 public:
  using Script = std::function<TestReply(const TestRequest&)>;
  explicit TestServer(Script script)
      : script_(std::move(script)), listener_([this](int socket) { serve(socket); }) {}
  ~TestServer() {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  std::string url() const { return listener_.url(); }
  std::vector<TestRequest> requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }

 private:
  void serve(int socket) {
    const uint32_t number = ++connections_;
    TestRequest request;
    while (receive(socket, request)) {
      request.connection = number;
      {
        const std::scoped_lock lock(mutex_);
        requests_.push_back(request);
      }
      const TestReply reply = script_(request);
      for (size_t i = 0; reply.pause.count() > 0 && i < reply.bytes.size(); ++i)
        if (!wait(reply.pause) || !send_all(socket, reply.bytes.substr(i, 1))) return;
      if (reply.pause.count() == 0 && !send_all(socket, reply.bytes)) return;
      if (reply.then == TestReply::Then::reset) reset_on_close(socket);
      if (reply.then == TestReply::Then::stall) wait_for_other_side(socket);
      if (reply.then != TestReply::Then::keep) return;
    }
  }
  /// False once the server ends.
  bool wait(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, time, [this] { return ended_; });
  }
  static void wait_for_other_side(int socket) {
    char byte = 0;
    while (::recv(socket, &byte, 1, 0) > 0) continue;
  }
  static bool receive(int socket, TestRequest& request) {
    constexpr std::string_view kEnd = "\r\n\r\n";
    std::string bytes;
    size_t wanted = std::string::npos;
    while (bytes.size() < wanted) {
      char buffer[4096];
      const ssize_t n = ::recv(socket, buffer, sizeof buffer, 0);
      if (n <= 0) return false;
      bytes.append(buffer, static_cast<size_t>(n));
      const size_t end = bytes.find(kEnd);
      if (wanted != std::string::npos || end == std::string::npos) continue;
      constexpr std::string_view kLength = "Content-Length: ";
      const size_t at = bytes.find(kLength);
      const size_t body =
          at < end ? std::strtoull(bytes.c_str() + at + kLength.size(), nullptr, 10) : 0;
      wanted = end + kEnd.size() + body;
      request.head = bytes.substr(0, end);
    }
    request.body = bytes.substr(request.head.size() + kEnd.size());
    return true;
  }

  const Script script_;
  std::atomic<uint32_t> connections_{0};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::vector<TestRequest> requests_;
  Listener listener_;  // goes first: its threads use the rest
};

/// Hands bytes to and fro between a client and a server.
class TestProxy {
 public:
  explicit TestProxy(uint16_t server)
      : server_(server), listener_([this](int socket) { serve(socket); }) {}
  std::string url() const { return listener_.url(); }
  /// Hands on so many more bytes of the client's; then it breaks every connection off.
  void break_after(size_t bytes) { left_ = bytes; }
  /// Bytes that clients have sent, over all connections.
  size_t sent() const { return sent_; }

 private:
  void serve(int client) {
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
      exchange(client, server);
    ::close(server);
  }
  void exchange(int client, int server) {
    char buffer[16384];
    while (true) {
      pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      ::poll(both, 2, -1);
      if (both[1].revents != 0) {
        const ssize_t n = ::recv(server, buffer, sizeof buffer, 0);
        if (n <= 0 || !send_all(client, {buffer, static_cast<size_t>(n)})) return;
      }
      if (both[0].revents != 0) {
        const ssize_t n = ::recv(client, buffer, std::min<size_t>(sizeof buffer, left_), 0);
        if (n <= 0 || !send_all(server, {buffer, static_cast<size_t>(n)})) return;
        sent_ += static_cast<size_t>(n);
        left_ -= static_cast<size_t>(n);
        if (left_ == 0) return;
      }
    }
  }

  const uint16_t server_;
  std::atomic<size_t> left_{SIZE_MAX};
  std::atomic<size_t> sent_{0};
  Listener listener_;  // goes first: its threads use the rest
};

}  // namespace viridian::clickhouse
