#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/executor.h"
#include "http/message.h"

namespace boost::asio {
class io_context;
}

namespace viridian::http {

struct SessionLimits {
  uint32_t header_bytes = 16 * 1024;
  uint64_t body_bytes = uint64_t{256} << 20;
  uint64_t inflight_bytes = uint64_t{1} << 30;
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds request_timeout{120'000};
};

/// What all connections of one server share. Thread-safe; outlives them.
struct SessionShared {
  SessionLimits limits;
  Executor* executor = nullptr;
  Executor* long_executor = nullptr;
  Executor* holder_executor = nullptr;  ///< null: like all others; so the next two
  Executor* forwarded_executor = nullptr;
  Executor* forwarded_long_executor = nullptr;
  SentRequestKind takes_long;
  RequestKind is_for_holder;
  Handler handler;
  Refusal refusal;
  std::atomic<uint64_t> body_bytes{0};   ///< request bodies held now
  std::atomic<uint64_t> connections{0};  ///< open now
  std::atomic<uint64_t> handling{0};     ///< requests on the executor now
  std::atomic<bool> stopping{false};

  /// Takes `bytes` from the budget for bodies; false where it is used up.
  bool reserve(uint64_t bytes);
  void release(uint64_t bytes) { body_bytes.fetch_sub(bytes, std::memory_order_relaxed); }
};

/// One connection: reads a request, has it handled on the executor, writes the answer, and again.
/// Requests of one connection are handled one after the other, so pipelined ones are answered in
/// order. While it waits for the next request it holds no buffer.
///
/// Every call is made on the thread that runs `io`.
class Session {
 public:
  using Clock = std::chrono::steady_clock;
  virtual ~Session() = default;

  /// Takes over a connected non-blocking socket. `on_close` is called once, when it is closed.
  static std::shared_ptr<Session> open(boost::asio::io_context& io, int socket,
                                       SessionShared& shared,
                                       std::function<void(Session*)> on_close);
  /// Waits for the first request.
  virtual void start() = 0;
  /// Acts on a deadline that has passed.
  virtual void tick(Clock::time_point now) = 0;
  /// Closes the connection as soon as no request is in flight on it.
  virtual void finish() = 0;
  /// Closes the connection at once and cancels the request in flight.
  virtual void abort() = 0;
};

}  // namespace viridian::http
