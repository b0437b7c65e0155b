#include "engine/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "engine/attempts.h"
#include "engine/messages.h"
#include "model/validation.h"
#include "obs/log.h"

namespace viridian::engine {
namespace {

constexpr size_t kDatabaseNameMin = 3;
/// Classes that keep what they store in a server's database, not in the data directory.
constexpr std::string_view kElsewhere = "clickhouse::";

Status check_database(const DatabasePath& path) {
  if (path.database.size() >= kDatabaseNameMin) return ok_status();
  return Error(Code::invalid_argument, "database name must be at least 3 characters");
}

}  // namespace

Result<std::unique_ptr<Api>> Api::create(System& system) {
  VIRIDIAN_TRY(SysDb * sysdb, system.require<SysDb>());
  VIRIDIAN_TRY(Producer * producer, system.require<Producer>());
  VIRIDIAN_TRY(Consumer * consumer, system.require<Consumer>());
  VIRIDIAN_TRY(SegmentManager * segments, system.require<SegmentManager>());
  Options options;
  options.allow_reset = system.settings().boolean("allow_reset");
  options.read_only = system.settings().boolean("read_only");
  options.max_batch_size =
      static_cast<uint32_t>(system.settings().unsigned_integer("api.max_batch_size"));
  options.cpus = std::max(1U, std::thread::hardware_concurrency());
  options.recall = system.settings().share("vectors.recall");
  options.in_memory = !consumer->durable();
  const std::string& level = system.settings().text("read.level");
  if (level == "eventual") options.freshness.age = Context::kAnyAge;
  if (level == "bounded") {
    options.freshness.age = std::chrono::milliseconds(system.settings().integer("read.bound_ms"));
  }
  // Snapshots are of data directories. What keeps its records elsewhere, or in memory only, has no
  // files to link to.
  if (consumer->durable() && !system.settings().text("consumer").starts_with(kElsewhere)) {
    VIRIDIAN_TRY(options.files, system.require<os::Files>());
    options.snapshots_path = system.settings().text("snapshots.path");
    if (options.snapshots_path.empty()) {
      options.snapshots_path = os::join(system.settings().text("path"), "snapshots");
    }
  }
  return std::make_unique<Api>(Parts{*sysdb, *producer, *consumer, *segments}, options);
}

Api::Api(const Parts& parts, const Options& options) : parts_(parts), options_(options) {
  if (options_.files == nullptr) return;
  snapshots_ =
      std::make_unique<Snapshots>(parts_, changes_, *options_.files, options_.snapshots_path);
}

Result<int64_t> Api::heartbeat(const Context&) {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count();
}

Result<std::string> Api::version(const Context&) { return std::string(VIRIDIAN_VERSION); }

Result<PreFlight> Api::pre_flight(const Context&) {
  return PreFlight{options_.max_batch_size, true};
}

Result<Identity> Api::identity(const Context&) {
  return Identity{"", kDefaultTenant, {kDefaultDatabase}};
}

Status Api::reset(const Context& context) {
  VIRIDIAN_TRY_VOID(writable());
  if (!options_.allow_reset) {
    return Error(Code::permission_denied, "Reset is disabled by config");
  }
  VIRIDIAN_TRY_VOID(context.check());
  std::vector<CollectionId> collections;
  {
    VIRIDIAN_TRY_VOID(changes_.enter(context, Access::alter));
    const GateGuard guard(changes_, Access::alter);
    VIRIDIAN_TRY(collections, parts_.sysdb.all_collections(context));
    VIRIDIAN_TRY_VOID(parts_.sysdb.reset(context));
  }
  discard(collections);
  return ok_status();
}

Status Api::create_tenant(const Context& context, const std::string& name) {
  VIRIDIAN_TRY_VOID(validate_tenant_name(name));
  VIRIDIAN_TRY_VOID(writable());
  VIRIDIAN_TRY_VOID(changes_.enter(context, Access::write));
  const GateGuard guard(changes_, Access::write);
  return reword(parts_.sysdb.create_tenant(context, name), Code::already_exists,
                [&] { return tenant_exists(name); });
}

Result<Tenant> Api::get_tenant(const Context& context, const std::string& name) {
  const auto read = [&](const Context& fresh) { return parts_.sysdb.get_tenant(fresh, name); };
  return reword(surely(reading(context), read), Code::not_found,
                [&] { return tenant_missing(name); });
}

Status Api::update_tenant(const Context& context, const std::string& name,
                          const std::string& resource_name) {
  VIRIDIAN_TRY_VOID(writable());
  VIRIDIAN_TRY_VOID(changes_.enter(context, Access::write));
  const GateGuard guard(changes_, Access::write);
  return reword(parts_.sysdb.set_tenant_resource_name(context, name, resource_name),
                Code::not_found, [&] { return tenant_missing(name); });
}

Status Api::create_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY_VOID(validate_database_name(path.database));
  VIRIDIAN_TRY_VOID(writable());
  VIRIDIAN_TRY_VOID(changes_.enter(context, Access::write));
  const GateGuard guard(changes_, Access::write);
  auto created = parts_.sysdb.create_database(context, path);
  if (created.ok()) return ok_status();
  switch (created.error().code()) {
    case Code::already_exists:
      return database_exists(path.database);
    case Code::not_found:
      return tenant_missing(path.tenant);
    default:
      return std::move(created).error();
  }
}

Result<Database> Api::get_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY_VOID(check_database(path));
  const auto read = [&](const Context& fresh) { return parts_.sysdb.get_database(fresh, path); };
  return reword(surely(reading(context), read), Code::not_found, [&] {
    return Error(Code::not_found,
                 fmt::format("Database [{}] not found. Are you sure it exists?", path.database));
  });
}

Result<std::vector<Database>> Api::list_databases(const Context& context, const std::string& tenant,
                                                  const Page& page) {
  return parts_.sysdb.list_databases(reading(context), tenant, page);
}

Status Api::delete_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY_VOID(remove_database(context, path));
  return ok_status();
}

Result<std::vector<CollectionId>> Api::remove_database(const Context& context,
                                                       const DatabasePath& path) {
  VIRIDIAN_TRY_VOID(writable());
  std::vector<CollectionId> collections;
  {
    VIRIDIAN_TRY_VOID(changes_.enter(context, Access::write));
    const GateGuard guard(changes_, Access::write);
    // No minimal length here: a name that cannot exist is simply not found.
    VIRIDIAN_TRY(
        collections, reword(parts_.sysdb.delete_database(context, path), Code::not_found, [&] {
          return Error(Code::not_found, fmt::format("Database [{}] not found", path.database));
        }));
  }
  discard(collections);
  return collections;
}

Status Api::forget(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY(const auto pass, gates_.enter(context, id, Access::drop));
  // A change, although an empty one: unlike a read it is never answered from what is known here.
  const auto row = parts_.sysdb.update_collection(context, id, CollectionChange());
  if (row.ok()) {
    return Error(Code::failed_precondition,
                 fmt::format("Collection [{}] was not deleted", id.to_string()));
  }
  if (row.error().code() != Code::not_found) return row.error();
  return parts_.segments.drop(context, id);
}

void Api::discard(const std::vector<CollectionId>& collections) {
  // Not the caller's context: the collections are gone, whether or not the caller still waits.
  const Context context;
  for (const CollectionId& id : collections) {
    // A write that was let in before the SysDb forgot the collection is waited for here; one that
    // comes later finds no collection. So nothing is appended after this.
    const auto pass = gates_.enter(context, id, Access::drop);
    if (pass.ok()) discard_alone(id);
  }
}

void Api::discard_alone(const CollectionId& id) {
  const Context context;
  const auto report = [&](std::string_view part, const Status& dropped) {
    if (dropped.ok()) return;
    // The caller has what was asked for. What stays on disk is collected at the next start.
    obs::log(
        obs::Level::warn, "engine", "dropped collection left something behind",
        {{"collection", id.to_string()}, {"part", part}, {"error", dropped.error().message()}});
  };
  report("segments", parts_.segments.drop(context, id));
  report("log", parts_.producer.drop(context, id));
}

}  // namespace viridian::engine
