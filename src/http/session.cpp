#include "http/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "http/freshness.h"
#include "http/request_parser.h"

namespace viridian::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr size_t kBufferBytes = size_t{64} << 10;
// How long a refused client may go on sending before the connection is cut. Closing at once would
// reset it and could take the refusal away from it unread.
constexpr std::chrono::seconds kDrainTime{2};

/// Bytes that were received and not yet parsed.
class ReadBuffer {
 public:
  ReadBuffer() : data_(std::make_unique_for_overwrite<char[]>(kBufferBytes)) {}

  std::string_view bytes() const { return {data_.get() + begin_, end_ - begin_}; }
  /// Keeps only the last `left` bytes.
  void keep_last(size_t left) {
    begin_ = end_ - left;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  /// Room to receive into, as large as it can be made; empty where the buffer is full.
  asio::mutable_buffer room() {
    if (begin_ > 0) {
      std::memmove(data_.get(), data_.get() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    return asio::buffer(data_.get() + end_, kBufferBytes - end_);
  }
  void received(size_t n) { end_ += n; }

 private:
  std::unique_ptr<char[]> data_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

class TcpSession final : public Session, public std::enable_shared_from_this<TcpSession> {
 public:
  TcpSession(asio::io_context& io, int socket, SessionShared& shared,
             std::function<void(Session*)> on_close)
      : io_(io), socket_(io), shared_(shared), on_close_(std::move(on_close)) {
    error_code error;
    socket_.assign(asio::ip::tcp::v4(), socket, error);
    open_ = !error;
    if (open_) socket_.set_option(asio::ip::tcp::no_delay(true), error);
  }

  void start() override {
    if (!open_) return close();
    await_request();
  }
  void tick(Clock::time_point now) override;
  void finish() override {
    if (phase_ == Phase::idle) close();
  }
  void abort() override {
    context_.cancel();
    close();
  }

  /// Called from the executor's thread.
  void answer(Response response) {
    asio::post(io_, [self = shared_from_this(), response = std::move(response)]() mutable {
      self->handled(std::move(response));
    });
  }

 private:
  enum class Phase { idle, reading, handling, writing, draining, closed };

  void enter(Phase phase, Clock::duration time) {
    phase_ = phase;
    deadline_ = Clock::now() + time;
  }
  void await_request();
  void begin_request();
  void receive();
  void parse();
  bool header_complete();
  bool account_body(uint64_t held);
  void send_continue();
  void handle();
  Context context_for(const Request& request, bool forwarded, bool long_request) const;
  void watch_sender();
  bool sender_hung_up();
  Executor& executor_for(const Request& request, bool forwarded, bool long_request) const;
  void handled(Response response);
  void refuse(int status, std::string_view message);
  void send(Response response, bool keep_alive);
  void write();
  void written();
  void drain();
  void close();

  asio::io_context& io_;
  asio::ip::tcp::socket socket_;
  SessionShared& shared_;
  std::function<void(Session*)> on_close_;
  Clock::time_point deadline_ = Clock::time_point::max();
  Phase phase_ = Phase::idle;
  bool open_ = false;
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool http_1_0_ = false;
  uint64_t reserved_ = 0;
  uint64_t drained_ = 0;  ///< bytes read and forgotten after the last answer

  // Present only while a request is in flight.
  std::unique_ptr<ReadBuffer> buffer_;
  std::optional<RequestParser> parser_;
  Context context_;
  std::string out_head_;
  std::string out_body_;
  size_t written_ = 0;
};

/// One request on its way through the executor. Destroyed unrun (the executor stopped with it in
/// the queue), it still answers.
class Job {
 public:
  Job(std::shared_ptr<TcpSession> session, SessionShared& shared, Request request)
      : session_(std::move(session)), shared_(shared), request_(std::move(request)) {
    shared_.handling.fetch_add(1);
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  ~Job() {
    if (session_ != nullptr) {
      finish(shared_.refusal(503, "The server has no room for this request now: try again"));
    }
  }

  void run() noexcept {
    Response response;
    try {
      response = shared_.handler(request_);
    } catch (const std::exception& failure) {
      response = shared_.refusal(500, std::string("The request failed: ") + failure.what());
    } catch (...) {
      response = shared_.refusal(500, "The request failed");
    }
    finish(std::move(response));
  }

 private:
  void finish(Response response) {
    request_ = Request();  // its memory goes before its budget is given back
    std::exchange(session_, nullptr)->answer(std::move(response));
    shared_.handling.fetch_sub(1);
  }

  std::shared_ptr<TcpSession> session_;
  SessionShared& shared_;
  Request request_;
};

void TcpSession::tick(Clock::time_point now) {
  if (now < deadline_) return;
  switch (phase_) {
    case Phase::reading:
      return refuse(408, "The request did not arrive in time");
    case Phase::idle:
    case Phase::writing:
    case Phase::draining:
      return close();
    case Phase::handling:
    case Phase::closed:
      return;
  }
}

void TcpSession::await_request() {
  if (shared_.stopping.load(std::memory_order_relaxed)) return close();
  if (buffer_ != nullptr && !buffer_->bytes().empty()) {
    begin_request();
    return parse();
  }
  buffer_.reset();
  parser_.reset();
  enter(Phase::idle, shared_.limits.idle_timeout);
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](error_code error) {
                       if (self->phase_ != Phase::idle) return;
                       if (error) return self->close();
                       self->begin_request();
                       self->receive();
                     });
}

void TcpSession::begin_request() {
  if (buffer_ == nullptr) buffer_ = std::make_unique<ReadBuffer>();
  parser_.emplace(shared_.limits.header_bytes, shared_.limits.body_bytes);
  enter(Phase::reading, shared_.limits.request_timeout);
}

void TcpSession::receive() {
  const asio::mutable_buffer room = buffer_->room();
  // The parser leaves a header block that is cut off, and those have limits, so only an endless
  // chunk extension gets here.
  if (room.size() == 0) return refuse(400, "A line of the chunked body is longer than 64 KiB");
  socket_.async_read_some(room, [self = shared_from_this()](error_code error, size_t n) {
    if (self->phase_ != Phase::reading) return;
    if (error) return self->close();
    self->buffer_->received(n);
    self->parse();
  });
}

void TcpSession::parse() {
  std::string_view bytes = buffer_->bytes();
  while (true) {
    const RequestParser::Event event = parser_->feed(bytes);
    buffer_->keep_last(bytes.size());
    switch (event) {
      case RequestParser::Event::refused:
        return refuse(parser_->refusal().status, parser_->refusal().message);
      case RequestParser::Event::header:
        if (!header_complete()) return;
        break;
      case RequestParser::Event::complete:
        if (!account_body(parser_->body_size())) return;
        return handle();
      case RequestParser::Event::need_more:
        if (!account_body(parser_->body_size())) return;
        return receive();
    }
  }
}

// False where the request was refused or goes on elsewhere.
bool TcpSession::header_complete() {
  keep_alive_ = parser_->keep_alive();
  head_only_ = parser_->is_head();
  http_1_0_ = parser_->http_1_0();
  const uint64_t announced = parser_->content_length().value_or(0);
  if (!account_body(announced)) return false;
  const std::string_view expect = parser_->expect();
  if (expect.empty() || http_1_0_) return true;
  if (!equals_ignoring_case(expect, "100-continue")) {
    refuse(417, "The only expectation understood here is 100-continue");
    return false;
  }
  // Whoever has sent the body already does not wait for permission.
  if (!buffer_->bytes().empty()) return true;
  send_continue();
  return false;
}

// Keeps the share of the common budget up with what this request holds.
bool TcpSession::account_body(uint64_t held) {
  if (held <= reserved_) return true;
  if (!shared_.reserve(held - reserved_)) {
    refuse(503, "The server is holding as many request bytes as it may: try again");
    return false;
  }
  reserved_ = held;
  return true;
}

void TcpSession::send_continue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(socket_, asio::buffer(kContinue),
                    [self = shared_from_this()](error_code error, size_t) {
                      if (self->phase_ != Phase::reading) return;
                      if (error) return self->close();
                      self->parse();
                    });
}

void TcpSession::handle() {
  Request request = parser_->take();
  parser_.reset();
  if (buffer_->bytes().empty()) buffer_.reset();
  const bool forwarded = !request.header(kForwardedHeader).empty();
  const bool long_request =
      shared_.takes_long && shared_.takes_long(request.method, request.path, forwarded);
  context_ = context_for(request, forwarded, long_request);
  Executor& executor = executor_for(request, forwarded, long_request);
  request.context = context_;
  phase_ = Phase::handling;
  deadline_ = Clock::time_point::max();
  if (forwarded) watch_sender();
  auto job = std::make_shared<Job>(std::static_pointer_cast<TcpSession>(shared_from_this()),
                                   shared_, std::move(request));
  // Where the executor is full the job answers 503 from its destructor.
  (void)executor.submit([job] { job->run(); });
}

// A request that was sent on is not to be acted upon when its sender waits no more and may have
// repeated it: the sender's time for it counts from when it began to arrive.
Context TcpSession::context_for(const Request& request, bool forwarded, bool long_request) const {
  const Context own =
      long_request ? Context() : Context::with_timeout(shared_.limits.request_timeout);
  const std::string_view text = request.header(kTimeLeftHeader);
  uint32_t left = 0;
  if (!forwarded || std::from_chars(text.data(), text.data() + text.size(), left).ec != std::errc())
    return own;
  const auto begun = deadline_ - shared_.limits.request_timeout;
  return own.no_later_than(begun + std::chrono::milliseconds(left));
}

// A sender that hangs up waits no more either. It sends nothing else before it has its answer, so
// what can be read before that is the end.
void TcpSession::watch_sender() {
  // If it has done so by now, what it sent instead may be at work already.
  if (sender_hung_up()) return context_.cancel();
  socket_.async_wait(asio::ip::tcp::socket::wait_read, [self = shared_from_this()](error_code) {
    if (self->phase_ == Phase::handling && self->sender_hung_up()) self->context_.cancel();
  });
}

bool TcpSession::sender_hung_up() {
  char next = 0;
  const ssize_t got = ::recv(socket_.native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

Executor& TcpSession::executor_for(const Request& request, bool forwarded,
                                   bool long_request) const {
  if (forwarded && shared_.forwarded_executor != nullptr)
    return long_request ? *shared_.forwarded_long_executor : *shared_.forwarded_executor;
  if (long_request) return *shared_.long_executor;
  if (shared_.holder_executor != nullptr && shared_.is_for_holder(request.method, request.path))
    return *shared_.holder_executor;
  return *shared_.executor;
}

void TcpSession::handled(Response response) {
  shared_.release(std::exchange(reserved_, 0));
  if (phase_ != Phase::handling) return;
  send(std::move(response), keep_alive_ && !shared_.stopping.load(std::memory_order_relaxed));
}

void TcpSession::refuse(int status, std::string_view message) {
  Response response = shared_.refusal(status, message);
  shared_.release(std::exchange(reserved_, 0));
  parser_.reset();
  send(std::move(response), false);
}

void TcpSession::send(Response response, bool keep_alive) {
  keep_alive_ = keep_alive;
  out_head_ = response_head(response, {keep_alive, http_1_0_});
  out_body_ = head_only_ ? std::string() : std::move(response.body);
  written_ = 0;
  write();
}

// The deadline starts anew with every byte that goes out: a long answer over a slow line is fine,
// a client that has stopped reading is not.
void TcpSession::write() {
  enter(Phase::writing, shared_.limits.idle_timeout);
  const size_t head = std::min(written_, out_head_.size());
  const size_t body = written_ - head;
  const std::array<asio::const_buffer, 2> rest = {
      asio::buffer(out_head_.data() + head, out_head_.size() - head),
      asio::buffer(out_body_.data() + body, out_body_.size() - body)};
  socket_.async_write_some(rest, [self = shared_from_this()](error_code error, size_t n) {
    if (self->phase_ != Phase::writing) return;
    if (error) return self->close();
    self->written_ += n;
    if (self->written_ < self->out_head_.size() + self->out_body_.size()) return self->write();
    self->written();
  });
}

void TcpSession::written() {
  out_head_ = std::string();
  out_body_ = std::string();
  if (keep_alive_) return await_request();
  error_code error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error) return close();
  if (buffer_ == nullptr) buffer_ = std::make_unique<ReadBuffer>();
  enter(Phase::draining, kDrainTime);
  drain();
}

// Reads and forgets until the client closes its side, so that it can read its answer; within
// kDrainTime, and no more than the largest body that would have been taken.
void TcpSession::drain() {
  buffer_->keep_last(0);
  socket_.async_read_some(buffer_->room(),
                          [self = shared_from_this()](error_code error, size_t bytes) {
                            if (self->phase_ != Phase::draining) return;
                            self->drained_ += bytes;
                            if (error || self->drained_ > self->shared_.limits.body_bytes)
                              return self->close();
                            self->drain();
                          });
}

void TcpSession::close() {
  if (phase_ == Phase::closed) return;
  // A request on the executor keeps its share until it is done with its body.
  if (phase_ != Phase::handling) shared_.release(std::exchange(reserved_, 0));
  phase_ = Phase::closed;
  error_code ignored;
  socket_.close(ignored);
  if (on_close_) std::exchange(on_close_, nullptr)(this);
}

}  // namespace

bool SessionShared::reserve(uint64_t bytes) {
  uint64_t held = body_bytes.load(std::memory_order_relaxed);
  do {
    if (bytes > limits.inflight_bytes || held > limits.inflight_bytes - bytes) return false;
  } while (!body_bytes.compare_exchange_weak(held, held + bytes, std::memory_order_relaxed));
  return true;
}

std::shared_ptr<Session> Session::open(asio::io_context& io, int socket, SessionShared& shared,
                                       std::function<void(Session*)> on_close) {
  return std::make_shared<TcpSession>(io, socket, shared, std::move(on_close));
}

}  // namespace viridian::http
