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
                                     "become files.")),
      cache_bytes(
          metrics.gauge("viridian_cache_bytes", "Memory and files that cached collections take.")),
      loads(metrics.counter("viridian_cache_loads_total", "Collections loaded from images.")),
      failed_loads(metrics.counter("viridian_cache_failed_loads_total",
                                   "Attempts to load a collection that failed.")),
      loaded_records(
          metrics.counter("viridian_cache_loaded_records_total", "Records loaded from images.")),
      compactions(metrics.counter("viridian_images_compactions_total",
                                  "Times that a collection's changes became images.")),
      failed_compactions(metrics.counter("viridian_images_failed_compactions_total",
                                         "Attempts at that which failed.")) {}

}  // namespace viridian::segment
