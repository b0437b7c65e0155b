#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "clickhouse/block.h"
#include "clickhouse/measure.h"
#include "clickhouse/native.h"
#include "clickhouse/pool.h"
#include "obs/metrics.h"
#include "viridian/base/context.h"
#include "viridian/base/result.h"

namespace viridian::clickhouse {

/// One ClickHouse server: its connections, what it knows, and the requests that can be made of it.
/// Thread-safe.
class Server {
 public:
  struct Options {
    HttpEndpoint endpoint;
    size_t connections = 1;
    std::chrono::milliseconds silence{0};
  };
  using Settings = std::set<std::string, std::less<>>;

  /// `stopping` ends requests early; like the metrics it must outlive the server.
  Server(Options options, obs::Metrics& metrics, const std::atomic<bool>& stopping);

  const std::string& address() const noexcept { return options_.endpoint.address; }
  /// Asks for the names of all settings.
  Status discover(const Context& context);
  /// Null until discover() has succeeded.
  std::shared_ptr<const Settings> settings() const;
  bool knows(std::string_view setting) const;
  /// Its time, since 1970.
  Result<uint32_t> seconds(const Context& context);

  Result<Block> select(const Context&, const std::string& sql, const Shape& shape);
  Status stream(const Context&, const std::string& sql, const Shape& shape,
                const std::function<Status(Block&)>& take);
  Status insert(const Context&, const std::string& statement, std::string_view body);
  Status execute(const Context&, const std::string& sql);
  /// Closes connections that are not in use.
  void clear() { pool_.clear(); }

 private:
  enum class Kind : uint8_t { select, stream, insert, execute };
  static constexpr size_t kKinds = 4;
  static std::string_view name_of(Kind kind) noexcept;
  struct KindMetrics {
    obs::Counter* requests;
    obs::Histogram* seconds;
  };

  Measure measure(Kind kind);
  Status judge(const Result<bool>& over, const HttpAnswer& answer, const Status& decoded,
               std::string_view said);
  Result<std::string> exchange(const Context&, Kind, std::string parameters, std::string_view body);
  Status check(const HttpAnswer& answer);
  std::string parameters(Kind kind, std::string_view query_id) const;
  Result<Block> decode_whole(std::string_view bytes, const Shape& shape) const;
  Patience patience(const Context& context) const { return {context, options_.silence, stopping_}; }
  void kill(const std::string& query_id) const;
  void add_if_known(std::string& parameters, std::string_view setting,
                    std::string_view value) const;

  const Options options_;
  const std::atomic<bool>& stopping_;
  obs::Metrics& metrics_;
  std::array<KindMetrics, kKinds> kinds_;
  obs::Counter& sent_;
  obs::Counter& received_;
  Pool pool_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Settings> settings_;
};

}  // namespace viridian::clickhouse
