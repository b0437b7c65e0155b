#include "clickhouse/stream_buffer.h"

namespace viridian::clickhouse {
namespace {

constexpr size_t kPieceBytes = size_t{512} << 10;

}  // namespace

Taken StreamBuffer::put(std::string_view bytes) {
  std::unique_lock lock(mutex_);
  if (!may_wait_ && bytes_ >= kDirectBytes) {
    holding_ = true;
    return Taken::later;
  }
  if (may_wait_) emptied_.wait(lock, [this] { return bytes_ < kMostBytes || abandoned_; });
  if (abandoned_) return Taken::never;
  holding_ = false;
  const bool full = pieces_.empty() || pieces_.back().size() + bytes.size() > kPieceBytes;
  const bool wake = full && !pieces_.empty();
  if (full) {
    std::string& piece = pieces_.emplace_back(std::move(spare_));
    spare_.clear();
    piece.clear();
    piece.reserve(kPieceBytes);
  }
  pieces_.back().append(bytes);
  bytes_ += bytes.size();
  lock.unlock();
  if (wake) filled_.notify_one();
  return Taken::yes;
}

void StreamBuffer::wait_for_room() {
  const std::scoped_lock lock(mutex_);
  may_wait_ = true;
}

bool StreamBuffer::holding() const {
  const std::scoped_lock lock(mutex_);
  return holding_;
}

void StreamBuffer::finish() {
  {
    const std::scoped_lock lock(mutex_);
    finished_ = true;
  }
  filled_.notify_one();
}

std::string_view StreamBuffer::peek() {
  if (read_ < current_.size()) return std::string_view(current_).substr(read_);
  {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [this] { return pieces_.size() > 1 || finished_; });
    if (pieces_.empty()) return {};
    spare_ = std::move(current_);
    current_ = std::move(pieces_.front());
    pieces_.pop_front();
    bytes_ -= current_.size();
    read_ = 0;
  }
  emptied_.notify_one();
  return current_;
}

void StreamBuffer::abandon() {
  {
    const std::scoped_lock lock(mutex_);
    abandoned_ = true;
  }
  emptied_.notify_one();
}

}  // namespace viridian::clickhouse
