#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cluster/peers.h"
#include "engine/api.h"
#include "obs/metrics.h"
#include "viridian/spi/api.h"
#include "viridian/spi/component.h"
#include "viridian/spi/health.h"
#include "viridian/spi/leases.h"

namespace viridian::cluster {

/// One of several servers that share their data. What changes a collection, or decides by what is
/// in it, is done by the server that holds the collection's slot: here, or by a call to that one,
/// which answers itself (Context::forwarded) or says that it is not the holder. Everything else is
/// answered here.
///
/// A call that finds no holder, the wrong one, or one that is gone, is tried again until the
/// context's deadline, or for Options::patience, since somebody takes over within the time to live
/// of a lease. What such a server did before it was lost may have happened: a write may then be
/// applied twice. A server that is given up hears so, as its connection is closed, and begins
/// nothing more; one that is cut off may still apply the write after the second time, and after
/// newer ones, while the time lasts that the call was sent with. What comes to something else the
/// second time, such as a deletion with a limit, is not tried again: unavailable.
class Api final : public Component, public viridian::Api, public HealthSource {
 public:
  static Result<std::unique_ptr<Api>> create(System& system);

  struct Options {
    /// The longest that a call without a sooner deadline goes on after its first failure.
    std::chrono::milliseconds patience{30'000};
    /// How long a server may go without being heard of.
    std::chrono::milliseconds ttl{10'000};
    /// Waits between two attempts; for tests.
    std::function<void(std::chrono::milliseconds)> pause = {};
  };
  /// All outlive it.
  Api(engine::Api& engine, Leases& leases, MakePeer make_peer, obs::Metrics& metrics,
      Options options);

  void stop() noexcept override;

  Result<int64_t> heartbeat(const Context&) override;
  Result<std::string> version(const Context&) override;
  Result<PreFlight> pre_flight(const Context&) override;
  Result<Identity> identity(const Context&) override;
  Status reset(const Context&) override;

  Status create_tenant(const Context&, const std::string& name) override;
  Result<Tenant> get_tenant(const Context&, const std::string& name) override;
  Status update_tenant(const Context&, const std::string& name,
                       const std::string& resource_name) override;

  Status create_database(const Context&, const DatabasePath&) override;
  Result<Database> get_database(const Context&, const DatabasePath&) override;
  Result<std::vector<Database>> list_databases(const Context&, const std::string& tenant,
                                               const Page&) override;
  /// When this is ok, the holders of its collections have heard of it. After an error that says so
  /// (unavailable), some have not, and find out by themselves.
  Status delete_database(const Context&, const DatabasePath&) override;

  Result<Collection> create_collection(const Context&, const DatabasePath&,
                                       const CreateCollection&) override;
  Result<Collection> get_collection(const Context&, const DatabasePath&,
                                    const std::string& name) override;
  Result<Collection> get_collection_by_id(const Context&, const CollectionRef&) override;
  Result<std::vector<Collection>> list_collections(const Context&, const DatabasePath&,
                                                   const Page&) override;
  Result<uint64_t> count_collections(const Context&, const DatabasePath&) override;
  Status modify_collection(const Context&, const CollectionRef&, const ModifyCollection&) override;
  Status delete_collection(const Context&, const DatabasePath&, const std::string& name) override;

  Result<WriteResult> write(const Context&, const CollectionRef&, RecordBatch batch) override;
  Result<DeleteResult> delete_records(const Context&, const CollectionRef&,
                                      const DeleteRequest&) override;
  Result<uint64_t> count(const Context&, const CollectionRef&, ReadLevel) override;
  Result<uint64_t> count_selected(const Context&, const CollectionRef&, const Selection&) override;
  Result<GetResult> get(const Context&, const CollectionRef&, const GetRequest&) override;
  Result<QueryResult> query(const Context&, const CollectionRef&, const QueryRequest&) override;
  Result<FacetsResult> facets(const Context&, const CollectionRef&, const FacetsRequest&) override;
  Result<ExtentsResult> extents(const Context&, const CollectionRef&,
                                const ExtentsRequest&) override;
  Result<Explanation> explain(const Context&, const CollectionRef&, const ExplainRequest&) override;

  Status flush(const Context&, const CollectionRef&) override;
  Status compact(const Context&, const CollectionRef&) override;
  /// Of this server's memory. Sent on by another server: that one has deleted the collection.
  Status close_collection(const Context&, const CollectionRef&) override;

  Result<SnapshotInfo> create_snapshot(const Context&, const std::string& name) override;
  Result<std::vector<SnapshotInfo>> list_snapshots(const Context&) override;
  Result<SnapshotInfo> verify_snapshot(const Context&, const std::string& name) override;
  Result<std::vector<Collection>> restore_snapshot(const Context&, const RestoreRequest&) override;
  Status delete_snapshot(const Context&, const std::string& name) override;

  Result<std::vector<ServerInfo>> servers(const Context&) override;
  std::vector<HealthFinding> health(const Context&) override;

 private:
  class Attempts;

  /// What is done where the server that was asked gave no answer.
  enum class Repeat : uint8_t { always, unless_it_happened };

  /// The outcome of here(), or of there(peer, context) at the server that has the collection's
  /// slot.
  template <class Here, class There>
  auto at_holder(const Context&, const CollectionId&, Repeat repeat, Here&& here, There&& there)
      -> decltype(here());
  /// Ok: this process has the slot, and nobody took it before the call.
  Status surely_holder(const Context&, const CollectionId&);
  Status tell_holder(const Context&, const DatabasePath&, const CollectionId&);
  /// Tells the holders of `gone`, each within `limit`; none again that could not be told. Leaves in
  /// `gone` what whose holders have not heard of; the error says why of the first of them.
  Status tell_holders(const Context&, const DatabasePath&, std::vector<CollectionId>& gone,
                      std::chrono::milliseconds limit);
  Status reset_at(const Context&, const ServerInfo&);

  engine::Api& engine_;
  Leases& leases_;
  Peers peers_;
  const Options options_;
  obs::Counter& answered_;
  obs::Counter& failed_;
  obs::Counter& repeated_;
  obs::Gauge& servers_;
  obs::Gauge& slots_;
};

}  // namespace viridian::cluster
