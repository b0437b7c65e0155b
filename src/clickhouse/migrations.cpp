#include "clickhouse/migrations.h"

#include <fmt/format.h>

#include <ctime>
#include <map>
#include <set>
#include <utility>

#include "clickhouse/literal.h"
#include "clickhouse/migration_text.h"
#include "clickhouse/native.h"

namespace viridian::clickhouse {
namespace {

/// Of the files, and their kind of SQL.
constexpr std::string_view kDirectory = "clickhouse";

enum State : uint8_t { kStarted = 1, kDone = 2 };

/// What schema_migrations says.
struct Applied {
  std::map<uint32_t, std::string> hashes;         ///< by version
  std::set<std::pair<uint32_t, uint16_t>> steps;  ///< those that are done
};

class Migrator {
 public:
  Migrator(const Context& context, Server& server, const MigrationOptions& options,
           std::span<const ShippedMigration> shipped)
      : context_(context), server_(server), options_(options), shipped_(shipped) {
    target_ = {options.database, options.replicated,
               [&server](std::string_view setting) { return server.knows(setting); }};
    table_ = fmt::format("{}.schema_migrations", identifier(options.database));
  }

  Status run() {
    if (options_.mode == MigrationMode::apply) VIRIDIAN_TRY_VOID(make_table());
    VIRIDIAN_TRY(const Applied applied, read());
    VIRIDIAN_TRY_VOID(check(applied));
    for (const ShippedMigration& migration : shipped_) {
      VIRIDIAN_TRY(const auto steps, migration_steps(migration.migration->sql, target_));
      for (size_t i = 0; i < steps.size(); ++i) {
        const auto number = static_cast<uint16_t>(i + 1);
        if (applied.steps.contains({migration.version, number})) continue;
        if (options_.mode == MigrationMode::validate)
          return refused(
              fmt::format("version {} ({}), step {}, is not applied; start once with "
                          "migrations = \"apply\"",
                          migration.version, migration.migration->filename, steps[i].name));
        VIRIDIAN_TRY_VOID(apply(migration, number, steps[i]));
      }
    }
    return ok_status();
  }

 private:
  Error refused(const std::string& what) const {
    return Error(Code::failed_precondition,
                 fmt::format("migrations of the database {} in ClickHouse at {}: {}",
                             options_.database, server_.address(), what));
  }

  Status make_table() {
    VIRIDIAN_TRY_VOID(server_.execute(
        context_, "CREATE DATABASE IF NOT EXISTS " + identifier(options_.database)));
    return server_.execute(
        context_, fmt::format("CREATE TABLE IF NOT EXISTS {} (version UInt32, step UInt16,"
                              " name String, sha256 String, state UInt8, server String,"
                              " ts DateTime) ENGINE = MergeTree ORDER BY (version, step, ts)",
                              table_));
  }

  Result<Applied> read() {
    const Shape shape = {{"version", std::vector<uint32_t>()},
                         {"step", std::vector<uint16_t>()},
                         {"sha256", StringColumn()},
                         {"state", std::vector<uint8_t>()}};
    const auto rows =
        server_.select(context_, "SELECT version, step, sha256, state FROM " + table_, shape);
    if (!rows.ok()) {
      if (rows.error().code() != Code::not_found) return rows.error();
      return Applied();
    }
    Applied applied;
    for (size_t i = 0; i < rows->rows(); ++i) {
      const uint32_t version = rows->get<std::vector<uint32_t>>(0)[i];
      std::string& hash = applied.hashes[version];
      const std::string_view found = rows->get<StringColumn>(2)[i];
      if (!hash.empty() && hash != found)
        return refused(fmt::format("version {} was applied in two forms", version));
      hash = found;
      if (rows->get<std::vector<uint8_t>>(3)[i] == kDone)
        applied.steps.emplace(version, rows->get<std::vector<uint16_t>>(1)[i]);
    }
    return applied;
  }

  Status check(const Applied& applied) const {
    for (const auto& [version, hash] : applied.hashes) {
      if (version == 0 || version > shipped_.size())
        return refused(
            fmt::format("the database is newer than this program: it has version {}, "
                        "this program ends at version {}; use a newer program",
                        version, shipped_.size()));
      const ShippedMigration& is = shipped_[version - 1];
      if (hash != is.hash)
        return refused(
            fmt::format("version {} was applied with SHA-256 {}, but this program's {} "
                        "has {}; use the program that the database was made with",
                        version, hash, is.migration->filename, is.hash));
    }
    return ok_status();
  }

  Status apply(const ShippedMigration& migration, uint16_t number, const MigrationStep& step) {
    VIRIDIAN_TRY(bool done, satisfied(step));
    if (!done) {
      VIRIDIAN_TRY_VOID(record(migration, number, kStarted));
      // Another process may do the same just now, or an answer may get lost: what counts is what
      // the check says afterwards.
      const Status status = server_.execute(context_, step.statement);
      VIRIDIAN_TRY(done, satisfied(step));
      if (!done) {
        if (!status.ok()) return status.error();
        return refused(fmt::format("version {} ({}), step {}, was applied, but its check fails",
                                   migration.version, migration.migration->filename, step.name));
      }
    }
    return record(migration, number, kDone);
  }

  Result<bool> satisfied(const MigrationStep& step) {
    const Shape shape = {{"done", std::vector<uint8_t>()}};
    VIRIDIAN_TRY(const Block block, server_.select(context_, step.check, shape));
    return block.rows() == 1 && block.get<std::vector<uint8_t>>(0)[0] == 1;
  }

  Status record(const ShippedMigration& migration, uint16_t step, State state) {
    const Block block = {{{"version", std::vector<uint32_t>{migration.version}},
                          {"step", std::vector<uint16_t>{step}},
                          {"name", StringColumn{migration.migration->filename}},
                          {"sha256", StringColumn{migration.hash}},
                          {"state", std::vector<uint8_t>{state}},
                          {"server", StringColumn{server_.address()}},
                          {"ts", Times{{static_cast<uint32_t>(std::time(nullptr))}}}}};
    VIRIDIAN_TRY(const std::string body, encode_native(block));
    return server_.insert(
        context_,
        fmt::format("INSERT INTO {} (version, step, name, sha256, state, server, ts) FORMAT Native",
                    table_),
        body);
  }

  const Context& context_;
  Server& server_;
  const MigrationOptions& options_;
  std::span<const ShippedMigration> shipped_;
  MigrationTarget target_;
  std::string table_;
};

}  // namespace

Status migrate(const Context& context, Server& server, const MigrationOptions& options,
               std::span<const Migration> shipped) {
  if (options.mode == MigrationMode::none) return ok_status();
  VIRIDIAN_TRY(const auto ours, shipped_migrations(kDirectory, kDirectory, shipped));
  return Migrator(context, server, options, ours).run();
}

}  // namespace viridian::clickhouse
