#include "codec/api_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "codec/base64.h"
#include "codec/fields.h"

namespace viridian::codec {
namespace {

constexpr std::array<std::string_view, 5> kIncludes = {"documents", "metadatas", "embeddings",
                                                       "uris", "distances"};

/// Collects rows of one length into a matrix.
class VectorRows {
 public:
  VectorRows(std::string_view field, Rows rows, Faults& faults)
      : field_(field), rows_(rows), faults_(faults) {}

  Status read_row(json::Reader& reader) {
    switch (reader.kind()) {
      case json::Kind::array:
        return read_numbers(reader);
      case json::Kind::string:
        if (rows_ != Rows::arrays) return read_base64(reader);
        break;
      case json::Kind::null:
        if (rows_ == Rows::base64_and_null) return read_absent(reader);
        break;
      default:
        break;
    }
    return unexpected(reader, element_path(field_, column_.rows()), expected());
  }

  VectorColumn take() && { return std::move(column_); }

 private:
  std::string_view expected() const {
    switch (rows_) {
      case Rows::arrays:
        return "an array of numbers";
      case Rows::base64_too:
        return "an array of numbers or a base64 string";
      case Rows::base64_and_null:
        break;
    }
    return "an array of numbers, a base64 string or null";
  }

  Status read_absent(json::Reader& reader) {
    if (!reader.read_null()) return reader.error();
    column_.present.push_back(false);
    return ok_status();
  }

  /// Rows are all of one form.
  Status check_form(char form) {
    if (form_ != 0 && form_ != form)
      return shape_error(field_, "rows must be all arrays of numbers or all base64 strings");
    form_ = form;
    return ok_status();
  }

  Status read_numbers(json::Reader& reader) {
    VIRIDIAN_TRY_VOID(check_form('n'));
    const size_t begin = values().size();
    bool only_numbers = false;
    if (!reader.begin_array() || !reader.read_floats(values(), only_numbers)) return reader.error();
    if (!only_numbers)
      return unexpected(reader, element_path(field_, column_.rows()), "numbers only");
    const bool finite = std::all_of(values().begin() + static_cast<ptrdiff_t>(begin),
                                    values().end(), [](float v) { return std::isfinite(v); });
    if (!finite)
      faults_.note(validation_error(field_, "Embeddings must not contain NaN or Infinity values"));
    end_row(begin);
    return ok_status();
  }

  Status read_base64(json::Reader& reader) {
    VIRIDIAN_TRY_VOID(check_form('b'));
    std::string_view text;
    if (!reader.read_string(text)) return reader.error();
    const size_t begin = values().size();
    if (const auto decoded = decode_floats(text, values()); !decoded.ok() && !faults_.base64)
      faults_.base64 = decoded.error();
    end_row(begin);
    return ok_status();
  }

  void end_row(size_t begin) {
    column_.present.push_back(true);
    const size_t size = values().size() - begin;
    const bool first = column_.matrix.dim == 0;
    if (size == 0 && rows_ == Rows::arrays)
      note_query_without_numbers();
    else if (size == 0)
      faults_.note(validation_error(field_, "Each embedding must have at least 1 dimension"));
    else if (first && !query_without_numbers_ && size <= UINT32_MAX)
      column_.matrix.dim = static_cast<uint32_t>(size);
    else if (query_without_numbers_ || size != column_.matrix.dim)
      faults_.note(inconsistent_dimensions());
  }

  static Error inconsistent_dimensions() {
    return Error(Code::invalid_argument, "Inconsistent dimensions in provided embeddings");
  }

  /// Not refused here: whether it fits is for the collection, which may have no dimension yet.
  void note_query_without_numbers() {
    query_without_numbers_ = true;
    if (column_.matrix.dim != 0) faults_.note(inconsistent_dimensions());
  }

  FloatBuffer& values() { return column_.matrix.values; }

  std::string_view field_;
  bool query_without_numbers_ = false;
  Rows rows_;
  Faults& faults_;
  VectorColumn column_;
  char form_ = 0;
};

}  // namespace

Status Faults::status() const {
  if (base64) return *base64;
  if (other) return *other;
  return ok_status();
}

Error unexpected(json::Reader& reader, std::string_view path, std::string_view expected) {
  json::Value found;
  // An empty stand-in says as much as a long array would.
  switch (reader.kind()) {
    case json::Kind::bad:
      return reader.error();
    case json::Kind::array:
      found = json::Value(json::Array());
      break;
    case json::Kind::object:
      found = json::Value(json::Object());
      break;
    default:
      if (!reader.read_value(found)) return reader.error();
  }
  return wrong_type(path, found, expected);
}

Result<StringColumn> read_strings(json::Reader& reader, std::string_view path) {
  if (reader.kind() != json::Kind::array) return unexpected(reader, path, "an array of strings");
  StringColumn column;
  std::string_view text;
  reader.begin_array();
  while (reader.next_element()) {
    if (reader.kind() != json::Kind::string)
      return unexpected(reader, element_path(path, column.size()), "a string");
    if (!reader.read_string(text)) break;
    column.push_back(text);
  }
  if (reader.failed()) return reader.error();
  return column;
}

Result<NullableStringColumn> read_nullable_strings(json::Reader& reader, std::string_view path) {
  if (reader.kind() != json::Kind::array)
    return unexpected(reader, path, "an array of strings and nulls");
  NullableStringColumn column;
  std::string_view text;
  reader.begin_array();
  while (reader.next_element()) {
    if (reader.kind() == json::Kind::null) {
      if (!reader.read_null()) break;
      column.push_back(std::nullopt);
      continue;
    }
    if (reader.kind() != json::Kind::string)
      return unexpected(reader, element_path(path, column.size()), "a string or null");
    if (!reader.read_string(text)) break;
    column.push_back(text);
  }
  if (reader.failed()) return reader.error();
  return column;
}

Result<VectorColumn> read_vectors(json::Reader& reader, std::string_view field, Rows rows,
                                  Faults& faults) {
  if (reader.kind() != json::Kind::array) return unexpected(reader, field, "an array of vectors");
  VectorRows column(field, rows, faults);
  reader.begin_array();
  while (reader.next_element()) VIRIDIAN_TRY_VOID(column.read_row(reader));
  if (reader.failed()) return reader.error();
  return std::move(column).take();
}

Result<std::vector<Include>> include_of(const json::Value& value, std::string_view path) {
  VIRIDIAN_TRY(const json::Array* words, as_array(value, path));
  std::vector<Include> include;
  for (const json::Value& element : *words) {
    const std::string where = element_path(path, include.size());
    const auto named = as_text(element, where);
    // Not a word at all counts as broken JSON, a wrong word as a wrong shape: clients see 400, 422.
    if (!named.ok())
      return Error(
          Code::invalid_argument,
          fmt::format("Failed to parse the request body as JSON: {}: expected a string", where));
    const std::string& word = *named;
    const auto at = std::find(kIncludes.begin(), kIncludes.end(), word);
    if (at == kIncludes.end())
      return shape_error(where, fmt::format("unknown variant `{}`, expected one of `{}`", word,
                                            fmt::join(kIncludes, "`, `")));
    include.push_back(static_cast<Include>(at - kIncludes.begin()));
  }
  return include;
}

std::string_view include_name(Include include) { return kIncludes[static_cast<size_t>(include)]; }

}  // namespace viridian::codec
