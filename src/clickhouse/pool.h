#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "clickhouse/http_connection.h"
#include "viridian/base/result.h"

namespace viridian::clickhouse {

/// Connections to one server, at most so many in use at once. Thread-safe.
class Pool {
 public:
  /// The right to use a connection, and the connection; given back at the end.
  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<HttpConnection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&& other) = delete;
    ~Lease();
    HttpConnection& operator*() const noexcept { return *connection_; }
    HttpConnection* operator->() const noexcept { return connection_.get(); }

   private:
    Pool* pool_;
    std::unique_ptr<HttpConnection> connection_;  ///< null once moved from
  };

  Pool(HttpEndpoint endpoint, size_t most) : endpoint_(std::move(endpoint)), most_(most) {}

  /// A connection that was used less than two seconds ago (servers close idle ones, some after
  /// three), or a new one; waits while all are in use.
  ///   resource_exhausted  all are in use for longer than the patience for silence
  Result<Lease> take(const Patience& patience);
  /// Closes those not in use.
  void clear();
  const HttpEndpoint& endpoint() const noexcept { return endpoint_; }

 private:
  void give_back(std::unique_ptr<HttpConnection> connection);

  const HttpEndpoint endpoint_;
  const size_t most_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<std::unique_ptr<HttpConnection>> idle_;  ///< used longest ago first
  size_t used_ = 0;
};

}  // namespace viridian::clickhouse
