#include "segment/environment.h"

#include "os/usable_memory.h"

namespace viridian::segment {

Options upkeep_options(const Settings& settings) {
  Options options;
  options.seal_bytes = settings.unsigned_integer("segment.seal_bytes");
  options.seal_records = settings.unsigned_integer("segment.seal_records");
  options.seal_age = std::chrono::seconds(settings.integer("segment.seal_seconds"));
  options.backlog_bytes = settings.unsigned_integer("segment.backlog_bytes");
  options.max_open = settings.unsigned_integer("segment.max_open");
  options.merge_bytes_per_second = settings.unsigned_integer("segment.merge_bytes_per_second");
  options.sample_every = settings.unsigned_integer("vectors.sample_every");
  options.indexed_rows = settings.unsigned_integer("vectors.index_rows");
  options.index_bytes = settings.unsigned_integer("vectors.memory_bytes");
  if (options.index_bytes == 0) options.index_bytes = os::usable_memory() / 2;
  return options;
}

}  // namespace viridian::segment
