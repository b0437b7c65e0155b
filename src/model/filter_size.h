#pragma once
#include <cstddef>

#include "viridian/model/where.h"

namespace viridian {

/// How much a filter asks for: what its evaluation takes of memory and time grows with these.
struct FilterSize {
  size_t conditions = 0;  ///< groups among them
  size_t operands = 0;
  size_t patterns = 0;  ///< regular expressions
};
FilterSize size_of(const Where& where);

}  // namespace viridian
