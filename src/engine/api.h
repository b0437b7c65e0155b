#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/gates.h"
#include "engine/parts.h"
#include "engine/snapshots.h"
#include "viridian/spi/api.h"
#include "viridian/spi/component.h"

namespace viridian::engine {

/// The engine: answers every request in this process, from a SysDb, a log and segments.
///
/// Writes are validated, appended to the log and then answered: what is in the log always applies.
/// Reads take a view that is as fresh as their context wants it (Context::freshness). Nothing is
/// kept per collection except while a call is at it (see Gates).
///
/// Other processes may work on the same data. What decides by what is stored and then changes it is
/// refused where that is no longer what it was, and is decided anew.
class Api final : public Component, public viridian::Api {
 public:
  /// For who needs this class itself, and not whatever answers clients.
  static constexpr std::string_view kSetting = "engine";
  static Result<std::unique_ptr<Api>> create(System& system);

  using Parts = engine::Parts;
  struct Options {
    bool allow_reset = false;
    uint32_t max_batch_size = 0;  ///< told to clients, not enforced
    unsigned cpus = 1;            ///< default of a new collection's num_threads
    bool read_only = false;       ///< refuse whatever would change something
    os::Files* files = nullptr;   ///< for snapshots; null: there are none
    std::string snapshots_path = {};
    bool in_memory = false;  ///< nothing outlives the process
    /// For reads that do not say what they want.
    Context::Freshness freshness = {};
    /// The same for queries: the share of the nearest that they find.
    double recall = 0.99;
  };
  Api(const Parts& parts, const Options& options);

  /// Frees what a crash left of dropped collections. Its parts must run.
  Status start(const Context&) override;

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

  Status flush(const Context&, const CollectionRef&) override;
  Status compact(const Context&, const CollectionRef&) override;
  Status close_collection(const Context&, const CollectionRef&) override;

  Result<SnapshotInfo> create_snapshot(const Context&, const std::string& name) override;
  Result<std::vector<SnapshotInfo>> list_snapshots(const Context&) override;
  Result<SnapshotInfo> verify_snapshot(const Context&, const std::string& name) override;
  Result<std::vector<Collection>> restore_snapshot(const Context&, const RestoreRequest&) override;
  Status delete_snapshot(const Context&, const std::string& name) override;

  /// As the other write(), without a copy for who may have to try again.
  Result<WriteResult> write(const Context&, const CollectionRef&, const SharedBatch& batch);
  /// As delete_database(); returns the collections that went with it.
  Result<std::vector<CollectionId>> remove_database(const Context&, const DatabasePath&);
  /// Gives back what this process has of a collection that another one has deleted.
  ///   failed_precondition  it is there
  Status forget(const Context&, const CollectionId&);

 private:
  /// A collection as a read finds it.
  struct Pinned {
    Collection collection;
    std::shared_ptr<const ReadView> view;
  };

  /// Records that a selection names.
  struct Selected {
    std::shared_ptr<const ReadView> view;
    std::optional<OffsetSet> records;  ///< unset: every live record
    const OffsetSet* allowed() const { return records ? &*records : nullptr; }
  };

  /// A query as the segments are asked it.
  struct Search {
    std::shared_ptr<const ReadView> view;
    std::unique_ptr<const OffsetSet> allowed;  ///< null: every live record
    VectorQuery query;                         ///< k is 0 where nothing can be found
    /// Set: of what is allowed only what satisfies it may be found.
    std::optional<Where> condition;
  };
  using Hits = std::vector<std::vector<Neighbour>>;  ///< per vector of a query
  /// Whether a search may be for records that a filter is yet to be asked of.
  enum class Filtering : uint8_t { complete, as_needed };

  /// The context of a read: with what the settings want where the caller did not say.
  Context reading(const Context&) const;
  /// permission_denied where nothing may be changed.
  Status writable() const;
  Result<Snapshots*> snapshots() const;
  /// The collection, if it lies where the caller believes. The message is that of the record
  /// routes: with a full stop. Only what is known to be so now is not found.
  Result<Collection> find(const Context&, const CollectionRef&);
  Result<Collection> store(const Context&, const DatabasePath&, const CreateCollection&,
                           const Schema&);
  /// Gives back what collections that the SysDb has forgotten had on disk.
  void discard(const std::vector<CollectionId>& collections);
  /// The same for one; the caller has the gate for a drop.
  void discard_alone(const CollectionId&);
  /// Appends a validated batch; the caller has the gate. `decided_at`: the number up to which the
  /// log was looked at to decide on it, for a batch that depends on that.
  Result<SeqId> append(const Context&, const CollectionId&, SharedBatch batch,
                       std::optional<SeqId> decided_at = {});
  /// Writes a batch that changes the collection's row: its dimension or its schema. The caller has
  /// the gate for an alter.
  ///   aborted  the row or the log changed meanwhile: nothing was written
  Result<WriteResult> write_altering(const Context&, const CollectionRef&,
                                     const SharedBatch& batch);
  /// One attempt each; the caller has the gate for an alter. aborted as above.
  Status modify_once(const Context&, const CollectionRef&, const ModifyCollection&);
  Result<DeleteResult> delete_once(const Context&, const CollectionRef&, const DeleteRequest&);
  Result<DeleteResult> nothing_to_delete(const Context&, const CollectionId&, SeqId applied);
  /// Which rows of the batch have an effect: an add skips ids that exist, an update those that do
  /// not. The caller has the gate for an alter, and keeps the batch meanwhile.
  Result<std::function<bool(uint32_t)>> applying_rows(const Context&, const Collection&,
                                                      const RecordBatch&);
  Result<bool> never_written(const Context&, const CollectionId&);
  Result<Pinned> open(const Context&, const CollectionRef&, ReadLevel);
  Result<Selected> open_selected(const Context&, const CollectionRef&, const Selection&);
  /// The request must outlive the search.
  Result<Search> prepare(const Context&, const CollectionRef&, const QueryRequest&, Filtering);
  /// Empty where nothing can be found. What a search that has a condition is for may be found out.
  static Result<Hits> find_hits(const Context&, Search&);
  static Result<QueryResult> fetch_hits(const Context&, const Search&, const QueryRequest&,
                                        const Hits&);
  /// What became of the request's record, for a query that was answered so.
  static Status explain_record(const Context&, const ExplainRequest&, const Search& asked,
                               const std::vector<Neighbour>& results, Explanation&);
  Result<Explanation> explain_get(const Context&, const CollectionRef&, const ExplainRequest&);
  Result<std::shared_ptr<const ReadView>> pin_durable(const Context&, const CollectionId&);

  const Parts parts_;
  const Options options_;
  Gates gates_;
  /// Whatever changes the SysDb or a log is a write here, and what must see all collections as they
  /// are at one moment is an alter. Entered after the collection's own gate, and for one step only:
  /// never twice by one call at a time.
  Gate changes_;
  std::unique_ptr<Snapshots> snapshots_;  ///< null: not offered
};

}  // namespace viridian::engine
