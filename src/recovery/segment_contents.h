#pragma once
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "recovery/row_contents.h"
#include "recovery/scanned_file.h"
#include "segment/metadata_file.h"
#include "segment/metadata_row.h"
#include "segment/vector_file.h"

namespace viridian::recovery {

/// Stands for a number that cannot be read.
inline constexpr uint64_t kUnknown = std::numeric_limits<uint64_t>::max();

/// What both kinds of sealed file hold, as far as it can be read. 8 bytes of memory a row.
struct Contents {
  std::shared_ptr<const ScannedFile> file;
  uint64_t rows = 0;
  std::vector<Offset> offsets;  ///< kUnknown where unreadable
  std::vector<Offset> ended;    ///< those that can be read
  bool ended_complete = true;
  SeqId up_to = kUnknown;
};

/// The records of a .meta file without their vectors.
class MetadataContents : public Contents {
 public:
  explicit MetadataContents(std::shared_ptr<const ScannedFile> scanned);

  std::optional<segment::MetadataInfo> info;
  /// Keys by number; null where the list cannot be read.
  std::optional<std::vector<std::string>> keys;

  /// See RowContents.
  std::optional<StoredRow> row(uint64_t i) const;
  /// Whether everything agrees with everything else. For files whose checksums are right.
  Status check(const Context&, const SegmentFile& named, const Complaint&) const;

 private:
  void load_keys();
  /// Returns the hash of each row's id.
  Result<std::vector<uint64_t>> check_rows(const Context&, const Complaint&) const;
  void check_index(const std::vector<uint64_t>& hashes, const Complaint&) const;

  std::unique_ptr<const RowContents> row_contents_;
};

/// The vectors of a .vec file.
class VectorContents : public Contents {
 public:
  explicit VectorContents(std::shared_ptr<const ScannedFile> scanned);

  std::optional<segment::VectorInfo> info;
  uint32_t dim = 0;  ///< 0 where neither stated nor told by the sections' sizes

  /// dim floats.
  std::optional<std::span<const float>> vector(uint64_t i) const;
  std::optional<segment::Section> place(uint64_t i) const;
  Status check(const Context&, const SegmentFile& named, const Complaint&) const;

 private:
  segment::Section vectors_section_;
};

/// The row's id as clients know it.
std::string id_of(const segment::RowView& row);

}  // namespace viridian::recovery
