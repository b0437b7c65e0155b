#include <fmt/format.h>
#include <pthread.h>

#include <csignal>
#include <cstdio>
#include <utility>

#include "http/server.h"
#include "http/transport.h"
#include "library/builtins.h"
#include "obs/log.h"
#include "viridian/commands.h"
#include "viridian/settings.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

/// Keeps SIGINT and SIGTERM for wait(), in this thread and those started after it.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    // A client that goes away must not end the server; its write fails instead.
    std::signal(SIGPIPE, SIG_IGN);
  }
  int wait() const {
    int signal = 0;
    sigwait(&signals_, &signal);
    return signal;
  }
  /// From now on a second signal ends the process at once.
  void release() const { pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr); }

 private:
  sigset_t signals_{};
};

void configure_log(const Settings& settings) {
  obs::process_logger().configure(
      obs::parse_level(settings.text("log.level")).value_or(obs::Level::info),
      obs::parse_format(settings.text("log.format")).value_or(obs::LogFormat::text));
}

/// The other servers are told this one's address before it listens: a port that is to be any one is
/// chosen here.
Status choose_port(Settings& settings) {
  const bool told = settings.text("api") == "cluster::Api" && settings.text("node.url").empty();
  if (!told || settings.integer("server.port") != 0) return ok_status();
  VIRIDIAN_TRY(const uint16_t port, http::free_port(settings.text("server.host")));
  settings.set("server.port", std::to_string(port));
  return ok_status();
}

int cannot_start(const Error& error) {
  print_error(fmt::format("cannot serve: {}", error.message()));
  return error.code() == Code::invalid_argument ? kUsage : kUnreachable;
}

}  // namespace

int run(const ServeArguments& arguments) {
  Result<config::Loaded> loaded = load_settings(arguments.settings);
  if (!loaded.ok()) {
    print_error(loaded.error().message());
    return kUsage;
  }
  configure_log(loaded->settings);
  if (const Status chosen = choose_port(loaded->settings); !chosen.ok()) {
    return cannot_start(chosen.error());
  }
  const StopSignals signals;
  System system(builtins(), loaded->settings);
  const Result<http::Server*> server = system.require<http::Server>();
  if (!server.ok()) return cannot_start(server.error());
  if (const Status started = system.start(Context()); !started.ok()) {
    return cannot_start(started.error());
  }
  const bool elsewhere = !arguments.settings.clickhouse.empty();
  fmt::print("Viridian {} serving {} at {}\n", VIRIDIAN_VERSION,
             loaded->settings.text(elsewhere ? "clickhouse.url" : "path"), (*server)->url());
  std::fflush(stdout);
  const int signal = signals.wait();
  signals.release();
  obs::log(obs::Level::info, "serve", "stopping", {{"signal", signal}});
  system.stop();
  return kOk;
}

int run(const VersionArguments&) {
  fmt::print("Viridian {}\n", VIRIDIAN_VERSION);
  return kOk;
}

}  // namespace viridian::cli
