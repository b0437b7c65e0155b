#include <algorithm>
#include <limits>
#include <queue>
#include <utility>

#include "segment/block_sections.h"
#include "segment/segment_kinds.h"

namespace viridian::segment {
namespace {

using Job = MergeJob<MetadataFile, MetadataInfo>;

/// What is read, and then written, at once.
constexpr uint32_t kBlockRows = 8192;

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

/// Packs rows, and keeps blocks as they are whose rows all stay.
class BlockMerge {
 public:
  explicit BlockMerge(const Job& job) : job_(job) {
    for (const auto& source : job.sources) readers_.push_back(source->reader());
  }

  Status run() {
    auto keys = std::make_shared<KeyDictionary>();
    VIRIDIAN_TRY_VOID(job_.sources.back()->load_keys(*keys));
    VIRIDIAN_TRY(auto writer, BlockSectionsWriter::begin(
                                  job_.writer, {{job_.environment.schema, std::move(keys)},
                                                documents::Effort::thorough}));
    constexpr uint32_t kNoLimit = std::numeric_limits<uint32_t>::max();
    const Status added = job_.plan.for_each_run(
        kNoLimit, [&](const MergePlan::Run& rows) { return add(writer, rows); });
    if (!added.ok()) return added;
    return writer.finish();
  }

 private:
  /// The block that begins with the row and ends before `end`, if it is worth keeping.
  const RowBlock* block_to_keep(size_t source, uint32_t row, uint32_t end) const {
    const RowBlocks& blocks = *job_.sources[source]->blocks();
    if (blocks.empty()) return nullptr;
    const RowBlock& block = block_of(blocks, row);
    const bool large = block.rows >= BlockSectionsWriter::kLeastKept ||
                       block.text_bytes >= RowBlockBuilder::kMostTextBytes / 4 ||
                       block.entries >= RowBlockBuilder::kMostEntries / 4;
    return block.first_row == row && block.end() <= end && block.thorough && large ? &block
                                                                                   : nullptr;
  }

  Status add(BlockSectionsWriter& writer, const MergePlan::Run& rows) {
    const uint32_t end = rows.row + rows.rows;
    for (uint32_t row = rows.row; row < end;) {
      const RowBlock* const kept = block_to_keep(rows.source, row, end);
      if (kept == nullptr) {
        VIRIDIAN_TRY_VOID(add_row(writer, rows.source, row++));
        continue;
      }
      VIRIDIAN_TRY_VOID(pass(job_, kept->bytes()));
      VIRIDIAN_TRY_VOID(writer.add(*kept));
      row = kept->end();
    }
    return ok_status();
  }

  Status add_row(BlockSectionsWriter& writer, size_t source, uint32_t row) {
    constexpr uint64_t kBytesAtOnce = uint64_t{256} << 10;
    VIRIDIAN_TRY(const RowView view, readers_[source]->read(row, RowPart::whole));
    bytes_ += view.bytes().size() + view.document().value_or(std::string_view()).size();
    if (bytes_ >= kBytesAtOnce) VIRIDIAN_TRY_VOID(pass(job_, std::exchange(bytes_, 0)));
    return writer.add(view);
  }

  const Job& job_;
  std::vector<std::unique_ptr<RowReader>> readers_;  ///< by source
  uint64_t bytes_ = 0;                               ///< of rows, since the last pass()
};

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
  return BlockMerge(job).run();
}

bool MetadataKind::complete(const File& file, const SegmentEnvironment&) {
  const RowBlocks& blocks = *file.blocks();
  return file.info().rows == 0 ||
         (!blocks.empty() && std::ranges::all_of(blocks, &RowBlock::thorough));
}

}  // namespace viridian::segment
