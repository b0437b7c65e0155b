#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>

#include "clickhouse/test_server.h"

namespace viridian::clickhouse {

/// Hands requests on to ClickHouse. The last byte of some inserts comes late, when their sender may
/// have given them up: whatever they meant to store is stored then.
class HangingProxy {
 public:
  /// `share`: of all inserts, in percent.
  HangingProxy(uint16_t server, unsigned share, std::chrono::milliseconds longest, uint64_t seed)
      : server_(server),
        share_(share),
        longest_(longest),
        random_(seed),
        listener_([this](int socket) { serve(socket); }) {}
  std::string url() const { return listener_.url(); }
  uint64_t held() const { return held_; }
  /// From now on nothing is held any longer.
  void let_go() {
    const std::scoped_lock lock(mutex_);
    let_go_ = true;
    changed_.notify_all();
  }

 private:
  static int connect_to(uint16_t port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
      return socket;
    ::close(socket);
    return -1;
  }
  void serve(int client) {
    const int server = connect_to(server_);
    if (server < 0) return;
    std::thread answers([&] {
      char buffer[16384];
      for (ssize_t n = 0; (n = ::recv(server, buffer, sizeof buffer, 0)) > 0;)
        send_all(client, {buffer, static_cast<size_t>(n)});
      ::shutdown(client, SHUT_RDWR);
    });
    std::string request;
    while (receive(client, request)) {
      if (request.find("INSERT") < request.find("\r\n") && chosen()) {
        send_all(server, std::string_view(request).substr(0, request.size() - 1));
        hold();
        request.erase(0, request.size() - 1);
      }
      if (!send_all(server, request)) break;
    }
    // A request whose sender is gone is still a request.
    ::shutdown(server, SHUT_WR);
    answers.join();
    ::close(server);
  }
  bool chosen() {
    const std::scoped_lock lock(mutex_);
    return !let_go_ && random_() % 100 < share_;
  }
  void hold() {
    std::unique_lock lock(mutex_);
    ++held_;
    const std::chrono::milliseconds time(random_() % static_cast<uint64_t>(longest_.count()));
    changed_.wait_for(lock, time, [this] { return let_go_; });
  }
  static bool receive(int socket, std::string& bytes) {
    constexpr std::string_view kEnd = "\r\n\r\n";
    constexpr std::string_view kLength = "Content-Length: ";
    bytes.clear();
    for (size_t wanted = std::string::npos; bytes.size() < wanted;) {
      char buffer[16384];
      const ssize_t n = ::recv(socket, buffer, sizeof buffer, 0);
      if (n <= 0) return false;
      bytes.append(buffer, static_cast<size_t>(n));
      const size_t end = bytes.find(kEnd);
      if (wanted != std::string::npos || end == std::string::npos) continue;
      const size_t at = bytes.find(kLength);
      wanted = end + kEnd.size();
      if (at < end) wanted += std::strtoull(bytes.c_str() + at + kLength.size(), nullptr, 10);
    }
    return true;
  }

  const uint16_t server_;
  const unsigned share_;
  const std::chrono::milliseconds longest_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool let_go_ = false;
  std::mt19937_64 random_;
  std::atomic<uint64_t> held_{0};
  Listener listener_;  // goes first: its threads use the rest
};

}  // namespace viridian::clickhouse
