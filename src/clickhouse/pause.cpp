#include "clickhouse/pause.h"

#include <algorithm>
#include <thread>

namespace viridian::clickhouse {
namespace {

using std::chrono::milliseconds;

/// The longest a pause goes on without a look at the context.
constexpr milliseconds kStep{20};

}  // namespace

Status pause(const Context& context, milliseconds time) {
  const auto end = Context::Clock::now() + time;
  while (true) {
    VIRIDIAN_TRY_VOID(context.check());
    const auto left = std::chrono::ceil<milliseconds>(end - Context::Clock::now());
    if (left <= milliseconds(0)) return ok_status();
    std::this_thread::sleep_for(std::min(left, kStep));
  }
}

}  // namespace viridian::clickhouse
