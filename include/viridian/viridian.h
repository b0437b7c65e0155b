#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "viridian/base/result.h"
#include "viridian/model/requests.h"
#include "viridian/spi/api.h"
#include "viridian/spi/component.h"
#include "viridian/spi/segments.h"

/// The embedded library: a database in this process, or a client of a server, with one interface.
///
///     VIRIDIAN_TRY(viridian::Client client, viridian::Client::open("my-data"));
///     VIRIDIAN_TRY(auto books, client.get_or_create_collection("books", {.space =
///     Space::cosine})); viridian::Records records; records.add({.id = "moby", .vector = {0.1F,
///     0.9F}, .document = "Call me Ishmael.",
///                  .metadata = {{"year", 1851}}});
///     VIRIDIAN_TRY_VOID(books.add(records));
///     VIRIDIAN_TRY(viridian::Rows hits, books.query(std::vector{0.1F, 0.8F},
///                                         {.n_results = 3, .where = R"({"year":{"$lt":1900}})"}));
///     for (const viridian::Row hit : hits) use(hit.id, *hit.distance);
///
/// Every call returns a Result or a Status: a value, or an Error with a code and a sentence.
namespace viridian {

/// One record to write. What is not set is not written: in an update or upsert it keeps its value,
/// and a null metadata value (std::monostate) removes its key.
struct Record {
  std::string id = {};
  std::vector<float> vector = {};
  std::optional<std::string> document = {};
  std::optional<std::string> uri = {};
  Metadata metadata = {};
};

/// Records to write in one call: all of them or none. Not thread-safe.
class Records {
 public:
  Records& add(const Record& record);
  /// Without copying the parts together first: for many rows.
  Records& add(std::string_view id, std::span<const float> vector,
               std::optional<std::string_view> document = std::nullopt,
               const Metadata& metadata = {}, std::optional<std::string_view> uri = std::nullopt);

  size_t size() const noexcept { return batch_.rows(); }
  bool empty() const noexcept { return size() == 0; }
  /// Bytes held, roughly.
  size_t size_bytes() const noexcept { return batch_.size_bytes(); }
  /// The rows by column, as Api::write takes them.
  ///   invalid_argument  vectors of different lengths; the message names the first such record
  Result<RecordBatch> batch(Operation operation) const;

 private:
  void add_vector(std::string_view id, std::span<const float> vector);

  RecordBatch batch_;
  MetadataColumnsBuilder metadata_;
  std::optional<Error> error_;
};

/// A filter: a tree, or JSON text in the language of Chroma's `where` and `where_document`, such
/// as R"({"$and": [{"year": {"$gte": 2000}}, {"tags": {"$contains": "sea"}}]})".
class Condition {
 public:
  Condition(Where where) : value_(std::move(where)) {}
  Condition(std::string json) : value_(std::move(json)) {}
  Condition(const char* json) : value_(std::string(json)) {}

  /// The tree. invalid_argument: the text is no filter; the message says what is wrong.
  Result<Where> where() const;
  Result<Where> where_document() const;

 private:
  std::variant<Where, std::string> value_;
};

/// Which records: all that satisfy every part that is set.
struct Filter {
  std::optional<std::vector<std::string>> ids = {};
  std::optional<Condition> where = {};           ///< on metadata
  std::optional<Condition> where_document = {};  ///< on documents
};

/// Parameters of a get.
struct GetOptions {
  std::optional<std::vector<std::string>> ids = {};
  std::optional<Condition> where = {};
  std::optional<Condition> where_document = {};
  std::optional<uint32_t> limit = {};  ///< unset: all
  uint32_t offset = 0;
  std::vector<Include> include = {Include::documents, Include::metadatas};
  std::vector<SortKey> order_by = {};  ///< none: in the order of their insertion
};

/// Parameters of a query.
struct QueryOptions {
  uint32_t n_results = 10;
  /// The share of the nearest that is to be found, on average; 1: all. Unset: the setting
  /// vectors.recall of whoever answers.
  std::optional<double> recall = {};
  std::optional<std::vector<std::string>> ids = {};
  std::optional<Condition> where = {};
  std::optional<Condition> where_document = {};
  std::vector<Include> include = {Include::documents, Include::metadatas, Include::distances};
};

/// One record of a result; valid as long as the Rows it comes from.
struct Row {
  std::string_view id;
  std::span<const float> vector;             ///< empty unless included
  std::optional<std::string_view> document;  ///< unset where absent or not included
  std::optional<std::string_view> uri;       ///< unset where absent or not included
  const Metadata* metadata = nullptr;        ///< null where absent or not included
  std::optional<float> distance;             ///< set by queries that include distances
};

/// Records as reads give them, in order.
class Rows {
 public:
  Rows() = default;
  explicit Rows(RecordColumns columns, std::vector<float> distances = {})
      : columns_(std::move(columns)), distances_(std::move(distances)) {}

  size_t size() const noexcept { return columns_.ids.size(); }
  bool empty() const noexcept { return size() == 0; }
  Row operator[](size_t i) const;
  const RecordColumns& columns() const noexcept { return columns_; }

  class Iterator {
   public:
    Iterator(const Rows* rows, size_t i) : rows_(rows), i_(i) {}
    Row operator*() const { return (*rows_)[i_]; }
    Iterator& operator++() {
      ++i_;
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Rows* rows_;
    size_t i_;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  RecordColumns columns_;
  std::vector<float> distances_;
};

/// How to open.
struct Options {
  /// Any keys of the settings table, such as {"executor.threads", "4"}.
  std::map<std::string, std::string> settings = {};
  /// Where collections are made and looked for.
  DatabasePath database = {};
  /// The longest a call may take; zero: as long as it takes.
  std::chrono::milliseconds timeout{0};
  /// Adds classes of your own to the built-in ones, to be named in `settings`.
  std::function<void(Registry&)> extend = {};
};

/// How to make a collection. The length of its vectors is set by the first one.
struct CollectionOptions {
  std::optional<Space> space = {};  ///< unset: l2
  std::optional<Metadata> metadata = {};
};

namespace detail {
class Session;
}

/// One collection of an open client. Cheap to copy; thread-safe; keeps what it needs of the client
/// open, so it may outlive it.
class CollectionHandle {
 public:
  CollectionHandle(std::shared_ptr<detail::Session> session, DatabasePath path,
                   viridian::Collection collection);

  /// As it was when this handle was made; the dimension may have been set since.
  const viridian::Collection& info() const noexcept { return collection_; }
  const std::string& name() const noexcept { return collection_.name; }

  /// Writes; durable on return, and seen by every read that starts afterwards.
  ///   invalid_argument  a record is not allowed: none is written
  ///   not_found         the collection is gone
  /// add: records whose id exists stay as they are.
  Status add(const Records& records) const { return write(records, Operation::add); }
  /// update: ids that do not exist are passed over.
  Status update(const Records& records) const { return write(records, Operation::update); }
  Status upsert(const Records& records) const { return write(records, Operation::upsert); }
  Status write(const Records& records, Operation operation) const;
  /// Deletes; returns how many records there were. The filter must say something:
  /// invalid_argument where no part of it is set.
  Result<uint64_t> remove(const Filter& filter) const;

  /// Records in the order of their insertion, or as asked for.
  Result<Rows> get(const GetOptions& options = {}) const;
  /// The first records.
  Result<Rows> peek(uint32_t limit = 10) const;
  /// The nearest records, nearest first.
  ///   invalid_argument  the vector's length is not the collection's
  Result<Rows> query(std::span<const float> vector, const QueryOptions& options = {}) const;
  /// The same for many vectors at once; one Rows per vector.
  Result<std::vector<Rows>> query(const std::vector<std::vector<float>>& vectors,
                                  const QueryOptions& options = {}) const;
  /// Why the record with that id is among the results of such a query, or why not.
  Result<Explanation> explain(const std::string& id, std::span<const float> vector,
                              const QueryOptions& options = {}) const;
  /// How such a query, or such a get, is answered: the steps it takes (Explanation::plan), and how
  /// many records it finds. It is answered for that.
  Result<Explanation> explain_query(std::span<const float> vector,
                                    const QueryOptions& options = {}) const;
  Result<Explanation> explain_get(const GetOptions& options = {}) const;
  Result<uint64_t> count() const;
  Result<uint64_t> count(const Filter& filter) const;
  /// Which values the records have of metadata keys, one per key: the `limit` most frequent ones.
  Result<std::vector<Facet>> facets(const std::vector<std::string>& keys, uint32_t limit = 10,
                                    const Filter& filter = {}) const;
  /// The least and the greatest value of metadata keys, one per key.
  Result<std::vector<Extent>> extents(const std::vector<std::string>& keys,
                                      const Filter& filter = {}) const;
  Status modify(const ModifyCollection& change) const;

  /// Brings everything acknowledged so far from the log into files. Nothing needs it: what is
  /// acknowledged is safe.
  Status flush() const;
  /// As flush(); returns when nothing deleted or replaced is left in any file.
  Status compact() const;
  /// Gives back its memory and open files; the next call opens it again.
  Status close() const;
  /// What its segments hold. unimplemented on a client of a server.
  Result<SegmentStats> stats() const;

 private:
  CollectionRef ref() const { return {path_, collection_.id}; }

  std::shared_ptr<detail::Session> session_;
  DatabasePath path_;
  viridian::Collection collection_;
};

/// A database: a directory opened by this process, one in memory, or a server. Thread-safe once
/// made. Closes when it and every handle it gave are gone.
class Client {
 public:
  /// Opens or makes a data directory.
  ///   failed_precondition  another process has it open; the message says which
  ///   data_loss            a file is damaged; the message says where
  static Result<Client> open(std::string path, Options options = {});
  /// Opens or makes a database in ClickHouse at `url` (the setting clickhouse.url), with its
  /// catalogue in PostgreSQL where the setting postgres.url says so. This process becomes one of
  /// those that share the data out among each other, and nobody can send it their calls: for the
  /// only process of a database, or for one that goes soon. Others connect() to a server.
  ///   unavailable  ClickHouse or PostgreSQL do not answer
  static Result<Client> on_clickhouse(std::string url, Options options = {});
  /// A database that is gone with the client.
  static Result<Client> in_memory(Options options = {});
  /// A client of the server at `url`, such as "http://127.0.0.1:8000" or "https://db.org/path".
  /// The settings client.* say whose certificates are trusted and which headers are sent.
  ///   unavailable          nothing answers there
  ///   failed_precondition  its certificate is not trusted; the message says why
  ///   unauthenticated      it wants other credentials
  static Result<Client> connect(std::string url, Options options = {});

  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  /// The same database, seen from another tenant or database name, which must exist.
  Result<Client> with_database(DatabasePath path) const;
  const DatabasePath& database() const noexcept { return path_; }
  Status create_tenant(const std::string& name) const;
  /// Databases of this client's tenant.
  Status create_database(const std::string& name) const;
  Status delete_database(const std::string& name) const;
  Result<std::vector<Database>> list_databases() const;

  Result<CollectionHandle> create_collection(const std::string& name,
                                             const CollectionOptions& options = {}) const;
  Result<CollectionHandle> get_collection(const std::string& name) const;
  /// Options are for a new collection; one that exists stays as it is.
  Result<CollectionHandle> get_or_create_collection(const std::string& name,
                                                    const CollectionOptions& options = {}) const;
  Result<std::vector<CollectionHandle>> list_collections(const Page& page = {}) const;
  Status delete_collection(const std::string& name) const;

  /// Keeps the state that all collections of all databases have at one moment, beside the data.
  ///   already_exists  there is a snapshot of that name
  Result<SnapshotInfo> create_snapshot(const std::string& name) const;
  Result<std::vector<SnapshotInfo>> list_snapshots() const;
  /// Reads every byte of it. data_loss: something is missing or damaged; the message says what.
  Result<SnapshotInfo> verify_snapshot(const std::string& name) const;
  /// Makes collections of what a snapshot holds, beside those there are.
  ///   already_exists  a collection of that name is there: nothing was restored
  Result<std::vector<viridian::Collection>> restore_snapshot(const RestoreRequest& request) const;
  Status delete_snapshot(const std::string& name) const;

  /// Waits for the calls under way, then closes the database, or leaves the server. Every later
  /// call of this client, its copies by with_database() and its handles: failed_precondition.
  void close() const noexcept;

  /// Gives `use` the full interface, for what is not above, and returns what it returns; close()
  /// waits for it.
  ///   failed_precondition  the client is closed: `use` was not called
  Status call(const std::function<Status(Api&)>& use) const;
  /// The full interface. Valid until the client is closed or gone.
  Api& api() const;
  /// A context with the options' timeout, as the calls above use it.
  Context context() const;

 private:
  Client(std::shared_ptr<detail::Session> session, DatabasePath path);
  static Result<Client> make(std::map<std::string, std::string> settings, Options options);
  Result<CollectionHandle> create(const std::string& name, const CollectionOptions& options,
                                  bool get_or_create) const;

  std::shared_ptr<detail::Session> session_;
  DatabasePath path_;
};

}  // namespace viridian
