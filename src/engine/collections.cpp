#include <utility>

#include "engine/api.h"
#include "engine/attempts.h"
#include "engine/messages.h"
#include "model/schema_rules.h"
#include "model/validation.h"

namespace viridian::engine {
namespace {

/// Attempts at a name that others give to new collections, or take away, at every step.
constexpr int kNameAttempts = 16;

Status in_field(Status status, std::string_view field) {
  if (status.ok()) return status;
  return status.error().with(field);
}

Result<CollectionChange> change_of(const Collection& collection, const ModifyCollection& request) {
  CollectionChange change;
  if (request.name && *request.name != collection.name) change.name = request.name;
  if (request.metadata) {
    Metadata kept;
    for (const auto& [key, value] : *request.metadata) {
      if (type_of(value) != MetadataType::null) kept.set(key, value);
    }
    change.metadata.emplace();
    if (!kept.empty()) *change.metadata = std::move(kept);
  }
  if (request.configuration) {
    change.schema = collection.schema;
    VIRIDIAN_TRY_VOID(modify_schema(*change.schema, *request.configuration));
  }
  return change;
}

}  // namespace

Context Api::reading(const Context& context) const {
  return context.freshness() ? context : context.with_freshness(options_.freshness);
}

Result<Collection> Api::find(const Context& context, const CollectionRef& ref) {
  auto found = surely(
      context, [&](const Context& fresh) { return parts_.sysdb.get_collection(fresh, ref.id); });
  if (!found.ok() && found.error().code() != Code::not_found) return found;
  if (!found.ok() || found->tenant != ref.path.tenant || found->database != ref.path.database) {
    return collection_missing_by_id(ref.id);
  }
  return found;
}

Result<Collection> Api::create_collection(const Context& asked, const DatabasePath& path,
                                          const CreateCollection& request) {
  const Context context = deciding(asked);
  VIRIDIAN_TRY_VOID(in_field(validate_collection_name(request.name), "Validation error: name"));
  if (request.metadata) {
    VIRIDIAN_TRY_VOID(
        in_field(validate_collection_metadata(*request.metadata), "Validation error: metadata"));
  }
  VIRIDIAN_TRY(const Schema schema, resolve_schema(request, options_.cpus));
  for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
    if (request.get_or_create) {
      auto stored = parts_.sysdb.get_collection(context, path, request.name);
      if (stored.ok() || stored.error().code() != Code::not_found) return stored;
    }
    auto created = store(context, path, request, schema);
    if (created.ok()) return created;
    switch (created.error().code()) {
      case Code::already_exists:
        if (!request.get_or_create) return collection_exists(request.name);
        break;  // somebody else made it since we looked
      case Code::not_found:
        return Error(Code::invalid_argument, "Database [" + path.database + "] does not exist");
      default:
        return created;
    }
  }
  return Error(Code::aborted, "Collection [" + request.name +
                                  "] is being created and deleted by others: try again");
}

Result<Collection> Api::store(const Context& context, const DatabasePath& path,
                              const CreateCollection& request, const Schema& schema) {
  VIRIDIAN_TRY_VOID(writable());
  Collection collection;
  collection.id = CollectionId::random();
  collection.name = request.name;
  collection.tenant = path.tenant;
  collection.database = path.database;
  collection.metadata = request.metadata;
  collection.schema = schema;
  VIRIDIAN_TRY_VOID(changes_.enter(context, Access::write));
  const GateGuard guard(changes_, Access::write);
  VIRIDIAN_TRY_VOID(
      parts_.sysdb.create_collection(context, collection, parts_.segments.plan(collection.id)));
  return collection;
}

Result<Collection> Api::get_collection(const Context& context, const DatabasePath& path,
                                       const std::string& name) {
  const auto read = [&](const Context& fresh) {
    return parts_.sysdb.get_collection(fresh, path, name);
  };
  return reword(surely(reading(context), read), Code::not_found,
                [&] { return collection_missing(name); });
}

Result<Collection> Api::get_collection_by_id(const Context& context, const CollectionRef& ref) {
  return reword(find(reading(context), ref), Code::not_found,
                [&] { return collection_missing(ref.id.to_string()); });
}

Result<std::vector<Collection>> Api::list_collections(const Context& context,
                                                      const DatabasePath& path, const Page& page) {
  return parts_.sysdb.list_collections(reading(context), path, page);
}

Result<uint64_t> Api::count_collections(const Context& context, const DatabasePath& path) {
  return parts_.sysdb.count_collections(reading(context), path);
}

Status Api::modify_collection(const Context& asked, const CollectionRef& ref,
                              const ModifyCollection& request) {
  if (request.name) {
    VIRIDIAN_TRY_VOID(
        in_field(validate_collection_name(*request.name), "Validation error: new_name"));
  }
  if (request.metadata) {
    VIRIDIAN_TRY_VOID(in_field(validate_collection_metadata(*request.metadata, true),
                               "Validation error: new_metadata"));
  }
  VIRIDIAN_TRY_VOID(writable());
  const Context context = deciding(asked);
  // The schema is read, changed and written back: writes that note new keys must keep out.
  VIRIDIAN_TRY(const auto pass, gates_.enter(context, ref.id, Access::alter));
  return until_decided([&] { return modify_once(context, ref, request); });
}

Status Api::modify_once(const Context& context, const CollectionRef& ref,
                        const ModifyCollection& request) {
  VIRIDIAN_TRY(Collection collection, find(context, ref));
  VIRIDIAN_TRY(CollectionChange change, change_of(collection, request));
  if (!change.name && !change.metadata && !change.schema) return ok_status();
  change.only_if = std::move(collection);
  VIRIDIAN_TRY_VOID(changes_.enter(context, Access::write));
  const GateGuard guard(changes_, Access::write);
  auto updated = parts_.sysdb.update_collection(context, ref.id, change);
  if (updated.ok()) return ok_status();
  switch (updated.error().code()) {
    case Code::already_exists:
      return collection_exists(*request.name);
    case Code::not_found:
      return collection_missing_by_id(ref.id);
    default:
      return std::move(updated).error();
  }
}

Status Api::delete_collection(const Context& asked, const DatabasePath& path,
                              const std::string& name) {
  VIRIDIAN_TRY_VOID(writable());
  const Context context = deciding(asked);
  for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
    VIRIDIAN_TRY(const Collection named, get_collection(context, path, name));
    VIRIDIAN_TRY(const auto pass, gates_.enter(context, named.id, Access::drop));
    // Nobody renames it now; but somebody may have since the look-up.
    VIRIDIAN_TRY(const Collection still_named, get_collection(context, path, name));
    if (still_named.id != named.id) continue;
    {
      VIRIDIAN_TRY_VOID(changes_.enter(context, Access::write));
      const GateGuard guard(changes_, Access::write);
      VIRIDIAN_TRY_VOID(reword(parts_.sysdb.delete_collection(context, named.id), Code::not_found,
                               [&] { return collection_missing(name); }));
    }
    discard_alone(named.id);
    return ok_status();
  }
  return Error(Code::aborted, "Collection [" + name + "] changes hands all the time: try again");
}

}  // namespace viridian::engine
