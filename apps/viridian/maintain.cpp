#include <fmt/format.h>

#include <utility>
#include <vector>

#include "viridian/commands.h"
#include "viridian/output.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

Status apply(MaintainArguments::Action action, const CollectionHandle& collection) {
  switch (action) {
    case MaintainArguments::Action::flush:
      return collection.flush();
    case MaintainArguments::Action::compact:
      return collection.compact();
    case MaintainArguments::Action::close:
      return collection.close();
  }
  return Error(Code::internal, "no such action");
}

Result<std::vector<CollectionHandle>> chosen(const Client& client,
                                             const MaintainArguments& arguments) {
  if (arguments.all) return client.list_collections();
  VIRIDIAN_TRY(CollectionHandle collection, client.get_collection(arguments.collection));
  return std::vector<CollectionHandle>{std::move(collection)};
}

}  // namespace

int run(const MaintainArguments& arguments) {
  const Opened opened = open_target(arguments.target, IfMissing::fail);
  if (!opened.client) return opened.exit;
  const Result<std::vector<CollectionHandle>> collections = chosen(*opened.client, arguments);
  if (!collections.ok()) return fail(collections.error());
  int exit = kOk;
  size_t done = 0;
  for (const CollectionHandle& collection : *collections) {
    // One that fails does not keep the others from being done.
    if (const Status applied = apply(arguments.action, collection); applied.ok()) {
      ++done;
    } else if (!arguments.all || applied.error().code() != Code::not_found) {
      // Of all, one that was dropped meanwhile is none.
      exit = fail(applied.error().with(collection.name()));
    }
  }
  if (arguments.target.json) {
    json::Writer writer;
    writer.begin_object();
    writer.key("collections");
    writer.unsigned_integer(done);
    writer.end_object();
    print_json(std::move(writer));
  }
  return exit;
}

}  // namespace viridian::cli
