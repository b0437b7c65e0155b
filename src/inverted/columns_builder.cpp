#include "inverted/columns_builder.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <unordered_map>

#include "inverted/column_format.h"
#include "postings/row_list.h"

namespace viridian::inverted {
namespace {

using postings::Row;

static_assert(std::endian::native == std::endian::little, "columns are kept as they lie in memory");

template <class T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_low_bytes(std::string& out, uint64_t value, size_t bytes) {
  out.append(reinterpret_cast<const char*>(&value), bytes);
}

void align(std::string& out) { out.resize(aligned(out.size())); }

uint8_t bytes_for(uint64_t greatest) {
  if (greatest == 0) return 0;
  if (greatest <= 0xff) return 1;
  if (greatest <= 0xffff) return 2;
  return greatest <= 0xffffffff ? 4 : 8;
}

}  // namespace

/// A column's entries: by value, then row, each pair once.
struct ColumnsBuilder::Sorted {
  std::vector<uint64_t> numbers;
  std::vector<std::string_view> texts;
  std::vector<uint32_t> starts;  ///< per value its first entry, and one more
  std::vector<Row> rows;

  std::span<const Row> rows_of(size_t value) const {
    return std::span(rows).subspan(starts[value], starts[value + 1] - starts[value]);
  }
  /// Without what is there twice.
  void push_row(Row row) {
    if (rows.size() == starts.back() || rows.back() != row) rows.push_back(row);
  }

  void write(StoredColumn& column, uint32_t block_rows, std::string& out) const {
    column.values = static_cast<uint32_t>(starts.size() - 1);
    column.entries = static_cast<uint32_t>(rows.size());
    column.begin = out.size();
    write_values(column, out);
    align(out);
    write_starts(column, out);
    align(out);
    write_rows(column, block_rows, out);
    align(out);
  }

 private:
  void write_values(StoredColumn& column, std::string& out) const {
    if (texts.empty()) {
      column.base = numbers.front();
      column.value_bytes = bytes_for(numbers.back() - column.base);
      for (const uint64_t number : numbers)
        append_low_bytes(out, number - column.base, column.value_bytes);
      return;
    }
    uint32_t end = 0;
    append(out, end);
    for (const std::string_view text : texts)
      append(out, end += static_cast<uint32_t>(text.size()));
    column.base = end;
    align(out);
    for (const std::string_view text : texts) out.append(text);
  }

  void write_starts(StoredColumn& column, std::string& out) const {
    if (rows.size() == starts.size() - 1) return;
    column.start_bytes = bytes_for(std::max<uint64_t>(starts[starts.size() - 2], 0x100));
    for (size_t value = 0; value + 1 < starts.size(); ++value)
      append_low_bytes(out, starts[value], column.start_bytes);
  }

  /// Lists where they are clearly smaller: ranges are read more quickly in order.
  void write_rows(StoredColumn& column, uint32_t block_rows, std::string& out) const {
    uint64_t listed = starts.size() * sizeof(uint32_t);
    for (size_t value = 0; value + 1 < starts.size(); ++value)
      listed += postings::list_bytes(starts[value + 1] - starts[value], block_rows);
    if (listed > rows.size() * sizeof(Row) * 3 / 4) {
      column.rows_kind = RowsKind::in_order;
      out.append(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(Row));
      return;
    }
    column.rows_kind = RowsKind::listed;
    std::string lists;
    append(out, uint32_t{0});
    for (size_t value = 0; value + 1 < starts.size(); ++value) {
      postings::append_list(rows_of(value), block_rows, lists);
      append(out, static_cast<uint32_t>(lists.size()));
    }
    align(out);
    out.append(lists);
  }
};

void ColumnsBuilder::add(Row row, uint32_t key, MetadataType type, uint64_t order) {
  numbers_[{key, type}].push_back({order, row});
  ++entries_;
  bytes_ += sizeof(Number);
}

void ColumnsBuilder::add(Row row, uint32_t key, MetadataType type, std::string_view text) {
  texts_[{key, type}].push_back({text.substr(0, kTextPrefix), row});
  ++entries_;
  bytes_ += sizeof(Text);
}

ColumnsBuilder::Sorted ColumnsBuilder::sort(std::vector<Number>& numbers) {
  std::sort(numbers.begin(), numbers.end());
  Sorted sorted;
  for (const Number& number : numbers) {
    if (sorted.numbers.empty() || sorted.numbers.back() != number.order) {
      sorted.starts.push_back(static_cast<uint32_t>(sorted.rows.size()));
      sorted.numbers.push_back(number.order);
    }
    sorted.push_row(number.row);
  }
  sorted.starts.push_back(static_cast<uint32_t>(sorted.rows.size()));
  return sorted;
}

ColumnsBuilder::Sorted ColumnsBuilder::sort(const std::vector<Text>& texts) {
  // Few texts are different, most often: these are sorted, and the rows dealt out among them.
  std::unordered_map<std::string_view, uint32_t> numbers;
  std::vector<uint32_t> number_of(texts.size()), counts;
  Sorted sorted;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto [at, is_new] =
        numbers.emplace(texts[i].text, static_cast<uint32_t>(sorted.texts.size()));
    if (is_new) {
      sorted.texts.push_back(texts[i].text);
      counts.push_back(0);
    }
    number_of[i] = at->second;
    ++counts[at->second];
  }
  std::sort(sorted.texts.begin(), sorted.texts.end());
  std::vector<uint32_t> next(counts.size());
  uint32_t begin = 0;
  for (const std::string_view text : sorted.texts) {
    const uint32_t number = numbers.find(text)->second;
    next[number] = begin;
    begin += counts[number];
  }
  std::vector<Row> rows(texts.size());
  std::vector<uint32_t> begins = next;
  for (size_t i = 0; i < texts.size(); ++i) rows[next[number_of[i]]++] = texts[i].row;
  for (const std::string_view text : sorted.texts) {
    const uint32_t number = numbers.find(text)->second;
    sorted.starts.push_back(static_cast<uint32_t>(sorted.rows.size()));
    for (uint32_t i = begins[number]; i < begins[number] + counts[number]; ++i)
      sorted.push_row(rows[i]);
  }
  sorted.starts.push_back(static_cast<uint32_t>(sorted.rows.size()));
  return sorted;
}

std::string ColumnsBuilder::finish(uint32_t rows) {
  const auto columns = static_cast<uint32_t>(numbers_.size() + texts_.size());
  std::string out;
  append(out, ColumnsHeader{kColumnsVersion, rows, columns, 0});
  out.resize(out.size() + columns * sizeof(StoredColumn));
  size_t directory_at = sizeof(ColumnsHeader);
  const auto put = [&](ColumnKey key, const Sorted& sorted) {
    StoredColumn column{.key = key.first, .type = static_cast<uint8_t>(key.second)};
    sorted.write(column, rows, out);
    std::memcpy(out.data() + directory_at, &column, sizeof column);
    directory_at += sizeof column;
  };
  auto number = numbers_.begin();
  auto text = texts_.begin();
  while (number != numbers_.end() || text != texts_.end()) {
    if (text == texts_.end() || (number != numbers_.end() && number->first < text->first)) {
      put(number->first, sort(number->second));
      ++number;
    } else {
      put(text->first, sort(text->second));
      ++text;
    }
  }
  *this = ColumnsBuilder();
  return out;
}

}  // namespace viridian::inverted
