#pragma once
#include <stdexcept>
#include <utility>

#include "vectors/clock.h"
#include "viridian/base/result.h"

namespace viridian::bench {

template <class T>
T value_of(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

}  // namespace viridian::bench
