#include "segment/metadata_part.h"

#include <algorithm>

namespace viridian::segment {

std::vector<RowSpan> spans_from(const PinnedMetadata& pinned, uint32_t begin) {
  constexpr uint32_t kRows = 4096;
  std::vector<RowSpan> spans;
  while (begin < pinned.limit) {
    const uint32_t end = begin + std::min(kRows, pinned.limit - begin);
    spans.push_back({&pinned, begin, end});
    begin = end;
  }
  return spans;
}

}  // namespace viridian::segment
