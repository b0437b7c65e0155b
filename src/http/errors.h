#pragma once
#include <string>
#include <string_view>

#include "http/message.h"
#include "viridian/base/result.h"

namespace viridian::http {

/// Header of every answer to a failed request: what the server's log calls it.
inline constexpr const char* kTraceHeader = "chroma-trace-id";
/// Header with the Error's code where an answer comes from one: several codes share a status.
inline constexpr const char* kCodeHeader = "viridian-code";
/// Header of an answer to a write: the number of its last record in the collection's log.
inline constexpr const char* kSequenceHeader = "x-viridian-sequence";

/// The status under which a failure is answered.
int status_of(Code code) noexcept;
/// The name that goes with a status, by which clients choose an exception.
std::string_view error_name(int status) noexcept;
/// What a client is to make of a status; `code` is the value of kCodeHeader, or "".
Code code_of(int status, std::string_view code) noexcept;

/// {"error": error_name(status), "message": message}, with a new trace id.
Response error_response(int status, std::string_view message);
Response error_response(const Error& error);

}  // namespace viridian::http
