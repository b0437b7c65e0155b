#include <fmt/format.h>

#include "codec/api_json.h"
#include "codec/fields.h"

namespace viridian::codec {
namespace {

void write_one(json::Writer& out, const SnapshotInfo& info) {
  out.begin_object();
  out.key("name");
  out.string(info.name);
  out.key("created_at");
  out.integer(info.created_at);
  out.key("collections");
  out.unsigned_integer(info.collections);
  out.key("records");
  out.unsigned_integer(info.records);
  out.key("bytes");
  out.unsigned_integer(info.bytes);
  out.key("new_bytes");
  out.unsigned_integer(info.new_bytes);
  out.end_object();
}

Result<SnapshotInfo> snapshot_of(const json::Value& value, std::string path) {
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, std::move(path),
                          {"name", "created_at", "collections", "records", "bytes", "new_bytes"}));
  SnapshotInfo info;
  VIRIDIAN_TRY(info.name, fields.text("name"));
  VIRIDIAN_TRY(const json::Value* created, fields.require("created_at"));
  VIRIDIAN_TRY(info.created_at, as_integer(*created, fields.path_of("created_at")));
  VIRIDIAN_TRY(info.collections, fields.count("collections"));
  VIRIDIAN_TRY(info.records, fields.count("records"));
  VIRIDIAN_TRY(info.bytes, fields.count("bytes"));
  VIRIDIAN_TRY(info.new_bytes, fields.count("new_bytes"));
  return info;
}

Status optional_text(const Fields& fields, std::string_view name, std::optional<std::string>& out) {
  if (fields.present(name) == nullptr) return ok_status();
  VIRIDIAN_TRY(out, fields.text(name));
  return ok_status();
}

/// Two members that together are a database: both or none of them.
Status optional_path(const Fields& fields, std::string_view tenant, std::string_view database,
                     std::optional<DatabasePath>& out) {
  std::optional<std::string> names[2];
  VIRIDIAN_TRY_VOID(optional_text(fields, tenant, names[0]));
  VIRIDIAN_TRY_VOID(optional_text(fields, database, names[1]));
  if (names[0].has_value() != names[1].has_value()) {
    return shape_error("", fmt::format("`{}` and `{}` go together", tenant, database));
  }
  if (names[0]) out = DatabasePath{*names[0], *names[1]};
  return ok_status();
}

void write_text(json::Writer& out, std::string_view name, const std::optional<std::string>& text) {
  if (!text) return;
  out.key(name);
  out.string(*text);
}

}  // namespace

std::string write_snapshot(const SnapshotInfo& info) {
  json::Writer out;
  write_one(out, info);
  return std::move(out).take();
}

Result<SnapshotInfo> read_snapshot(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  return snapshot_of(value, "");
}

std::string write_snapshots(const std::vector<SnapshotInfo>& list) {
  json::Writer out;
  out.begin_array();
  for (const SnapshotInfo& info : list) write_one(out, info);
  out.end_array();
  return std::move(out).take();
}

Result<std::vector<SnapshotInfo>> read_snapshots(std::string_view body) {
  return read_list<SnapshotInfo>(body, snapshot_of);
}

std::string write_restore(const RestoreRequest& request) {
  json::Writer out;
  out.begin_object();
  if (request.path) {
    write_text(out, "tenant", request.path->tenant);
    write_text(out, "database", request.path->database);
  }
  write_text(out, "collection", request.collection);
  if (request.to) {
    write_text(out, "to_tenant", request.to->tenant);
    write_text(out, "to_database", request.to->database);
  }
  write_text(out, "new_name", request.new_name);
  out.end_object();
  return std::move(out).take();
}

Result<RestoreRequest> read_restore(std::string_view body, std::string snapshot) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "",
                                               {"tenant", "database", "collection", "to_tenant",
                                                "to_database", "new_name"},
                                               Unknown::refused));
  RestoreRequest request;
  request.snapshot = std::move(snapshot);
  VIRIDIAN_TRY_VOID(optional_path(fields, "tenant", "database", request.path));
  VIRIDIAN_TRY_VOID(optional_text(fields, "collection", request.collection));
  VIRIDIAN_TRY_VOID(optional_path(fields, "to_tenant", "to_database", request.to));
  VIRIDIAN_TRY_VOID(optional_text(fields, "new_name", request.new_name));
  return request;
}

}  // namespace viridian::codec
