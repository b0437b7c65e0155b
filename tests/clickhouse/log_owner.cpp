// One process of the test of the log's protocol (protocol_test.py), which kills, stops and misleads
// it. It stands on the real client, leases, histories and log.
//
//   log_owner own  [--SETTING VALUE]... --number N [--naive yes] -- COLLECTION...
//   log_owner read [--SETTING VALUE]... --output FILE -- COLLECTION...
//
// An owner appends to whichever collections it holds and prints what was acknowledged, with the
// time on the clock that all processes share:
//   ack COLLECTION BATCH ROWS LAST_NUMBER NANOSECONDS
//   last COLLECTION NUMBER NANOSECONDS_BEFORE_ASKING
//   refused COLLECTION BATCH      was not appended and never will be
// It is told `take COLLECTION`, `end` (append the record "end" to each) and `stop`. A reader
// follows all collections until that record and writes what it read; `finish`: it is not to wait
// long.
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "clickhouse/client.h"
#include "clickhouse/naive_parts.h"
#include "config/load.h"
#include "lease/clickhouse_leases.h"
#include "lease/postgres_leases.h"
#include "log/clickhouse_log.h"
#include "log/postgres_history.h"
#include "log/seal_history.h"
#include "obs/metrics.h"
#include "postgres/pool.h"
#include "viridian/spi/component.h"

namespace viridian::clickhouse {
namespace {

using Clock = Context::Clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kWritersEach = 2;  // of a collection; naive ones know nothing of each other
constexpr milliseconds kCallTime{3'000};
/// A reader that is told to finish goes on for this long without the last record, and then says
/// "stuck", where, and what it was told there.
constexpr seconds kFinishTime{20};
constexpr seconds kStartTime{60};

struct Arguments {
  bool own = false;
  bool naive = false;
  uint64_t number = 0;
  std::string output;
  std::map<std::string, std::string> settings;
  std::vector<CollectionId> collections;
};

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments arguments;
  if (argc < 2) return std::nullopt;
  arguments.own = std::string(argv[1]) == "own";
  int at = 2;
  for (; at + 1 < argc && std::string(argv[at]) != "--"; at += 2) {
    const std::string key = std::string(argv[at]).substr(2);
    const std::string value = argv[at + 1];
    if (key == "number")
      std::from_chars(value.data(), value.data() + value.size(), arguments.number);
    else if (key == "output")
      arguments.output = value;
    else if (key == "naive")
      arguments.naive = value == "yes";
    else
      arguments.settings[key] = value;
  }
  for (++at; at < argc; ++at) {
    const auto id = Uuid::parse(argv[at]);
    if (!id) return std::nullopt;
    arguments.collections.push_back(*id);
  }
  return arguments;
}

/// Leases of a process that holds nothing and is to hold nothing.
class Onlooker final : public Component, public viridian::Leases {
 public:
  static Result<std::unique_ptr<Onlooker>> create(System&) { return std::make_unique<Onlooker>(); }
  Result<Holder> holder(const Context&, const CollectionId&) override { return Holder{}; }
  Result<uint64_t> epoch(const Context&, const CollectionId&) override { return nothing(); }
  Status confirm(const Context&, const CollectionId&, uint64_t) override { return nothing(); }
  bool certain(const CollectionId&, uint64_t) const noexcept override { return false; }
  std::vector<ServerInfo> servers() const override { return {}; }
  Status renew(const Context&, const CollectionId&, uint64_t) override { return nothing(); }
  Status take(const Context&, uint32_t) override { return nothing(); }

 private:
  static Error nothing() { return {Code::aborted, "only a reader"}; }
};

Registry registry() {
  Registry registry;
  registry.add<obs::Metrics, obs::Metrics>("obs::Metrics");
  registry.add<Client, Client>("clickhouse::Client");
  registry.add<postgres::Pool, postgres::Pool>("postgres::Pool");
  registry.add<SealHistory, History>("clickhouse::SealHistory");
  registry.add<postgres::History, History>("postgres::History");
  registry.add<clickhouse::Leases, viridian::Leases>("clickhouse::Leases");
  registry.add<postgres::Leases, viridian::Leases>("postgres::Leases");
  registry.add<Onlooker, viridian::Leases>("Onlooker");
  return registry;
}

/// The parts below a log, running.
class Parts {
 public:
  explicit Parts(Settings settings) : system_(registry(), std::move(settings)) {}
  static Result<std::unique_ptr<Parts>> open(const Settings& settings, bool naive) {
    const auto until = Clock::now() + kStartTime;
    while (true) {  // a database that is being killed is no reason to give up
      auto parts = std::make_unique<Parts>(settings);
      const Status started = parts->start(naive);
      if (started.ok()) return parts;
      if (Clock::now() > until) return started.error();
      std::this_thread::sleep_for(milliseconds(100));
    }
  }
  ~Parts() { system_.stop(); }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  viridian::Leases& leases() { return *leases_; }
  std::shared_ptr<Log> new_log() {
    Log::Options options;
    options.writer.group_bytes = 64 << 10;
    options.writer.block_rows = 300;  // so that some batches take two inserts
    viridian::Leases& leases = naive_history_ ? naive_leases_ : *leases_;
    return std::make_shared<Log>(Log::Parts{*client_, *history_, leases, *metrics_}, options);
  }

 private:
  Status start(bool naive) {
    VIRIDIAN_TRY(metrics_, system_.require<obs::Metrics>());
    VIRIDIAN_TRY(client_, system_.require<Client>());
    VIRIDIAN_TRY(leases_, system_.require<viridian::Leases>());
    if (naive) {
      naive_history_ = std::make_unique<NaiveHistory>(*client_);
      history_ = naive_history_.get();
    } else {
      VIRIDIAN_TRY(history_, system_.require<History>());
    }
    return system_.start(Context::with_timeout(seconds(20)));
  }

  System system_;
  obs::Metrics* metrics_ = nullptr;
  Client* client_ = nullptr;
  viridian::Leases* leases_ = nullptr;
  History* history_ = nullptr;
  std::unique_ptr<NaiveHistory> naive_history_;
  NaiveLeases naive_leases_;
};

int64_t now_ns() { return Clock::now().time_since_epoch().count(); }

/// A line that is out once this returns.
void say(const std::string& line) {
  static std::mutex mutex;
  const std::scoped_lock lock(mutex);
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

void ask_last(Log& log, size_t c, const CollectionId& collection) {
  const int64_t begun = now_ns();
  const auto last = log.last(Context::with_timeout(kCallTime), collection);
  if (last.ok()) say(fmt::format("last {} {} {}", c, *last, begun));
}

class Owner {
 public:
  Owner(const Arguments& arguments, Parts& parts)
      : arguments_(arguments), parts_(parts), log_(parts.new_log()) {}

  void run() {
    std::vector<std::thread> threads;
    for (size_t c = 0; c < arguments_.collections.size(); ++c)
      for (int i = 0; i < writers_each_; ++i) threads.emplace_back([this, c] { append_all(c); });
    obey();
    stopping_ = true;
    for (std::thread& thread : threads) thread.join();
    log_->stop();
  }

 private:
  void obey() {
    for (std::string word; std::cin >> word && word != "stop";) {
      size_t c = 0;
      if (word == "take" && std::cin >> c)
        (void)parts_.leases().take(Context::with_timeout(seconds(10)),
                                   slot_of(arguments_.collections[c]));
      if (word == "end") ending_ = true;
    }
  }

  void append_all(size_t c) {
    const CollectionId& collection = arguments_.collections[c];
    std::mt19937_64 random(std::random_device{}());
    std::shared_ptr<Log> log = log_;
    uint64_t last_epoch = 0;
    while (!stopping_) {
      const auto epoch = parts_.leases().epoch(Context(), collection);
      if (!epoch.ok()) {
        std::this_thread::sleep_for(milliseconds(5));
        continue;
      }
      // What the naive way knows of the log is of no use once another one wrote.
      if (arguments_.naive && *epoch != last_epoch) log = parts_.new_log();
      last_epoch = *epoch;
      if (ending_) return end(*log, collection);
      append(*log, c, random);
      if (random() % 8 == 0) ask_last(*log, c, collection);
    }
  }

  void append(Log& log, size_t c, std::mt19937_64& random) {
    constexpr size_t kSizes[] = {1, 2, 50, 500};
    const CollectionId& collection = arguments_.collections[c];
    const uint64_t number = ++batches_;
    const size_t rows = kSizes[random() % 4];
    RecordBatch batch;
    for (size_t row = 0; row < rows; ++row)
      batch.ids.push_back(fmt::format("{}.{}.{}", arguments_.number, number, row));
    const auto shared = std::make_shared<const RecordBatch>(std::move(batch));
    const Context context = Context::with_timeout(kCallTime);
    const bool decided = random() % 4 == 0;
    const auto before = decided ? log.last(context, collection) : Result<SeqId>(0U);
    if (!before.ok()) return;
    const auto last = decided ? log.append_if(context, collection, shared, *before)
                              : log.append(context, collection, shared);
    if (!last.ok()) {
      if (last.error().code() == Code::aborted)
        say(fmt::format("refused {} {}.{}", c, arguments_.number, number));
      return;
    }
    const bool told = decided && *last != *before + rows;
    if (told) say(fmt::format("wrong: after {} came {} by {} rows", *before, *last, rows));
    say(fmt::format("ack {} {}.{} {} {} {}", c, arguments_.number, number, rows, *last, now_ns()));
  }

  /// Appends once no other writer of the collection may append something after it.
  void end(Log& log, const CollectionId& collection) {
    {
      const std::scoped_lock lock(mutex_);
      if (++at_end_[collection] < writers_each_) return;
    }
    RecordBatch batch;
    batch.ids.push_back("end");
    const auto last = log.append(Context::with_timeout(seconds(30)), collection,
                                 std::make_shared<const RecordBatch>(std::move(batch)));
    say(last.ok() ? "ended" : "wrong: " + last.error().message());
  }

  const Arguments& arguments_;
  Parts& parts_;
  const std::shared_ptr<Log> log_;
  const int writers_each_ = arguments_.naive ? 1 : kWritersEach;
  std::atomic<uint64_t> batches_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ending_{false};
  std::mutex mutex_;
  std::map<CollectionId, int> at_end_;  ///< its writers that append nothing any more
};

class Reader {
 public:
  Reader(const Arguments& arguments, Parts& parts)
      : arguments_(arguments),
        log_(parts.new_log()),
        read_(arguments.collections.size()),
        told_(arguments.collections.size()) {}

  void run() {
    std::thread orders([this] {
      for (std::string word; std::cin >> word;)
        if (word == "finish") give_up_ = Clock::now() + kFinishTime;
      give_up_ = Clock::now() + kFinishTime;
    });
    orders.detach();
    std::mt19937_64 random(std::random_device{}());
    uint64_t reloads = 0;
    while (!ended() && Clock::now() < give_up_.load()) {
      for (size_t c = 0; c < read_.size(); ++c) {
        reloads += follow(c, random() % 100'000) ? 0 : 1;
        if (random() % 16 == 0) ask_last(*log_, c, arguments_.collections[c]);
      }
      (void)log_->wait(Context::with_timeout(milliseconds(20)), arguments_.collections[0],
                       read_[0].size());
    }
    log_->stop();
    say_stuck();
    std::ofstream output(arguments_.output);
    for (size_t c = 0; c < read_.size(); ++c)
      for (const std::string& id : read_[c]) output << c << " " << id << "\n";
    output.flush();
    say(fmt::format("{} {}", output.good() ? "read" : "wrong: cannot write", reloads));
  }

 private:
  static bool has_end(const std::vector<std::string>& ids) {
    return !ids.empty() && ids.back() == "end";
  }
  bool ended() const { return std::all_of(read_.begin(), read_.end(), has_end); }

  void say_stuck() const {
    for (size_t c = 0; c < read_.size(); ++c) {
      if (has_end(read_[c])) continue;
      say(fmt::format("stuck: {} of collection {} after number {}: {}", arguments_.output, c,
                      read_[c].size(), told_[c].empty() ? "no error" : told_[c]));
    }
  }

  /// False where it has to begin anew.
  bool follow(size_t c, size_t limit) {
    std::vector<std::string>& ids = read_[c];
    const auto part = log_->read(Context::with_timeout(milliseconds(2'000)),
                                 arguments_.collections[c], ids.size(), limit);
    told_[c] = part.ok() ? "" : part.error().message();
    if (!part.ok()) {
      if (part.error().code() == Code::data_loss) say("wrong: " + part.error().message());
      if (part.error().code() != Code::out_of_range) return true;
      log_->forget_reader(arguments_.collections[c]);
      ids.clear();
      return false;
    }
    for (const LogBatch& batch : *part) {
      if (batch.first_seq != ids.size() + 1) say("wrong: a gap");
      for (size_t row = 0; row < batch.batch->rows(); ++row)
        ids.emplace_back(batch.batch->ids[row]);
    }
    return true;
  }

  const Arguments& arguments_;
  const std::shared_ptr<Log> log_;
  std::vector<std::vector<std::string>> read_;  // by collection; number n is at n - 1
  std::vector<std::string> told_;               // by collection: what the last read of it failed of
  std::atomic<Clock::time_point> give_up_{Clock::time_point::max()};
};

int run(int argc, char** argv) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto arguments = parse(argc, argv);
  if (!arguments || arguments->collections.empty()) {
    std::fputs("log_owner: see the head of log_owner.cpp\n", stderr);
    return 2;
  }
  config::Sources sources;
  sources.flags = arguments->settings;
  if (!arguments->own) sources.flags["leases"] = "Onlooker";
  const auto loaded = config::load(sources);
  auto parts = loaded.ok() ? Parts::open(loaded->settings, arguments->naive)
                           : Result<std::unique_ptr<Parts>>(loaded.error());
  if (!parts.ok()) {
    std::fprintf(stderr, "log_owner: %s\n", parts.error().message().c_str());
    return 1;
  }
  say("ready");
  if (arguments->own)
    Owner(*arguments, **parts).run();
  else
    Reader(*arguments, **parts).run();
  parts->reset();
  std::fflush(stdout);
  std::_Exit(0);  // a reader's thread may wait for orders that never come
}

}  // namespace
}  // namespace viridian::clickhouse

int main(int argc, char** argv) { return viridian::clickhouse::run(argc, argv); }
