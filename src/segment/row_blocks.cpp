#include "segment/row_blocks.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "inverted/order.h"

namespace viridian::segment {
namespace {

using inverted::ordered;

template <class T, class F>
void for_each_number(std::string_view bytes, F&& f) {
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T element;
    std::memcpy(&element, bytes.data() + at, sizeof element);
    f(element);
  }
}

/// One row's value, or the elements of its array, for the columns.
class Indexed {
 public:
  Indexed(inverted::ColumnsBuilder& columns, postings::Row row, uint32_t key)
      : columns_(columns), row_(row), key_(key) {}

  void add(const RowValue& value) {
    type_ = value.type;
    switch (value.type) {
      case MetadataType::null:
        break;
      case MetadataType::boolean:
        return put(uint64_t{value.scalar != 0});
      case MetadataType::integer:
        return put(ordered(std::bit_cast<int64_t>(value.scalar)));
      case MetadataType::floating:
        return put_float(std::bit_cast<double>(value.scalar));
      case MetadataType::string:
        return columns_.add(row_, key_, type_, value.bytes);
      case MetadataType::booleans:
        return for_each_number<char>(value.bytes, [&](char b) { put(uint64_t{b != 0}); });
      case MetadataType::integers:
        return for_each_number<int64_t>(value.bytes, [&](int64_t i) { put(ordered(i)); });
      case MetadataType::floatings:
        return for_each_number<double>(value.bytes, [&](double d) { put_float(d); });
      case MetadataType::strings:
        return for_each_string(value.bytes, [&](std::string_view text) {
          columns_.add(row_, key_, type_, text);
          return true;
        });
    }
  }

 private:
  void put(uint64_t order) { columns_.add(row_, key_, type_, order); }
  /// No condition is true of NaN.
  void put_float(double value) {
    if (!std::isnan(value)) put(ordered(value));
  }

  inverted::ColumnsBuilder& columns_;
  postings::Row row_;
  uint32_t key_;
  MetadataType type_ = MetadataType::null;
};

}  // namespace

void add_value(inverted::ColumnsBuilder& columns, postings::Row row, uint32_t key,
               const RowValue& value) {
  Indexed(columns, row, key).add(value);
}

uint64_t RowBlock::bytes() const noexcept {
  uint64_t bytes = 0;
  for (const auto* part : {&columns, &trigrams, &packed_rows, &packed_documents})
    if (*part) bytes += (*part)->size();
  return bytes;
}

const RowBlock& block_of(const RowBlocks& blocks, uint32_t row) {
  const auto after = std::ranges::partition_point(
      blocks, [&](const RowBlock& block) { return block.first_row <= row; });
  return *(after - 1);
}

RowBlockBuilder::RowBlockBuilder(IndexChoice choice, bool with_documents)
    : choice_(std::move(choice)) {
  if (with_documents && choice_.documents()) trigrams_ = std::make_unique<text::TrigramBuilder>();
}

void RowBlockBuilder::add(const RowView& row) {
  const auto number = static_cast<postings::Row>(rows_++);
  for (uint32_t entry = 0; entry < row.entries(); ++entry) {
    const uint32_t key = row.key(entry);
    const RowValue value = row.value(entry);
    if (choice_.values(key, value.type)) add_value(columns_, number, key, value);
  }
  const auto document = row.document();
  if (!document) return;
  text_bytes_ += document->size();
  if (trigrams_) trigrams_->add(number, *document);
}

bool RowBlockBuilder::full() const noexcept {
  return rows_ == postings::kBlockRows || entries() >= kMostEntries ||
         text_bytes_ >= kMostTextBytes;
}

BuiltBlock RowBlockBuilder::finish() {
  const uint32_t rows = rows_;
  BuiltBlock built{columns_.finish(rows), {}};
  if (trigrams_ && text_bytes_ != 0) built.trigrams = trigrams_->finish(rows);
  rows_ = 0;
  text_bytes_ = 0;
  return built;
}

}  // namespace viridian::segment
