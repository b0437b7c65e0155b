#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postings/row_set.h"
#include "viridian/model/metadata.h"

namespace viridian::inverted {

/// Builds the columns of one block of rows: per metadata key and type its values in order, and
/// which rows have each (an inverted index; Zobel & Moffat, ACM Computing Surveys 38(2), 2006). For
/// one thread. The same entries give the same bytes on every machine.
class ColumnsBuilder {
 public:
  /// A number, or an element of an array of numbers, in its order (order.h; booleans: 0 and 1).
  /// Rows ascend.
  void add(postings::Row row, uint32_t key, MetadataType type, uint64_t order);
  /// A text, or an element of an array of texts, which must live until finish().
  void add(postings::Row row, uint32_t key, MetadataType type, std::string_view text);

  uint64_t entries() const noexcept { return entries_; }
  /// Of what is kept for entries.
  uint64_t bytes() const noexcept { return bytes_; }
  /// The columns of a block of `rows` rows; the builder is empty again.
  std::string finish(uint32_t rows);

 private:
  using ColumnKey = std::pair<uint32_t, MetadataType>;
  struct Number {
    uint64_t order;
    postings::Row row;
    friend auto operator<=>(const Number&, const Number&) = default;
  };
  struct Text {
    std::string_view text;
    postings::Row row;
  };
  struct Sorted;

  static Sorted sort(std::vector<Number>& numbers);
  static Sorted sort(const std::vector<Text>& texts);

  std::map<ColumnKey, std::vector<Number>> numbers_;
  std::map<ColumnKey, std::vector<Text>> texts_;
  uint64_t entries_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace viridian::inverted
