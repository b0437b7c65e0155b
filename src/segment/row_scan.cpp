#include "segment/row_scan.h"

#include <algorithm>
#include <vector>

#include "segment/read_trace.h"

namespace viridian::segment {

Status scan_rows(const RowRange& range, const WantedRows& wanted, const uint64_t* among,
                 const index::FlatScanner& scanner, std::span<index::TopK> results) {
  std::vector<VisibleRow> visible;
  VIRIDIAN_TRY_VOID(range.part->rows().visible(range.begin, range.end, wanted.at, visible));
  std::vector<Offset> offsets(range.end - range.begin);
  std::vector<bool> counts(offsets.size());
  for (const VisibleRow& row : visible) {
    const uint32_t i = row.row - range.begin;
    if (among != nullptr && (among[i / 64] >> (i % 64) & 1) == 0) continue;
    offsets[i] = row.offset;
    counts[i] = wanted.allows(row.offset);
  }
  if (wanted.trace != nullptr) {
    const auto exact = static_cast<uint64_t>(std::count(counts.begin(), counts.end(), true));
    // Those of some rows were found by their codes.
    if (among == nullptr)
      wanted.trace->add(*range.part, ReadTrace::How::rows, {visible.size(), exact});
    else
      wanted.trace->add(*range.part, ReadTrace::How::codes, {0, exact});
  }
  std::vector<uint64_t> live;
  for (uint32_t begin = range.begin; begin < range.end;) {
    VIRIDIAN_TRY(const VectorRun run, range.part->run(begin, range.end - begin));
    live.assign((run.rows + 63) / 64, 0);
    for (uint32_t i = 0; i < run.rows; ++i)
      if (counts[begin - range.begin + i]) live[i / 64] |= uint64_t{1} << (i % 64);
    scanner.scan(run.vectors, run.norms, offsets.data() + (begin - range.begin), live.data(),
                 run.rows, results);
    begin += run.rows;
  }
  return ok_status();
}

}  // namespace viridian::segment
