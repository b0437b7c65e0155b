#include <fmt/format.h>

#include "codec/api_json.h"
#include "viridian/commands.h"
#include "viridian/output.h"
#include "viridian/target.h"

namespace viridian::cli {

int run(const ServersArguments& arguments) {
  const Opened opened = open_target(arguments.target, IfMissing::fail);
  if (!opened.client) return opened.exit;
  const Result<std::vector<ServerInfo>> list =
      opened.client->api().servers(opened.client->context());
  if (!list.ok()) return fail(list.error());
  if (arguments.target.json) {
    fmt::print("{}\n", codec::write_servers(*list));
    return kOk;
  }
  Table table({"server", "address", ">slots", ">heard", "asked"});
  for (const ServerInfo& server : *list) {
    table.add({server.id, server.url, with_commas(server.slots),
               fmt::format("{} ms ago", server.heard_ago.count()), server.self ? "yes" : ""});
  }
  table.print();
  return kOk;
}

}  // namespace viridian::cli
