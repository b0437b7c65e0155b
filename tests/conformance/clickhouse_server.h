#pragma once
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "config/load.h"
#include "os/temporary_directory.h"
#include "viridian/base/settings.h"
#include "viridian/base/uuid.h"

namespace viridian {

/// A ClickHouse server of this test program's own: an old one from Debian's package, or, where the
/// environment says VIRIDIAN_TEST_CLICKHOUSE=engine, the engine of a new one behind an HTTP server
/// of node (tests/clickhouse/engine_over_http.cjs, with the npm package chdb below the directory
/// that VIRIDIAN_CHDB names, or build/tools/chdb). Use from the program's main thread: the server
/// ends with it.
class ClickHouseServer {
 public:
  /// The program's server, started at the first call; ends with the program. Null where there is
  /// none: use SKIP_WITHOUT_CLICKHOUSE().
  static ClickHouseServer* shared() {
    static const std::unique_ptr<ClickHouseServer> server =
        missing().empty() ? std::make_unique<ClickHouseServer>() : nullptr;
    return server.get();
  }
  /// As shared(), another one.
  static ClickHouseServer* second() {
    static const std::unique_ptr<ClickHouseServer> server =
        missing().empty() ? std::make_unique<ClickHouseServer>() : nullptr;
    return server.get();
  }
  /// Where no server is.
  static std::string url_of_nobody() { return "http://127.0.0.1:" + std::to_string(free_port()); }
  /// Why no server can be started here; empty if one can.
  static std::string missing() {
    namespace fs = std::filesystem;
    if (engine()) {
      if (std::system("node --version >/dev/null 2>&1") != 0) return "node is not installed";
      if (!fs::exists(chdb() + "/node_modules/chdb"))
        return "no npm package chdb: npm install --ignore-scripts --prefix " + chdb() + " chdb";
      return {};
    }
    for (const char* place : {"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"})
      if (fs::exists(std::string(place) + "/clickhouse-server")) return {};
    return "the package clickhouse-server is not installed";
  }
  static bool engine() {
    const char* const kind = std::getenv("VIRIDIAN_TEST_CLICKHOUSE");
    return kind != nullptr && std::string_view(kind) == "engine";
  }

  /// `extra`: XML for its configuration. The old server only.
  explicit ClickHouseServer(const std::string& extra = {}) {
    if (!extra.empty()) std::ofstream(directory_.path() + "/extra.xml") << extra;
    port_ = free_port();
    start();
  }
  ~ClickHouseServer() { kill(); }
  ClickHouseServer(const ClickHouseServer&) = delete;
  ClickHouseServer& operator=(const ClickHouseServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  uint16_t port() const { return port_; }
  const std::string& directory() const { return directory_.path(); }

  /// A name that no other test has.
  static std::string new_database() { return "t" + Uuid::random().to_string().substr(0, 13); }
  /// All defaults, this server, and that database.
  Settings settings(const std::string& database = new_database()) const {
    config::Sources sources;
    sources.flags = {{"clickhouse.url", url()},
                     {"clickhouse.database", database},
                     {"clickhouse.timeout_ms", "60000"}};
    auto loaded = config::load(sources);
    if (!loaded.ok()) {
      ADD_FAILURE() << loaded.error().message();
      return {};
    }
    return loaded->settings;
  }

  /// As when the machine loses power, except that what the system has not written yet is kept.
  void kill() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) continue;
    process_ = -1;
  }
  /// After kill(): the same data at the same address.
  void start() {
    const pid_t parent = ::getpid();
    const std::vector<std::string> words = command();
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() == parent) ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    wait_until_it_answers();
  }
  /// Returns when it stands still: a signal takes effect later than it is sent.
  void freeze() {
    ::kill(process_, SIGSTOP);
    siginfo_t stopped{};
    ::waitid(P_PID, static_cast<id_t>(process_), &stopped, WSTOPPED | WEXITED | WNOWAIT);
  }
  void thaw() { ::kill(process_, SIGCONT); }

  static uint16_t free_port() {
    // Below the ports that the system gives out by itself; others look for one at the same time.
    std::random_device random;
    for (int i = 0; i < 1000; ++i) {
      const auto port = static_cast<uint16_t>(20000 + random() % 12000);
      const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const int on = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      sockaddr_in address = local(port);
      const int bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address);
      ::close(socket);
      if (bound == 0) return port;
    }
    return 0;
  }

 private:
  static sockaddr_in local(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static std::string root() {
    return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().string();
  }
  static std::string chdb() {
    const char* const place = std::getenv("VIRIDIAN_CHDB");
    return place != nullptr ? place : root() + "/build/tools/chdb";
  }
  std::vector<std::string> command() const {
    const std::string number = std::to_string(port_);
    if (engine())
      return {"node", root() + "/tests/clickhouse/engine_over_http.cjs", chdb(), directory(),
              number};
    return {root() + "/deploy/private-clickhouse", "run", directory(), number};
  }
  bool answers() const {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval second{1, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    sockaddr_in address = local(port_);
    bool ok = ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    constexpr std::string_view kPing = "GET /ping HTTP/1.0\r\n\r\n";
    ok = ok && ::send(socket, kPing.data(), kPing.size(), MSG_NOSIGNAL) > 0;
    char line[16] = {};
    ok = ok && ::recv(socket, line, 15, MSG_WAITALL) == 15;
    ::close(socket);
    return ok && std::string_view(line).find(" 200") != std::string_view::npos;
  }
  void wait_until_it_answers() {
    for (int i = 0; i < 600; ++i) {
      if (answers()) return;
      if (::waitpid(process_, nullptr, WNOHANG) == process_) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    std::string line;
    for (std::ifstream log(directory() + "/out.log"); std::getline(log, line);)
      ADD_FAILURE() << line;
    ADD_FAILURE() << "ClickHouse did not start";
    process_ = -1;
  }

  os::TemporaryDirectory directory_;
  uint16_t port_ = 0;
  pid_t process_ = -1;
};

#define SKIP_WITHOUT_CLICKHOUSE()                                                  \
  if (const std::string why = viridian::ClickHouseServer::missing(); !why.empty()) \
  GTEST_SKIP() << "no ClickHouse: " << why

}  // namespace viridian
