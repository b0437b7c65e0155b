#include "segment/rows.h"

namespace viridian::segment {

uint32_t HeadRows::push_back(Offset offset) {
  const uint32_t row = size_.load(std::memory_order_relaxed);
  offsets_.at_grown(row) = offset;
  ends_.at_grown(row).store(0, std::memory_order_relaxed);
  by_offset_.push_back(hash_offset(offset));
  size_.store(row + 1, std::memory_order_release);
  return row;
}

Status HeadRows::visible(uint32_t begin, uint32_t end_row, SeqId at,
                         std::vector<VisibleRow>& out) const {
  for (uint32_t row = begin; row < end_row; ++row)
    if (end(row) > at) out.push_back({row, offsets_[row]});
  return ok_status();
}

Status HeadRows::add_visible(uint32_t first, postings::RowSet rows, uint32_t limit, SeqId at,
                             OffsetSet& out) const {
  rows.for_each([&](postings::Row i) {
    const uint32_t row = first + i;
    if (row < limit && end(row) > at) out.insert(offsets_[row]);
  });
  return ok_status();
}

Result<std::optional<uint32_t>> HeadRows::find(Offset offset, uint32_t limit, SeqId at) const {
  return by_offset_.find(hash_offset(offset), [&](uint32_t row) {
    return row < limit && offsets_[row] == offset && end(row) > at;
  });
}

SeqId HeadRows::end(uint32_t row) const {
  const SeqId stored = ends_[row].load(std::memory_order_acquire);
  return stored == 0 ? kNever : stored;
}

void HeadRows::set_end(uint32_t row, SeqId seq) {
  ends_[row].store(seq, std::memory_order_release);
}

}  // namespace viridian::segment
