#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/model/requests.h"

namespace viridian {

/// Everything a client can ask: the one interface of the engine in process and of a server over
/// HTTP. Thread-safe. Each call validates all of its request before it has any effect.
/// Codes every call may return: invalid_argument, unprocessable, resource_exhausted, unavailable,
/// deadline_exceeded, data_loss, internal; others are named.
class Api {
 public:
  static constexpr std::string_view kSetting = "api";
  virtual ~Api() = default;

  virtual Result<int64_t> heartbeat(const Context&) = 0;  ///< nanoseconds since 1970
  virtual Result<std::string> version(const Context&) = 0;
  virtual Result<PreFlight> pre_flight(const Context&) = 0;
  virtual Result<Identity> identity(const Context&) = 0;
  /// permission_denied unless the setting allow_reset is on.
  virtual Status reset(const Context&) = 0;

  virtual Status create_tenant(const Context&, const std::string& name) = 0;
  virtual Result<Tenant> get_tenant(const Context&, const std::string& name) = 0;
  virtual Status update_tenant(const Context&, const std::string& name,
                               const std::string& resource_name) = 0;

  virtual Status create_database(const Context&, const DatabasePath&) = 0;
  virtual Result<Database> get_database(const Context&, const DatabasePath&) = 0;
  virtual Result<std::vector<Database>> list_databases(const Context&, const std::string& tenant,
                                                       const Page&) = 0;
  virtual Status delete_database(const Context&, const DatabasePath&) = 0;

  virtual Result<Collection> create_collection(const Context&, const DatabasePath&,
                                               const CreateCollection&) = 0;
  virtual Result<Collection> get_collection(const Context&, const DatabasePath&,
                                            const std::string& name) = 0;
  virtual Result<Collection> get_collection_by_id(const Context&, const CollectionRef&) = 0;
  virtual Result<std::vector<Collection>> list_collections(const Context&, const DatabasePath&,
                                                           const Page&) = 0;
  virtual Result<uint64_t> count_collections(const Context&, const DatabasePath&) = 0;
  virtual Status modify_collection(const Context&, const CollectionRef&,
                                   const ModifyCollection&) = 0;
  virtual Status delete_collection(const Context&, const DatabasePath&,
                                   const std::string& name) = 0;

  /// Adds, updates or upserts, by batch.operation (remove is refused: see delete_records).
  /// Durable on return.
  virtual Result<WriteResult> write(const Context&, const CollectionRef&, RecordBatch batch) = 0;
  virtual Result<DeleteResult> delete_records(const Context&, const CollectionRef&,
                                              const DeleteRequest&) = 0;
  virtual Result<uint64_t> count(const Context&, const CollectionRef&, ReadLevel) = 0;
  /// How many records the selection names.
  virtual Result<uint64_t> count_selected(const Context&, const CollectionRef&,
                                          const Selection&) = 0;
  virtual Result<GetResult> get(const Context&, const CollectionRef&, const GetRequest&) = 0;
  virtual Result<QueryResult> query(const Context&, const CollectionRef&, const QueryRequest&) = 0;
  /// Which values the selected records have of metadata keys, and how often.
  virtual Result<FacetsResult> facets(const Context&, const CollectionRef&,
                                      const FacetsRequest&) = 0;
  /// Between which values those of the selected records lie.
  virtual Result<ExtentsResult> extents(const Context&, const CollectionRef&,
                                        const ExtentsRequest&) = 0;
  /// Asks the query, and why one record is among its results or not.
  virtual Result<Explanation> explain(const Context&, const CollectionRef&,
                                      const ExplainRequest&) = 0;

  /// Returns once everything acknowledged before the call is in files and out of the log. Nothing
  /// needs it: what is acknowledged is safe in the log.
  virtual Status flush(const Context&, const CollectionRef&) = 0;
  /// As flush(), then until nothing deleted or replaced is left in any file.
  virtual Status compact(const Context&, const CollectionRef&) = 0;
  /// Gives back the collection's memory and open files; the next call opens it again.
  virtual Status close_collection(const Context&, const CollectionRef&) = 0;

  /// Keeps the state that all collections have at one moment, between the call and the answer,
  /// while reads and writes go on. Every write acknowledged before the call is in it, and with a
  /// write every write that was acknowledged before that one was sent.
  ///   already_exists  there is a snapshot of that name
  virtual Result<SnapshotInfo> create_snapshot(const Context&, const std::string& name) = 0;
  /// By name, ascending.
  virtual Result<std::vector<SnapshotInfo>> list_snapshots(const Context&) = 0;
  /// Reads every byte of it.
  ///   not_found  no such snapshot
  ///   data_loss  something is missing or damaged; the message says what
  virtual Result<SnapshotInfo> verify_snapshot(const Context&, const std::string& name) = 0;
  /// Makes collections of what a snapshot holds, beside those there are.
  ///   already_exists  a collection of that name is there; nothing was restored
  virtual Result<std::vector<Collection>> restore_snapshot(const Context&,
                                                           const RestoreRequest&) = 0;
  virtual Status delete_snapshot(const Context&, const std::string& name) = 0;

  /// The servers that share the data and live, by id.
  ///   unimplemented  the data is that of one process
  virtual Result<std::vector<ServerInfo>> servers(const Context&) {
    return Error(Code::unimplemented, "This database is not shared by several servers");
  }
};

}  // namespace viridian
