#pragma once
#include <string>
#include <string_view>

#include "viridian/base/context.h"
#include "viridian/base/result.h"

namespace viridian::http {

/// Header of a request: how fresh its answer has to be.
inline constexpr const char* kReadHeader = "x-viridian-read";
/// Header of a request that another server sent on: this one answers it itself or not at all.
inline constexpr const char* kForwardedHeader = "x-viridian-forwarded";
/// Header of such a request: for how many milliseconds whoever sent it on waits for the answer.
inline constexpr const char* kTimeLeftHeader = "x-viridian-time-left";
/// Header of a request: the id of the server that it is for, percent-encoded; another one answers
/// `aborted`. Header of the answer: the id of the server that gave it. So nothing else that has the
/// address by now is taken for that server.
inline constexpr const char* kServerHeader = "x-viridian-server";

/// Reads the value of kReadHeader: strong, eventual or bounded=MILLISECONDS, and session=NUMBER,
/// one or, with a comma between, one of the first three and the last.
///   invalid_argument  it is none of these; the message says what is allowed
Result<Context::Freshness> parse_freshness(std::string_view text);
/// The text that parse_freshness() reads so.
std::string format_freshness(const Context::Freshness& freshness);

}  // namespace viridian::http
