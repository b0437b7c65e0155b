#include <fmt/format.h>

#include <algorithm>

#include "base/crc32c.h"
#include "codec/json.h"
#include "codec/json_values.h"
#include "os/files.h"
#include "sysdb/catalogue.h"

namespace viridian::sysdb {
namespace {

// A file is {"version":1,"crc32c":"........","content":{...}} and a line feed. The checksum is of
// the content's bytes; what is around them has one form only.
constexpr std::string_view kVersionIs = R"({"version":)";
constexpr std::string_view kChecksumIs = R"(,"crc32c":")";
constexpr std::string_view kContentIs = R"(","content":)";
constexpr std::string_view kEnd = "}\n";
constexpr std::string_view kVersion = "1";

Error damaged(std::string_view what) {
  return Error(Code::data_loss, fmt::format("the copy is damaged: {}", what));
}

std::string wrapped(const std::string& content) {
  return fmt::format("{}{}{}{:08x}{}{}{}", kVersionIs, kVersion, kChecksumIs,
                     crc32c(0, os::as_bytes(content)), kContentIs, content, kEnd);
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

Result<json::Value> unwrapped(std::string_view file) {
  std::string_view rest = file;
  if (!take(rest, kVersionIs)) return damaged("it begins otherwise");
  const size_t digits = rest.find_first_not_of("0123456789");
  if (digits == std::string_view::npos || digits == 0) return damaged("it has no version");
  const std::string_view version = rest.substr(0, digits);
  rest.remove_prefix(digits);
  constexpr size_t kHexDigits = 8;
  if (!take(rest, kChecksumIs) || rest.size() < kHexDigits) return damaged("it has no checksum");
  const std::string_view checksum = rest.substr(0, kHexDigits);
  rest.remove_prefix(kHexDigits);
  if (!take(rest, kContentIs) || !rest.ends_with(kEnd)) return damaged("it is cut off");
  rest.remove_suffix(kEnd.size());
  if (checksum != fmt::format("{:08x}", crc32c(0, os::as_bytes(rest))))
    return damaged("its checksum is another");
  if (version != kVersion)
    return Error(
        Code::failed_precondition,
        fmt::format("the copy has version {}; this program reads version {}", version, kVersion));
  auto value = json::parse(rest);
  if (!value.ok()) return damaged(value.error().message());
  return value;
}

// ---- Writing

/// JSON readers agree on integers up to int64; greater ones are text.
void write_number(json::Writer& out, std::string_view key, uint64_t number) {
  out.key(key);
  if (number <= INT64_MAX)
    out.unsigned_integer(number);
  else
    out.string(std::to_string(number));
}

void write_text(json::Writer& out, std::string_view key, std::string_view text) {
  out.key(key);
  out.string(text);
}

void write_file(json::Writer& out, const SegmentFile& file) {
  out.begin_object();
  write_text(out, "id", file.id.to_string());
  write_text(out, "name", file.name);
  write_number(out, "size_bytes", file.size_bytes);
  write_number(out, "rows", file.rows);
  write_number(out, "first_seq", file.first_seq);
  write_number(out, "last_seq", file.last_seq);
  write_text(out, "origin", file.origin.to_string());
  out.end_object();
}

void write_segment(json::Writer& out, const Segment& segment) {
  out.begin_object();
  write_text(out, "id", segment.id.to_string());
  write_text(out, "scope", segment.scope == SegmentScope::metadata ? "metadata" : "vector");
  write_text(out, "type", segment.type);
  write_number(out, "sealed", segment.sealed);
  out.key("garbage_since");
  out.integer(segment.garbage_since);
  if (!segment.placement.empty()) write_text(out, "placement", segment.placement);
  out.key("files");
  out.begin_array();
  for (const SegmentFile& file : segment.files) write_file(out, file);
  out.end_array();
  out.end_object();
}

// ---- Reading: a field that is missing or of another type is damage.

class Fields {
 public:
  static Result<Fields> of(const json::Value& value) {
    if (value.object() == nullptr) return damaged("an object is missing");
    return Fields(*value.object());
  }
  Result<const json::Value*> get(std::string_view key) const {
    for (const auto& [name, value] : *object_)
      if (name == key) return &value;
    return damaged(fmt::format("{} is missing", key));
  }
  bool has(std::string_view key) const {
    return std::any_of(object_->begin(), object_->end(),
                       [&](const auto& field) { return field.first == key; });
  }
  Result<std::string> text(std::string_view key) const {
    VIRIDIAN_TRY(const json::Value* value, get(key));
    if (value->string() == nullptr) return damaged(fmt::format("{} is no text", key));
    return *value->string();
  }
  Result<Uuid> id(std::string_view key) const {
    VIRIDIAN_TRY(const std::string written, text(key));
    const std::optional<Uuid> id = Uuid::parse_canonical(written);
    if (!id) return damaged(fmt::format("{} is no id", key));
    return *id;
  }
  Result<uint64_t> number(std::string_view key) const {
    VIRIDIAN_TRY(const json::Value* value, get(key));
    if (value->integer() != nullptr && *value->integer() >= 0)
      return static_cast<uint64_t>(*value->integer());
    if (value->string() != nullptr) return parse_big(key, *value->string());
    return damaged(fmt::format("{} is no number", key));
  }
  Result<const json::Array*> array(std::string_view key) const {
    VIRIDIAN_TRY(const json::Value* value, get(key));
    if (value->array() == nullptr) return damaged(fmt::format("{} is no list", key));
    return value->array();
  }
  /// The value's JSON text; unset for null.
  Result<std::optional<std::string>> json_text(std::string_view key) const {
    VIRIDIAN_TRY(const json::Value* value, get(key));
    if (value->is_null()) return std::optional<std::string>();
    json::Writer writer;
    writer.value(*value);
    return std::optional<std::string>(std::move(writer).take());
  }

 private:
  explicit Fields(const json::Object& object) : object_(&object) {}
  static Result<uint64_t> parse_big(std::string_view key, const std::string& digits) {
    uint64_t number = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return damaged(fmt::format("{} is no number", key));
      number = number * 10 + static_cast<uint64_t>(c - '0');
    }
    return number;
  }
  const json::Object* object_;
};

Result<SegmentFile> read_file(const json::Value& value) {
  VIRIDIAN_TRY(const Fields fields, Fields::of(value));
  SegmentFile file;
  VIRIDIAN_TRY(file.id, fields.id("id"));
  VIRIDIAN_TRY(file.name, fields.text("name"));
  VIRIDIAN_TRY(file.size_bytes, fields.number("size_bytes"));
  VIRIDIAN_TRY(file.rows, fields.number("rows"));
  VIRIDIAN_TRY(file.first_seq, fields.number("first_seq"));
  VIRIDIAN_TRY(file.last_seq, fields.number("last_seq"));
  VIRIDIAN_TRY(file.origin, fields.id("origin"));
  return file;
}

Result<Segment> read_segment(const json::Value& value, const CollectionId& collection) {
  VIRIDIAN_TRY(const Fields fields, Fields::of(value));
  Segment segment;
  segment.collection = collection;
  VIRIDIAN_TRY(segment.id, fields.id("id"));
  VIRIDIAN_TRY(const std::string scope, fields.text("scope"));
  const bool of_metadata = std::string_view(scope) == "metadata";
  segment.scope = of_metadata ? SegmentScope::metadata : SegmentScope::vector;
  VIRIDIAN_TRY(segment.type, fields.text("type"));
  VIRIDIAN_TRY(segment.sealed, fields.number("sealed"));
  VIRIDIAN_TRY(const uint64_t since, fields.number("garbage_since"));
  segment.garbage_since = static_cast<int64_t>(since);
  if (fields.has("placement")) {
    VIRIDIAN_TRY(segment.placement, fields.text("placement"));
  }
  VIRIDIAN_TRY(const json::Array* files, fields.array("files"));
  for (const json::Value& file : *files) {
    VIRIDIAN_TRY(SegmentFile read, read_file(file));
    segment.files.push_back(std::move(read));
  }
  return segment;
}

Result<Collection> read_row(const Fields& fields) {
  Collection row;
  VIRIDIAN_TRY(row.id, fields.id("id"));
  VIRIDIAN_TRY(row.name, fields.text("name"));
  VIRIDIAN_TRY(row.tenant, fields.text("tenant"));
  VIRIDIAN_TRY(row.database, fields.text("database"));
  VIRIDIAN_TRY(const json::Value* dimension, fields.get("dimension"));
  if (!dimension->is_null()) {
    VIRIDIAN_TRY(const uint64_t number, fields.number("dimension"));
    row.dimension = static_cast<uint32_t>(number);
  }
  VIRIDIAN_TRY(const std::optional<std::string> metadata, fields.json_text("metadata"));
  if (metadata) {
    VIRIDIAN_TRY(row.metadata, codec::read_metadata(*metadata));
  }
  VIRIDIAN_TRY(const std::optional<std::string> schema, fields.json_text("schema"));
  VIRIDIAN_TRY(row.schema, codec::read_schema(schema.value_or("null")));
  return row;
}

}  // namespace

std::string encode_collection_copy(const CollectionCopy& copy) {
  const Collection& row = copy.collection;
  json::Writer out;
  out.begin_object();
  write_number(out, "change", copy.change);
  write_text(out, "id", row.id.to_string());
  write_text(out, "name", row.name);
  write_text(out, "tenant", row.tenant);
  write_text(out, "database", row.database);
  out.key("dimension");
  row.dimension ? out.unsigned_integer(*row.dimension) : out.null();
  out.key("metadata");
  out.raw(row.metadata ? codec::write_metadata(*row.metadata) : "null");
  out.key("schema");
  out.raw(codec::write_schema(row.schema));
  out.key("segments");
  out.begin_array();
  for (const Segment& segment : copy.segments) write_segment(out, segment);
  out.end_array();
  out.end_object();
  return wrapped(std::move(out).take());
}

namespace {

Result<CollectionCopy> read_collection(const json::Value& value) {
  VIRIDIAN_TRY(const Fields fields, Fields::of(value));
  CollectionCopy copy;
  VIRIDIAN_TRY(copy.change, fields.number("change"));
  VIRIDIAN_TRY(copy.collection, read_row(fields));
  VIRIDIAN_TRY(const json::Array* segments, fields.array("segments"));
  for (const json::Value& segment : *segments) {
    VIRIDIAN_TRY(Segment read, read_segment(segment, copy.collection.id));
    copy.segments.push_back(std::move(read));
  }
  return copy;
}

}  // namespace

Result<CollectionCopy> decode_collection_copy(std::string_view file) {
  VIRIDIAN_TRY(const json::Value value, unwrapped(file));
  auto copy = read_collection(value);
  // The readers of schema and metadata answer as to a client.
  if (!copy.ok()) return Error(Code::data_loss, copy.error().message());
  return copy;
}

std::string encode_databases_copy(const DatabasesCopy& copy) {
  json::Writer out;
  out.begin_object();
  write_number(out, "change", copy.change);
  out.key("tenants");
  out.begin_array();
  for (const Tenant& tenant : copy.tenants) {
    out.begin_object();
    write_text(out, "name", tenant.name);
    out.key("resource_name");
    tenant.resource_name ? out.string(*tenant.resource_name) : out.null();
    out.end_object();
  }
  out.end_array();
  out.key("databases");
  out.begin_array();
  for (const Database& database : copy.databases) {
    out.begin_object();
    write_text(out, "id", database.id.to_string());
    write_text(out, "tenant", database.tenant);
    write_text(out, "name", database.name);
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return wrapped(std::move(out).take());
}

Result<DatabasesCopy> decode_databases_copy(std::string_view file) {
  VIRIDIAN_TRY(const json::Value value, unwrapped(file));
  VIRIDIAN_TRY(const Fields fields, Fields::of(value));
  DatabasesCopy copy;
  VIRIDIAN_TRY(copy.change, fields.number("change"));
  VIRIDIAN_TRY(const json::Array* tenants, fields.array("tenants"));
  for (const json::Value& entry : *tenants) {
    VIRIDIAN_TRY(const Fields tenant, Fields::of(entry));
    VIRIDIAN_TRY(std::string name, tenant.text("name"));
    VIRIDIAN_TRY(const json::Value* resource, tenant.get("resource_name"));
    copy.tenants.push_back({std::move(name), std::nullopt});
    if (resource->string() != nullptr) copy.tenants.back().resource_name = *resource->string();
  }
  VIRIDIAN_TRY(const json::Array* databases, fields.array("databases"));
  for (const json::Value& entry : *databases) {
    VIRIDIAN_TRY(const Fields fields_of_one, Fields::of(entry));
    Database database;
    VIRIDIAN_TRY(database.id, fields_of_one.id("id"));
    VIRIDIAN_TRY(database.tenant, fields_of_one.text("tenant"));
    VIRIDIAN_TRY(database.name, fields_of_one.text("name"));
    copy.databases.push_back(std::move(database));
  }
  return copy;
}

}  // namespace viridian::sysdb
