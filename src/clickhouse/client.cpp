#include "clickhouse/client.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "clickhouse/address.h"
#include "clickhouse/literal.h"
#include "clickhouse/migrations.h"
#include "clickhouse/native.h"
#include "clickhouse/server.h"
#include "obs/log.h"
#include "obs/metrics.h"

namespace viridian::clickhouse {
namespace {

constexpr std::chrono::milliseconds kTick{20};

}  // namespace

/// A server and whether it has been asked what it knows, and its tables have been seen to.
struct Replica {
  Replica(Server::Options options, obs::Metrics& metrics, const std::atomic<bool>& stopping)
      : server(std::move(options), metrics, stopping) {}
  bool ready() const { return migrated && server.settings(); }
  Server server;
  std::atomic<bool> migrated{false};
  std::mutex mutex;
  std::condition_variable changed;
  bool preparing = false;  ///< some thread is at it
};

class Client::Impl {
 public:
  Status configure(System& system);
  Status start(const Context& context);
  void stop() noexcept;
  /// The server, prepared.
  Result<Server*> server(const Context& context, Node node);
  Replica* find(Node node) const;

  std::string name_;      ///< of the database
  std::string database_;  ///< as in statements
  bool replicated_ = false;
  std::vector<std::vector<std::unique_ptr<Replica>>> shards_;

 private:
  Status prepare(const Context& context, Replica& replica);
  Status prepare_once(const Context& context, Replica& replica);

  std::atomic<bool> stopping_{false};
  std::chrono::milliseconds silence_{0};
  MigrationMode migrations_ = MigrationMode::none;
};

Status Client::Impl::configure(System& system) {
  const Settings& settings = system.settings();
  VIRIDIAN_TRY(obs::Metrics * metrics, system.require<obs::Metrics>());
  VIRIDIAN_TRY(migrations_, parse_migration_mode(settings.text("migrations")));
  VIRIDIAN_TRY(const auto addresses, parse_addresses(settings.text("clickhouse.url")));
  Server::Options options;
  const std::pair<std::string_view, std::string_view> credentials[] = {
      {"X-ClickHouse-User", "clickhouse.user"}, {"X-ClickHouse-Key", "clickhouse.password"}};
  for (const auto& [header, key] : credentials) {
    const std::string& value = settings.text(key);
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return Error(Code::invalid_argument,
                   fmt::format("{} has a line break or a NUL, which cannot be sent", key));
    if (!value.empty()) options.endpoint.headers.push_back(fmt::format("{}: {}", header, value));
  }
  options.endpoint.ca_file = settings.text("clickhouse.ca_file");
  options.connections = settings.unsigned_integer("clickhouse.connections");
  silence_ = std::chrono::milliseconds(settings.integer("clickhouse.timeout_ms"));
  options.silence = silence_;
  name_ = settings.text("clickhouse.database");
  if (name_.empty()) return Error(Code::invalid_argument, "clickhouse.database is empty");
  database_ = identifier(name_);
  replicated_ = settings.boolean("clickhouse.replicated");
  for (const auto& shard : addresses) {
    auto& replicas = shards_.emplace_back();
    for (const std::string& address : shard) {
      options.endpoint.address = address;
      replicas.push_back(std::make_unique<Replica>(options, *metrics, stopping_));
    }
  }
  return ok_status();
}

Status Client::Impl::prepare(const Context& context, Replica& replica) {
  Server& server = replica.server;
  if (!server.settings()) VIRIDIAN_TRY_VOID(server.discover(context));
  if (replica.migrated) return ok_status();
  VIRIDIAN_TRY_VOID(migrate(context, server, {name_, replicated_, migrations_}));
  replica.migrated = true;
  return ok_status();
}

/// One thread asks, the others wait for it: long enough for it to see that nobody answers.
Status Client::Impl::prepare_once(const Context& context, Replica& replica) {
  const auto until = Context::Clock::now() + silence_;
  {
    std::unique_lock lock(replica.mutex);
    while (replica.preparing) {
      VIRIDIAN_TRY_VOID(context.check());
      if (stopping_ || Context::Clock::now() > until)
        return Error(Code::unavailable,
                     fmt::format("ClickHouse at {} does not answer", replica.server.address()));
      replica.changed.wait_for(lock, kTick);
    }
    if (replica.ready()) return ok_status();
    replica.preparing = true;
  }
  Status status = prepare(context, replica);
  {
    const std::scoped_lock lock(replica.mutex);
    replica.preparing = false;
  }
  replica.changed.notify_all();
  return status;
}

Status Client::Impl::start(const Context& context) {
  stopping_ = false;
  for (size_t shard = 0; shard < shards_.size(); ++shard) {
    std::optional<Error> failed;
    bool any = false;
    for (const auto& replica : shards_[shard]) {
      const Status status = prepare_once(context, *replica);
      any = any || status.ok();
      if (status.ok()) continue;
      // Whoever is away or busy is seen to when it is first asked for something. Anything else is
      // wrong.
      const Code code = status.error().code();
      if (code != Code::unavailable && code != Code::resource_exhausted) return status.error();
      obs::log(obs::Level::warn, "clickhouse", "server does not answer",
               {{"server", replica->server.address()}, {"error", status.error().message()}});
      failed = status.error();
    }
    if (!any) return failed->with(fmt::format("no server of shard {} can be used", shard));
  }
  return ok_status();
}

void Client::Impl::stop() noexcept {
  stopping_ = true;
  for (const auto& replicas : shards_)
    for (const auto& replica : replicas) replica->server.clear();
}

Replica* Client::Impl::find(Node node) const {
  if (node.shard >= shards_.size() || node.replica >= shards_[node.shard].size()) return nullptr;
  return shards_[node.shard][node.replica].get();
}

Result<Server*> Client::Impl::server(const Context& context, Node node) {
  Replica* const replica = find(node);
  if (replica == nullptr)
    return Error(Code::invalid_argument,
                 fmt::format("clickhouse.url has no replica {} of shard {}, counted from 0",
                             node.replica, node.shard));
  if (!replica->ready()) VIRIDIAN_TRY_VOID(prepare_once(context, *replica));
  return &replica->server;
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() { impl_->stop(); }

Result<std::unique_ptr<Client>> Client::create(System& system) {
  auto impl = std::make_unique<Impl>();
  VIRIDIAN_TRY_VOID(impl->configure(system));
  return std::make_unique<Client>(std::move(impl));
}

Status Client::start(const Context& context) { return impl_->start(context); }
void Client::stop() noexcept { impl_->stop(); }

uint32_t Client::shards() const noexcept { return static_cast<uint32_t>(impl_->shards_.size()); }

uint32_t Client::replicas(uint32_t shard) const noexcept {
  return shard < shards() ? static_cast<uint32_t>(impl_->shards_[shard].size()) : 0;
}

std::string Client::address(Node node) const {
  const Replica* const replica = impl_->find(node);
  return replica == nullptr ? std::string() : replica->server.address();
}

const std::string& Client::database() const noexcept { return impl_->database_; }
bool Client::replicated() const noexcept { return impl_->replicated_; }

bool Client::knows(Node node, std::string_view setting) const {
  const Replica* const replica = impl_->find(node);
  return replica != nullptr && replica->server.knows(setting);
}

Result<Block> Client::select(const Context& context, Node node, const std::string& sql,
                             const Shape& shape) {
  VIRIDIAN_TRY(Server * server, impl_->server(context, node));
  return server->select(context, sql, shape);
}

Status Client::stream(const Context& context, Node node, const std::string& sql, const Shape& shape,
                      const std::function<Status(Block&)>& take) {
  VIRIDIAN_TRY(Server * server, impl_->server(context, node));
  return server->stream(context, sql, shape, take);
}

Status Client::insert(const Context& context, Node node, std::string_view table,
                      const Block& block) {
  if (block.rows() == 0) return ok_status();
  if (block.rows() > kBlockRows)
    return Error(Code::invalid_argument, fmt::format("{} rows for {}, at most {} at once",
                                                     block.rows(), table, kBlockRows));
  VIRIDIAN_TRY(const std::string body, encode_native(block));
  if (body.size() > kBlockBytes)
    return Error(Code::invalid_argument, fmt::format("{} bytes for {}, at most {} at once",
                                                     body.size(), table, kBlockBytes));
  std::string names;
  for (const Column& column : block.columns)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", identifier(column.name));
  VIRIDIAN_TRY(Server * server, impl_->server(context, node));
  return server->insert(context,
                        fmt::format("INSERT INTO {}.{} ({}) FORMAT Native", impl_->database_,
                                    identifier(table), names),
                        body);
}

Status Client::execute(const Context& context, Node node, const std::string& sql) {
  VIRIDIAN_TRY(Server * server, impl_->server(context, node));
  return server->execute(context, sql);
}

}  // namespace viridian::clickhouse
