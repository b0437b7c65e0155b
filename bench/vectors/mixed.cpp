#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <random>
#include <thread>
#include <utility>

#include "vectors/stream.h"

namespace viridian::bench {
namespace {

constexpr size_t kChunk = 500;
constexpr uint32_t kNearest = 10;
constexpr std::chrono::seconds kCalm{10};

double at(const std::vector<double>& sorted, double part) {
  return sorted.empty()
             ? 0
             : sorted[static_cast<size_t>(part * static_cast<double>(sorted.size() - 1))];
}

/// Asks the set's queries one after the other, from a thread of its own, for as long as it lives.
class Reader {
 public:
  Reader(const Stream& stream, const Set& set)
      : thread_([this, &stream, &set] {
          for (size_t i = 0; !stop_; i = (i + 1) % set.queries.rows) {
            const Clock clock;
            stream.query(std::span(set.queries.row(i), set.queries.columns), kNearest);
            const std::lock_guard lock(mutex_);
            took_.push_back(clock.seconds());
          }
        }) {}
  ~Reader() {
    stop_ = true;
    thread_.join();
  }
  /// Seconds of each since the last call, ascending.
  std::vector<double> take() {
    std::vector<double> took;
    {
      const std::lock_guard lock(mutex_);
      took.swap(took_);
    }
    std::sort(took.begin(), took.end());
    return took;
  }

 private:
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::vector<double> took_;
  std::thread thread_;
};

/// What a thread that only sleeps has to wait for a processor, at most: what others do to all.
class Idler {
 public:
  Idler()
      : thread_([this] {
          while (!stop_) {
            const Clock clock;
            std::this_thread::sleep_for(kSleep);
            const double late = clock.seconds() - std::chrono::duration<double>(kSleep).count();
            const std::lock_guard lock(mutex_);
            latest_ = std::max(latest_, late);
          }
        }) {}
  ~Idler() {
    stop_ = true;
    thread_.join();
  }
  double take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(latest_, 0);
  }

 private:
  static constexpr std::chrono::milliseconds kSleep{1};
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  double latest_ = 0;
  std::thread thread_;
};

class Mixed {
 public:
  Mixed(const Set& set, const std::string& directory) : set_(set), stream_(set, directory) {
    for (size_t row = 0; row < set.base.rows; ++row) all_.push_back({row, row});
    std::mt19937_64 random(1);
    std::shuffle(all_.begin(), all_.end(), random);
  }

  void run() {
    const std::span<const Live> all(all_);
    const auto first = all.first(all.size() / 2), second = all.subspan(all.size() / 2);
    fmt::print(
        "| while | s | queries | p50 ms | p99 | p99.9 | longest | records a second | longest "
        "write ms | longest wait of an idle thread ms |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    write("first half added, no queries", first, false);
    stream_.settle();
    Reader reader(stream_, set_);
    reader_ = &reader;
    calm("queries only");
    write("second half added", second, false);
    settle("what that left to merge");
    calm("queries only");
    write("first half deleted", first, true);
    settle("what that left to merge");
    calm("queries only");
    write("first half added again", first, false);
    settle("what that left to merge");
  }

 private:
  void calm(const char* name) {
    begin();
    std::this_thread::sleep_for(kCalm);
    report(name, 0, 0);
  }
  void settle(const char* name) {
    begin();
    stream_.settle();
    report(name, 0, 0);
  }
  void write(const char* name, std::span<const Live> records, bool remove) {
    begin();
    double longest = 0;
    for (size_t at = 0; at < records.size(); at += kChunk) {
      const auto chunk = records.subspan(at, std::min(kChunk, records.size() - at));
      const Clock one;
      if (remove)
        stream_.remove(chunk);
      else
        stream_.write(Operation::add, chunk);
      longest = std::max(longest, one.seconds());
    }
    report(name, records.size(), longest);
  }

  void begin() {
    if (reader_ != nullptr) reader_->take();
    idler_.take();
    clock_ = Clock();
  }
  void report(const char* name, size_t records, double longest) {
    const double seconds = clock_.seconds();
    const std::vector<double> took = reader_ == nullptr ? std::vector<double>() : reader_->take();
    fmt::print(
        "| {} | {:.1f} | {} | {:.2f} | {:.2f} | {:.2f} | {:.1f} | {:.0f} | {:.1f} | {:.1f} |\n",
        name, seconds, took.size(), 1e3 * at(took, 0.5), 1e3 * at(took, 0.99),
        1e3 * at(took, 0.999), 1e3 * at(took, 1), static_cast<double>(records) / seconds,
        1e3 * longest, 1e3 * idler_.take());
    std::fflush(stdout);
  }

  const Set& set_;
  Stream stream_;
  std::vector<Live> all_;
  Reader* reader_ = nullptr;
  Idler idler_;
  Clock clock_;
};

}  // namespace

void mixed(const Set& set, const std::string& directory) { Mixed(set, directory).run(); }

}  // namespace viridian::bench
