#include <algorithm>
#include <bit>
#include <cstring>

#include "index/flat.h"
#include "segment/vector_part.h"

namespace viridian::segment {
namespace {

constexpr uint32_t kFirstRows = 16;

size_t chunk_of(uint32_t row) {
  return static_cast<size_t>(std::bit_width(row / kFirstRows + 1)) - 1;
}
uint64_t start_of(size_t chunk) { return kFirstRows * ((uint64_t{1} << chunk) - 1); }

}  // namespace

void VectorHead::push_back(Offset offset, const float* vector) {
  const uint32_t row = rows_.size();
  std::unique_ptr<Chunk>& chunk = chunks_[chunk_of(row)];
  const uint64_t within = row - start_of(chunk_of(row));
  if (!chunk) {
    const uint64_t rows = uint64_t{kFirstRows} << chunk_of(row);
    chunk = std::make_unique<Chunk>(rows * dim_, rows);
  }
  std::memcpy(chunk->vectors.data() + within * dim_, vector, dim_ * sizeof(float));
  index::FlatScanner::norms(vector, dim_, 1, chunk->norms.data() + within);
  rows_.push_back(offset);
}

// What the last chunk has room for beyond its rows was never touched, and takes no memory but for
// the rest of a page.
size_t VectorHead::bytes() const noexcept {
  const uint32_t rows = rows_.size();
  if (rows == 0) return rows_.bytes();
  const size_t last = chunk_of(rows - 1);
  const uint64_t within = rows - start_of(last);
  const Chunk& chunk = *chunks_[last];
  return start_of(last) * (dim_ + 1) * sizeof(float) + chunk.vectors.taken(within * dim_) +
         chunk.norms.taken(within) + rows_.bytes() + codes().bytes();
}

Result<VectorRun> VectorHead::run(uint32_t begin, uint32_t limit) const {
  const size_t index = chunk_of(begin);
  const Chunk& chunk = *chunks_[index];
  const uint64_t within = begin - start_of(index);
  const uint64_t left = (uint64_t{kFirstRows} << index) - within;
  return VectorRun{chunk.vectors.data() + within * dim_, chunk.norms.data() + within,
                   static_cast<uint32_t>(std::min<uint64_t>(limit, left))};
}

}  // namespace viridian::segment
