#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/block.h"
#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/spi/component.h"

namespace viridian::clickhouse {

/// One server among those in the setting clickhouse.url, counted from 0.
struct Node {
  uint32_t shard = 0;
  uint32_t replica = 0;
  friend bool operator==(const Node&, const Node&) = default;
};

/// ClickHouse over HTTP. Thread-safe. Each call makes one request on a pooled connection; it gives
/// up at the context's deadline, or after clickhouse.timeout_ms without a byte.
///
/// Errors: a Code by what to do next, and a message with the server's address and its own words.
///   invalid_argument    the server does not understand the statement (our bug, or its version)
///   unauthenticated     user or password are wrong
///   permission_denied   the user may not do this
///   failed_precondition the server's certificate is not trusted
///   not_found           a table, database or column is missing
///   already_exists      a table or database is there
///   resource_exhausted  too many parts, queries or too little memory there: try later
///   unavailable         no answer, a connection that broke, a server that is read-only or
///   stopping.
///                       Whether a change happened is then unknown
///   data_loss           an answer is not what was asked for, or ended too early
class Client final : public Component {
 public:
  static constexpr std::string_view kSetting = "clickhouse";
  class Impl;

  static Result<std::unique_ptr<Client>> create(System& system);
  explicit Client(std::unique_ptr<Impl> impl);
  ~Client() override;

  /// Asks every server that answers what it can do, and brings its tables up to date as the setting
  /// `migrations` says. A server that does not answer now is seen to when it is first used.
  ///   unavailable          some shard has no server that answers
  ///   failed_precondition  the tables are newer than this program, or are not to be changed
  Status start(const Context&) override;
  void stop() noexcept override;

  uint32_t shards() const noexcept;
  uint32_t replicas(uint32_t shard) const noexcept;
  /// For messages and metrics; without credentials.
  std::string address(Node node) const;
  /// The database that holds the tables, as it is written in a statement.
  const std::string& database() const noexcept;
  bool replicated() const noexcept;
  /// Whether the server knows a setting, or a setting of MergeTree tables.
  bool knows(Node node, std::string_view setting) const;

  /// A shard's replicas: those that answered last first, by number. A refusal is an answer too.
  std::vector<Node> order(uint32_t shard) const;
  /// Why a server did not answer its last request; empty if it did.
  std::string trouble(Node node) const;

  /// Seconds since 1970, for rows: see RowClock. Each server is asked for its time when it is first
  /// used; and by ask_time(), after which rows are not behind a server whose clock was set ahead.
  uint32_t seconds() const noexcept;
  Status ask_time(const Context&, Node);

  /// A statement with a small result, whole or not at all, and without a FORMAT.
  /// `shape` says the columns: names, order and types must be exactly those.
  Result<Block> select(const Context&, Node, const std::string& sql, const Shape& shape);
  /// A statement with any amount of rows. `take` gets each block
  /// once, as it comes; it may take the block's contents. The stream waits for it. Whatever came
  /// before an error was right.
  Status stream(const Context&, Node, const std::string& sql, const Shape& shape,
                const std::function<Status(Block&)>& take);
  /// Inserts all rows or none, in one request and one block: at most kBlockRows rows and
  /// kBlockBytes bytes. `table` without the database. It is never sent twice by itself, and the
  /// server does not look whether it had the same rows before: who repeats it after `unavailable`
  /// may find them twice.
  Status insert(const Context&, Node, std::string_view table, const Block& block);
  /// DDL and other statements without a result. Never sent twice by itself.
  Status execute(const Context&, Node, const std::string& sql);

  static constexpr size_t kBlockRows = 65'536;
  static constexpr size_t kBlockBytes = size_t{64} << 20;

 private:
  std::unique_ptr<Impl> impl_;
};

/// The number that ClickHouse gives an error ("Code: 60"), 0 where the error is none of its own.
int server_code(const Error& error);

}  // namespace viridian::clickhouse
