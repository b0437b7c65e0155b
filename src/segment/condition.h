#pragma once
#include <compare>
#include <optional>
#include <string_view>
#include <vector>

#include "segment/metadata_row.h"
#include "segment/row_reader.h"
#include "text/regex.h"
#include "text/regex_prefilter.h"
#include "viridian/model/where.h"

namespace viridian::segment {

/// How a row's scalar stands to the operand; unordered where they are of different families.
std::partial_ordering compare(const RowValue& value, const MetadataValue& operand);
bool satisfies(Where::Op op, std::partial_ordering order);

/// The members of an `in` list by family. A float that is a whole number in the range of int64 is
/// kept as one, so that one look-up decides.
struct Members {
  std::vector<int64_t> integers;
  std::vector<double> floats;
  std::vector<std::string_view> strings;
  bool has_true = false, has_false = false;

  void add(const MetadataValue& value);
  /// To be called once all are added.
  void sort();
  bool has(const RowValue& value) const;
};

/// A filter's condition, or several of them, made ready for many rows. Its Where outlives it.
struct Condition {
  enum class Field { metadata, document, uri };

  Where::Op op = Where::Op::all;  ///< never one of the complements: those have `negated`
  bool negated = false;
  Field field = Field::metadata;
  RowPart needs = RowPart::values;         ///< what selects() needs of a row
  std::optional<uint32_t> key;             ///< unset: no row has it
  bool indexed = true;                     ///< whether columns have all values it may select
  const MetadataValue* operand = nullptr;  ///< into the Where
  Members members;                         ///< of `in`
  std::optional<Regex> regex;
  std::optional<text::RegexPrefilter> prefilter;  ///< of the regex
  std::vector<Condition> children;                ///< of `all` and `any`

  /// Whether the row is one that it selects.
  bool selects(const RowView& row) const { return holds(row) != negated; }

 private:
  bool holds(const RowView& row) const;
};

}  // namespace viridian::segment
