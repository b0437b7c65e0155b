#include "cluster/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "engine/messages.h"

namespace viridian::cluster {
namespace {

constexpr const char* kForwards = "viridian_cluster_forwards_total";
constexpr const char* kForwardsHelp = "Calls sent on to the server that holds their collection";

/// For how long after its first failure a call looks for a holder, in times to live of a lease: a
/// holder that is gone is noticed after one, and two servers may be lost one after the other.
constexpr int kPatienceInLeases = 3;

/// Whether a peer's answer is an error that another attempt may mend.
bool worth_repeating(Code code) { return code == Code::aborted || code == Code::cancelled; }

/// Whether a second time does nothing that the first did not: what a filter or a limit chooses is
/// something else then.
bool repeatable(const DeleteRequest& request) {
  const Selection& chosen = request.selection;
  return chosen.ids && !chosen.where && !chosen.where_document && !request.limit;
}

/// Others reach this server at node.url, or where it listens, if that says where it is.
Status check_address(const Settings& settings) {
  if (!settings.text("node.url").empty()) return ok_status();
  const std::string& host = settings.text("server.host");
  const int64_t port = settings.integer("server.port");
  if (!host.empty() && host != "0.0.0.0" && host != "::" && port != 0) return ok_status();
  return Error(Code::invalid_argument,
               fmt::format("server.host is \"{}\" and server.port is {}, which is no address for "
                           "other servers: set node.url to the one at which they reach this server",
                           host, port));
}

}  // namespace

Result<std::unique_ptr<Api>> Api::create(System& system) {
  VIRIDIAN_TRY_VOID(check_address(system.settings()));
  VIRIDIAN_TRY(engine::Api * engine, system.require<engine::Api>());
  VIRIDIAN_TRY(Leases * leases, system.require<Leases>());
  VIRIDIAN_TRY(obs::Metrics * metrics, system.require<obs::Metrics>());
  Options options;
  options.ttl = std::chrono::milliseconds(system.settings().integer("lease.ttl_ms"));
  options.patience = options.ttl * kPatienceInLeases;
  return std::make_unique<Api>(*engine, *leases, peers_over_http(*leases, system.settings()),
                               *metrics, std::move(options));
}

Api::Api(engine::Api& engine, Leases& leases, MakePeer make_peer, obs::Metrics& metrics,
         Options options)
    : engine_(engine),
      leases_(leases),
      peers_(std::move(make_peer)),
      options_(std::move(options)),
      answered_(metrics.counter(kForwards, kForwardsHelp, {{"outcome", "answered"}})),
      failed_(metrics.counter(kForwards, kForwardsHelp, {{"outcome", "failed"}})),
      repeated_(metrics.counter("viridian_cluster_repeated_total",
                                "Attempts that found the holder of a collection gone or changed")),
      servers_(metrics.gauge("viridian_cluster_servers", "Servers that live, this one included")),
      slots_(metrics.gauge("viridian_cluster_slots", "Slots that this server holds")) {}

void Api::stop() noexcept { peers_.clear(); }

/// Repetitions of one call.
class Api::Attempts {
 public:
  Attempts(const Options& options, const Context& context, obs::Counter& repeated)
      : options_(options), context_(context), repeated_(repeated) {}

  /// Waits before the next attempt; or says with which error it ends. `last`: of the one before.
  Status again(const Error& last) {
    if (const Status wanted = context_.check(); !wanted.ok())
      return wanted.error().with(last.message());
    const auto now = Context::Clock::now();
    if (!until_) until_ = now + options_.patience;
    if (now >= *until_) {
      return Error(Code::unavailable, fmt::format("no server took this call within {} ms: {}",
                                                  options_.patience.count(), last.message()));
    }
    repeated_.inc();
    auto until = std::min(*until_, now + pause_);
    if (context_.deadline()) until = std::min(until, *context_.deadline());
    const auto length = std::chrono::ceil<std::chrono::milliseconds>(until - now);
    if (options_.pause) {
      options_.pause(length);
    } else {
      std::this_thread::sleep_for(length);
    }
    pause_ = std::min(pause_ * 2, kPauseMax);
    return ok_status();
  }

 private:
  static constexpr std::chrono::milliseconds kPauseMax{250};

  const Options& options_;
  const Context& context_;
  obs::Counter& repeated_;
  std::optional<Context::Clock::time_point> until_;  ///< from the first failure on
  std::chrono::milliseconds pause_{10};
};

template <class Here, class There>
auto Api::at_holder(const Context& context, const CollectionId& collection, Repeat repeat,
                    Here&& here, There&& there) -> decltype(here()) {
  if (context.forwarded()) {
    VIRIDIAN_TRY([[maybe_unused]] const uint64_t epoch, leases_.epoch(context, collection));
    return here();
  }
  Attempts attempts(options_, context, repeated_);
  while (true) {
    auto holder = leases_.holder(context, collection);
    if (!holder.ok()) {
      if (holder.error().code() != Code::unavailable) return holder.error();
      VIRIDIAN_TRY_VOID(attempts.again(holder.error()));
      continue;
    }
    if (holder->self) {
      auto answer = here();
      if (answer.ok() || answer.error().code() != Code::aborted) return answer;
      VIRIDIAN_TRY_VOID(attempts.again(answer.error()));
      continue;
    }
    const auto ask = [&]() -> decltype(here()) {
      VIRIDIAN_TRY(const auto peer, peers_.at(*holder));
      return there(*peer, context.as_forwarded());
    };
    auto answer = ask();
    if (answer.ok()) {
      answered_.inc();
      return answer;
    }
    failed_.inc();
    const Code code = answer.error().code();
    if (!worth_repeating(code)) return answer;
    const Error error =
        answer.error().with(fmt::format("server {} at {}", holder->server, holder->url));
    if (code == Code::cancelled && repeat == Repeat::unless_it_happened) {
      return Error(Code::unavailable,
                   fmt::format("it is not known whether this took effect, so look before you try "
                               "it again: {}",
                               error.message()));
    }
    VIRIDIAN_TRY_VOID(attempts.again(error));
  }
}

Status Api::modify_collection(const Context& context, const CollectionRef& ref,
                              const ModifyCollection& request) {
  return at_holder(
      context, ref.id, Repeat::always,
      [&] { return engine_.modify_collection(context, ref, request); },
      [&](viridian::Api& peer, const Context& forwarded) {
        return peer.modify_collection(forwarded, ref, request);
      });
}

Status Api::delete_collection(const Context& context, const DatabasePath& path,
                              const std::string& name) {
  const auto named = engine_.get_collection(context.with_freshness({}), path, name);
  if (!named.ok()) return named.error();
  bool unknown = false;  // whether an attempt went unanswered that may have deleted it
  // By its id: the name may be another collection's by now, which nobody asked to delete, and the
  // collection may have another name.
  const auto is_gone = [&]() -> Result<bool> {
    if (!unknown) return false;
    const auto now =
        engine_.get_collection_by_id(context.with_freshness({}), CollectionRef{path, named->id});
    if (now.ok() && now->name == name) return false;
    if (now.ok()) return engine::collection_missing(name);
    if (now.error().code() == Code::not_found) return true;
    return now.error();
  };
  const auto attempt = [&](viridian::Api& server, const Context& as) -> Status {
    VIRIDIAN_TRY(bool gone, is_gone());
    if (gone) return ok_status();
    Status done = server.delete_collection(as, path, name);
    if (done.ok()) return done;
    const Code code = done.error().code();
    if (code == Code::not_found) {
      VIRIDIAN_TRY(gone, is_gone());
      if (gone) return ok_status();
    }
    unknown = unknown || code == Code::cancelled;
    return done;
  };
  return at_holder(
      context, named->id, Repeat::always, [&] { return attempt(engine_, context); },
      [&](viridian::Api& peer, const Context& forwarded) { return attempt(peer, forwarded); });
}

Result<WriteResult> Api::write(const Context& context, const CollectionRef& ref,
                               RecordBatch batch) {
  const auto shared = std::make_shared<const RecordBatch>(std::move(batch));
  return at_holder(
      context, ref.id, Repeat::always, [&] { return engine_.write(context, ref, shared); },
      [&](viridian::Api& peer, const Context& forwarded) {
        return peer.write(forwarded, ref, RecordBatch(*shared));
      });
}

Result<DeleteResult> Api::delete_records(const Context& context, const CollectionRef& ref,
                                         const DeleteRequest& request) {
  return at_holder(
      context, ref.id, repeatable(request) ? Repeat::always : Repeat::unless_it_happened,
      [&] { return engine_.delete_records(context, ref, request); },
      [&](viridian::Api& peer, const Context& forwarded) {
        return peer.delete_records(forwarded, ref, request);
      });
}

Status Api::flush(const Context& context, const CollectionRef& ref) {
  return at_holder(
      context, ref.id, Repeat::always, [&] { return engine_.flush(context, ref); },
      [&](viridian::Api& peer, const Context& forwarded) { return peer.flush(forwarded, ref); });
}

Status Api::compact(const Context& context, const CollectionRef& ref) {
  return at_holder(
      context, ref.id, Repeat::always, [&] { return engine_.compact(context, ref); },
      [&](viridian::Api& peer, const Context& forwarded) { return peer.compact(forwarded, ref); });
}

Status Api::close_collection(const Context& context, const CollectionRef& ref) {
  if (!context.forwarded()) return engine_.close_collection(context, ref);
  VIRIDIAN_TRY([[maybe_unused]] const uint64_t epoch, leases_.epoch(context, ref.id));
  return engine_.forget(context, ref.id);
}

Status Api::surely_holder(const Context& context, const CollectionId& collection) {
  VIRIDIAN_TRY(const uint64_t epoch, leases_.epoch(context, collection));
  if (leases_.certain(collection, epoch)) return ok_status();
  return leases_.confirm(context, collection, epoch);
}

Status Api::tell_holder(const Context& context, const DatabasePath& path,
                        const CollectionId& collection) {
  return at_holder(
      context, collection, Repeat::always, [&] { return surely_holder(context, collection); },
      [&](viridian::Api& peer, const Context& forwarded) {
        return peer.close_collection(forwarded, {path, collection});
      });
}

Status Api::tell_holders(const Context& context, const DatabasePath& path,
                         std::vector<CollectionId>& gone, std::chrono::milliseconds limit) {
  Status all = ok_status();
  std::set<std::string> silent;  // "": slots that nobody has
  std::vector<CollectionId> untold;
  for (const CollectionId& collection : gone) {
    const auto holder = [&] {
      const auto found = leases_.holder(context, collection);
      return found.ok() ? found->server : std::string();
    };
    if (!silent.contains(holder())) {
      const Context brief = context.no_later_than(Context::Clock::now() + limit);
      const Status told = tell_holder(brief, path, collection);
      if (told.ok()) continue;
      silent.insert(holder());
      if (all.ok()) all = told;
    }
    untold.push_back(collection);
  }
  gone = std::move(untold);
  return all;
}

Status Api::delete_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY(std::vector<CollectionId> gone, engine_.remove_database(context, path));
  // A holder that is certain of its slot answers from what it knows of its collections. First those
  // who listen are told, whatever becomes of the others; then there is time to replace one that is
  // lost.
  Status told = tell_holders(context, path, gone, options_.ttl / 5);
  if (!told.ok()) told = tell_holders(context, path, gone, options_.ttl * 2);
  if (told.ok()) return told;
  return Error(Code::unavailable,
               fmt::format("the database is deleted, but not every server knows yet: {}",
                           told.error().message()));
}

Status Api::reset(const Context& context) {
  VIRIDIAN_TRY_VOID(engine_.reset(context));
  if (context.forwarded()) return ok_status();
  for (const ServerInfo& server : leases_.servers()) {
    if (!server.self) VIRIDIAN_TRY_VOID(reset_at(context, server));
  }
  return ok_status();
}

Status Api::reset_at(const Context& context, const ServerInfo& server) {
  const auto ask = [&]() -> Status {
    VIRIDIAN_TRY(const auto peer, peers_.at({server.id, server.url}));
    return peer->reset(context.as_forwarded());
  };
  Attempts attempts(options_, context, repeated_);
  while (true) {
    Status done = ask();
    if (done.ok() || !worth_repeating(done.error().code())) return done;
    const std::vector<ServerInfo> live = leases_.servers();
    const bool gone = std::none_of(live.begin(), live.end(),
                                   [&](const ServerInfo& other) { return other.id == server.id; });
    if (gone) return ok_status();  // with all that it knew
    VIRIDIAN_TRY_VOID(attempts.again(done.error()));
  }
}

Result<std::vector<ServerInfo>> Api::servers(const Context&) {
  std::vector<ServerInfo> list = leases_.servers();
  servers_.set(static_cast<double>(list.size()));
  for (const ServerInfo& server : list) {
    if (server.self) slots_.set(server.slots);
  }
  return list;
}

std::vector<HealthFinding> Api::health(const Context& context) {
  const auto list = servers(context);
  const auto self = std::find_if(list->begin(), list->end(),
                                 [](const ServerInfo& server) { return server.self; });
  if (self != list->end() && self->heard_ago <= options_.ttl) return {};
  return {
      {"leases: this server has not been able to say for longer than lease.ttl_ms that it "
       "lives, so others take its collections over",
       false}};
}

}  // namespace viridian::cluster
