#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "viridian/spi/component.h"

namespace viridian::obs {

/// A count that only grows. Lock-free, thread-safe.
class Counter {
 public:
  void inc(uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

/// A value that goes up and down. Lock-free, thread-safe.
class Gauge {
 public:
  void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(double change) noexcept { value_.fetch_add(change, std::memory_order_relaxed); }
  double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// How many observations fell into each of some fixed ranges. Lock-free, thread-safe; a reader may
/// see an observation in its range before it sees it in the sum.
class Histogram {
 public:
  /// `bounds` ascend; each is the largest value of its range. What is above the last counts too.
  explicit Histogram(std::vector<double> bounds);
  void observe(double value) noexcept;

  const std::vector<double>& bounds() const noexcept { return bounds_; }
  /// Observations in range i; i == bounds().size() for those above the last bound.
  uint64_t count(size_t i) const noexcept { return counts_[i].load(std::memory_order_relaxed); }
  double sum() const noexcept { return sum_.load(std::memory_order_relaxed); }

 private:
  std::vector<double> bounds_;
  std::vector<std::atomic<uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

/// The metrics of one assembly, by name and labels; names are viridian_<module>_<noun>_<unit>.
/// Asking for a metric makes it; asking again gives the same one. References stay valid as long as
/// the Metrics. Ask once and keep the reference: the lookup takes a lock, the metric does not.
/// Using one name for two kinds of metric, or a name that the format does not allow, is a
/// programming error. Thread-safe.
class Metrics final : public Component {
 public:
  static constexpr std::string_view kSetting = "metrics";
  using Labels = std::map<std::string, std::string>;

  static Result<std::unique_ptr<Metrics>> create(System&);

  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  /// The bounds of the first call with a name and labels hold.
  Histogram& histogram(std::string_view name, std::string_view help, Labels labels,
                       std::vector<double> bounds);

  /// All metrics in the Prometheus text format, version 0.0.4, families by name.
  std::string expose() const;

 private:
  struct Family {
    std::string type;
    std::string help;
    std::map<Labels, std::unique_ptr<Counter>> counters;
    std::map<Labels, std::unique_ptr<Gauge>> gauges;
    std::map<Labels, std::unique_ptr<Histogram>> histograms;
  };
  Family& family(std::string_view name, std::string_view help, std::string_view type);
  static void expose_family(std::string& out, const std::string& name, const Family& family);

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace viridian::obs
