#pragma once
#include <cstdio>
#include <exception>
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

/// What main() returns: run(count, arguments), or 1 where that says by an exception what is wrong.
template <class Run>
int run_main(Run run, int count, char** arguments) {
  try {
    return run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

}  // namespace viridian::bench
