#include <fmt/format.h>

#include <utility>

#include "codec/json_values.h"
#include "model/schema_rules.h"
#include "viridian/commands.h"
#include "viridian/output.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

struct Listed {
  CollectionHandle collection;
  uint64_t records = 0;
};

Result<std::vector<Listed>> list(const Client& client) {
  VIRIDIAN_TRY(std::vector<CollectionHandle> handles, client.list_collections());
  std::vector<Listed> listed;
  for (CollectionHandle& handle : handles) {
    VIRIDIAN_TRY(const uint64_t records, handle.count());
    listed.push_back({std::move(handle), records});
  }
  return listed;
}

void print_list(const std::vector<Listed>& listed, bool as_json) {
  if (as_json) {
    json::Writer writer;
    writer.begin_array();
    for (const auto& [handle, records] : listed) {
      writer.begin_object();
      writer.key("name");
      writer.string(handle.name());
      writer.key("id");
      writer.string(handle.info().id.to_string());
      writer.key("records");
      writer.unsigned_integer(records);
      writer.key("dimension");
      if (handle.info().dimension) {
        writer.unsigned_integer(*handle.info().dimension);
      } else {
        writer.null();
      }
      writer.key("space");
      writer.string(space_name(space_of(handle.info().schema)));
      writer.end_object();
    }
    writer.end_array();
    print_json(std::move(writer));
    return;
  }
  Table table({"collection", ">records", ">dimension", "space", "metadata"});
  for (const auto& [handle, records] : listed) {
    const Collection& info = handle.info();
    table.add({info.name, with_commas(records),
               info.dimension ? std::to_string(*info.dimension) : "-",
               std::string(space_name(space_of(info.schema))),
               info.metadata ? as_text(*info.metadata) : ""});
  }
  if (table.empty()) {
    fmt::print("no collections\n");
  } else {
    table.print();
  }
}

Result<CollectionHandle> create(const Client& client, const CollectionsArguments& arguments) {
  CollectionOptions options;
  if (arguments.space == "l2") options.space = Space::l2;
  if (arguments.space == "cosine") options.space = Space::cosine;
  if (arguments.space == "ip") options.space = Space::ip;
  if (!arguments.metadata.empty()) {
    VIRIDIAN_TRY(options.metadata, codec::read_metadata(arguments.metadata));
  }
  return client.create_collection(arguments.name, options);
}

}  // namespace

int run(const CollectionsArguments& arguments) {
  using Action = CollectionsArguments::Action;
  const bool creates = arguments.action == Action::create;
  const Opened opened = open_target(arguments.target, creates ? IfMissing::make : IfMissing::fail);
  if (!opened.client) return opened.exit;
  if (creates) {
    const Result<CollectionHandle> created = create(*opened.client, arguments);
    if (!created.ok()) return fail(created.error());
    fmt::print("{}\n", created->info().id.to_string());
    return kOk;
  }
  if (arguments.action == Action::remove) {
    const Status removed = opened.client->delete_collection(arguments.name);
    return removed.ok() ? int{kOk} : fail(removed.error());
  }
  const Result<std::vector<Listed>> listed = list(*opened.client);
  if (!listed.ok()) return fail(listed.error());
  print_list(*listed, arguments.target.json);
  return kOk;
}

}  // namespace viridian::cli
