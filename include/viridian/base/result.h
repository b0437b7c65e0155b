#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace viridian {

/// What went wrong, chosen by what the caller does next.
enum class Code {
  invalid_argument,     ///< the request can never work: fix it
  unprocessable,        ///< well-formed, but not of the shape the call takes: fix it
  not_found,            ///< what it names does not exist
  already_exists,       ///< the name is taken
  failed_precondition,  ///< right request, wrong state: change the state first
  unauthenticated,      ///< the caller did not say who it is
  permission_denied,    ///< the caller may not do this
  resource_exhausted,   ///< a queue, a quota or the disk is full: retry after a pause
  unavailable,          ///< try again
  deadline_exceeded,    ///< it took longer than the caller allowed
  cancelled,            ///< the caller went away
  aborted,              ///< lost a race: retry at once
  out_of_range,         ///< the end of a log, or its torn tail: stop reading
  data_loss,            ///< bytes on disk are wrong: stop writing, raise an alarm
  unimplemented,        ///< not offered here
  internal,             ///< our bug
};

/// The code's name in snake_case, for logs and messages.
std::string_view code_name(Code code) noexcept;

/// A failure: a code, and a sentence that says what was wrong, where, and what to do.
/// Cheap to copy; immutable, so it may cross threads.
class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message);

  Code code() const noexcept { return state_->code; }
  const std::string& message() const noexcept { return state_->message; }
  /// The same error with "where: " put before its message. Once per layer at most.
  [[nodiscard]] Error with(std::string_view where) const;

 private:
  struct State {
    Code code;
    std::string message;
  };
  std::shared_ptr<const State> state_;
};

/// A value or an Error. Looking at it is not optional: ignoring one does not compile.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
  using Base = tl::expected<T, Error>;

 public:
  using Base::Base;
  Result(Error error) : Base(tl::unexpect, std::move(error)) {}
  bool ok() const noexcept { return this->has_value(); }
};

using Status = Result<void>;
inline Status ok_status() { return Status(); }

#define VIRIDIAN_CONCAT_(a, b) a##b
#define VIRIDIAN_CONCAT(a, b) VIRIDIAN_CONCAT_(a, b)
#define VIRIDIAN_TRY_(result, declaration, ...)       \
  auto result = (__VA_ARGS__);                        \
  if (!result.ok()) return std::move(result).error(); \
  declaration = *std::move(result)
/// VIRIDIAN_TRY(auto x, f()): declares x from f()'s value, or returns f()'s error.
#define VIRIDIAN_TRY(declaration, ...) \
  VIRIDIAN_TRY_(VIRIDIAN_CONCAT(viridian_result_, __LINE__), declaration, __VA_ARGS__)
/// VIRIDIAN_TRY_VOID(f()): returns f()'s error, if it has one.
#define VIRIDIAN_TRY_VOID(...)                                       \
  do {                                                               \
    if (auto viridian_status = (__VA_ARGS__); !viridian_status.ok()) \
      return std::move(viridian_status).error();                     \
  } while (false)

}  // namespace viridian
