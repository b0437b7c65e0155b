#include "segment/origin.h"

#include <algorithm>

namespace viridian::segment {

Base Origin::base() const {
  const std::lock_guard lock(mutex_);
  return base_;
}

void Origin::advance(const Base& base) {
  const std::lock_guard lock(mutex_);
  if (base.sealed <= base_.sealed) return;
  base_ = base;
  while (!changes_.empty() && changes_.front().seq <= base.sealed) changes_.pop_front();
  while (!batches_.empty() && batches_.front().last <= base.sealed) {
    bytes_ -= batches_.front().bytes;
    batches_.pop_front();
  }
}

void Origin::note(std::span<const RowChange> changes, SeqId last, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (last <= base_.sealed) return;  // others have made images of it already
  for (const RowChange& change : changes)
    changes_.push_back({change.offset, change.seq, change.kind == RowChange::Kind::remove});
  batches_.push_back({last, bytes, Clock::now()});
  bytes_ += bytes;
}

std::vector<Origin::Change> Origin::changes(SeqId after, SeqId up_to) const {
  std::vector<Change> found;
  {
    const std::lock_guard lock(mutex_);
    for (const Change& change : changes_)
      if (change.seq > after && change.seq <= up_to) found.push_back(change);
  }
  std::sort(found.begin(), found.end(), [](const Change& a, const Change& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.seq > b.seq;
  });
  found.erase(std::unique(found.begin(), found.end(),
                          [](const Change& a, const Change& b) { return a.offset == b.offset; }),
              found.end());
  return found;
}

Origin::Pending Origin::pending() const {
  const std::lock_guard lock(mutex_);
  if (batches_.empty()) return {0, 0, Clock::now()};
  return {batches_.back().last - base_.sealed, bytes_, batches_.front().applied};
}

}  // namespace viridian::segment
