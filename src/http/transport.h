#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/executor.h"
#include "http/message.h"
#include "viridian/base/result.h"

namespace viridian::http {

struct TransportOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 0;  ///< 0: any free one
  unsigned threads = 1;
  uint64_t max_body_bytes = uint64_t{256} << 20;
  uint64_t max_inflight_bytes = uint64_t{1} << 30;
  uint64_t max_connections = 20'000;
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds request_timeout{120'000};
  /// Requests that have no deadline once they are complete, and the executor that they run on.
  SentRequestKind takes_long = {};
  Executor* long_executor = nullptr;
  /// Requests that may wait for another server, and where they run; null: where all others do. One
  /// server that does not answer must not keep all threads from those that ask for something else.
  RequestKind is_for_holder = {};
  Executor* holder_executor = nullptr;
  /// Where requests run that other servers sent on, those that take long in the second; null: where
  /// all others do. Servers that wait for each other must not keep each other's threads.
  Executor* forwarded_executor = nullptr;
  Executor* forwarded_long_executor = nullptr;
};

struct TransportStats {
  uint64_t connections = 0;  ///< open now
  uint64_t accepted = 0;     ///< ever
  uint64_t turned_away = 0;  ///< ever, beyond max_connections
  uint64_t body_bytes = 0;   ///< request bodies held now
  uint64_t handling = 0;     ///< requests on the executor now
};

/// A port that nobody listens on at that address. Somebody may before the caller does.
Result<uint16_t> free_port(const std::string& host);

/// An HTTP/1.1 server: sockets on its own threads, requests on the executor.
///
///  - A request is handled only once it is complete; requests of one connection are handled in
///    order. Header blocks up to 16 KiB (else 431).
///  - A body above max_body_bytes is answered 413 before it is read, where its length is announced.
///    Bodies together never hold more than max_inflight_bytes (else 503).
///  - A request that is not complete after request_timeout is answered 408; an idle connection, and
///    one that takes no bytes of its answer, is closed after idle_timeout.
///  - A full executor is answered 503, a handler that throws 500.
class Transport {
 public:
  /// Binds and begins to accept. Raises the process's soft limit of open files to the hard one.
  ///   failed_precondition  the address is in use; invalid_argument  it is not an address here
  static Result<std::unique_ptr<Transport>> listen(const TransportOptions& options,
                                                   Executor& executor, Handler handler,
                                                   Refusal refusal);
  virtual ~Transport() = default;

  virtual uint16_t port() const noexcept = 0;
  virtual TransportStats stats() const noexcept = 0;
  /// Accepts no more, closes idle connections, lets requests in flight finish for `grace`, then
  /// cuts them off; returns when no handler runs any more. Idempotent; not for use by a handler.
  virtual void stop(std::chrono::milliseconds grace) noexcept = 0;
};

}  // namespace viridian::http
