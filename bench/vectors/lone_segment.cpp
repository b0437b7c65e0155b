#include "vectors/lone_segment.h"

#include <algorithm>
#include <fstream>

#include "segment/throttles.h"
#include "segment/vector_segment.h"
#include "vectors/support.h"

namespace viridian::bench {

LoneSegment::LoneSegment(const Options& options, Executor& executor)
    : list_(options.directory + "/kept.txt") {
  SegmentEnvironment environment;
  environment.space = options.space;
  environment.indexed_rows = options.indexed_rows;
  environment.hnsw.num_threads = options.threads;
  environment.executor = &executor;
  environment.files = &files_;
  environment.directory = options.directory;
  if (options.memory) environment.index_memory = options.memory;
  const bool kept = read_kept(environment.definition);
  environment.definition.id = Uuid::random();
  environment.definition.collection = collection_;
  segment_ = value_of(local::GraphVectorSegment::open(context_, environment));
  if (kept) reader_ = segment_->reader(applied_);
}

bool LoneSegment::read_kept(Segment& definition) {
  std::ifstream in(list_);
  std::string id;
  if (!(in >> id >> applied_)) return false;
  collection_ = Uuid::parse_canonical(id).value();
  definition.sealed = applied_;
  for (SegmentFile file; in >> id >> file.name >> file.size_bytes >> file.rows;) {
    file.id = Uuid::parse_canonical(id).value();
    file.first_seq = 1;
    file.last_seq = applied_;
    definition.files.push_back(file);
  }
  return true;
}

void LoneSegment::write_kept() const {
  std::ofstream out(list_);
  out << collection_.to_string() << " " << applied_ << "\n";
  for (const SegmentFile& file : segment_->files())
    out << file.id.to_string() << " " << file.name << " " << file.size_bytes << " " << file.rows
        << "\n";
}

void LoneSegment::fill(const Array& rows, size_t in_head) {
  add(rows, 0, rows.rows - in_head);
  seal_and_merge();
  write_kept();
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
