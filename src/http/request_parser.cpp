#include "http/request_parser.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <utility>

namespace viridian::http {

namespace beast_http = boost::beast::http;

struct RequestParser::State {
  beast_http::request_parser<beast_http::string_body> parser;
  Refused refused;
  bool begun = false;
  bool header_seen = false;
};

namespace {

RequestParser::Refused describe(const boost::beast::error_code& error) {
  if (error == beast_http::error::header_limit) {
    return {431, "The request's header block is larger than 16 KiB"};
  }
  if (error == beast_http::error::body_limit || error == beast_http::error::buffer_overflow) {
    return {413, "Failed to buffer the request body: length limit exceeded"};
  }
  if (error == beast_http::error::bad_version) {
    return {505, "Only HTTP/1.0 and HTTP/1.1 are spoken here"};
  }
  return {400, "The request is not valid HTTP: " + error.message()};
}

}  // namespace

RequestParser::RequestParser(uint32_t header_limit, uint64_t body_limit)
    : state_(std::make_unique<State>()) {
  state_->parser.header_limit(header_limit);
  state_->parser.body_limit(body_limit);
  state_->parser.eager(false);
}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

RequestParser::Event RequestParser::feed(std::string_view& bytes) {
  auto& parser = state_->parser;
  if (!state_->begun) {
    // Old clients send an empty line after a body.
    while (!bytes.empty() && (bytes.front() == '\r' || bytes.front() == '\n')) {
      bytes.remove_prefix(1);
    }
  }
  if (state_->header_seen && parser.is_done()) return Event::complete;
  while (!bytes.empty()) {
    state_->begun = true;
    boost::beast::error_code error;
    const size_t taken = parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    bytes.remove_prefix(taken);
    if (error && error != beast_http::error::need_more) {
      state_->refused = describe(error);
      return Event::refused;
    }
    if (!state_->header_seen && parser.is_header_done()) {
      state_->header_seen = true;
      parser.eager(true);
      return Event::header;
    }
    if (parser.is_done()) return Event::complete;
    if (error || taken == 0) return Event::need_more;
  }
  return Event::need_more;
}

const RequestParser::Refused& RequestParser::refusal() const noexcept { return state_->refused; }
bool RequestParser::begun() const noexcept { return state_->begun; }
bool RequestParser::keep_alive() const { return state_->parser.get().keep_alive(); }
bool RequestParser::http_1_0() const { return state_->parser.get().version() == 10; }
bool RequestParser::is_head() const {
  return state_->parser.get().method() == beast_http::verb::head;
}
std::string_view RequestParser::expect() const {
  const auto value = state_->parser.get()[beast_http::field::expect];
  return {value.data(), value.size()};
}
std::optional<uint64_t> RequestParser::content_length() const {
  const auto length = state_->parser.content_length();
  if (!length) return std::nullopt;
  return *length;
}
size_t RequestParser::body_size() const { return state_->parser.get().body().size(); }

Request RequestParser::take() {
  auto message = state_->parser.release();
  Request request;
  request.method = std::string(message.method_string());
  std::string target(message.target());
  // The absolute form, as proxies send it: http://host/path.
  if (const size_t scheme = target.find("://");
      scheme != std::string::npos && target.front() != '/') {
    const size_t path = target.find('/', scheme + 3);
    target = path == std::string::npos ? "/" : target.substr(path);
  }
  const size_t question = target.find('?');
  if (question != std::string::npos) request.query = target.substr(question + 1);
  request.path = target.substr(0, question);
  for (const auto& field : message) {
    request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  request.body = std::move(message.body());
  return request;
}

}  // namespace viridian::http
