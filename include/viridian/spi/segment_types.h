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
#include "viridian/spi/segments.h"

namespace viridian {

class Executor;
namespace os {
class Files;
}

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

/// What the two kinds of segment have in common: one writer applies batches to an in-memory head,
/// and from time to time the head becomes an immutable file. All calls but write_frozen() and
/// discard() are made under the collection's apply lock, so one at a time.
class SegmentWriter {
 public:
  virtual ~SegmentWriter() = default;
  virtual Status apply(const MaterialisedBatch&) = 0;

  virtual uint64_t head_bytes() const = 0;
  virtual uint64_t head_rows() const = 0;

  /// Starts a new head: what was applied up to `up_to` is what the next file holds.
  virtual void freeze(SeqId up_to) = 0;
  /// Writes what was frozen, and was not yet adopted, to a file, complete and durable, and returns
  /// all files the segment has from then on. While it runs batches are applied and readers made.
  virtual Result<std::vector<SegmentFile>> write_frozen(const Context&) = 0;
  /// Removes the file of the last write_frozen(), which nobody was told of.
  virtual void discard() = 0;
  /// Lets the file of the last write_frozen() take the frozen heads' place. If write_frozen() or
  /// the SysDb failed, this is not called, and the frozen heads go into the next file.
  virtual void adopt() = 0;
  virtual const std::vector<SegmentFile>& files() const = 0;
};

class MetadataSegment : public SegmentWriter {
 public:
  /// The offset of the newest record with this id, as of what was applied.
  virtual Result<std::optional<Offset>> find(std::string_view id) = 0;
  /// Greater than every offset ever given.
  virtual Offset next_offset() const = 0;
  virtual std::shared_ptr<const MetadataReader> reader(SeqId applied) = 0;
};

class VectorSegment : public SegmentWriter {
 public:
  /// 0 until the first vector.
  virtual uint32_t dim() const = 0;
  virtual std::shared_ptr<const VectorReader> reader(SeqId applied) = 0;
};

/// What a segment is opened with.
struct SegmentEnvironment {
  Segment definition;
  Space space = Space::l2;
  Executor* executor = nullptr;
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
