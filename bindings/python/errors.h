#pragma once
#include "viridian/base/result.h"

/// How the library's errors become Python's exceptions. The interpreter lock is held.
namespace viridian::python {

/// Raises the class of viridian.errors that stands for the error's code.
[[noreturn]] void raise(const Error& error);
/// Raises DuplicateIDError.
[[noreturn]] void raise_duplicate_id(std::string_view id);

/// The value; raises where there is none.
template <class T>
T value_or_raise(Result<T> result) {
  if (!result.ok()) raise(result.error());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

}  // namespace viridian::python
