#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "viridian/base/result.h"

// OpenSSL's own names of its types, whose headers only tls.cpp needs.
struct ssl_ctx_st;
struct ssl_st;

namespace viridian::http {

/// Which servers are believed to be who they say.
struct TlsOptions {
  bool verify = true;   ///< false: any; what is sent is hidden, but who reads it is not known
  std::string ca_file;  ///< certificates to trust, PEM; a directory of them; "": the system's
};

/// What came of sending or receiving on a socket that does not block.
struct Transfer {
  size_t bytes = 0;
  short wait = 0;  ///< POLLIN or POLLOUT: what to wait for before it is tried again
};

/// TLS on one connected socket, which stays the caller's. After an error it is spent.
class TlsSession {
 public:
  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  using Handle = std::unique_ptr<ssl_st, Free>;
  /// `where`: what its errors call the server.
  TlsSession(Handle ssl, std::string where) : ssl_(std::move(ssl)), where_(std::move(where)) {}
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  ///   failed_precondition  the server's certificate is not trusted; the message says why
  ///   unavailable          it is no server with TLS, or the connection broke
  Result<Transfer> handshake();
  Result<Transfer> send(std::string_view bytes);
  /// Neither bytes nor anything to wait for: the server has ended the connection in order.
  Result<Transfer> receive(std::span<char> room);
  /// Whether nothing has come, and the server still holds the connection.
  bool quiet();

 private:
  Result<Transfer> outcome(int returned, size_t bytes);
  Error failure(int reason) const;

  Handle ssl_;
  std::string where_;
  bool shaken_ = false;
  bool spent_ = false;
};

/// What a client's connections with TLS have in common. Thread-safe.
class TlsContext {
 public:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  using Handle = std::unique_ptr<ssl_ctx_st, Free>;
  explicit TlsContext(Handle context) : context_(std::move(context)) {}

  ///   invalid_argument  there are no certificates in `ca_file`
  static Result<std::shared_ptr<const TlsContext>> create(const TlsOptions& options);
  /// `host`: the name or address that the server's certificate has to be for.
  Result<std::unique_ptr<TlsSession>> session(int socket, const std::string& host,
                                              const std::string& where) const;

 private:
  Handle context_;
};

}  // namespace viridian::http
