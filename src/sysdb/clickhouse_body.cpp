#include "sysdb/clickhouse_body.h"

#include <fmt/format.h>

#include "base/crc32c.h"
#include "codec/json.h"
#include "os/files.h"
#include "sysdb/catalogue.h"

namespace viridian::clickhouse {
namespace {

using sysdb::CatalogueChange;

// A body is lines: the checksum of all that follows it, what goes, the tenants and databases that
// are new or changed, and each such collection. The lines of rows are the copies in the catalogue
// of a local SysDb.
constexpr size_t kChecksumDigits = 8;
constexpr int64_t kVersion = 1;

Error damaged(std::string_view what) {
  return Error(Code::data_loss,
               fmt::format("a change of the catalogue in ClickHouse is damaged: {}", what));
}

std::string checksum(std::string_view text) {
  return fmt::format("{:08x}", crc32c(0, os::as_bytes(text)));
}

std::string first_lines(const CatalogueChange& change) {
  json::Writer out;
  out.begin_object();
  out.key("version");
  out.integer(kVersion);
  out.key("from_nothing");
  out.boolean(change.from_nothing);
  out.key("removed_collections");
  out.begin_array();
  for (const CollectionId& id : change.removed_collections) out.string(id.to_string());
  out.end_array();
  out.key("removed_databases");
  out.begin_array();
  for (const DatabasePath& path : change.removed_databases) {
    out.begin_array();
    out.string(path.tenant);
    out.string(path.database);
    out.end_array();
  }
  out.end_array();
  out.end_object();
  return std::move(out).take() + "\n" +
         sysdb::encode_databases_copy({0, change.tenants, change.databases});
}

std::string sealed(const std::string& lines) { return checksum(lines) + "\n" + lines; }

const json::Value* member(const json::Object& object, std::string_view key) {
  for (const auto& [name, value] : object)
    if (name == key) return &value;
  return nullptr;
}

Status read_removed(const json::Object& object, CatalogueChange& change) {
  const json::Value* const nothing = member(object, "from_nothing");
  const json::Value* const collections = member(object, "removed_collections");
  const json::Value* const databases = member(object, "removed_databases");
  if (nothing == nullptr || nothing->boolean() == nullptr || collections == nullptr ||
      collections->array() == nullptr || databases == nullptr || databases->array() == nullptr)
    return damaged("a list is missing");
  change.from_nothing = *nothing->boolean();
  for (const json::Value& value : *collections->array()) {
    const auto id = value.string() ? Uuid::parse_canonical(*value.string()) : std::nullopt;
    if (!id) return damaged("a collection's id is none");
    change.removed_collections.push_back(*id);
  }
  for (const json::Value& value : *databases->array()) {
    const json::Array* const path = value.array();
    if (path == nullptr || path->size() != 2 || (*path)[0].string() == nullptr ||
        (*path)[1].string() == nullptr)
      return damaged("a database's path is none");
    change.removed_databases.push_back({*(*path)[0].string(), *(*path)[1].string()});
  }
  return ok_status();
}

/// The next line with its line feed; empty where there is none.
std::string_view next_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = end == std::string_view::npos ? "" : rest.substr(0, end + 1);
  rest.remove_prefix(line.size());
  return line;
}

}  // namespace

std::string encode_body(const CatalogueChange& change) {
  std::string lines = first_lines(change);
  for (const CatalogueChange::Row& row : change.collections)
    lines += sysdb::encode_collection_copy({0, row.collection, row.segments});
  return sealed(lines);
}

std::vector<std::string> encode_bodies(const CatalogueChange& change, size_t bytes) {
  std::vector<std::string> bodies;
  const std::string no_more = first_lines({});
  std::string lines = first_lines(change);
  for (const CatalogueChange::Row& row : change.collections) {
    const std::string line = sysdb::encode_collection_copy({0, row.collection, row.segments});
    if (lines.size() + line.size() > bytes && lines.size() > no_more.size()) {
      bodies.push_back(sealed(lines));
      lines = no_more;
    }
    lines += line;
  }
  bodies.push_back(sealed(lines));
  return bodies;
}

Result<CatalogueChange> decode_body(std::string_view body) {
  std::string_view rest = body;
  const std::string_view sum = next_line(rest);
  if (sum.size() != kChecksumDigits + 1 || sum.substr(0, kChecksumDigits) != checksum(rest))
    return damaged("its checksum is another");
  const auto header = json::parse(next_line(rest));
  if (!header.ok() || header->object() == nullptr) return damaged("its first line is no object");
  const json::Value* const version = member(*header->object(), "version");
  if (version == nullptr || version->integer() == nullptr) return damaged("it has no version");
  if (*version->integer() != kVersion)
    return Error(Code::failed_precondition,
                 fmt::format("the catalogue in ClickHouse has changes of version {}; this program "
                             "reads version {}: use a newer one",
                             *version->integer(), kVersion));
  CatalogueChange change;
  VIRIDIAN_TRY_VOID(read_removed(*header->object(), change));
  VIRIDIAN_TRY(sysdb::DatabasesCopy databases, sysdb::decode_databases_copy(next_line(rest)));
  change.tenants = std::move(databases.tenants);
  change.databases = std::move(databases.databases);
  while (!rest.empty()) {
    VIRIDIAN_TRY(sysdb::CollectionCopy copy, sysdb::decode_collection_copy(next_line(rest)));
    change.collections.push_back({std::move(copy.collection), std::move(copy.segments)});
  }
  return change;
}

}  // namespace viridian::clickhouse
