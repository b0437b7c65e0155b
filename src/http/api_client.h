#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/client_connection.h"
#include "http/client_options.h"
#include "viridian/spi/api.h"
#include "viridian/spi/component.h"

namespace viridian::http {

/// The Api of a server elsewhere. Blocking; as many calls at once as there are callers, each on a
/// connection of its own from a pool, with TLS where the address is https. A call ends with its
/// context or after client.timeout_ms, whichever is sooner. How fresh its answer has to be, and
/// whether it was sent on already, travel with a call. Its errors have the codes that the server's
/// Api gave; unavailable also says that the server could not be reached: a write may then have
/// happened, or not. For a peer these are told apart: aborted says that the call did not happen,
/// cancelled that no answer came.
class ApiClient final : public Component, public Api {
 public:
  /// One of several servers, which has an id.
  struct Peer {
    std::string id;
    /// See Patience: one hears in another way when it is gone.
    std::function<bool()> worthwhile;
  };

  static Result<std::unique_ptr<ApiClient>> create(System& system);
  ApiClient(ServerUrl server, ClientOptions options, std::optional<Peer> peer = {});

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

  // These take as long as they take: client.timeout_ms is not for them.
  Status flush(const Context&, const CollectionRef&) override;
  Status compact(const Context&, const CollectionRef&) override;
  Status close_collection(const Context&, const CollectionRef&) override;
  Result<SnapshotInfo> create_snapshot(const Context&, const std::string& name) override;
  Result<std::vector<SnapshotInfo>> list_snapshots(const Context&) override;
  Result<SnapshotInfo> verify_snapshot(const Context&, const std::string& name) override;
  Result<std::vector<Collection>> restore_snapshot(const Context&, const RestoreRequest&) override;
  Status delete_snapshot(const Context&, const std::string& name) override;
  Result<std::vector<ServerInfo>> servers(const Context&) override;

 private:
  /// One request and its answer; an answer that says failure comes back as an error.
  Result<Response> call(const Context&, std::string_view method, const std::string& path,
                        const std::string& body = {});
  /// `sent`: set when the server may have got some of the request.
  Result<Response> attempt(std::string_view method, const std::string& head,
                           const std::string& body, const Patience& patience, bool& sent);
  /// The error as a peer's; see above.
  Error unanswered(const Error& error, bool sent) const;
  /// Whether the answer is the wanted server's, and not that of another one or of something else.
  Status check_sender(const Response& response) const;
  /// The number that a write answered; 0 where a server does not number its writes.
  Result<SeqId> number_of(const Response& response) const;
  std::unique_ptr<ClientConnection> take_idle();
  void put_idle(std::unique_ptr<ClientConnection> connection);

  const ServerUrl server_;
  const ClientOptions options_;
  const std::string fixed_;  ///< header lines of every request
  const std::optional<Peer> peer_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<ClientConnection>> idle_;  // guarded by mutex_
};

}  // namespace viridian::http
