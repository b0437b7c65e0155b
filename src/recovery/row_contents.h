#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "recovery/scanned_file.h"
#include "segment/metadata_row.h"

namespace viridian::recovery {

/// Told where something in a file contradicts something else.
using Complaint = std::function<void(uint64_t offset, std::string what)>;

/// A row, and what it is a view of.
class StoredRow {
 public:
  /// Of bytes that live as long as the file.
  explicit StoredRow(const segment::RowView& view) : view_(view) {}
  /// Null where the bytes are no row.
  static std::optional<StoredRow> of(std::string bytes);

  const segment::RowView& operator*() const noexcept { return view_; }
  const segment::RowView* operator->() const noexcept { return &view_; }
  /// Whether its document can be read, if it has one.
  bool whole() const noexcept { return !view_.document_is_apart(); }
  void put_back(std::string document);

 private:
  segment::RowView view_;
  std::shared_ptr<const std::string> bytes_, document_;
};

/// The rows of a .meta file, as far as they can be read. Thread-safe.
class RowContents {
 public:
  virtual ~RowContents() = default;
  /// Null where it cannot be read; without its document where only that cannot.
  virtual std::optional<StoredRow> row(uint64_t i) const = 0;
  /// About where in the file row i is; 0: that cannot be told.
  virtual uint64_t place(uint64_t i) const = 0;
  /// Says where the rows do not fill what they are in.
  virtual void check(const Complaint&) const = 0;

  /// Those of a file of `rows` rows, of any format version.
  static std::unique_ptr<const RowContents> of(std::shared_ptr<const ScannedFile> file,
                                               uint64_t rows);
};

/// The 8-byte numbers of a section; ~0 stands for one that cannot be read.
std::vector<uint64_t> load_numbers(const ScannedFile& file, const segment::Section& section);

}  // namespace viridian::recovery
