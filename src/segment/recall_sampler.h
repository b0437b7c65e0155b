#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/executor.h"
#include "obs/metrics.h"
#include "viridian/spi/segments.h"

namespace viridian::segment {

/// Tells what share of the nearest is found while the program is in use: of every n-th query that
/// an index answered the exact answer is found too, in the background, and compared. One at a time,
/// each for some seconds at most, and with pauses, so that it takes a small share of one processor:
/// what comes meanwhile is passed over. Thread-safe.
class RecallSampler {
 public:
  /// The nearest, all of them, by reading everything.
  using Exact = std::function<Result<std::vector<Neighbour>>(const Context&)>;

  struct Options {
    uint64_t every = 0;  ///< 0: never
    /// After a sample, in times that it took.
    int pause = 20;
    /// What takes longer is given up: so long it keeps files that may be to go.
    std::chrono::milliseconds longest{10'000};
  };

  /// The others outlive it.
  RecallSampler(Executor& executor, obs::Metrics& metrics, const Options& options);
  ~RecallSampler();
  RecallSampler(const RecallSampler&) = delete;
  RecallSampler& operator=(const RecallSampler&) = delete;
  /// Ends what is under way, returns when it is over, and begins nothing more. Idempotent.
  void stop() noexcept;

  /// To be told what an index answered to some queries. Where one is to be looked at, it is asked
  /// for what finds the exact answer to the i-th of them.
  void note(std::span<const std::vector<Neighbour>> answers,
            const std::function<Exact(size_t)>& exact_answer_to);

 private:
  using Clock = Context::Clock;
  /// One sample's, from begin() until it goes.
  using Turn = std::shared_ptr<RecallSampler>;
  struct Job {
    Turn turn;  ///< goes last: stop() returns when nothing else of the job is there any more
    std::vector<Neighbour> answer;
    Exact exact;
  };
  struct Compared {
    uint64_t neighbours = 0, found = 0;
  };
  /// Samples over which the gauge is taken.
  static constexpr size_t kWindow = 300;

  std::optional<size_t> choose(size_t queries) noexcept;
  /// Null: not now.
  Turn begin();
  void end() noexcept;
  void run(const std::vector<Neighbour>& answer, const Exact& exact) noexcept;
  void add(const Compared& one);

  Executor& executor_;
  obs::Counter& neighbours_;
  obs::Counter& found_;
  obs::Counter& unfinished_;
  obs::Gauge& recall_;
  const Options options_;
  std::atomic<uint64_t> seen_ = 0;
  Context context_;  ///< cancelled by stop()

  std::mutex mutex_;
  std::condition_variable idle_;
  bool busy_ = false;  // guarded by mutex_, as all below
  bool stopping_ = false;
  Clock::time_point began_, not_before_;
  std::array<Compared, kWindow> window_{};
  size_t next_ = 0;  ///< of window_ to be replaced
  Compared sum_;     ///< of window_
};

}  // namespace viridian::segment
