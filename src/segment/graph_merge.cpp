#include <algorithm>
#include <thread>

#include "os/background_threads.h"
#include "segment/build_options.h"
#include "segment/index_sections.h"
#include "segment/segment_kinds.h"

namespace viridian::segment {

static_assert(kMostIndexedRows < index::kMostRows);

namespace {

using Job = MergeJob<VectorFile, VectorInfo>;

/// The rows of the file that a merge makes, where they lie now.
class MergedRows final : public index::RowSource {
 public:
  static Result<std::unique_ptr<MergedRows>> make(const Job& job) {
    auto made = std::make_unique<MergedRows>(job);
    made->places_.reserve(job.plan.rows());
    VIRIDIAN_TRY_VOID(job.plan.for_each_run(job.plan.rows(), [&](const MergePlan::Run& run) {
      for (uint32_t i = 0; i < run.rows; ++i) made->places_.push_back({run.source, run.row + i});
      return ok_status();
    }));
    return made;
  }
  explicit MergedRows(const Job& job) : job_(job) {}

  uint32_t rows() const override { return static_cast<uint32_t>(places_.size()); }
  uint32_t dim() const override { return job_.info.dim; }
  Result<const float*> vector(uint32_t row) const override {
    VIRIDIAN_TRY(const VectorRun run, at(row));
    return run.vectors;
  }
  Result<float> norm(uint32_t row) const override {
    VIRIDIAN_TRY(const VectorRun run, at(row));
    return *run.norms;
  }

 private:
  struct Place {
    Place(size_t in, uint32_t at) : source(static_cast<uint32_t>(in)), row(at) {}
    uint32_t source, row;
  };
  Result<VectorRun> at(uint32_t row) const {
    return job_.sources[places_[row].source]->run(places_[row].row, 1);
  }

  const Job& job_;
  std::vector<Place> places_;
};

}  // namespace

Status GraphKind::merge(const MergeJob<File, Info>& job) {
  VIRIDIAN_TRY_VOID(VectorKind::merge(job));
  if (job.info.rows < job.environment.indexed_rows || job.info.rows > kMostIndexedRows)
    return ok_status();
  VIRIDIAN_TRY(const auto rows, MergedRows::make(job));
  const SegmentEnvironment& environment = job.environment;
  // Of its own, so that queries come first.
  os::BackgroundThreads threads(
      build_threads(environment.hnsw, std::thread::hardware_concurrency()));
  VIRIDIAN_TRY(const index::BuiltIndex built,
               index::build_index(job.context, *rows,
                                  build_options(environment.space, environment.hnsw), threads));
  return write_index(job.writer, built);
}

void GraphKind::make_ready(std::span<const std::shared_ptr<File>> sources, const File& merged) {
  const auto searched = [](const auto& file) { return file->graph_is_open(); };
  // What is wrong with it whoever searches it is told.
  if (std::any_of(sources.begin(), sources.end(), searched)) (void)merged.graph();
}

}  // namespace viridian::segment
