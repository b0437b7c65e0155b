#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/executor.h"
#include "index/row_codes.h"

namespace viridian::index {

struct PartitionOptions {
  size_t leaf = 1000;   ///< rows in a leaf, at most
  uint32_t copies = 3;  ///< leaves that each row is in, about
  uint64_t seed = 0;
};

/// Groups of rows that are near each other. Every row is in one or more.
struct Leaves {
  std::vector<uint32_t> rows;
  std::vector<size_t> ends;  ///< of each leaf in rows

  size_t size() const noexcept { return ends.size(); }
  std::span<const uint32_t> operator[](size_t leaf) const {
    const size_t begin = leaf == 0 ? 0 : ends[leaf - 1];
    return {rows.data() + begin, ends[leaf] - begin};
  }
};

/// Splits rows by their nearest ones of some drawn at random, and what is still too large again, as
/// in "PiPNN: Ultra-Scalable Graph-Based Nearest Neighbor Indexing" (2026), section 4.1. At the
/// first split a row goes to its `copies` nearest, so that leaves overlap. The same for the same
/// seed, however many threads there are.
Leaves partition(const RowCodes& codes, const PartitionOptions& options, Executor& executor);

}  // namespace viridian::index
