#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json_reader.h"
#include "viridian/base/result.h"
#include "viridian/model/columns.h"
#include "viridian/model/metadata.h"
#include "viridian/model/requests.h"

/// Columns of records inside a body that is read front to back. `path` says where they stand.
namespace viridian::codec {

/// What is wrong with the value that `reader` stands before: not of the expected type, or no JSON.
Error unexpected(json::Reader& reader, std::string_view path, std::string_view expected);

Result<StringColumn> read_strings(json::Reader& reader, std::string_view path);
Result<NullableStringColumn> read_nullable_strings(json::Reader& reader, std::string_view path);

/// Faults that count only once the whole body is known to have the right shape: a fault of the
/// shape goes first, then base64, then the others, each in the order of the text.
struct Faults {
  std::optional<Error> base64;
  std::optional<Error> other;
  void note(Error error) {
    if (!other) other = std::move(error);
  }
  Status status() const;
};

enum class Rows : uint8_t {
  arrays,           ///< every row is an array of numbers
  base64_too,       ///< or every row is base64
  base64_and_null,  ///< and a row may be null
};

/// Vectors as they come.
struct VectorColumn {
  Matrix matrix;
  std::vector<bool> present;  ///< one per row
  size_t rows() const noexcept { return present.size(); }
};
/// `field` names the column in messages about values.
Result<VectorColumn> read_vectors(json::Reader& reader, std::string_view field, Rows rows,
                                  Faults& faults);

/// The value of `include`.
Result<std::vector<Include>> include_of(const json::Value& value, std::string_view path);
std::string_view include_name(Include include);

}  // namespace viridian::codec
