#include "engine/snapshot_manifest.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "base/hash.h"
#include "codec/api_json.h"
#include "codec/fields.h"
#include "codec/json.h"

namespace viridian::engine {
namespace {

using codec::Fields;

constexpr std::string_view kFormat = "viridian snapshot";
constexpr uint64_t kVersion = 1;
constexpr std::string_view kSumPrefix = "\nxxh3 ";

void put(json::Writer& out, std::string_view name, uint64_t number) {
  out.key(name);
  out.unsigned_integer(number);
}
void put(json::Writer& out, std::string_view name, std::string_view text) {
  out.key(name);
  out.string(text);
}

void write(json::Writer& out, const StoredFile& file) {
  out.begin_object();
  put(out, "name", file.name);
  put(out, "bytes", file.bytes);
  put(out, "crc32c", uint64_t{file.crc});
  out.end_object();
}

void write(json::Writer& out, const SegmentFile& file) {
  out.begin_object();
  put(out, "id", file.id.to_string());
  put(out, "name", file.name);
  put(out, "size_bytes", file.size_bytes);
  put(out, "rows", file.rows);
  put(out, "first_seq", file.first_seq);
  put(out, "last_seq", file.last_seq);
  put(out, "origin", file.origin.to_string());
  out.end_object();
}

void write(json::Writer& out, const Segment& segment) {
  out.begin_object();
  put(out, "id", segment.id.to_string());
  put(out, "collection", segment.collection.to_string());
  put(out, "scope", segment.scope == SegmentScope::metadata ? "metadata" : "vector");
  put(out, "type", segment.type);
  put(out, "sealed", segment.sealed);
  out.key("garbage_since");
  out.integer(segment.garbage_since);
  out.key("files");
  out.begin_array();
  for (const SegmentFile& file : segment.files) write(out, file);
  out.end_array();
  out.end_object();
}

void write(json::Writer& out, const SnapshotCollection& collection) {
  out.begin_object();
  out.key("collection");
  out.raw(codec::write_collection(collection.collection));
  put(out, "sealed", collection.sealed);
  put(out, "last", collection.last);
  put(out, "records", collection.records);
  out.key("segments");
  out.begin_array();
  for (const Segment& segment : collection.segments) write(out, segment);
  out.end_array();
  out.key("files");
  out.begin_array();
  for (const StoredFile& file : collection.files) write(out, file);
  out.end_array();
  out.key("tail");
  if (collection.tail) {
    write(out, *collection.tail);
  } else {
    out.null();
  }
  out.end_object();
}

Result<uint64_t> number(const Fields& fields, std::string_view name) {
  VIRIDIAN_TRY(const json::Value* value, fields.require(name));
  return codec::as_unsigned(*value, fields.path_of(name));
}

Result<int64_t> signed_number(const Fields& fields, std::string_view name) {
  VIRIDIAN_TRY(const json::Value* value, fields.require(name));
  return codec::as_integer(*value, fields.path_of(name));
}

Result<Uuid> uuid(const Fields& fields, std::string_view name) {
  VIRIDIAN_TRY(const std::string text, fields.text(name));
  const std::optional<Uuid> id = Uuid::parse_canonical(text);
  if (!id) return codec::shape_error(fields.path_of(name), "not a UUID");
  return *id;
}

/// read(element) for each element of the member.
template <class T>
Status read_list(const Fields& fields, std::string_view name, Result<T> (*read)(const json::Value&),
                 std::vector<T>& out) {
  VIRIDIAN_TRY(const json::Value* value, fields.require(name));
  VIRIDIAN_TRY(const json::Array* elements, codec::as_array(*value, fields.path_of(name)));
  for (const json::Value& element : *elements) {
    VIRIDIAN_TRY(T one, read(element));
    out.push_back(std::move(one));
  }
  return ok_status();
}

/// A name that cannot lead out of its directory.
bool plain(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

Result<StoredFile> stored_file(const json::Value& value) {
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "", {"name", "bytes", "crc32c"}));
  StoredFile file;
  VIRIDIAN_TRY(file.name, fields.text("name"));
  VIRIDIAN_TRY(file.bytes, number(fields, "bytes"));
  VIRIDIAN_TRY(const json::Value* crc, fields.require("crc32c"));
  VIRIDIAN_TRY(file.crc, codec::as_u32(*crc, fields.path_of("crc32c")));
  const std::string_view name = file.name;
  const size_t slash = name.find('/');
  const std::string_view directory = name.substr(0, slash);
  if (slash == std::string_view::npos || (directory != "files" && directory != "tails") ||
      !plain(name.substr(slash + 1))) {
    return codec::shape_error("name", fmt::format("not a file of the store: {}", name));
  }
  return file;
}

Result<SegmentFile> segment_file(const json::Value& value) {
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, "",
                          {"id", "name", "size_bytes", "rows", "first_seq", "last_seq", "origin"}));
  SegmentFile file;
  VIRIDIAN_TRY(file.id, uuid(fields, "id"));
  VIRIDIAN_TRY(file.name, fields.text("name"));
  if (!plain(file.name)) return codec::shape_error("name", "not a file name");
  VIRIDIAN_TRY(file.size_bytes, number(fields, "size_bytes"));
  VIRIDIAN_TRY(file.rows, number(fields, "rows"));
  VIRIDIAN_TRY(file.first_seq, number(fields, "first_seq"));
  VIRIDIAN_TRY(file.last_seq, number(fields, "last_seq"));
  VIRIDIAN_TRY(file.origin, uuid(fields, "origin"));
  return file;
}

Result<Segment> segment_of(const json::Value& value) {
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "",
                                               {"id", "collection", "scope", "type", "sealed",
                                                "garbage_since", "files"}));
  Segment segment;
  VIRIDIAN_TRY(segment.id, uuid(fields, "id"));
  VIRIDIAN_TRY(segment.collection, uuid(fields, "collection"));
  VIRIDIAN_TRY(const std::string scope, fields.text("scope"));
  if (scope != "metadata" && scope != "vector") return codec::shape_error("scope", scope);
  segment.scope = scope == "metadata" ? SegmentScope::metadata : SegmentScope::vector;
  VIRIDIAN_TRY(segment.type, fields.text("type"));
  VIRIDIAN_TRY(segment.sealed, number(fields, "sealed"));
  VIRIDIAN_TRY(segment.garbage_since, signed_number(fields, "garbage_since"));
  VIRIDIAN_TRY_VOID(read_list(fields, "files", segment_file, segment.files));
  return segment;
}

Result<SnapshotCollection> collection_of(const json::Value& value) {
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "",
                                               {"collection", "sealed", "last", "records",
                                                "segments", "files", "tail"}));
  SnapshotCollection collection;
  VIRIDIAN_TRY(const json::Value* row, fields.require("collection"));
  json::Writer text;
  text.value(*row);
  VIRIDIAN_TRY(collection.collection, codec::read_collection(std::move(text).take()));
  VIRIDIAN_TRY(collection.sealed, number(fields, "sealed"));
  VIRIDIAN_TRY(collection.last, number(fields, "last"));
  VIRIDIAN_TRY(collection.records, number(fields, "records"));
  VIRIDIAN_TRY_VOID(read_list(fields, "segments", segment_of, collection.segments));
  VIRIDIAN_TRY_VOID(read_list(fields, "files", stored_file, collection.files));
  if (const json::Value* tail = fields.present("tail")) {
    VIRIDIAN_TRY(collection.tail, stored_file(*tail));
  }
  return collection;
}

Result<DatabasePath> database_of(const json::Value& value) {
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "", {"tenant", "database"}));
  DatabasePath path;
  VIRIDIAN_TRY(path.tenant, fields.text("tenant"));
  VIRIDIAN_TRY(path.database, fields.text("database"));
  return path;
}

Result<SnapshotManifest> manifest_of(const json::Value& value) {
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "",
                                               {"format", "version", "name", "created_at",
                                                "new_bytes", "databases", "collections"}));
  VIRIDIAN_TRY(const std::string format, fields.text("format"));
  if (format != kFormat) return codec::shape_error("format", format);
  VIRIDIAN_TRY(const uint64_t version, number(fields, "version"));
  if (version > kVersion) {
    return Error(Code::failed_precondition,
                 fmt::format("it has format version {}, and this program knows {} at most: use a "
                             "newer one",
                             version, kVersion));
  }
  SnapshotManifest manifest;
  VIRIDIAN_TRY(manifest.name, fields.text("name"));
  VIRIDIAN_TRY(manifest.created_at, signed_number(fields, "created_at"));
  VIRIDIAN_TRY(manifest.new_bytes, number(fields, "new_bytes"));
  VIRIDIAN_TRY_VOID(read_list(fields, "databases", database_of, manifest.databases));
  VIRIDIAN_TRY_VOID(read_list(fields, "collections", collection_of, manifest.collections));
  return manifest;
}

std::string sum_line(std::string_view body) {
  return fmt::format("{}{:016x}\n", kSumPrefix, hash64(body));
}

}  // namespace

std::vector<StoredFile> SnapshotManifest::stored() const {
  std::map<std::string, StoredFile> named;
  for (const SnapshotCollection& collection : collections) {
    for (const StoredFile& file : collection.files) named.emplace(file.name, file);
    if (collection.tail) named.emplace(collection.tail->name, *collection.tail);
  }
  std::vector<StoredFile> files;
  files.reserve(named.size());
  for (auto& entry : named) files.push_back(std::move(entry.second));
  return files;
}

SnapshotInfo SnapshotManifest::info() const {
  SnapshotInfo info;
  info.name = name;
  info.created_at = created_at;
  info.collections = collections.size();
  for (const SnapshotCollection& collection : collections) info.records += collection.records;
  for (const StoredFile& file : stored()) info.bytes += file.bytes;
  info.new_bytes = new_bytes;
  return info;
}

std::string encode_manifest(const SnapshotManifest& manifest) {
  json::Writer out;
  out.begin_object();
  put(out, "format", kFormat);
  put(out, "version", kVersion);
  put(out, "name", manifest.name);
  out.key("created_at");
  out.integer(manifest.created_at);
  put(out, "new_bytes", manifest.new_bytes);
  out.key("databases");
  out.begin_array();
  for (const DatabasePath& path : manifest.databases) {
    out.begin_object();
    put(out, "tenant", path.tenant);
    put(out, "database", path.database);
    out.end_object();
  }
  out.end_array();
  out.key("collections");
  out.begin_array();
  for (const SnapshotCollection& collection : manifest.collections) write(out, collection);
  out.end_array();
  out.end_object();
  std::string text = std::move(out).take();
  text += sum_line(text);
  return text;
}

Result<SnapshotManifest> decode_manifest(std::string_view text) {
  const size_t sum_size = sum_line({}).size();
  const std::string_view body = text.substr(0, text.size() - std::min(sum_size, text.size()));
  if (text.substr(body.size()) != sum_line(body)) {
    return Error(Code::data_loss, "its checksum is wrong");
  }
  // The checksum is right, so what follows fails only where a program wrote what it should not.
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  auto manifest = manifest_of(value);
  if (manifest.ok() || manifest.error().code() == Code::failed_precondition) return manifest;
  return Error(Code::data_loss, manifest.error().message());
}

}  // namespace viridian::engine
