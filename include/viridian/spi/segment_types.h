#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "viridian/model/record_batch.h"
#include "viridian/model/schema.h"
#include "viridian/spi/segments.h"

namespace viridian {

class Executor;
namespace os {
class Files;
}
namespace segment {
class IndexMemory;
struct IndexNeed;
class RecallSampler;
}  // namespace segment

/// What one record of a logged batch comes to, once ids are resolved to offsets.
struct RowChange {
  enum class Kind : uint8_t { insert, update, remove };
  Kind kind = Kind::insert;
  uint32_t row = 0;  ///< in the batch
  Offset offset = 0;
  SeqId seq = 0;
};

/// A logged batch as segments apply it, resolved once for both halves of a collection. Records
/// without effect (an add of an id that exists, an update of one that does not) are left out.
struct MaterialisedBatch {
  const RecordBatch& batch;
  std::span<const RowChange> changes;
};

/// Files next to each other in a segment's list: files()[first] to files()[first + count - 1].
struct FileRange {
  size_t first = 0;
  size_t count = 0;
};

/// Row versions that are deleted or replaced but still in files.
struct Garbage {
  uint64_t rows = 0;
  uint64_t bytes = 0;  ///< about
};

/// Slows background I/O down. Thread-safe.
class Throttle {
 public:
  virtual ~Throttle() = default;
  /// Called before `bytes` are read or written; may wait, within the context.
  virtual Status pass(const Context&, uint64_t bytes) = 0;
};

/// What the two kinds of segment have in common: one writer applies batches to an in-memory head,
/// from time to time the head becomes an immutable file, and files are merged into larger ones. All
/// calls but write_*() and discard*() are made under the collection's apply lock, so one at a time.
/// A seal and a merge may be under way at once; each is adopted or discarded before the next of its
/// kind begins.
class SegmentWriter {
 public:
  virtual ~SegmentWriter() = default;
  virtual Status apply(const MaterialisedBatch&) = 0;

  virtual uint64_t head_bytes() const = 0;
  virtual uint64_t head_rows() const = 0;

  /// Starts a new head: what was applied up to `up_to` is what the next file holds.
  virtual void freeze(SeqId up_to) = 0;
  /// Writes what was frozen, and was not yet adopted, to a file, complete and durable. While it
  /// runs batches are applied and readers made.
  virtual Status write_frozen(const Context&) = 0;
  /// What files() will be after adopt(), as of now: to be published first.
  virtual std::vector<SegmentFile> files_with_frozen() const = 0;
  /// Removes the file of the last write_frozen(), which nobody was told of.
  virtual void discard() = 0;
  /// Lets the file of the last write_frozen() take the frozen heads' place. If write_frozen() or
  /// the SysDb failed, this is not called, and the frozen heads go into the next file.
  virtual void adopt() = 0;
  virtual const std::vector<SegmentFile>& files() const = 0;

  /// What is deleted or replaced as of the sealed number and still in files.
  virtual Garbage garbage() const = 0;
  /// The files that are best merged now: several of about one size, or where a good part is
  /// garbage, so that files stay few and within 1.3 x what is live. None: nothing is worth it.
  virtual std::optional<FileRange> merge_due() const = 0;
  /// Whether merging all files would change nothing.
  virtual bool compacted() const = 0;
  /// Starts a merge of these files. Row versions that had ended by the sealed number are left out.
  virtual void begin_merge(FileRange) = 0;
  /// Writes the merged file (none, if nothing is left to write), complete and durable. Memory used
  /// is a few bytes per row, and what the index of a block of rows takes while it is made: up to
  /// about 100 MB, whatever the rows hold. While it runs batches are applied, readers
  /// made, heads sealed.
  virtual Status write_merged(const Context&, Throttle&) = 0;
  /// What files() will be after adopt_merged(), as of now: to be published first.
  virtual std::vector<SegmentFile> files_with_merged() const = 0;
  /// Lets the merged file take its originals' place. Readers made before keep these open; their
  /// names may be removed.
  virtual void adopt_merged() = 0;
  /// Removes the merged file, which nobody was told of.
  virtual void discard_merged() = 0;
};

class MetadataSegment : public SegmentWriter {
 public:
  /// The offset of the newest record with this id, as of what was applied.
  virtual Result<std::optional<Offset>> find(std::string_view id) = 0;
  /// Greater than every offset ever given.
  virtual Offset next_offset() const = 0;
  virtual std::shared_ptr<const MetadataReader> reader(SeqId applied) = 0;
  virtual MetadataBytes bytes() const = 0;
};

class VectorSegment : public SegmentWriter {
 public:
  /// 0 until the first vector.
  virtual uint32_t dim() const = 0;
  virtual std::shared_ptr<const VectorReader> reader(SeqId applied) = 0;
  /// What its indexes take of memory, those that are yet to be built with them.
  virtual segment::IndexNeed index_need() const = 0;
};

/// What a segment is opened with.
struct SegmentEnvironment {
  Segment definition;
  Space space = Space::l2;
  /// Files with fewer vectors have no index: reading so many is quick, and exact.
  uint64_t indexed_rows = 20'000;
  /// What the collection's configuration asks of indexes that are built; unset: nothing in
  /// particular.
  HnswParameters hnsw;
  /// Says which documents and metadata are looked up in an index, and which by reading all records.
  /// Unset: all of them in an index. Of what is in files it must be the same always.
  std::shared_ptr<const Schema> schema;
  Executor* executor = nullptr;
  segment::RecallSampler* sampler = nullptr;  ///< is shown what indexes answer; may be null
  /// Where indexes are searched and built; null: without bounds.
  std::shared_ptr<segment::IndexMemory> index_memory;
  os::Files* files = nullptr;  ///< null for segments that never seal
  std::string directory;       ///< the collection's; made when first needed
  /// Held by whatever has a file of the directory open: the directory of a dropped collection goes
  /// when the last such thing does.
  std::shared_ptr<const void> directory_guard;
};

/// Opens segments by the type string that the SysDb keeps. A value: filled once, then shared.
class SegmentTypes {
 public:
  template <class Role>
  using Factory =
      std::function<Result<std::unique_ptr<Role>>(const Context&, const SegmentEnvironment&)>;

  void add_metadata(std::string type, Factory<MetadataSegment> open) {
    metadata_[std::move(type)] = std::move(open);
  }
  void add_vector(std::string type, Factory<VectorSegment> open) {
    vector_[std::move(type)] = std::move(open);
  }
  bool has_metadata(std::string_view type) const { return metadata_.contains(type); }
  bool has_vector(std::string_view type) const { return vector_.contains(type); }

  ///   failed_precondition  this program has no such segment type
  ///   data_loss            a file is damaged, or of a format version that it does not know
  Result<std::unique_ptr<MetadataSegment>> open_metadata(const Context&,
                                                         const SegmentEnvironment&) const;
  Result<std::unique_ptr<VectorSegment>> open_vector(const Context&,
                                                     const SegmentEnvironment&) const;

 private:
  std::map<std::string, Factory<MetadataSegment>, std::less<>> metadata_;
  std::map<std::string, Factory<VectorSegment>, std::less<>> vector_;
};

}  // namespace viridian
