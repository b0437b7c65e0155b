#include "clickhouse/client.h"

#include <fmt/format.h>

#include <algorithm>
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
#include "clickhouse/row_clock.h"
#include "clickhouse/server.h"
#include "obs/log.h"
#include "obs/metrics.h"

namespace viridian::clickhouse {
namespace {

constexpr std::chrono::milliseconds kTick{20};

/// Whether a request that ended so was answered; unset: its caller left.
std::optional<bool> is_answer(const Error* error) {
  if (error == nullptr) return true;
  switch (error->code()) {
    case Code::unavailable:
    case Code::deadline_exceeded:
    case Code::data_loss:
      return false;
    case Code::cancelled:
      return std::nullopt;
    default:
      return true;
  }
}

}  // namespace

/// A server and whether it has been asked what it knows, and its tables have been seen to.
struct Replica {
  Replica(Server::Options options, obs::Metrics& metrics, const std::atomic<bool>& stopping)
      : server(std::move(options), metrics, stopping),
        unavailable(metrics.gauge("viridian_clickhouse_log_node_unavailable_total",
                                  "1 while the server does not answer.",
                                  {{"node", server.address()}})) {}
  bool ready() const { return migrated && server.settings(); }
  void note(const Error* error) {
    const std::optional<bool> answered = is_answer(error);
    if (!answered) return;
    const std::scoped_lock lock(mutex);
    failures = *answered ? 0 : failures + 1;
    trouble = *answered ? std::string() : error->message();
    unavailable.set(*answered ? 0 : 1);
  }
  Server server;
  std::atomic<bool> migrated{false};
  obs::Gauge& unavailable;
  std::mutex mutex;
  std::condition_variable changed;
  bool preparing = false;  ///< some thread is at it
  bool timed = false;      ///< it has told its time; of the thread that is at it
  uint64_t failures = 0;   ///< since the last answer
  std::string trouble;     ///< why the last request was not answered
};

class Client::Impl {
 public:
  Status configure(System& system);
  Status start(const Context& context);
  void stop() noexcept;
  /// Does `work` with the server, prepared, and notes whether that answered.
  template <class Work>
  auto ask(const Context& context, Node node, Work&& work)
      -> decltype(work(std::declval<Server&>()));
  Replica* find(Node node) const;

  std::string name_;      ///< of the database
  std::string database_;  ///< as in statements
  bool replicated_ = false;
  RowClock clock_;
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
  if (!replica.timed) {
    VIRIDIAN_TRY(const uint32_t seconds, server.seconds(context));
    clock_.learn(seconds);
    replica.timed = true;
  }
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
      replica->note(status.ok() ? nullptr : &status.error());
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

template <class Work>
auto Client::Impl::ask(const Context& context, Node node, Work&& work)
    -> decltype(work(std::declval<Server&>())) {
  Replica* const replica = find(node);
  if (replica == nullptr)
    return Error(Code::invalid_argument,
                 fmt::format("clickhouse.url has no replica {} of shard {}, counted from 0",
                             node.replica, node.shard));
  if (!replica->ready()) {
    if (const Status ready = prepare_once(context, *replica); !ready.ok()) {
      replica->note(&ready.error());
      return ready.error();
    }
  }
  auto done = work(replica->server);
  replica->note(done.ok() ? nullptr : &done.error());
  return done;
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

std::vector<Node> Client::order(uint32_t shard) const {
  std::vector<std::pair<uint64_t, Node>> found;
  for (uint32_t replica = 0; replica < replicas(shard); ++replica) {
    Replica& known = *impl_->find({shard, replica});
    const std::scoped_lock lock(known.mutex);
    found.push_back({known.failures, {shard, replica}});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Node> nodes;
  for (const auto& [failures, node] : found) nodes.push_back(node);
  return nodes;
}

std::string Client::trouble(Node node) const {
  Replica* const replica = impl_->find(node);
  if (replica == nullptr) return {};
  const std::scoped_lock lock(replica->mutex);
  return replica->trouble;
}

uint32_t Client::seconds() const noexcept { return impl_->clock_.seconds(); }

Status Client::ask_time(const Context& context, Node node) {
  VIRIDIAN_TRY(const uint32_t seconds,
               impl_->ask(context, node, [&](Server& server) { return server.seconds(context); }));
  impl_->clock_.learn(seconds);
  return ok_status();
}

Result<Block> Client::select(const Context& context, Node node, const std::string& sql,
                             const Shape& shape) {
  return impl_->ask(context, node,
                    [&](Server& server) { return server.select(context, sql, shape); });
}

Status Client::stream(const Context& context, Node node, const std::string& sql, const Shape& shape,
                      const std::function<Status(Block&)>& take) {
  return impl_->ask(context, node,
                    [&](Server& server) { return server.stream(context, sql, shape, take); });
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
  const std::string statement = fmt::format("INSERT INTO {}.{} ({}) FORMAT Native",
                                            impl_->database_, identifier(table), names);
  return impl_->ask(context, node,
                    [&](Server& server) { return server.insert(context, statement, body); });
}

Status Client::execute(const Context& context, Node node, const std::string& sql) {
  return impl_->ask(context, node, [&](Server& server) { return server.execute(context, sql); });
}

}  // namespace viridian::clickhouse
