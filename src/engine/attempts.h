#pragma once
#include "viridian/base/context.h"
#include "viridian/base/result.h"

// Deciding by what is stored, where other processes may change it meanwhile.
namespace viridian::engine {

/// How often something is decided anew. The processes that write a collection take turns that last
/// for many calls, so more than one repetition is rare; who is not to write it gives up at once.
inline constexpr int kDecisions = 4;

/// Calls decide() until it answers something else than that what it had looked at has changed.
template <class Decide>
auto until_decided(Decide&& decide) -> decltype(decide()) {
  for (int left = kDecisions;; --left) {
    auto decided = decide();
    if (decided.ok() || decided.error().code() != Code::aborted || left == 1) return decided;
  }
}

/// The context of a call that changes something: it looks at all there is, whatever the caller's
/// reads may miss.
inline Context deciding(const Context& context) { return context.with_freshness({}); }

/// read(context), which may look at what is out of date; but that something does not exist is told
/// only if it is so now.
template <class Read>
auto surely(const Context& context, Read&& read) -> decltype(read(context)) {
  auto found = read(context);
  if (found.ok() || found.error().code() != Code::not_found || context.age().count() == 0)
    return found;
  return read(deciding(context));
}

}  // namespace viridian::engine
