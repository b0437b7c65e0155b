#include "segment/sealed_rows.h"

#include <algorithm>

namespace viridian::segment {

SealedRows::SealedRows(std::shared_ptr<const SealedFile> file, Section offsets)
    : file_(std::move(file)),
      offsets_(offsets),
      size_(static_cast<uint32_t>(offsets.size / sizeof(Offset))) {}

Status SealedRows::visible(uint32_t begin, uint32_t end_row, SeqId at,
                           std::vector<VisibleRow>& out) const {
  VIRIDIAN_TRY(const os::Bytes bytes, file_->read(offsets_, uint64_t{begin} * sizeof(Offset),
                                                  uint64_t{end_row - begin} * sizeof(Offset)));
  for (uint32_t row = begin; row < end_row; ++row) {
    if (end(row) <= at) continue;
    VisibleRow& visible = out.emplace_back();
    visible.row = row;
    std::memcpy(&visible.offset, bytes.data() + (row - begin) * sizeof(Offset), sizeof(Offset));
  }
  return ok_status();
}

Status SealedRows::add_visible(uint32_t first, postings::RowSet rows, uint32_t limit, SeqId at,
                               OffsetSet& out) const {
  const uint32_t last = std::min({size_, limit, first + std::min(size_, postings::kBlockRows)});
  if (rows.empty() || first >= last) return ok_status();
  if (ended() != 0 || limit < size_)
    rows.filter([&](postings::Row i) { return first + i < last && end(first + i) > at; });
  VIRIDIAN_TRY(const std::span<const Offset> offsets, this->offsets(first, last - first));
  if (offsets.back() - offsets.front() == offsets.size() - 1) {
    // Ascending, so each is one more than that before it.
    postings::RowBits bits{};
    rows.add_to(bits.data());
    out.insert_bits(offsets.front(), bits);
  } else {
    rows.for_each([&](postings::Row i) { out.insert(offsets[i]); });
  }
  return ok_status();
}

Result<std::pair<Offset, Offset>> SealedRows::offsets_between(uint32_t begin,
                                                              uint32_t end_row) const {
  VIRIDIAN_TRY(const Offset first, offset(begin));
  VIRIDIAN_TRY(const Offset last, offset(end_row - 1));
  return std::pair(first, last);
}

Result<std::optional<uint32_t>> SealedRows::find(Offset wanted, uint32_t limit, SeqId at) const {
  uint32_t low = 0, high = std::min(limit, size_);
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    VIRIDIAN_TRY(const Offset found, offset(middle));
    if (found == wanted) {
      if (end(middle) > at) return middle;
      return std::nullopt;
    }
    if (found < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return std::nullopt;
}

SeqId SealedRows::end(uint32_t row) const {
  const std::atomic<SeqId>* ends = ends_.load(std::memory_order_acquire);
  if (ends == nullptr) return kNever;
  const SeqId stored = ends[row].load(std::memory_order_acquire);
  return stored == 0 ? kNever : stored;
}

void SealedRows::set_end(uint32_t row, SeqId seq) {
  if (!owned_ends_) {
    owned_ends_ = std::make_unique<std::atomic<SeqId>[]>(size_);
    ends_.store(owned_ends_.get(), std::memory_order_release);
  }
  owned_ends_[row].store(seq, std::memory_order_release);
  ended_.fetch_add(1, std::memory_order_relaxed);
}

Result<std::span<const Offset>> SealedRows::offsets(uint32_t begin, uint32_t count) const {
  VIRIDIAN_TRY(const os::Bytes bytes, file_->read(offsets_, uint64_t{begin} * sizeof(Offset),
                                                  uint64_t{count} * sizeof(Offset)));
  // Sections start at multiples of 64 bytes in a file that is mapped at a page.
  return std::span(reinterpret_cast<const Offset*>(bytes.data()), count);
}

Result<uint32_t> SealedRows::lower_bound(Offset wanted, uint32_t from) const {
  // Doubling steps until the place is passed, then halving.
  uint64_t low = from, high = size_;
  for (uint64_t step = 1; low + step < high; step *= 2) {
    VIRIDIAN_TRY(const Offset found, offset(static_cast<uint32_t>(low + step)));
    if (found >= wanted) {
      high = low + step;
      break;
    }
    low += step;
  }
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    VIRIDIAN_TRY(const Offset found, offset(static_cast<uint32_t>(middle)));
    if (found < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return static_cast<uint32_t>(low);
}

Result<std::span<const Offset>> ended_offsets(const SealedFile& file) {
  VIRIDIAN_TRY(const Section ended, file.section("ended"));
  VIRIDIAN_TRY(const os::Bytes bytes, file.read(ended, 0, ended.size));
  return std::span(reinterpret_cast<const Offset*>(bytes.data()), bytes.size() / sizeof(Offset));
}

}  // namespace viridian::segment
