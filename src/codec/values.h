#pragma once
#include <string>
#include <string_view>

#include "codec/json.h"
#include "viridian/base/result.h"
#include "viridian/model/metadata.h"
#include "viridian/model/schema.h"
#include "viridian/model/where.h"

/// Model values from and to parts of a larger JSON text. `path` says where the part stands.
namespace viridian::codec {

/// One metadata value. `key` is its name, for messages.
Result<MetadataValue> metadata_value(const json::Value& value, std::string_view key,
                                     std::string_view path);
/// A record's metadata, nulls included.
Result<Metadata> record_metadata(const json::Value& value, std::string_view path);
/// A collection's metadata: scalars, and nulls where they say that a key goes.
Result<Metadata> collection_metadata(const json::Value& value, std::string_view path,
                                     bool nulls_allowed);
void write(json::Writer& out, const Metadata& metadata);

Result<Where> where_of(const json::Value& value);
Result<Where> where_document_of(const json::Value& value);
void write(json::Writer& out, const Where& where);
void write_document_filter(json::Writer& out, const Where& where);

Result<Schema> schema_of(const json::Value& value, std::string_view path);
void write(json::Writer& out, const Schema& schema);
std::string_view space_name(Space space);

/// A `configuration` object; in a modify request fewer fields exist.
Result<ConfigurationRequest> configuration_of(const json::Value& value, std::string_view path,
                                              bool modify);
void write(json::Writer& out, const ConfigurationRequest& configuration);

}  // namespace viridian::codec
