#pragma once
#include <cstddef>
#include <functional>

#include "base/executor.h"
#include "viridian/base/context.h"

namespace viridian::index {

/// Runs work(begin, end) for pieces of [0, n) of at most `piece`, in parallel, until one fails or
/// the context does. The first error by position of those that happened, if any did.
Status for_pieces(const Context& context, Executor& executor, size_t n, size_t piece,
                  const std::function<Status(size_t begin, size_t end)>& work);

}  // namespace viridian::index
