#include "inverted/columns.h"

#include <cstring>
#include <vector>

#include "postings/row_list.h"

namespace viridian::inverted {
namespace {

using postings::Row;
using postings::RowBits;
using postings::RowSet;

void add(std::span<const Row> rows, RowBits& out) {
  for (const Row row : rows) out[row / 64] |= uint64_t{1} << (row % 64);
}

}  // namespace

Column::Column(const postings::Source& source, uint32_t block_rows, const StoredColumn& stored)
    : source_(&source), block_rows_(block_rows), stored_(stored) {
  const uint64_t values = stored.values;
  texts_at_ = aligned(stored.begin + (values + 1) * sizeof(uint32_t));
  starts_at_ =
      aligned(is_text() ? texts_at_ + stored.base : stored.begin + values * stored.value_bytes);
  rows_at_ = aligned(starts_at_ + values * stored.start_bytes);
  lists_at_ = aligned(rows_at_ + (values + 1) * sizeof(uint32_t));
}

template <class T>
Result<T> Column::load(uint64_t at, uint64_t bytes) const {
  T value = 0;
  if (bytes == 0) return value;
  VIRIDIAN_TRY(const auto read, source_->read(at, bytes));
  std::memcpy(&value, read.data(), bytes);
  return value;
}

Result<uint64_t> Column::number(uint32_t i) const {
  VIRIDIAN_TRY(const auto above, load<uint64_t>(stored_.begin + uint64_t{i} * stored_.value_bytes,
                                                stored_.value_bytes));
  return stored_.base + above;
}

Result<std::string_view> Column::text(uint32_t i) const {
  VIRIDIAN_TRY(const auto ends,
               source_->read(stored_.begin + uint64_t{i} * sizeof(uint32_t), 2 * sizeof(uint32_t)));
  uint32_t begin = 0, end = 0;
  std::memcpy(&begin, ends.data(), sizeof begin);
  std::memcpy(&end, ends.data() + sizeof begin, sizeof end);
  if (end < begin || end > stored_.base) return source_->damaged(stored_.begin, "texts overlap");
  VIRIDIAN_TRY(const auto text, source_->read(texts_at_ + begin, end - begin));
  return std::string_view(reinterpret_cast<const char*>(text.data()), text.size());
}

Result<uint32_t> Column::start(uint32_t value) const {
  if (value >= stored_.values) return stored_.entries;
  if (stored_.start_bytes == 0) return value;
  return load<uint32_t>(starts_at_ + uint64_t{value} * stored_.start_bytes, stored_.start_bytes);
}

Result<uint32_t> Column::count(ValueRange range) const {
  if (range.empty()) return 0U;
  VIRIDIAN_TRY(const uint32_t first, start(range.first));
  VIRIDIAN_TRY(const uint32_t last, start(range.last));
  if (last < first || last > stored_.entries)
    return source_->damaged(starts_at_, "a value's rows end before they begin");
  return last - first;
}

template <class Out>
Status Column::read_rows(ValueRange range, Out& out) const {
  if (range.empty()) return ok_status();
  if (stored_.rows_kind == RowsKind::in_order) {
    VIRIDIAN_TRY(const uint32_t first, start(range.first));
    VIRIDIAN_TRY(const uint32_t entries, count(range));
    VIRIDIAN_TRY(const auto bytes, source_->read(rows_at_ + uint64_t{first} * sizeof(Row),
                                                 uint64_t{entries} * sizeof(Row)));
    const std::span rows(reinterpret_cast<const Row*>(bytes.data()), entries);
    for (const Row row : rows)
      if (row >= block_rows_) return source_->damaged(rows_at_, "there is no such row");
    if constexpr (std::is_same_v<Out, RowBits>)
      add(rows, out);
    else
      out.insert(out.end(), rows.begin(), rows.end());
    return ok_status();
  }
  for (uint32_t value = range.first; value < range.last; ++value) {
    VIRIDIAN_TRY(const uint32_t entries, count({value, value + 1}));
    if (entries > block_rows_) return source_->damaged(starts_at_, "a value has too many rows");
    VIRIDIAN_TRY(const uint32_t begin,
                 load<uint32_t>(rows_at_ + uint64_t{value} * sizeof(uint32_t)));
    VIRIDIAN_TRY(const auto list,
                 source_->read(lists_at_ + begin, postings::list_bytes(entries, block_rows_)));
    if (!postings::read_list(list, entries, block_rows_, out))
      return source_->damaged(lists_at_ + begin, "there is no list of rows");
  }
  return ok_status();
}

Status Column::add_rows(ValueRange range, RowBits& out) const { return read_rows(range, out); }

Result<RowSet> Column::rows(ValueRange range) const {
  VIRIDIAN_TRY(const uint32_t entries, count(range));
  if (entries > RowSet::kMostListed || range.last > range.first + 1) {
    auto bits = std::make_unique<RowBits>();
    VIRIDIAN_TRY_VOID(add_rows(range, *bits));
    return RowSet::of(std::move(bits));
  }
  std::vector<Row> rows;
  VIRIDIAN_TRY_VOID(read_rows(range, rows));
  for (size_t i = 1; i < rows.size(); ++i)
    if (rows[i] <= rows[i - 1]) return source_->damaged(rows_at_, "rows do not ascend");
  return RowSet::of(std::move(rows));
}

Result<Columns> Columns::open(std::shared_ptr<const postings::Source> source) {
  VIRIDIAN_TRY(const auto bytes, source->read(0, sizeof(ColumnsHeader)));
  ColumnsHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.version > kColumnsVersion)
    return Error(
        Code::failed_precondition,
        "an index of metadata is of version " + std::to_string(header.version) +
            ", which this program does not know; use the one that wrote it, or a newer one");
  if (header.version == 0 || header.rows > postings::kBlockRows)
    return source->damaged(0, "there are no columns of metadata");
  return Columns(std::move(source), header);
}

Result<StoredColumn> Columns::stored(uint32_t i) const {
  VIRIDIAN_TRY(const auto bytes,
               source_->read(sizeof(ColumnsHeader) + uint64_t{i} * sizeof(StoredColumn),
                             sizeof(StoredColumn)));
  StoredColumn column;
  std::memcpy(&column, bytes.data(), sizeof column);
  return column;
}

Result<std::optional<Column>> Columns::find(uint32_t key, MetadataType type) const {
  const std::pair wanted(key, static_cast<uint8_t>(type));
  uint32_t low = 0, high = size();
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    VIRIDIAN_TRY(const StoredColumn column, stored(middle));
    const std::pair found(column.key, column.type);
    if (found == wanted) {
      if (column.value_bytes > sizeof(uint64_t) || column.start_bytes > sizeof(uint32_t) ||
          column.rows_kind > RowsKind::listed || column.begin > source_->size() ||
          column.values > column.entries)
        return source_->damaged(sizeof(ColumnsHeader), "there is no such column");
      return Column(*source_, header_.rows, column);
    }
    if (found < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return std::nullopt;
}

}  // namespace viridian::inverted
