#include "vectors/lone_segment.h"

#include <algorithm>

#include "segment/throttles.h"
#include "segment/vector_segment.h"
#include "vectors/support.h"

namespace viridian::bench {

LoneSegment::LoneSegment(const Options& options, Executor& executor) {
  SegmentEnvironment environment;
  environment.space = options.space;
  environment.indexed_rows = options.indexed_rows;
  environment.hnsw.num_threads = options.threads;
  environment.executor = &executor;
  environment.files = &files_;
  environment.directory = options.directory;
  segment_ = value_of(local::GraphVectorSegment::open(context_, environment));
}

void LoneSegment::fill(const Array& rows, size_t in_head) {
  add(rows, 0, rows.rows - in_head);
  seal_and_merge();
  add(rows, rows.rows - in_head, rows.rows);
  reader_ = segment_->reader(applied_);
}

void LoneSegment::add(const Array& rows, size_t first, size_t last) {
  constexpr size_t kBatch = 10'000;
  for (size_t begin = first; begin < last; begin += kBatch) {
    const size_t end = std::min(last, begin + kBatch);
    RecordBatch batch;
    batch.operation = Operation::add;
    batch.embeddings.dim = static_cast<uint32_t>(rows.columns);
    batch.embeddings.values.assign(rows.row(begin), rows.row(end));
    std::vector<RowChange> changes;
    for (size_t row = begin; row < end; ++row) {
      batch.ids.push_back("");
      changes.push_back(
          {RowChange::Kind::insert, static_cast<uint32_t>(row - begin), row, ++applied_});
    }
    value_of(segment_->apply({batch, changes}));
  }
}

void LoneSegment::seal_and_merge() {
  segment_->freeze(applied_);
  value_of(segment_->write_frozen(context_));
  segment_->adopt();
  if (!segment_->compacted()) {
    segment::NoThrottle throttle;
    segment_->begin_merge({0, segment_->files().size()});
    value_of(segment_->write_merged(context_, throttle));
    segment_->adopt_merged();
  }
}

}  // namespace viridian::bench
