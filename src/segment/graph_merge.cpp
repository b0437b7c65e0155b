#include <algorithm>
#include <chrono>
#include <thread>

#include "obs/log.h"
#include "os/background_threads.h"
#include "segment/build_options.h"
#include "segment/index_memory.h"
#include "segment/segment_kinds.h"

namespace viridian::segment {

static_assert(kMostIndexedRows < index::kMostRows);

namespace {

/// How long the merged file's indexes wait for room before they are left to the first search.
constexpr std::chrono::seconds kReadyTimeout{2};

using Job = MergeJob<VectorFile, VectorInfo>;

/// Some of the rows of the file that a merge makes, where they lie now.
class MergedRows final : public index::RowSource {
 public:
  static Result<std::unique_ptr<MergedRows>> make(const Job& job) {
    auto made = std::make_unique<MergedRows>(job);
    made->places_.reserve(job.plan.rows());
    VIRIDIAN_TRY_VOID(job.plan.for_each_run(job.plan.rows(), [&](const MergePlan::Run& run) {
      for (uint32_t i = 0; i < run.rows; ++i) made->places_.push_back({run.source, run.row + i});
      return ok_status();
    }));
    made->choose(0, job.plan.rows());
    return made;
  }
  explicit MergedRows(const Job& job) : job_(job) {}
  /// From now on it is of these of all rows.
  void choose(size_t begin, size_t count) { chosen_ = std::span(places_).subspan(begin, count); }

  uint32_t rows() const override { return static_cast<uint32_t>(chosen_.size()); }
  uint32_t dim() const override { return job_.info.dim; }
  Result<const float*> vector(uint32_t row) const override {
    return source(row).vector(chosen_[row].row);
  }
  Result<float> norm(uint32_t row) const override {
    VIRIDIAN_TRY(const os::Bytes norm, source(row).norm_data(chosen_[row].row, 1));
    return *reinterpret_cast<const float*>(norm.data());
  }
  void will_need(std::span<const uint32_t> rows) const override {
    std::vector<uint32_t> of_source;
    for (size_t i = 0; i < rows.size(); ++i) {
      of_source.push_back(chosen_[rows[i]].row);
      if (i + 1 < rows.size() && chosen_[rows[i + 1]].source == chosen_[rows[i]].source) continue;
      source(rows[i]).will_need(of_source);
      of_source.clear();
    }
  }

 private:
  struct Place {
    Place(size_t in, uint32_t at) : source(static_cast<uint32_t>(in)), row(at) {}
    uint32_t source, row;
  };
  const VectorFile& source(uint32_t row) const { return *job_.sources[chosen_[row].source]; }

  const Job& job_;
  std::vector<Place> places_;
  std::span<const Place> chosen_;
};

/// So many rows for each index that building one keeps to what there is for it; 0: there is too
/// little for any.
uint64_t rows_per_index(const Job& job) {
  const uint64_t most = most_indexed_rows(job.environment, job.info.dim);
  if (most < job.environment.indexed_rows || job.info.rows > most * kMostIndexes) {
    job.environment.index_memory->note_unindexed();
    obs::log(obs::Level::warn, "segment",
             "vectors stay without an index, so that searches read all of them: building one "
             "takes more memory than vectors.memory_bytes leaves to it; raise it",
             {{"collection", job.environment.definition.collection.to_string()},
              {"vectors", job.info.rows},
              {"could_be_indexed", most}});
    return 0;
  }
  const uint64_t indexes = (job.info.rows + most - 1) / most;
  return (job.info.rows + indexes - 1) / indexes;
}

}  // namespace

Status GraphKind::merge(const MergeJob<File, Info>& job) {
  VIRIDIAN_TRY_VOID(VectorKind::merge(job));
  const SegmentEnvironment& environment = job.environment;
  const uint64_t all = job.info.rows;
  if (all < environment.indexed_rows || all == 0) return ok_status();
  const uint64_t at_once = rows_per_index(job);
  if (at_once == 0) return ok_status();
  const size_t count = build_threads(environment.hnsw, std::thread::hardware_concurrency());
  index::IndexOptions options = build_options(environment.space, environment.hnsw);
  const uint64_t per_row = job.index_bytes / all;
  options.searched_bytes_per_row = per_row - std::min(per_row, kMemoryPerRow);
  VIRIDIAN_TRY(const IndexMemory::Build reserved,
               environment.index_memory->reserve_build(
                   job.context, index::build_bytes(options, job.info.dim, count, at_once)));
  VIRIDIAN_TRY(const auto rows, MergedRows::make(job));
  // Of its own, so that queries come first.
  os::BackgroundThreads threads(count);
  for (uint64_t begin = 0; begin < all; begin += at_once) {
    rows->choose(begin, std::min(at_once, all - begin));
    VIRIDIAN_TRY(const index::BuiltIndex built,
                 index::build_index(job.context, *rows, options, threads));
    const auto number = static_cast<uint32_t>(at_once >= all ? 0 : 1 + begin / at_once);
    VIRIDIAN_TRY_VOID(write_index(job.writer, built, number));
  }
  return ok_status();
}

void GraphKind::make_ready(const SegmentEnvironment& environment,
                           std::span<const std::shared_ptr<File>> sources, const File& merged) {
  const bool searched = std::any_of(sources.begin(), sources.end(), [](const auto& file) {
    const auto indexes = file->indexes();
    return std::any_of(indexes.begin(), indexes.end(),
                       [](const FileIndex& index) { return index.entry->is_open(); });
  });
  if (!searched) return;
  std::vector<IndexMemory::Entry*> entries;
  for (const FileIndex& index : merged.indexes()) entries.push_back(index.entry.get());
  // What is wrong with it whoever searches it is told.
  (void)environment.index_memory->pin(Context::with_timeout(kReadyTimeout), entries);
}

}  // namespace viridian::segment
