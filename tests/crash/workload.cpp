#include "crash/workload.h"

#include <algorithm>
#include <memory>

namespace viridian::crash {
namespace {

using conformance::Oracle;

Status ignore_value(const auto& result) {
  if (!result.ok()) return result.error();
  return ok_status();
}

/// Calls that a build does not offer are no failures of it.
Status offered(const Status& status) {
  if (!status.ok() && status.error().code() == Code::unimplemented) return ok_status();
  return status;
}

const Book::Kept& kept_of(const Book& book, const std::string& database, const std::string& name) {
  return book.databases().at(database).at(name);
}

}  // namespace

std::optional<Workload::Target> Workload::pick_collection(const Book& book,
                                                          const std::string& avoid) {
  std::vector<Target> targets;
  for (const auto& [database, collections] : book.databases())
    for (const auto& [name, kept] : collections)
      targets.push_back({database, name, {{kDefaultTenant, database}, kept.id}});
  std::erase_if(targets, [&](const Target& target) { return target.key() == avoid; });
  if (targets.empty()) return std::nullopt;
  return targets[static_cast<size_t>(random_.pick(static_cast<int>(targets.size())))];
}

std::string Workload::pick_database(const Book& book) {
  auto at = book.databases().begin();
  std::advance(at, random_.pick(static_cast<int>(book.databases().size())));
  return at->first;
}

Step Workload::next(const Book& book, const std::string& avoid) {
  const std::optional<Target> target = pick_collection(book, avoid);
  size_t collections = 0;
  for (const auto& [name, held] : book.databases()) collections += held.size();
  if (!target || (collections < 4 && random_.chance(15))) return create_collection(book);
  if (drop_percent_ > 0 && random_.chance(drop_percent_)) return delete_collection(*target);
  const int kind = random_.pick(100);
  if (kind < 55) return *write(book, avoid);
  if (kind < 67) return remove(book, *target);
  if (kind < 72) return modify(*target);
  if (kind < 75) return delete_collection(*target);
  if (kind < 77 && book.databases().size() < 3) return create_database();
  if (kind < 78 && book.databases().size() > 1) return delete_database(book, avoid);
  if (kind < 82 && avoid.empty()) return snapshot(book);
  return upkeep(*target);
}

std::optional<Step> Workload::write(const Book& book, const std::string& avoid) {
  const std::optional<Target> target = pick_collection(book, avoid);
  if (!target) return std::nullopt;
  const auto batch = std::make_shared<const RecordBatch>(random_.batch());
  return Step{"write " + std::to_string(batch->rows()) + " to " + target->key(), target->key(),
              target->key(),
              [batch, ref = target->ref](Api& api) {
                return ignore_value(api.write(Context(), ref, *batch));
              },
              [batch, at = *target](Book& noted) {
                noted.databases().at(at.database).at(at.name).oracle.apply(*batch);
              }};
}

Step Workload::remove(const Book& book, const Target& target) {
  DeleteRequest request;
  request.selection = random_.selection();
  const Selection& selection = request.selection;
  if (!selection.where && !selection.where_document && (!selection.ids || selection.ids->empty()))
    request.selection.ids = conformance::ids_of({"id1", "id2", "id3"});
  const Oracle& oracle = kept_of(book, target.database, target.name).oracle;
  RecordBatch removed;
  removed.operation = Operation::remove;
  for (const uint64_t order : oracle.select(selection)) removed.ids.push_back(oracle.at(order).id);
  return {"delete " + std::to_string(removed.rows()) + " from " + target.key(), target.key(),
          target.key(),
          [request, ref = target.ref](Api& api) {
            return ignore_value(api.delete_records(Context(), ref, request));
          },
          [removed, target](Book& noted) {
            noted.databases().at(target.database).at(target.name).oracle.apply(removed);
          }};
}

Step Workload::create_collection(const Book& book) {
  const std::string database = pick_database(book);
  const std::string name = "docs" + std::to_string(next_name_++);
  auto id = std::make_shared<CollectionId>();
  return {"create " + database + "/" + name, database + "/" + name, database + "/" + name,
          [=](Api& api) -> Status {
            CreateCollection request;
            request.name = name;
            request.metadata = Metadata{{"made", int64_t{1}}};
            const auto made = api.create_collection(Context(), {kDefaultTenant, database}, request);
            if (made.ok()) *id = made->id;
            return ignore_value(made);
          },
          [=](Book& noted) {
            noted.databases()[database][name] = {*id, Metadata{{"made", int64_t{1}}}, Oracle()};
          }};
}

Step Workload::modify(const Target& target) {
  ModifyCollection request;
  request.metadata = Metadata{{"version", int64_t{random_.pick(1000)}}};
  std::string name = target.name;
  if (random_.chance(50)) {
    name = "renamed" + std::to_string(next_name_++);
    request.name = name;
  }
  return {"modify " + target.key() + " to " + name, target.database + "/" + name, target.key(),
          [=](Api& api) { return api.modify_collection(Context(), target.ref, request); },
          [=](Book& noted) {
            Book::Collections& collections = noted.databases().at(target.database);
            auto node = collections.extract(target.name);
            node.key() = name;
            node.mapped().metadata = request.metadata;
            collections.insert(std::move(node));
          }};
}

Step Workload::delete_collection(const Target& target) {
  return {"drop " + target.key(), target.key(), target.key(),
          [=](Api& api) { return api.delete_collection(Context(), target.ref.path, target.name); },
          [=](Book& noted) { noted.databases().at(target.database).erase(target.name); }};
}

Step Workload::create_database() {
  const std::string name = "database" + std::to_string(next_name_++);
  return {"create database " + name, "", "",
          [=](Api& api) {
            return api.create_database(Context(), {kDefaultTenant, name});
          },
          [=](Book& noted) { noted.databases()[name]; }};
}

Step Workload::delete_database(const Book& book, const std::string& avoid) {
  std::string name = pick_database(book);
  if (name == kDefaultDatabase || avoid.starts_with(name + "/")) return create_database();
  return {"drop database " + name, "", "",
          [=](Api& api) {
            return api.delete_database(Context(), {kDefaultTenant, name});
          },
          [=](Book& noted) { noted.databases().erase(name); }};
}

Step Workload::snapshot(const Book& book) {
  if (book.snapshots().size() < 2) {
    const std::string name = "snapshot" + std::to_string(next_name_++);
    return {"create " + name, "", "",
            [=](Api& api) { return ignore_value(api.create_snapshot(Context(), name)); },
            [=](Book& noted) { noted.snapshots()[name] = noted.databases(); }};
  }
  const auto& [name, held] = *book.snapshots().begin();
  const auto collections = held.find(kDefaultDatabase);
  if (random_.chance(60) && collections != held.end() && !collections->second.empty())
    return restore(name, collections->second);
  return {"delete " + name, "", "",
          [name = name](Api& api) { return api.delete_snapshot(Context(), name); },
          [name = name](Book& noted) { noted.snapshots().erase(name); }};
}

Step Workload::restore(const std::string& snapshot, const Book::Collections& held) {
  auto at = held.begin();
  std::advance(at, random_.pick(static_cast<int>(held.size())));
  const std::string name = "restored" + std::to_string(next_name_++);
  const std::string key = std::string(kDefaultDatabase) + "/" + name;
  RestoreRequest request;
  request.snapshot = snapshot;
  request.path = DatabasePath();
  request.collection = at->first;
  request.new_name = name;
  auto id = std::make_shared<CollectionId>();
  return {"restore " + key + " from " + snapshot, key, key,
          [=](Api& api) -> Status {
            const auto made = api.restore_snapshot(Context(), request);
            if (made.ok()) *id = made->front().id;
            return ignore_value(made);
          },
          [=, kept = at->second](Book& noted) {
            noted.databases().at(kDefaultDatabase)[name] = {*id, kept.metadata, kept.oracle};
          }};
}

Step Workload::upkeep(const Target& target) {
  using Call = Status (Api::*)(const Context&, const CollectionRef&);
  struct Named {
    const char* name;
    Call call;
  };
  constexpr Named calls[] = {{"flush ", &Api::flush},
                             {"flush ", &Api::flush},
                             {"compact ", &Api::compact},
                             {"close ", &Api::close_collection}};
  const Named chosen = calls[random_.pick(4)];
  return {chosen.name + target.key(), "", target.key(),
          [=](Api& api) { return offered((api.*chosen.call)(Context(), target.ref)); },
          [](Book&) {}};
}

}  // namespace viridian::crash
