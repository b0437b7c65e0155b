#include <fmt/format.h>

#include <utility>

#include "viridian/commands.h"
#include "viridian/output.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

struct Entry {
  std::string name;
  SegmentStats stats;
};

Result<std::vector<Entry>> collect(const Client& client, const std::string& name) {
  std::vector<CollectionHandle> handles;
  if (name.empty()) {
    VIRIDIAN_TRY(handles, client.list_collections());
  } else {
    VIRIDIAN_TRY(CollectionHandle handle, client.get_collection(name));
    handles.push_back(std::move(handle));
  }
  std::vector<Entry> entries;
  for (const CollectionHandle& handle : handles) {
    VIRIDIAN_TRY(SegmentStats stats, handle.stats());
    entries.push_back({handle.name(), stats});
  }
  return entries;
}

void print_as_json(const std::vector<Entry>& entries) {
  json::Writer writer;
  writer.begin_array();
  for (const auto& [name, stats] : entries) {
    writer.begin_object();
    writer.key("name");
    writer.string(name);
    const std::pair<const char*, uint64_t> numbers[] = {
        {"records", stats.records},
        {"applied", stats.applied},
        {"sealed", stats.sealed},
        {"head_bytes", stats.head_bytes},
        {"file_bytes", stats.file_bytes},
        {"files", stats.files},
        {"row_bytes", stats.metadata.rows},
        {"document_bytes", stats.metadata.documents},
        {"value_index_bytes", stats.metadata.value_index},
        {"text_index_bytes", stats.metadata.text_index}};
    for (const auto& [key, value] : numbers) {
      writer.key(key);
      writer.unsigned_integer(value);
    }
    writer.end_object();
  }
  writer.end_array();
  print_json(std::move(writer));
}

}  // namespace

int run(const StatsArguments& arguments) {
  const Opened opened = open_target(arguments.target, IfMissing::fail);
  if (!opened.client) return opened.exit;
  const Result<std::vector<Entry>> entries = collect(*opened.client, arguments.collection);
  if (!entries.ok()) return fail(entries.error());
  if (arguments.target.json) {
    print_as_json(*entries);
    return kOk;
  }
  Table table({"collection", ">records", ">written", ">sealed", ">in memory", ">on disk",
               ">text index", ">files"});
  for (const auto& [name, stats] : *entries) {
    table.add({name, with_commas(stats.records), with_commas(stats.applied),
               with_commas(stats.sealed), as_size(stats.head_bytes), as_size(stats.file_bytes),
               as_size(stats.metadata.text_index), with_commas(stats.files)});
  }
  table.print();
  return kOk;
}

}  // namespace viridian::cli
