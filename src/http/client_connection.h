#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "http/message.h"
#include "http/tls.h"
#include "http/url.h"
#include "viridian/base/context.h"
#include "viridian/base/result.h"

namespace viridian::http {

/// How long a server is waited for.
struct Patience {
  Context::Clock::time_point deadline;
  /// Asked now and then while nothing comes; false: it is not worth waiting any longer.
  std::function<bool()> worthwhile;
};

/// A blocking connection to a server. One thread at a time. Each call answers deadline_exceeded at
/// the deadline, and unavailable where waiting is not worthwhile.
class ClientConnection {
 public:
  /// What came of one exchange that failed, for the decision to try again.
  struct Progress {
    bool sent_any = false;      ///< some byte of the request may have reached the server
    bool received_any = false;  ///< some byte of an answer came back
  };

  /// `tls`: for an https address; else null.
  ///   unavailable          nobody answers at the address
  ///   failed_precondition  the server's certificate is not trusted
  static Result<ClientConnection> open(const ServerUrl& server, const TlsContext* tls,
                                       const Patience& patience);
  ~ClientConnection();
  ClientConnection(ClientConnection&&) noexcept;
  ClientConnection& operator=(ClientConnection&&) = delete;

  /// Sends a request (head and body) and reads its answer. After an error the connection is spent.
  Result<Response> exchange(const std::string& head, const std::string& body,
                            const Patience& patience, Progress& progress);
  /// Whether the server keeps the connection open.
  bool reusable() const noexcept { return reusable_; }
  /// Whether the server has closed it since.
  bool stale() const;

 private:
  explicit ClientConnection(int socket) : socket_(socket) {}
  Status begin_tls(const ServerUrl& server, const TlsContext& tls, const Patience& patience);
  Result<Transfer> send_some(std::string_view bytes) const;
  Result<Transfer> receive_some(std::span<char> room) const;
  Status send_all(std::string_view bytes, const Patience& patience, Progress& progress);
  Result<Response> receive(const Patience& patience, Progress& progress);

  int socket_ = -1;
  std::unique_ptr<TlsSession> tls_;  ///< null: plain
  bool reusable_ = false;
};

}  // namespace viridian::http
