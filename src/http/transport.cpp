#include "http/transport.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "http/session.h"

namespace viridian::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

/// A file descriptor with an owner.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

void raise_open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // refused: fewer connections, not an error
}

Result<Fd> bind_to(const addrinfo& address, const std::string& name) {
  Fd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) {
    return Error(Code::internal, fmt::format("cannot open a socket: {}", std::strerror(errno)));
  }
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), address.ai_addr, address.ai_addrlen) == 0 &&
      ::listen(fd.get(), SOMAXCONN) == 0) {
    return fd;
  }
  const int cause = errno;
  if (cause == EADDRINUSE) {
    return Error(
        Code::failed_precondition,
        fmt::format("address {} is in use: stop the other server or set server.port", name));
  }
  if (cause == EACCES) {
    return Error(Code::permission_denied,
                 fmt::format("address {} may not be used by this user", name));
  }
  return Error(Code::invalid_argument,
               fmt::format("cannot listen on {}: {}", name, std::strerror(cause)));
}

Result<Fd> bind_to(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failure = ::getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                    std::to_string(port).c_str(), &hints, &found);
  if (failure != 0) {
    return Error(Code::invalid_argument,
                 fmt::format("server.host \"{}\": {}", host, ::gai_strerror(failure)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  return bind_to(*list, fmt::format("{}:{}", host, port));
}

uint16_t bound_port(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

/// One thread, its event loop and its connections.
class Worker {
 public:
  Worker(SessionShared& shared, milliseconds tick)
      : shared_(shared), tick_(tick), guard_(io_.get_executor()), timer_(io_) {}

  void run() {
    schedule_tick();
    thread_ = std::jthread([this] { io_.run(); });
  }
  asio::io_context& io() { return io_; }

  /// From any thread.
  void adopt(int socket) {
    asio::post(io_, [this, socket] {
      auto session =
          Session::open(io_, socket, shared_, [this](Session* closed) { forget(closed); });
      Session* key = session.get();
      sessions_.emplace(key, session);
      session->start();
    });
  }
  void finish_sessions() {
    asio::post(io_, [this] { for_each_session([](Session& session) { session.finish(); }); });
  }
  void abort_sessions() {
    asio::post(io_, [this] { for_each_session([](Session& session) { session.abort(); }); });
  }
  void join() {
    guard_.reset();
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  template <class F>
  void for_each_session(F&& f) {
    // What f closes leaves the map, so f walks over a copy.
    std::vector<std::shared_ptr<Session>> all;
    all.reserve(sessions_.size());
    for (const auto& [key, session] : sessions_) all.push_back(session);
    for (const auto& session : all) f(*session);
  }
  void forget(Session* closed) {
    sessions_.erase(closed);
    shared_.connections.fetch_sub(1);
  }
  // One timer for all connections: a timer each would cost more memory and more work per request
  // than looking at every deadline now and then.
  void schedule_tick() {
    timer_.expires_after(tick_);
    timer_.async_wait([this](error_code error) {
      if (error) return;
      const auto now = Session::Clock::now();
      for_each_session([now](Session& session) { session.tick(now); });
      schedule_tick();
    });
  }

  SessionShared& shared_;
  milliseconds tick_;
  asio::io_context io_{1};
  std::unordered_map<Session*, std::shared_ptr<Session>> sessions_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  asio::steady_timer timer_;
  std::jthread thread_;
};

class TcpTransport final : public Transport {
 public:
  TcpTransport(const TransportOptions& options, Executor& executor, Handler handler,
               Refusal refusal, Fd listener)
      : max_connections_(options.max_connections), port_(bound_port(listener.get())) {
    shared_.limits.body_bytes = options.max_body_bytes;
    shared_.limits.inflight_bytes = options.max_inflight_bytes;
    shared_.limits.idle_timeout = options.idle_timeout;
    shared_.limits.request_timeout = options.request_timeout;
    shared_.executor = &executor;
    shared_.takes_long = options.takes_long;
    shared_.long_executor = options.long_executor;
    shared_.is_for_holder = options.is_for_holder;
    shared_.holder_executor = options.holder_executor;
    shared_.forwarded_executor = options.forwarded_executor;
    shared_.forwarded_long_executor = options.forwarded_long_executor;
    shared_.handler = std::move(handler);
    shared_.refusal = std::move(refusal);
    const milliseconds tick =
        std::clamp(std::min(options.idle_timeout, options.request_timeout) / 8, milliseconds(5),
                   milliseconds(1000));
    for (unsigned i = 0; i < std::max(1u, options.threads); ++i) {
      workers_.push_back(std::make_unique<Worker>(shared_, tick));
    }
    acceptor_.emplace(workers_.front()->io(), listener.release());
    pause_.emplace(workers_.front()->io());
    await_connections();
    for (const auto& worker : workers_) worker->run();
  }
  ~TcpTransport() override { stop(milliseconds(0)); }

  uint16_t port() const noexcept override { return port_; }
  TransportStats stats() const noexcept override {
    TransportStats stats;
    stats.connections = shared_.connections.load();
    stats.accepted = accepted_.load();
    stats.turned_away = turned_away_.load();
    stats.body_bytes = shared_.body_bytes.load();
    stats.handling = shared_.handling.load();
    return stats;
  }
  void stop(milliseconds grace) noexcept override;

 private:
  void await_connections();
  void accept_all();
  void turn_away(Fd connection);

  SessionShared shared_;
  const uint64_t max_connections_;
  const uint16_t port_;
  std::atomic<uint64_t> accepted_{0};
  std::atomic<uint64_t> turned_away_{0};
  bool stopped_ = false;
  size_t next_worker_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
  // On the first worker's thread:
  std::optional<asio::posix::stream_descriptor> acceptor_;
  std::optional<asio::steady_timer> pause_;
};

void TcpTransport::await_connections() {
  acceptor_->async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code error) {
    if (!error) accept_all();
  });
}

void TcpTransport::accept_all() {
  // Some at a time, so that a flood of connections does not hold up those that are open.
  for (int i = 0; i < 64; ++i) {
    Fd connection(
        ::accept4(acceptor_->native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (connection.get() < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // Out of descriptors: the connection stays in the backlog until one is free.
        pause_->expires_after(milliseconds(50));
        pause_->async_wait([this](error_code error) {
          if (!error) await_connections();
        });
        return;
      }
      if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
      break;
    }
    if (shared_.connections.load() >= max_connections_) {
      turn_away(std::move(connection));
      continue;
    }
    accepted_.fetch_add(1);
    shared_.connections.fetch_add(1);
    workers_[next_worker_]->adopt(connection.release());
    next_worker_ = (next_worker_ + 1) % workers_.size();
  }
  await_connections();
}

void TcpTransport::turn_away(Fd connection) {
  turned_away_.fetch_add(1);
  const Response response = shared_.refusal(503, "The server has as many connections as it may");
  const std::string text = response_head(response, {.keep_alive = false}) + response.body;
  // A fresh socket's buffer holds this much; if not, closing says it all the same.
  (void)::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(connection.get(), SHUT_WR);
}

void TcpTransport::stop(milliseconds grace) noexcept {
  if (std::exchange(stopped_, true)) return;
  shared_.stopping.store(true);
  asio::post(workers_.front()->io(), [this] {
    error_code ignored;
    pause_->cancel();
    acceptor_->close(ignored);
  });
  for (const auto& worker : workers_) worker->finish_sessions();
  const auto deadline = std::chrono::steady_clock::now() + grace;
  while (shared_.connections.load() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  while (shared_.connections.load() > 0 || shared_.handling.load() > 0) {
    for (const auto& worker : workers_) worker->abort_sessions();
    std::this_thread::sleep_for(milliseconds(5));
  }
  for (const auto& worker : workers_) worker->join();
  acceptor_.reset();
  pause_.reset();
}

}  // namespace

Result<uint16_t> free_port(const std::string& host) {
  VIRIDIAN_TRY(const Fd listener, bind_to(host, 0));
  return bound_port(listener.get());
}

Result<std::unique_ptr<Transport>> Transport::listen(const TransportOptions& options,
                                                     Executor& executor, Handler handler,
                                                     Refusal refusal) {
  raise_open_file_limit();
  VIRIDIAN_TRY(Fd listener, bind_to(options.host, options.port));
  try {
    return std::unique_ptr<Transport>(std::make_unique<TcpTransport>(
        options, executor, std::move(handler), std::move(refusal), std::move(listener)));
  } catch (const std::exception& failure) {
    return Error(Code::internal, fmt::format("cannot start the server: {}", failure.what()));
  }
}

}  // namespace viridian::http
