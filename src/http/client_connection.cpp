#include "http/client_connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

namespace viridian::http {
namespace {

namespace beast_http = boost::beast::http;

constexpr size_t kReceiveBytes = size_t{64} << 10;
/// How often Patience::worthwhile is asked.
constexpr std::chrono::milliseconds kAskEvery{200};

Error unavailable(std::string_view what, int cause) {
  return Error(Code::unavailable, fmt::format("{}: {}", what, std::strerror(cause)));
}

Status wait_for(int socket, short events, const Patience& patience) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(patience.deadline - Context::Clock::now());
    if (left.count() <= 0) {
      return Error(Code::deadline_exceeded, "the server did not answer in time");
    }
    pollfd entry{.fd = socket, .events = events, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::min(left, kAskEvery).count()));
    if (ready > 0) return ok_status();
    if (ready < 0 && errno != EINTR) return unavailable("cannot wait for the server", errno);
    if (!patience.worthwhile()) {
      return Error(Code::unavailable, "the server was given up before it had answered");
    }
  }
}

Status connect_to(int socket, const addrinfo& address, const Patience& patience) {
  if (::connect(socket, address.ai_addr, address.ai_addrlen) == 0) return ok_status();
  if (errno != EINPROGRESS) return unavailable("cannot connect", errno);
  VIRIDIAN_TRY_VOID(wait_for(socket, POLLOUT, patience));
  int cause = 0;
  socklen_t size = sizeof cause;
  ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &cause, &size);
  if (cause != 0) return unavailable("cannot connect", cause);
  return ok_status();
}

}  // namespace

Result<ClientConnection> ClientConnection::open(const ServerUrl& server, const TlsContext* tls,
                                                const Patience& patience) {
  if (server.tls != (tls != nullptr)) {
    return Error(Code::internal, "a connection is to be plain or not as its address says");
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string where = server.authority();
  const int failure =
      ::getaddrinfo(server.host.c_str(), std::to_string(server.port).c_str(), &hints, &found);
  if (failure != 0) {
    return Error(Code::unavailable,
                 fmt::format("cannot find {}: {}", where, ::gai_strerror(failure)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  Error last(Code::unavailable, fmt::format("{} has no address", where));
  for (const addrinfo* address = list.get(); address != nullptr; address = address->ai_next) {
    const int socket = ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket < 0) return unavailable("cannot open a socket", errno);
    ClientConnection connection(socket);
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (Status connected = connect_to(socket, *address, patience); !connected.ok()) {
      last = connected.error().with(where);
      continue;
    }
    if (tls != nullptr) VIRIDIAN_TRY_VOID(connection.begin_tls(server, *tls, patience));
    return connection;
  }
  return last;
}

Status ClientConnection::begin_tls(const ServerUrl& server, const TlsContext& tls,
                                   const Patience& patience) {
  VIRIDIAN_TRY(tls_, tls.session(socket_, server.host, server.authority()));
  while (true) {
    VIRIDIAN_TRY(const Transfer step, tls_->handshake());
    if (step.wait == 0) return ok_status();
    VIRIDIAN_TRY_VOID(wait_for(socket_, step.wait, patience));
  }
}

ClientConnection::~ClientConnection() {
  tls_.reset();  // says goodbye
  if (socket_ >= 0) ::close(socket_);
}
ClientConnection::ClientConnection(ClientConnection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      tls_(std::move(other.tls_)),
      reusable_(other.reusable_) {}

bool ClientConnection::stale() const {
  // Nothing is due from the server, so whatever can be read is the end (or not for us).
  pollfd entry{.fd = socket_, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, 0) != 0 && !(tls_ && tls_->quiet());
}

Result<Transfer> ClientConnection::send_some(std::string_view bytes) const {
  if (tls_) return tls_->send(bytes);
  const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (n >= 0) return Transfer{static_cast<size_t>(n), 0};
  if (errno == EAGAIN || errno == EINTR) return Transfer{0, POLLOUT};
  return unavailable("the connection broke while sending", errno);
}

Result<Transfer> ClientConnection::receive_some(std::span<char> room) const {
  if (tls_) return tls_->receive(room);
  const ssize_t n = ::recv(socket_, room.data(), room.size(), 0);
  if (n >= 0) return Transfer{static_cast<size_t>(n), 0};
  if (errno == EAGAIN || errno == EINTR) return Transfer{0, POLLIN};
  return unavailable("the connection broke before the server had answered", errno);
}

Status ClientConnection::send_all(std::string_view bytes, const Patience& patience,
                                  Progress& progress) {
  while (!bytes.empty()) {
    VIRIDIAN_TRY(const Transfer sent, send_some(bytes));
    if (sent.bytes == 0) {
      VIRIDIAN_TRY_VOID(wait_for(socket_, sent.wait != 0 ? sent.wait : POLLOUT, patience));
      continue;
    }
    progress.sent_any = true;
    bytes.remove_prefix(sent.bytes);
  }
  return ok_status();
}

Result<Response> ClientConnection::exchange(const std::string& head, const std::string& body,
                                            const Patience& patience, Progress& progress) {
  reusable_ = false;
  VIRIDIAN_TRY_VOID(send_all(head, patience, progress));
  Status sent = send_all(body, patience, progress);
  if (!sent.ok() && sent.error().code() != Code::unavailable) return sent.error();
  // A server that refuses a body early closes its reading side, but its answer is there to read.
  Result<Response> answer = receive(patience, progress);
  if (!sent.ok()) {
    reusable_ = false;
    if (!answer.ok()) return sent.error();
  }
  return answer;
}

Result<Response> ClientConnection::receive(const Patience& patience, Progress& progress) {
  beast_http::response_parser<beast_http::string_body> parser;
  parser.body_limit(boost::none);
  parser.header_limit(kReceiveBytes / 2);
  parser.eager(true);
  boost::beast::flat_buffer buffer;
  while (!parser.is_done()) {
    const auto room = buffer.prepare(kReceiveBytes);
    VIRIDIAN_TRY(const Transfer got, receive_some({static_cast<char*>(room.data()), room.size()}));
    if (got.wait != 0) {
      VIRIDIAN_TRY_VOID(wait_for(socket_, got.wait, patience));
      continue;
    }
    boost::beast::error_code error;
    if (got.bytes == 0 && parser.got_some()) parser.put_eof(error);
    if (got.bytes == 0 && parser.is_done()) break;
    if (got.bytes == 0 || error) {
      return Error(Code::unavailable, "the server closed the connection before it had answered");
    }
    progress.received_any = true;
    buffer.commit(got.bytes);
    const size_t taken = parser.put(buffer.data(), error);
    buffer.consume(taken);
    if (error && error != beast_http::error::need_more) {
      return Error(Code::internal, "the server's answer is not valid HTTP: " + error.message());
    }
  }
  reusable_ = parser.get().keep_alive() && buffer.size() == 0;
  auto message = parser.release();
  Response response;
  response.status = static_cast<int>(message.result_int());
  response.body = std::move(message.body());
  for (const auto& field : message) {
    response.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  return response;
}

}  // namespace viridian::http
