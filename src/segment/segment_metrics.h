#pragma once
#include "obs/metrics.h"

namespace viridian::segment {

/// What the segments of all collections report.
struct SegmentMetrics {
  explicit SegmentMetrics(obs::Metrics& metrics);

  obs::Gauge& heads_bytes;
  obs::Gauge& open_collections;
  obs::Gauge& garbage_bytes;
  obs::Counter& seals;
  obs::Counter& merges;
  obs::Counter& merged_bytes;
  obs::Counter& failed_seals;
  obs::Counter& failed_merges;
  obs::Counter& refused_writes;

  // Of caches.
  obs::Gauge& cache_bytes;
  obs::Counter& loads;
  obs::Counter& failed_loads;
  obs::Counter& loaded_records;
  obs::Counter& compactions;
  obs::Counter& failed_compactions;
};

}  // namespace viridian::segment
