#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace viridian::http {

/// Reads one HTTP/1 request from bytes as they come. Does no I/O. One thread.
///
/// The caller keeps the bytes that feed() leaves and offers them again with more behind them; a
/// header block or a chunk's head is taken only whole. Once feed() has said complete or refused
/// the parser is spent.
class RequestParser {
 public:
  enum class Event {
    need_more,  ///< all that could be taken was taken
    header,     ///< said once: the header is there, the body may follow
    complete,   ///< take() gives the request; the rest of the bytes belongs to the next one
    refused,    ///< refusal() says why; the connection cannot be used any more
  };
  struct Refused {
    int status = 400;
    std::string message;
  };

  RequestParser(uint32_t header_limit, uint64_t body_limit);
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;

  /// Takes bytes off the front of `bytes`.
  Event feed(std::string_view& bytes);

  const Refused& refusal() const noexcept;
  /// True once any byte was taken.
  bool begun() const noexcept;

  // Valid after header:
  bool keep_alive() const;
  bool http_1_0() const;
  bool is_head() const;
  std::string_view expect() const;
  /// What the header announces; unset for a chunked body and for none.
  std::optional<uint64_t> content_length() const;
  /// Body bytes held so far.
  size_t body_size() const;

  /// The request, once complete.
  Request take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace viridian::http
