#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "inverted/column_format.h"
#include "postings/row_set.h"
#include "postings/source.h"
#include "viridian/model/metadata.h"

namespace viridian::inverted {

/// Values of a column next to each other in its order: those from `first` to before `last`.
struct ValueRange {
  uint32_t first = 0;
  uint32_t last = 0;
  bool empty() const noexcept { return first >= last; }
};

/// One key's values of one type in a block of rows. Reads nothing but what an answer needs. All
/// calls may fail with data_loss. Thread-safe; must not outlive its source.
class Column {
 public:
  Column(const postings::Source& source, uint32_t block_rows, const StoredColumn& stored);

  MetadataType type() const noexcept { return static_cast<MetadataType>(stored_.type); }
  bool is_text() const noexcept {
    return type() == MetadataType::string || type() == MetadataType::strings;
  }
  uint32_t values() const noexcept { return stored_.values; }
  uint32_t entries() const noexcept { return stored_.entries; }

  /// Value i of a column of numbers, as in order.h.
  Result<uint64_t> number(uint32_t i) const;
  /// Value i of a column of texts. One of kTextPrefix bytes stands for all that begin so.
  Result<std::string_view> text(uint32_t i) const;
  /// The first value for which before(value) is false, which it must be for all that follow.
  template <class Before>
  Result<uint32_t> partition_point(Before&& before) const;

  /// How many entries these values have.
  Result<uint32_t> count(ValueRange range) const;
  /// Adds the rows that have one of these values.
  Status add_rows(ValueRange range, postings::RowBits& out) const;
  /// The rows of a few entries.
  Result<postings::RowSet> rows(ValueRange range) const;

 private:
  Result<uint32_t> start(uint32_t value) const;
  template <class Out>
  Status read_rows(ValueRange range, Out& out) const;
  template <class T>
  Result<T> load(uint64_t at, uint64_t bytes = sizeof(T)) const;

  const postings::Source* source_;
  uint32_t block_rows_;
  StoredColumn stored_;
  uint64_t texts_at_ = 0, starts_at_ = 0, rows_at_ = 0, lists_at_ = 0;
};

/// The columns of one block of rows. As Column.
class Columns {
 public:
  ///   data_loss            the bytes are no columns
  ///   failed_precondition  they are of a newer version
  static Result<Columns> open(std::shared_ptr<const postings::Source> source);

  uint32_t rows() const noexcept { return header_.rows; }
  uint32_t size() const noexcept { return header_.columns; }
  Result<std::optional<Column>> find(uint32_t key, MetadataType type) const;

 private:
  Columns(std::shared_ptr<const postings::Source> source, const ColumnsHeader& header)
      : source_(std::move(source)), header_(header) {}
  Result<StoredColumn> stored(uint32_t i) const;

  std::shared_ptr<const postings::Source> source_;
  ColumnsHeader header_;
};

template <class Before>
Result<uint32_t> Column::partition_point(Before&& before) const {
  uint32_t low = 0, high = values();
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    bool is_before = false;
    if constexpr (std::is_invocable_v<Before, std::string_view>) {
      VIRIDIAN_TRY(const std::string_view value, text(middle));
      is_before = before(value);
    } else {
      VIRIDIAN_TRY(const uint64_t value, number(middle));
      is_before = before(value);
    }
    if (is_before)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

}  // namespace viridian::inverted
