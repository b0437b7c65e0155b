#include "viridian/base/result.h"

#include <fmt/format.h>

namespace viridian {

std::string_view code_name(Code code) noexcept {
  switch (code) {
    case Code::invalid_argument:
      return "invalid_argument";
    case Code::unprocessable:
      return "unprocessable";
    case Code::not_found:
      return "not_found";
    case Code::already_exists:
      return "already_exists";
    case Code::failed_precondition:
      return "failed_precondition";
    case Code::unauthenticated:
      return "unauthenticated";
    case Code::permission_denied:
      return "permission_denied";
    case Code::resource_exhausted:
      return "resource_exhausted";
    case Code::unavailable:
      return "unavailable";
    case Code::deadline_exceeded:
      return "deadline_exceeded";
    case Code::cancelled:
      return "cancelled";
    case Code::aborted:
      return "aborted";
    case Code::out_of_range:
      return "out_of_range";
    case Code::data_loss:
      return "data_loss";
    case Code::unimplemented:
      return "unimplemented";
    case Code::internal:
      return "internal";
  }
  return "unknown";
}

Error::Error(Code code, std::string message)
    : state_(std::make_shared<const State>(State{code, std::move(message)})) {}

Error Error::with(std::string_view where) const {
  return Error(code(), fmt::format("{}: {}", where, message()));
}

}  // namespace viridian
