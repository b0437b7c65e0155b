#include <algorithm>
#include <queue>

#include "segment/block_sections.h"
#include "segment/segment_kinds.h"

namespace viridian::segment {
namespace {

using Job = MergeJob<MetadataFile, MetadataInfo>;

/// What is read, and then written, at once.
constexpr uint32_t kBlockRows = 8192;
constexpr uint64_t kBlockBytes = uint64_t{256} << 10;

/// Before `bytes` are read and written again.
Status pass(const Job& job, uint64_t bytes) {
  VIRIDIAN_TRY_VOID(job.context.check());
  return job.throttle.pass(job.context, 2 * bytes);
}

Status copy_offsets(const Job& job) {
  VIRIDIAN_TRY_VOID(job.writer.begin("offsets"));
  return job.plan.for_each_run(kBlockRows, [&](const MergePlan::Run& run) -> Status {
    VIRIDIAN_TRY_VOID(pass(job, run.rows * sizeof(Offset)));
    VIRIDIAN_TRY(const auto offsets, job.plan.source(run.source).offsets(run.row, run.rows));
    return job.writer.append(std::as_bytes(offsets));
  });
}

/// Merges the files' indexes, which are sorted.
class IdIndexMerge {
 public:
  explicit IdIndexMerge(const Job& job) : job_(job), cursors_(job.sources.size()) {}

  Status run() {
    VIRIDIAN_TRY_VOID(job_.writer.begin("id_index"));
    for (size_t source = 0; source < cursors_.size(); ++source)
      VIRIDIAN_TRY_VOID(push_next(source));
    std::vector<IdEntry> block;
    block.reserve(kBlockRows);
    while (!next_.empty()) {
      const Next least = next_.top();
      next_.pop();
      block.push_back({least.hash, least.row, 0});
      if (block.size() == kBlockRows) VIRIDIAN_TRY_VOID(write(block));
      VIRIDIAN_TRY_VOID(push_next(least.source));
    }
    return write(block);
  }

 private:
  struct Cursor {
    std::span<const IdEntry> block;
    uint32_t read = 0;  ///< entries of the file in this block and those before
    size_t at = 0;      ///< in the block
  };
  struct Next {
    uint64_t hash;
    uint32_t row;  ///< of the new file
    size_t source;
    bool operator>(const Next& other) const {
      return hash != other.hash ? hash > other.hash : row > other.row;
    }
  };

  Status write(std::vector<IdEntry>& block) {
    VIRIDIAN_TRY_VOID(job_.writer.append(std::as_bytes(std::span<const IdEntry>(block))));
    block.clear();
    return ok_status();
  }

  Status push_next(size_t source) {
    Cursor& cursor = cursors_[source];
    const MetadataFile& file = *job_.sources[source];
    const uint32_t rows = file.rows().size();
    for (;; ++cursor.at) {
      if (cursor.at == cursor.block.size()) {
        if (cursor.read == rows) return ok_status();
        const uint32_t count = std::min(kBlockRows, rows - cursor.read);
        VIRIDIAN_TRY_VOID(pass(job_, count * sizeof(IdEntry)));
        VIRIDIAN_TRY(cursor.block, file.id_entries(cursor.read, count));
        cursor.read += count;
        cursor.at = 0;
      }
      const IdEntry& entry = cursor.block[cursor.at];
      if (entry.row >= rows) return file.file().damaged(0, "its index of ids names no row");
      const uint32_t row = job_.plan.new_row(source, entry.row);
      if (row == MergePlan::kLeftOut) continue;
      next_.push({entry.hash, row, source});
      ++cursor.at;
      return ok_status();
    }
  }

  const Job& job_;
  std::vector<Cursor> cursors_;
  std::priority_queue<Next, std::vector<Next>, std::greater<>> next_;
};

/// Calls f(file, begin, ends) for runs of rows: where the first begins in its file's `rows`, and
/// where each ends.
template <class F>
Status for_each_extent(const Job& job, F&& f) {
  return job.plan.for_each_run(kBlockRows, [&](const MergePlan::Run& run) -> Status {
    const MetadataFile& file = *job.sources[run.source];
    uint64_t begin = 0;
    if (run.row > 0) {
      VIRIDIAN_TRY(const auto before, file.row_ends(run.row - 1, 1));
      begin = before.front();
    }
    VIRIDIAN_TRY(const std::span<const uint64_t> ends, file.row_ends(run.row, run.rows));
    uint64_t last = begin;
    for (const uint64_t end : ends) {
      if (end < last) return file.file().damaged(0, "rows overlap");
      last = end;
    }
    return f(file, begin, ends);
  });
}

Status copy_rows(const Job& job) {
  VIRIDIAN_TRY_VOID(job.writer.begin("rows"));
  return for_each_extent(
      job, [&](const MetadataFile& file, uint64_t begin, std::span<const uint64_t> ends) -> Status {
        while (begin < ends.back()) {
          const uint64_t size = std::min(kBlockBytes, ends.back() - begin);
          VIRIDIAN_TRY_VOID(pass(job, size));
          VIRIDIAN_TRY(const os::Bytes bytes, file.row_data(begin, size));
          VIRIDIAN_TRY_VOID(job.writer.append(bytes));
          begin += size;
        }
        return ok_status();
      });
}

Status write_row_ends(const Job& job) {
  VIRIDIAN_TRY_VOID(job.writer.begin("row_ends"));
  uint64_t total = 0;
  std::vector<uint64_t> moved;
  return for_each_extent(
      job, [&](const MetadataFile&, uint64_t begin, std::span<const uint64_t> ends) -> Status {
        VIRIDIAN_TRY_VOID(pass(job, ends.size_bytes()));
        moved.clear();
        for (const uint64_t end : ends) moved.push_back(total + (end - begin));
        total = moved.back();
        return job.writer.append(std::as_bytes(std::span<const uint64_t>(moved)));
      });
}

Status write_blocks(const Job& job) {
  VIRIDIAN_TRY(auto blocks,
               BlockSectionsWriter::begin(job.writer, job.environment.index_documents));
  const Status added = for_each_extent(
      job, [&](const MetadataFile& file, uint64_t begin, std::span<const uint64_t> ends) -> Status {
        VIRIDIAN_TRY_VOID(job.context.check());
        VIRIDIAN_TRY_VOID(job.throttle.pass(job.context, ends.back() - begin));
        for (const uint64_t end : ends) {
          VIRIDIAN_TRY(const RowView row, file.row_at(begin, end));
          VIRIDIAN_TRY_VOID(blocks.add(row));
          begin = end;
        }
        return ok_status();
      });
  if (!added.ok()) return added;
  return blocks.finish();
}

}  // namespace

Status MetadataKind::merge(const Job& job) {
  SealedFileWriter& writer = job.writer;
  VIRIDIAN_TRY_VOID(writer.append_value("info", job.info));
  VIRIDIAN_TRY_VOID(copy_offsets(job));
  VIRIDIAN_TRY_VOID(writer.append_section("ended", job.ended));
  // A newer file's list has the older ones' keys, under the same numbers.
  VIRIDIAN_TRY(const os::Bytes keys, job.sources.back()->key_bytes());
  VIRIDIAN_TRY_VOID(writer.append_section("keys", keys));
  VIRIDIAN_TRY_VOID(IdIndexMerge(job).run());
  VIRIDIAN_TRY_VOID(copy_rows(job));
  VIRIDIAN_TRY_VOID(write_row_ends(job));
  return write_blocks(job);
}

}  // namespace viridian::segment
