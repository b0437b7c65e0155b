#include "segment/coded_rows.h"

#include <algorithm>
#include <vector>

#include "segment/vector_part.h"

namespace viridian::segment {
namespace {

/// What one call codes at most: less than two milliseconds' work at 384 values a row.
constexpr uint32_t kRowsAtOnce = 512;

}  // namespace

Status CodedRows::extend(const VectorPart& part, Space space, uint32_t dim, uint32_t rows,
                         bool all) {
  const uint32_t begin = size();
  const uint32_t end = all ? rows : rows / kBlockRows * kBlockRows;
  if (begin >= end || rows < kBlockRows) return ok_status();
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return ok_status();
  if (!coder_) coder_.emplace(space, dim);
  const uint32_t first = size();
  for (uint32_t at = first; at < end && at - first < kRowsAtOnce; at += kBlockRows)
    VIRIDIAN_TRY_VOID(add_block(part, at, std::min(kBlockRows, end - at)));
  return ok_status();
}

uint64_t CodedRows::most_bytes(uint32_t dim, uint64_t rows) noexcept {
  const uint64_t own_centre = sizeof(index::Centre) + 2 * sizeof(float) * uint64_t{dim};
  // The array of blocks may have room for twice as many.
  const uint64_t of_block = sizeof(Block) + 2 * sizeof(blocks_[0]) + own_centre;
  return (rows + kBlockRows - 1) / kBlockRows *
         (index::BoundCoder::bytes(dim, kBlockRows) + of_block);
}

Status CodedRows::add_block(const VectorPart& part, uint32_t begin, uint32_t count) {
  std::vector<index::BoundCoder::Row> rows;
  for (uint32_t row = begin; row < begin + count; ++row) {
    VIRIDIAN_TRY(const VectorRun run, part.run(row, 1));
    rows.push_back({run.vectors, *run.norms});
  }
  const uint64_t bytes = coder_->bytes(count);
  const auto before = centre_;
  auto block = std::make_unique<Block>(Block{os::LargeArray<uint8_t>(bytes), nullptr});
  coder_->encode(rows, centre_, block->units.data());
  block->centre = centre_;
  const uint64_t of_centre = centre_ == before ? 0 : 2 * sizeof(float) * centre_->point.size();
  bytes_.fetch_add(bytes + of_centre, std::memory_order_relaxed);
  blocks_.at_grown(begin / kBlockRows) = std::move(block);
  size_.store(begin + count, std::memory_order_release);
  return ok_status();
}

}  // namespace viridian::segment
