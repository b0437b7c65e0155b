#include "segment/segment_metrics.h"

namespace viridian::segment {

SegmentMetrics::SegmentMetrics(obs::Metrics& metrics)
    : heads_bytes(metrics.gauge("viridian_segment_heads_bytes",
                                "Memory of records that are not yet in files.")),
      open_collections(
          metrics.gauge("viridian_segment_open_collections", "Collections that are open.")),
      garbage_bytes(metrics.gauge("viridian_segment_garbage_bytes",
                                  "About what deleted and replaced records take in the files of "
                                  "open collections.")),
      seals(metrics.counter("viridian_segment_seals_total",
                            "Times that a collection's newest records became files.")),
      merges(metrics.counter("viridian_segment_merges_total", "Merges of files.")),
      merged_bytes(
          metrics.counter("viridian_segment_merged_bytes_total", "Bytes that merges wrote.")),
      failed_seals(metrics.counter("viridian_segment_failures_total", "Work that failed.",
                                   {{"work", "seal"}})),
      failed_merges(metrics.counter("viridian_segment_failures_total", "Work that failed.",
                                    {{"work", "merge"}})),
      refused_writes(metrics.counter("viridian_segment_refused_writes_total",
                                     "Writes refused because their collection's records cannot "
                                     "become files.")) {}

}  // namespace viridian::segment
