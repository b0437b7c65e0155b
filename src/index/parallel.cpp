#include "index/parallel.h"

#include <algorithm>
#include <atomic>
#include <vector>

namespace viridian::index {

Status for_pieces(const Context& context, Executor& executor, size_t n, size_t piece,
                  const std::function<Status(size_t, size_t)>& work) {
  const size_t pieces = (n + piece - 1) / piece;
  std::vector<Status> outcomes(pieces);
  std::atomic<bool> failed = false;
  executor.parallel_for(pieces, [&](size_t i) {
    if (failed.load(std::memory_order_relaxed)) return;
    outcomes[i] = context.check();
    if (outcomes[i].ok()) outcomes[i] = work(i * piece, std::min(n, (i + 1) * piece));
    if (!outcomes[i].ok()) failed.store(true, std::memory_order_relaxed);
  });
  for (Status& outcome : outcomes)
    if (!outcome.ok()) return std::move(outcome);
  return ok_status();
}

}  // namespace viridian::index
