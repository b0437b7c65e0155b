#include "clickhouse/pool.h"

#include <fmt/format.h>

#include <algorithm>

namespace viridian::clickhouse {
namespace {

using Clock = HttpConnection::Clock;

constexpr std::chrono::seconds kIdle{2};
constexpr std::chrono::milliseconds kTick{20};

}  // namespace

Pool::Lease::~Lease() {
  if (connection_) pool_->give_back(std::move(connection_));
}

Result<Pool::Lease> Pool::take(const Patience& patience) {
  const Clock::time_point begun = Clock::now();
  std::vector<std::unique_ptr<HttpConnection>> old;  // closed after the lock is let go of
  std::unique_ptr<HttpConnection> connection;
  {
    std::unique_lock lock(mutex_);
    while (used_ >= most_) {
      VIRIDIAN_TRY_VOID(patience.context.check());
      if (patience.stopping.load(std::memory_order_relaxed))
        return Error(Code::unavailable, "ClickHouse: this process is stopping");
      if (Clock::now() - begun > patience.silence)
        return Error(Code::resource_exhausted,
                     fmt::format("ClickHouse at {}: all {} connections are in use; raise "
                                 "clickhouse.connections",
                                 endpoint_.address, most_));
      free_.wait_for(lock, kTick);
    }
    ++used_;
    const auto fresh =
        std::find_if(idle_.begin(), idle_.end(), [](const std::unique_ptr<HttpConnection>& idle) {
          return Clock::now() - idle->last_used() < kIdle;
        });
    old.assign(std::make_move_iterator(idle_.begin()), std::make_move_iterator(fresh));
    idle_.erase(idle_.begin(), fresh);
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (connection) return Lease(*this, std::move(connection));
  auto made = HttpConnection::create(endpoint_);
  if (!made.ok()) {
    give_back(nullptr);
    return std::move(made).error();
  }
  return Lease(*this, *std::move(made));
}

void Pool::give_back(std::unique_ptr<HttpConnection> connection) {
  if (connection && !connection->reusable()) connection.reset();
  {
    const std::scoped_lock lock(mutex_);
    --used_;
    if (connection) idle_.push_back(std::move(connection));
  }
  free_.notify_one();
}

void Pool::clear() {
  std::vector<std::unique_ptr<HttpConnection>> idle;
  const std::scoped_lock lock(mutex_);
  idle.swap(idle_);
}

}  // namespace viridian::clickhouse
