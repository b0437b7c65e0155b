#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "viridian/base/context.h"
#include "viridian/base/result.h"

namespace viridian::clickhouse {

/// A server and how to reach it.
struct HttpEndpoint {
  std::string address;               ///< scheme://host:port, perhaps with a path
  std::vector<std::string> headers;  ///< sent with each request
  std::string ca_file;               ///< "": those of the system
};

struct HttpRequest {
  std::string parameters;  ///< of the URL, encoded, without the question mark
  std::string_view body;   ///< must live as long as the exchange
  /// Whether libcurl may send it again by itself, which it does where a connection that was used
  /// before breaks before an answer. If not, nothing of the body is sent twice.
  bool repeatable = false;
};

/// How an exchange ended for which a whole answer came.
struct HttpAnswer {
  long status = 0;
  int exception_code = 0;  ///< X-ClickHouse-Exception-Code, also with status 200
  std::string text;        ///< the body, where it is an error's, as much as is worth reading
  bool framed = false;     ///< it said where it ends
  uint64_t bytes = 0;      ///< of the body

  bool good() const noexcept { return status == 200 && exception_code == 0; }
};

/// How long one waits for an answer.
struct Patience {
  const Context& context;
  std::chrono::milliseconds silence;  ///< longest time without a byte in either direction
  const std::atomic<bool>& stopping;
};

/// What a sink does with bytes that it is given.
enum class Taken : uint8_t {
  yes,
  later,  ///< none of them: give them again after HttpConnection::resume()
  never,  ///< the exchange is to end
};
using HttpSink = std::function<Taken(std::string_view)>;

/// One connection to a server, for one POST after the other. Use from one thread at a time.
class HttpConnection {
 public:
  using Clock = std::chrono::steady_clock;

  class Impl;
  explicit HttpConnection(std::unique_ptr<Impl> impl);
  /// Does no I/O.
  static Result<std::unique_ptr<HttpConnection>> create(const HttpEndpoint& endpoint);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  /// Begins an exchange. The body of a good answer goes to `sink`, called by run().
  Status begin(const HttpRequest& request, HttpSink sink);
  /// Goes on until the answer is complete (true) or `enough` (false: to be called again).
  ///   unavailable          no connection, or it broke, or silence; or stopping
  ///   failed_precondition  the server's certificate is not trusted
  ///   and the context's errors. The exchange is then over.
  Result<bool> run(const Patience& patience, const std::function<bool()>& enough);
  /// Gives the sink again what it put off.
  void resume();
  /// After run() said true.
  const HttpAnswer& answer() const noexcept;
  /// Bytes of the body that were sent.
  uint64_t sent() const noexcept;
  /// Whether the next exchange can use the connection that is open.
  bool reusable() const noexcept;
  Clock::time_point last_used() const noexcept;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace viridian::clickhouse
