#pragma once
#include <cstdint>
#include <vector>

#include "base/executor.h"
#include "index/row_source.h"
#include "viridian/base/context.h"

namespace viridian::index {

/// A row whose vector an earlier row has too, bit for bit.
struct Twin {
  uint32_t first = 0;  ///< the earliest row with this vector
  uint32_t row = 0;
  friend bool operator<(const Twin& a, const Twin& b) noexcept {
    return a.first != b.first ? a.first < b.first : a.row < b.row;
  }
};

/// All twins, ascending. Copies of a vector would fill each other's lists of neighbours, so that a
/// graph has only the first of them.
Result<std::vector<Twin>> find_twins(const Context&, const RowSource& rows, Executor&);

}  // namespace viridian::index
