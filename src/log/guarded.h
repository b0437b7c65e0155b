#pragma once
#include <new>

#include "log/log_errors.h"

namespace viridian::log {

/// The outcome of `work`, with an exception turned into an error: for who holds a role that others
/// wait for, and must give it back whatever happens.
template <class Work>
Status guarded(Work work) noexcept {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (...) {
    return unexpected_exception();
  }
}

}  // namespace viridian::log
