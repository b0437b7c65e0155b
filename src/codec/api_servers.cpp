#include "codec/api_json.h"
#include "codec/fields.h"

namespace viridian::codec {
namespace {

Result<ServerInfo> server_of(const json::Value& value, std::string path) {
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, std::move(path), {"id", "url", "self", "slots", "heard_ms"}));
  ServerInfo server;
  VIRIDIAN_TRY(server.id, fields.text("id"));
  VIRIDIAN_TRY(server.url, fields.text("url"));
  VIRIDIAN_TRY(server.self, fields.boolean_or("self", false));
  VIRIDIAN_TRY(const json::Value* slots, fields.require("slots"));
  VIRIDIAN_TRY(server.slots, as_u32(*slots, fields.path_of("slots")));
  VIRIDIAN_TRY(const uint64_t heard, fields.count("heard_ms"));
  server.heard_ago = std::chrono::milliseconds(heard);
  return server;
}

}  // namespace

std::string write_servers(const std::vector<ServerInfo>& list) {
  json::Writer out;
  out.begin_array();
  for (const ServerInfo& server : list) {
    out.begin_object();
    out.key("id");
    out.string(server.id);
    out.key("url");
    out.string(server.url);
    out.key("self");
    out.boolean(server.self);
    out.key("slots");
    out.unsigned_integer(server.slots);
    out.key("heard_ms");
    out.unsigned_integer(static_cast<uint64_t>(server.heard_ago.count()));
    out.end_object();
  }
  out.end_array();
  return std::move(out).take();
}

Result<std::vector<ServerInfo>> read_servers(std::string_view body) {
  return read_list<ServerInfo>(body, server_of);
}

}  // namespace viridian::codec
