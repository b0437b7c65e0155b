#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "viridian/model/collection.h"
#include "viridian/model/columns.h"
#include "viridian/model/facets.h"
#include "viridian/model/plan.h"
#include "viridian/model/record_batch.h"
#include "viridian/model/sorting.h"
#include "viridian/model/where.h"

namespace viridian {

inline constexpr const char* kDefaultTenant = "default_tenant";
inline constexpr const char* kDefaultDatabase = "default_database";

/// A database by its path.
struct DatabasePath {
  std::string tenant = kDefaultTenant;
  std::string database = kDefaultDatabase;
};

/// A collection by id, and the path under which the caller believes it to be: a wrong path is
/// not_found, so that one tenant cannot reach another's collections by id.
struct CollectionRef {
  DatabasePath path;
  CollectionId id;
};

/// A part of a listing. No limit: all.
struct Page {
  std::optional<uint32_t> limit;
  uint32_t offset = 0;
};

struct CreateCollection {
  std::string name;
  std::optional<Metadata> metadata;
  std::optional<ConfigurationRequest> configuration;
  std::optional<Schema> schema;  ///< may be partial
  bool get_or_create = false;
};

/// What is unset stays. metadata replaces the whole map; its nulls are dropped.
struct ModifyCollection {
  std::optional<std::string> name;
  std::optional<Metadata> metadata;
  std::optional<ConfigurationRequest> configuration;
};

enum class Include : uint8_t { documents, metadatas, embeddings, uris, distances };

/// Which records a get, query or delete is about: all of these at once. Unset: no restriction;
/// an empty id list selects nothing.
struct Selection {
  std::optional<StringColumn> ids;
  std::optional<Where> where;           ///< from `where`
  std::optional<Where> where_document;  ///< from `where_document`
};

enum class ReadLevel : uint8_t { index_and_wal, index_only, index_and_bounded_wal };

struct GetRequest {
  static constexpr size_t kMostSortKeys = 8;
  static constexpr uint64_t kMostSorted = 100'000;  ///< offset and limit together, by order_by
  Selection selection;
  std::optional<uint32_t> limit;
  uint32_t offset = 0;
  std::vector<Include> include = {Include::documents, Include::metadatas};
  std::vector<SortKey> order_by;  ///< none: natural order
  /// Empty: from the beginning; else a GetResult's, and what follows. Unset: the answer has none.
  std::optional<std::string> cursor;
};

/// The values of some metadata keys.
struct FacetsRequest {
  static constexpr size_t kMostKeys = 64;
  static constexpr uint32_t kMostValues = 10'000;  ///< per key
  Selection selection;
  std::vector<std::string> keys;
  uint32_t limit = 10;  ///< values per key
};

struct ExtentsRequest {
  Selection selection;
  std::vector<std::string> keys;  ///< as FacetsRequest's
};

struct QueryRequest {
  Matrix vectors;          ///< one row per query
  uint32_t n_queries = 0;  ///< rows of `vectors`
  uint32_t n_results = 10;
  /// The share of the nearest that is to be found, on average: above 0; 1: all of them. Unset: what
  /// the server's setting says.
  std::optional<double> recall_target;
  Selection selection;
  std::vector<Include> include = {Include::documents, Include::metadatas, Include::distances};
};

/// How is a query, or a get, answered? And why is a record among the results of a query, or why
/// not?
struct ExplainRequest {
  QueryRequest query;                  ///< of one vector
  std::optional<std::string> id;       ///< unset: no record is asked about
  std::optional<GetRequest> get = {};  ///< set: explained in place of the query, without id
};

struct DeleteRequest {
  Selection selection;
  std::optional<uint32_t> limit;
};

/// Records by column, as reads give them. Only the included columns are filled, one entry per id.
struct RecordColumns {
  StringColumn ids;
  Matrix embeddings;
  NullableStringColumn documents;
  NullableStringColumn uris;
  std::vector<std::optional<Metadata>> metadatas;
  friend bool operator==(const RecordColumns&, const RecordColumns&) = default;
};

struct GetResult {
  RecordColumns records;
  std::vector<Include> include;  ///< as requested
  /// Where the request has a cursor: one for what follows; empty: nothing does. Records that stay
  /// as they are come exactly once from one cursor to the next, whatever is written meanwhile.
  std::optional<std::string> next_cursor;
};

/// Per key, as requested.
struct FacetsResult {
  std::vector<std::pair<std::string, Facet>> facets;
};
struct ExtentsResult {
  std::vector<std::pair<std::string, Extent>> extents;
};

/// Hits per query, nearest first.
struct QueryResult {
  std::vector<RecordColumns> records;
  std::vector<std::vector<float>> distances;  ///< filled when included
  std::vector<Include> include;
};

/// How a search comes upon the records of one part of a collection.
struct Searched {
  enum class How : uint8_t {
    read,     ///< each one's vector is compared with the query
    walked,   ///< those to which a walk through the index's graph comes
    scanned,  ///< each one's code is compared with the query, then the vectors of the best
  };
  How how = How::read;
  uint64_t breadth = 0;  ///< of the walk
  friend bool operator==(const Searched&, const Searched&) = default;
};

struct Explanation {
  enum class Outcome : uint8_t {
    returned,
    no_such_record,
    filtered_out,
    outranked,    ///< all results are nearer
    not_reached,  ///< a result is farther, but the search did not come upon the record
  };
  std::optional<Outcome> outcome;  ///< unset: no record was asked about
  /// returned: its place among the results, from 1 on; not_reached: that in an exact search.
  std::optional<uint64_t> rank;
  std::optional<float> distance;       ///< of the record, exact; unset where there is none
  uint64_t results = 0;                ///< how many there are; 0 also for no_such_record
  std::optional<float> last_distance;  ///< of the last of them; unset in a get
  /// How the part was searched that the record lies in; unset where it was not asked for.
  std::optional<Searched> searched;
  /// The steps that the query or get took, in their order, the last of which fetched what it found.
  std::vector<PlanStep> plan = {};
  friend bool operator==(const Explanation&, const Explanation&) = default;
};

struct WriteResult {
  SeqId last = 0;  ///< number of the batch's last record; 0 where nothing was written
};

struct DeleteResult {
  uint64_t deleted = 0;  ///< records that were there and are gone
  SeqId last = 0;        ///< number of the last removal; of the state in which nothing was found
};

struct SnapshotInfo {
  std::string name;
  int64_t created_at = 0;  ///< seconds since 1970
  uint64_t collections = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;      ///< of all it needs
  uint64_t new_bytes = 0;  ///< of these, what no snapshot before it had
  friend bool operator==(const SnapshotInfo&, const SnapshotInfo&) = default;
};

/// What to restore, and under which name.
struct RestoreRequest {
  std::string snapshot;
  /// One collection by its path and name in the snapshot; unset: all of them.
  std::optional<DatabasePath> path;
  std::optional<std::string> collection;
  /// Where the restored collections go; unset: where they were.
  std::optional<DatabasePath> to;
  std::optional<std::string> new_name;  ///< only for one collection
};

/// A server, as another one of those that share the data knows it.
struct ServerInfo {
  std::string id;
  std::string url;     ///< where the others reach it
  bool self = false;   ///< the one that answers
  uint32_t slots = 0;  ///< how many of the kSlots parts of all collections it writes
  std::chrono::milliseconds heard_ago{0};  ///< since it last showed that it lives
  friend bool operator==(const ServerInfo&, const ServerInfo&) = default;
};

struct Identity {
  std::string user_id;
  std::string tenant;
  std::vector<std::string> databases;
};

struct PreFlight {
  uint32_t max_batch_size = 0;  ///< what clients are told to keep to; larger batches work too
  bool supports_base64_encoding = true;
};

}  // namespace viridian
