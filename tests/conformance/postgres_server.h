#pragma once
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "os/temporary_directory.h"
#include "postgres/connection.h"
#include "postgres/pool.h"
#include "viridian/base/uuid.h"

namespace viridian {

/// A PostgreSQL server of this test program's own, from Debian's package. Use from the program's
/// main thread: the server ends with it.
class PostgresServer {
 public:
  /// The program's server, started at the first call; ends with the program. Null where there is
  /// none: use SKIP_WITHOUT_POSTGRES().
  static PostgresServer* shared() {
    static const std::unique_ptr<PostgresServer> server =
        missing().empty() ? std::make_unique<PostgresServer>() : nullptr;
    return server.get();
  }
  /// Why no server can be started here; empty if one can.
  static std::string missing() {
    namespace fs = std::filesystem;
    std::error_code error;
    for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", error))
      if (fs::exists(version.path() / "bin/initdb")) return {};
    return "the package postgresql is not installed";
  }

  PostgresServer() {
    // What the system has been given survives the killing of processes.
    std::ofstream(directory_.path() + "/extra.conf") << "fsync = off\n";
    start();
  }
  ~PostgresServer() { stop(); }
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// Of a database of its own, empty, that no other test has.
  std::string new_database() {
    const std::string name = "t" + Uuid::random().to_string().substr(0, 13);
    execute(url(), "CREATE DATABASE \"" + name + "\"");
    return url(name);
  }
  static void execute(const std::string& url, const std::string& sql) {
    const auto connection = postgres::Connection::open(Context(), {url, ""});
    if (!connection.ok()) {
      ADD_FAILURE() << connection.error().message();
      return;
    }
    const Status done = (*connection)->execute(Context(), sql);
    if (!done.ok()) ADD_FAILURE() << done.error().message();
  }
  /// A pool that has started, over `url`.
  static std::unique_ptr<postgres::Pool> pool(const std::string& url, size_t connections = 8) {
    auto made = std::make_unique<postgres::Pool>(
        postgres::Pool::Options{{url, ""}, connections, MigrationMode::apply});
    const Status started = made->start(Context::with_timeout(std::chrono::seconds(30)));
    if (!started.ok()) ADD_FAILURE() << started.error().message();
    return made;
  }

  /// All processes at once, as when the machine loses power, except that what the system has not
  /// written yet is kept.
  void kill() { signal_all(SIGKILL, /*wait=*/true); }
  /// After kill(): the same data at the same address.
  void start() {
    for (int tries = 0; tries < 20; ++tries) {
      if (launch()) return;  // memory of processes that are not quite gone yet is in the way
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    std::string line;
    for (std::ifstream log(directory_.path() + "/server.log"); std::getline(log, line);)
      ADD_FAILURE() << line;
    ADD_FAILURE() << "PostgreSQL did not start";
  }
  void freeze() { signal_all(SIGSTOP); }
  void thaw() { signal_all(SIGCONT); }
  void stop() {
    if (process_ <= 0) return;
    ::kill(process_, SIGQUIT);
    bury();
  }

 private:
  static std::string root() {
    return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().string();
  }
  std::string url(const std::string& database = "viridian") const {
    std::string port;
    std::ifstream(directory_.path() + "/port") >> port;
    return "postgresql://viridian@127.0.0.1:" + port + "/" + database;
  }
  bool launch() {
    const pid_t parent = ::getpid();
    const std::string script = root() + "/deploy/private-postgres";
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // until the script has set its own
      if (::getppid() == parent)
        ::execl(script.c_str(), script.c_str(), "run", directory_.path().c_str(), nullptr);
      ::_exit(127);
    }
    for (int i = 0; i < 1200; ++i) {
      if (::waitpid(process_, nullptr, WNOHANG) == process_) break;
      if (std::filesystem::exists(directory_.path() + "/port") &&
          postgres::Connection::open(Context::with_timeout(std::chrono::seconds(5)), {url(), ""})
              .ok())
        return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    process_ = -1;
    return false;
  }
  void signal_all(int signal, bool wait = false) {
    if (process_ <= 0) return;
    const std::string server = std::to_string(process_);
    std::vector<pid_t> children;
    std::ifstream list("/proc/" + server + "/task/" + server + "/children");
    for (pid_t child = 0; list >> child;) children.push_back(child);
    ::kill(process_, signal);
    for (const pid_t child : children) ::kill(child, signal);
    if (wait) bury();
  }
  void bury() {
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) continue;
    process_ = -1;
  }

  os::TemporaryDirectory directory_;
  pid_t process_ = -1;
};

#define SKIP_WITHOUT_POSTGRES()                                                  \
  if (const std::string why = viridian::PostgresServer::missing(); !why.empty()) \
  GTEST_SKIP() << "no PostgreSQL: " << why

}  // namespace viridian
