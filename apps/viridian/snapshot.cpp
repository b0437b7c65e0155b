#include <fmt/chrono.h>
#include <fmt/format.h>

#include <utility>
#include <vector>

#include "codec/api_json.h"
#include "viridian/commands.h"
#include "viridian/output.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

std::string as_time(int64_t seconds) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

void print_info(const SnapshotInfo& info, std::string_view done, bool as_json) {
  if (as_json) {
    fmt::print("{}\n", codec::write_snapshot(info));
    return;
  }
  fmt::print("{} {}: {} collections, {} records, {} of which {} new\n", done, info.name,
             with_commas(info.collections), with_commas(info.records), as_size(info.bytes),
             as_size(info.new_bytes));
}

void print_list(const std::vector<SnapshotInfo>& list, bool as_json) {
  if (as_json) {
    fmt::print("{}\n", codec::write_snapshots(list));
    return;
  }
  if (list.empty()) {
    fmt::print("no snapshots\n");
    return;
  }
  Table table({"snapshot", "created", ">collections", ">records", ">size", ">new"});
  for (const SnapshotInfo& info : list) {
    table.add({info.name, as_time(info.created_at), with_commas(info.collections),
               with_commas(info.records), as_size(info.bytes), as_size(info.new_bytes)});
  }
  table.print();
}

void print_restored(const std::vector<Collection>& restored, bool as_json) {
  if (as_json) {
    fmt::print("{}\n", codec::write_collections(restored));
    return;
  }
  for (const Collection& collection : restored) {
    fmt::print("restored {} in {}/{}\n", collection.name, collection.tenant, collection.database);
  }
}

RestoreRequest request_of(const SnapshotArguments& arguments) {
  RestoreRequest request;
  request.snapshot = arguments.name;
  if (!arguments.collection.empty()) {
    request.collection = arguments.collection;
    request.path = DatabasePath{arguments.target.tenant, arguments.target.database};
  }
  if (!arguments.new_name.empty()) request.new_name = arguments.new_name;
  if (!arguments.to_database.empty() || !arguments.to_tenant.empty()) {
    request.to.emplace();
    if (!arguments.to_tenant.empty()) request.to->tenant = arguments.to_tenant;
    if (!arguments.to_database.empty()) request.to->database = arguments.to_database;
  }
  return request;
}

int show(const Result<SnapshotInfo>& info, std::string_view done, bool as_json) {
  if (!info.ok()) return fail(info.error());
  print_info(*info, done, as_json);
  return kOk;
}

}  // namespace

int run(const SnapshotArguments& arguments) {
  using Action = SnapshotArguments::Action;
  // A directory without a database is what a restore may begin with.
  const bool restores = arguments.action == Action::restore;
  const Opened opened = open_target(arguments.target, restores ? IfMissing::make : IfMissing::fail);
  if (!opened.client) return opened.exit;
  const Client& client = *opened.client;
  const bool as_json = arguments.target.json;
  switch (arguments.action) {
    case Action::create:
      return show(client.create_snapshot(arguments.name), "created", as_json);
    case Action::verify:
      return show(client.verify_snapshot(arguments.name), "verified", as_json);
    case Action::list: {
      const Result<std::vector<SnapshotInfo>> list = client.list_snapshots();
      if (!list.ok()) return fail(list.error());
      print_list(*list, as_json);
      return kOk;
    }
    case Action::restore: {
      const auto restored = client.restore_snapshot(request_of(arguments));
      if (!restored.ok()) return fail(restored.error());
      print_restored(*restored, as_json);
      return kOk;
    }
    case Action::remove: {
      const Status removed = client.delete_snapshot(arguments.name);
      return removed.ok() ? int{kOk} : fail(removed.error());
    }
  }
  return kFailed;
}

}  // namespace viridian::cli
