#pragma once
#include <chrono>
#include <string>

#include "obs/metrics.h"
#include "viridian/base/result.h"

namespace viridian::clickhouse {

/// Counts one request, its time and its error.
class Measure {
 public:
  Measure(obs::Metrics& metrics, const std::string& server, obs::Counter& requests,
          obs::Histogram& seconds)
      : metrics_(metrics), server_(server), seconds_(seconds) {
    requests.inc();
  }
  Measure(const Measure&) = delete;
  Measure& operator=(const Measure&) = delete;
  ~Measure() {
    seconds_.observe(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count());
  }

  /// Gives back what it is given.
  template <class T>
  Result<T> note(Result<T> result) {
    if (!result.ok()) count(result.error());
    return result;
  }
  Error note(Error error) {
    count(error);
    return error;
  }

 private:
  void count(const Error& error) {
    metrics_
        .counter("viridian_clickhouse_errors_total", "Requests of ClickHouse that failed.",
                 {{"server", server_}, {"error", std::string(code_name(error.code()))}})
        .inc();
  }

  obs::Metrics& metrics_;
  const std::string& server_;
  obs::Histogram& seconds_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace viridian::clickhouse
