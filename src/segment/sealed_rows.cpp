#include "segment/sealed_rows.h"

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
}

Status end_in_older(const SealedFile& file, SeqId up_to, std::span<Rows* const> older) {
  VIRIDIAN_TRY(const Section ended, file.section("ended"));
  for (uint64_t i = 0; i < ended.size / sizeof(Offset); ++i) {
    VIRIDIAN_TRY(const Offset offset, file.element<Offset>(ended, i));
    bool found = false;
    for (auto rows = older.rbegin(); rows != older.rend() && !found; ++rows) {
      VIRIDIAN_TRY(const auto row, (*rows)->find(offset, (*rows)->size(), kNever - 1));
      if (row) (*rows)->set_end(*row, up_to);
      found = row.has_value();
    }
    if (!found)
      return file.damaged(
          ended.offset, "it ends offset " + std::to_string(offset) + ", which no older file holds");
  }
  return ok_status();
}

}  // namespace viridian::segment
