#include <utility>

#include "config/keys.h"
#include "library/builtins.h"
#include "library/session.h"
#include "viridian/viridian.h"

namespace viridian {

Client::Client(std::shared_ptr<detail::Session> session, DatabasePath path)
    : session_(std::move(session)), path_(std::move(path)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::make(std::map<std::string, std::string> settings, Options options) {
  Settings all = config::defaults();
  // What the caller says decides, also over what open() and its like would set.
  options.settings.merge(settings);
  VIRIDIAN_TRY_VOID(apply_settings(all, options.settings));
  Registry registry = builtins();
  if (options.extend) options.extend(registry);
  auto system = std::make_unique<System>(std::move(registry), std::move(all));
  VIRIDIAN_TRY(Api * api, system->require<Api>());
  VIRIDIAN_TRY_VOID(system->start(Context()));
  Client client(std::make_shared<detail::Session>(std::move(system), *api, options.timeout),
                options.database);
  // So that a wrong address or a missing database is told here, not by the first real call.
  VIRIDIAN_TRY(Database database, api->get_database(client.context(), client.path_));
  static_cast<void>(database);
  return client;
}

Result<Client> Client::open(std::string path, Options options) {
  return make({{"path", std::move(path)}}, std::move(options));
}

Result<Client> Client::on_clickhouse(std::string url, Options options) {
  const auto postgres = options.settings.find("postgres.url");
  return make(clickhouse_settings(
                  url, postgres == options.settings.end() ? std::string() : postgres->second),
              std::move(options));
}

Result<Client> Client::in_memory(Options options) {
  Settings memory;
  use_memory(memory);
  return make({memory.begin(), memory.end()}, std::move(options));
}

Result<Client> Client::connect(std::string url, Options options) {
  return make({{"api", "http::ApiClient"}, {"client.url", std::move(url)}}, std::move(options));
}

Result<Client> Client::with_database(DatabasePath path) const {
  VIRIDIAN_TRY([[maybe_unused]] Database database,
               session_->call([&](Api& api) { return api.get_database(context(), path); }));
  return Client(session_, std::move(path));
}

Status Client::create_tenant(const std::string& name) const {
  return session_->call([&](Api& api) { return api.create_tenant(context(), name); });
}

Status Client::create_database(const std::string& name) const {
  return session_->call([&](Api& api) {
    return api.create_database(context(), {path_.tenant, name});
  });
}

Status Client::delete_database(const std::string& name) const {
  return session_->call([&](Api& api) {
    return api.delete_database(context(), {path_.tenant, name});
  });
}

Result<std::vector<Database>> Client::list_databases() const {
  return session_->call([&](Api& api) { return api.list_databases(context(), path_.tenant, {}); });
}

Result<CollectionHandle> Client::create(const std::string& name, const CollectionOptions& options,
                                        bool get_or_create) const {
  CreateCollection request;
  request.name = name;
  request.metadata = options.metadata;
  request.get_or_create = get_or_create;
  if (options.space) {
    request.configuration.emplace().hnsw.emplace().space = options.space;
  }
  VIRIDIAN_TRY(Collection collection, session_->call([&](Api& api) {
    return api.create_collection(context(), path_, request);
  }));
  return CollectionHandle(session_, path_, std::move(collection));
}

Result<CollectionHandle> Client::create_collection(const std::string& name,
                                                   const CollectionOptions& options) const {
  return create(name, options, false);
}

Result<CollectionHandle> Client::get_or_create_collection(const std::string& name,
                                                          const CollectionOptions& options) const {
  return create(name, options, true);
}

Result<CollectionHandle> Client::get_collection(const std::string& name) const {
  VIRIDIAN_TRY(Collection collection, session_->call([&](Api& api) {
    return api.get_collection(context(), path_, name);
  }));
  return CollectionHandle(session_, path_, std::move(collection));
}

Result<std::vector<CollectionHandle>> Client::list_collections(const Page& page) const {
  VIRIDIAN_TRY(std::vector<Collection> found, session_->call([&](Api& api) {
    return api.list_collections(context(), path_, page);
  }));
  std::vector<CollectionHandle> handles;
  handles.reserve(found.size());
  for (Collection& collection : found) {
    handles.emplace_back(session_, path_, std::move(collection));
  }
  return handles;
}

Status Client::delete_collection(const std::string& name) const {
  return session_->call([&](Api& api) { return api.delete_collection(context(), path_, name); });
}

Result<SnapshotInfo> Client::create_snapshot(const std::string& name) const {
  return session_->call([&](Api& api) { return api.create_snapshot(context(), name); });
}

Result<std::vector<SnapshotInfo>> Client::list_snapshots() const {
  return session_->call([&](Api& api) { return api.list_snapshots(context()); });
}

Result<SnapshotInfo> Client::verify_snapshot(const std::string& name) const {
  return session_->call([&](Api& api) { return api.verify_snapshot(context(), name); });
}

Result<std::vector<Collection>> Client::restore_snapshot(const RestoreRequest& request) const {
  return session_->call([&](Api& api) { return api.restore_snapshot(context(), request); });
}

Status Client::delete_snapshot(const std::string& name) const {
  return session_->call([&](Api& api) { return api.delete_snapshot(context(), name); });
}

void Client::close() const noexcept { session_->close(); }

Status Client::call(const std::function<Status(Api&)>& use) const { return session_->call(use); }
Api& Client::api() const { return session_->api(); }
Context Client::context() const { return session_->context(); }

}  // namespace viridian
