#pragma once
#include <string>
#include <string_view>

#include "viridian/base/result.h"
#include "viridian/model/metadata.h"
#include "viridian/model/schema.h"
#include "viridian/model/where.h"

/// Model values as JSON text, in the form that Chroma's clients and our own storage use. What a
/// write_ function gives, its read_ counterpart reads back equal (an empty array of any type comes
/// back as an empty array of strings).
namespace viridian::codec {

std::string write_metadata(const Metadata& metadata);
/// An object of scalars, arrays of one scalar type, and nulls. Integers beyond int64 become
/// doubles; arrays that mix integers and doubles become arrays of doubles.
///   unprocessable     not an object, or a value of another shape
///   unimplemented     a well-formed sparse vector
///   invalid_argument  not JSON, or a malformed sparse vector
Result<Metadata> read_metadata(std::string_view json);

std::string write_schema(const Schema& schema);
/// A schema, full or partial: what is left out stays unset (model/schema_rules.h fills it in).
///   unprocessable     missing or unknown fields, wrong types
///   invalid_argument  not JSON, or a malformed customer key
Result<Schema> read_schema(std::string_view json);

/// A `where` filter. invalid_argument: "Invalid where clause: ..." says what is wrong with it.
Result<Where> read_where(std::string_view json);
/// A `where_document` filter. invalid_argument: "Invalid where document clause: ..."
Result<Where> read_where_document(std::string_view json);
/// The filter as `where` text, its document conditions under "#document".
std::string write_where(const Where& where);
/// The filter as `where_document` text. It must hold document conditions only.
std::string write_where_document(const Where& where);

}  // namespace viridian::codec
