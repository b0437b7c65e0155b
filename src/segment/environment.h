#pragma once
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "base/executor.h"
#include "os/files.h"
#include "segment/base_store.h"
#include "segment/cache_budget.h"
#include "segment/index_memory.h"
#include "segment/memory_budget.h"
#include "segment/recall_sampler.h"
#include "segment/registry.h"
#include "segment/segment_metrics.h"
#include "viridian/base/settings.h"
#include "viridian/spi/log.h"
#include "viridian/spi/segment_types.h"

namespace viridian::segment {

struct Options {
  uint64_t seal_bytes = 0;
  uint64_t seal_records = 0;
  std::chrono::seconds seal_age{0};
  uint64_t backlog_bytes = 0;
  uint64_t heads_bytes = std::numeric_limits<uint64_t>::max();
  uint64_t max_open = std::numeric_limits<uint64_t>::max();
  /// What small collections that are open may take together.
  uint64_t small_bytes = std::numeric_limits<uint64_t>::max();
  std::chrono::seconds purge_age = std::chrono::hours(24);
  uint64_t merge_bytes_per_second = 0;  ///< 0: nothing is merged in the background
  uint64_t indexed_rows = SegmentEnvironment().indexed_rows;
  uint64_t sample_every = 0;  ///< see RecallSampler
  /// What indexes may take of memory.
  uint64_t index_bytes = std::numeric_limits<uint64_t>::max();
  bool read_only = false;
  /// What cached collections may take, in memory and files.
  uint64_t cache_bytes = std::numeric_limits<uint64_t>::max();
  /// How often the background looks for what no call tells it of.
  std::chrono::milliseconds look_every{5000};
};

/// What the settings say of sealing and merging, alike for directories and caches.
Options upkeep_options(const Settings& settings);

/// What the segments of all collections work with.
struct Environment {
  std::unique_ptr<Registry> registry;
  Consumer& consumer;
  Executor& executor;
  os::Files* files;  ///< null: segments in memory, which never seal
  std::string root;  ///< directory of all collections' segment directories
  SegmentTypes types;
  Options options;
  SegmentMetrics metrics;
  std::unique_ptr<MemoryBudget> budget;
  /// Where collections are loaded from. Null: nowhere, their files are all there is of them.
  BaseStore* images = nullptr;
  std::unique_ptr<CacheBudget> cache =
      std::make_unique<CacheBudget>(std::numeric_limits<uint64_t>::max());

  std::unique_ptr<RecallSampler> sampler = {};  ///< null: nobody is shown what indexes answer
  std::shared_ptr<IndexMemory> index_memory =
      std::make_shared<IndexMemory>(std::numeric_limits<uint64_t>::max());

  std::string directory(const CollectionId& id) const { return root + "/" + id.to_string(); }
  /// Whether collections are copies that can be dropped and loaded again at any time.
  bool cached() const noexcept { return images != nullptr; }
  /// Whether it seals and removes.
  bool writes_files() const noexcept { return files != nullptr && !options.read_only; }
};

}  // namespace viridian::segment
