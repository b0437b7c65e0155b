#include <algorithm>

#include "segment/segment_kinds.h"

namespace viridian::segment {
namespace {

using Job = MergeJob<VectorFile, VectorInfo>;

/// What is read, and then written, at once.
constexpr uint64_t kBlockBytes = uint64_t{256} << 10;

/// Writes a section of `row_bytes` per row; take(source, row, rows) gives the bytes.
template <class Take>
Status copy_section(const Job& job, std::string_view name, uint64_t row_bytes, Take&& take) {
  VIRIDIAN_TRY_VOID(job.writer.begin(name));
  const auto limit = static_cast<uint32_t>(std::max<uint64_t>(1, kBlockBytes / row_bytes));
  return job.plan.for_each_run(limit, [&](const MergePlan::Run& run) -> Status {
    VIRIDIAN_TRY_VOID(job.context.check());
    VIRIDIAN_TRY_VOID(job.throttle.pass(job.context, 2 * run.rows * row_bytes));
    VIRIDIAN_TRY(const os::Bytes bytes, take(run));
    return job.writer.append(bytes);
  });
}

}  // namespace

Status VectorKind::merge(const Job& job) {
  VIRIDIAN_TRY_VOID(job.writer.append_value("info", job.info));
  using Run = MergePlan::Run;
  VIRIDIAN_TRY_VOID(
      copy_section(job, "offsets", sizeof(Offset), [&](const Run& run) -> Result<os::Bytes> {
        VIRIDIAN_TRY(const auto offsets, job.plan.source(run.source).offsets(run.row, run.rows));
        return std::as_bytes(offsets);
      }));
  VIRIDIAN_TRY_VOID(job.writer.append_section("ended", job.ended));
  VIRIDIAN_TRY_VOID(copy_section(job, "norms", sizeof(float), [&](const Run& run) {
    return job.sources[run.source]->norm_data(run.row, run.rows);
  }));
  const uint64_t row_bytes = std::max<uint64_t>(1, uint64_t{job.info.dim} * sizeof(float));
  return copy_section(job, "vectors", row_bytes, [&](const Run& run) {
    return job.sources[run.source]->vector_data(run.row, run.rows);
  });
}

}  // namespace viridian::segment
