#include "http/errors.h"

#include "codec/api_json.h"
#include "viridian/base/uuid.h"

namespace viridian::http {
namespace {

constexpr int kLastCode = static_cast<int>(Code::internal);

std::string new_trace_id() {
  std::string text = Uuid::random().to_string();
  std::erase(text, '-');
  return text;
}

}  // namespace

int status_of(Code code) noexcept {
  switch (code) {
    case Code::invalid_argument:
    case Code::cancelled:
    case Code::aborted:
    case Code::out_of_range:
      return 400;
    case Code::unauthenticated:
      return 401;
    case Code::permission_denied:
      return 403;
    case Code::not_found:
      return 404;
    case Code::already_exists:
      return 409;
    case Code::failed_precondition:
      return 412;
    case Code::unprocessable:
      return 422;
    case Code::resource_exhausted:
      return 429;
    case Code::unimplemented:
      return 501;
    case Code::unavailable:
      return 503;
    case Code::deadline_exceeded:
      return 504;
    case Code::data_loss:
    case Code::internal:
      return 500;
  }
  return 500;
}

std::string_view error_name(int status) noexcept {
  switch (status) {
    case 400:
      return "InvalidArgumentError";
    case 404:
      return "NotFoundError";
    case 410:
      return "Unimplemented";
    case 500:
      return "InternalError";
    default:
      return "ChromaError";
  }
}

Code code_of(int status, std::string_view code) noexcept {
  for (int i = 0; i <= kLastCode; ++i) {
    const Code known = static_cast<Code>(i);
    if (code == code_name(known) && status == status_of(known)) return known;
  }
  switch (status) {
    case 401:
      return Code::unauthenticated;
    case 403:
      return Code::permission_denied;
    case 404:
      return Code::not_found;
    case 408:
    case 504:
      return Code::deadline_exceeded;
    case 409:
      return Code::already_exists;
    case 412:
      return Code::failed_precondition;
    case 422:
      return Code::unprocessable;
    case 429:
      return Code::resource_exhausted;
    case 405:
    case 410:
    case 501:
      return Code::unimplemented;
    case 502:
    case 503:
      return Code::unavailable;
    default:
      return status >= 400 && status < 500 ? Code::invalid_argument : Code::internal;
  }
}

Response error_response(int status, std::string_view message) {
  Response response;
  response.status = status;
  response.body = codec::write_error(error_name(status), message);
  response.headers.emplace_back(kTraceHeader, new_trace_id());
  if (status == 429 || status == 503) response.headers.emplace_back("retry-after", "1");
  return response;
}

Response error_response(const Error& error) {
  Response response = error_response(status_of(error.code()), error.message());
  response.headers.emplace_back(kCodeHeader, std::string(code_name(error.code())));
  return response;
}

}  // namespace viridian::http
