#include "segment/recall_sampler.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace viridian::segment {

RecallSampler::RecallSampler(Executor& executor, obs::Metrics& metrics, const Options& options)
    : executor_(executor),
      neighbours_(metrics.counter("viridian_search_sampled_neighbours_total",
                                  "Nearest records of queries of which the exact answer was found "
                                  "too.")),
      found_(metrics.counter("viridian_search_sampled_found_total",
                             "Those of them that the queries had found.")),
      unfinished_(metrics.counter("viridian_search_samples_unfinished_total",
                                  "Exact answers that were given up, for their time or an error.")),
      recall_(metrics.gauge("viridian_search_sampled_recall",
                            "Share of the nearest that was found by the last 300 queries of which "
                            "the exact answer was found too; 1 before the first.")),
      options_(options) {
  recall_.set(1);
}

RecallSampler::~RecallSampler() { stop(); }

void RecallSampler::stop() noexcept {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  context_.cancel();
  idle_.wait(lock, [this] { return !busy_; });
}

void RecallSampler::note(std::span<const std::vector<Neighbour>> answers,
                         const std::function<Exact(size_t)>& exact_answer_to) {
  const std::optional<size_t> chosen = choose(answers.size());
  if (!chosen) return;
  Turn turn = begin();
  if (!turn) return;
  // It goes when it was done or, where it is not taken, at once.
  const auto job =
      std::make_shared<const Job>(Job{std::move(turn), answers[*chosen], exact_answer_to(*chosen)});
  executor_.submit([job] { job->turn->run(job->answer, job->exact); });
}

std::optional<size_t> RecallSampler::choose(size_t queries) noexcept {
  if (options_.every == 0) return std::nullopt;
  const uint64_t before = seen_.fetch_add(queries, std::memory_order_relaxed);
  const uint64_t next = options_.every - 1 - before % options_.every;
  return next < queries ? std::optional<size_t>(next) : std::nullopt;
}

RecallSampler::Turn RecallSampler::begin() {
  {
    const std::lock_guard lock(mutex_);
    const Clock::time_point now = Clock::now();
    if (busy_ || stopping_ || now < not_before_) return nullptr;
    busy_ = true;
    began_ = now;
  }
  return Turn(this, [](RecallSampler* sampler) { sampler->end(); });
}

void RecallSampler::end() noexcept {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  busy_ = false;
  not_before_ = now + options_.pause * (now - began_);
  idle_.notify_all();
}

void RecallSampler::run(const std::vector<Neighbour>& answer, const Exact& exact) noexcept {
  try {
    const auto nearest = exact(context_.no_later_than(Clock::now() + options_.longest));
    if (!nearest.ok()) return unfinished_.inc();
    if (nearest->empty()) return;
    // Of several that are as far as the last, any will do.
    const float last = nearest->back().distance;
    const auto near = [last](const Neighbour& neighbour) { return neighbour.distance <= last; };
    const auto found = static_cast<uint64_t>(std::count_if(answer.begin(), answer.end(), near));
    add({nearest->size(), std::min<uint64_t>(found, nearest->size())});
  } catch (const std::exception&) {  // memory ran out
    unfinished_.inc();
  }
}

void RecallSampler::add(const Compared& one) {
  neighbours_.inc(one.neighbours);
  found_.inc(one.found);
  const std::lock_guard lock(mutex_);
  Compared& oldest = window_[next_];
  next_ = (next_ + 1) % kWindow;
  sum_.neighbours += one.neighbours - oldest.neighbours;
  sum_.found += one.found - oldest.found;
  oldest = one;
  recall_.set(static_cast<double>(sum_.found) / static_cast<double>(sum_.neighbours));
}

}  // namespace viridian::segment
