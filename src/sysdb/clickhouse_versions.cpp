#include "sysdb/clickhouse_versions.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "clickhouse/literal.h"
#include "viridian/base/uuid.h"

namespace viridian::clickhouse {
namespace {

constexpr Node kNode{0, 0};
constexpr std::string_view kTable = "sysdb_log";
/// A row of a snapshot has snapshot-<id>-<part>-<parts> in place of a change's id, and in place of
/// the one before it the id of the change that made the version.
constexpr std::string_view kSnapshot = "snapshot-";
constexpr int kInsertAttempts = 3;

struct PartName {
  std::string id;
  size_t part = 0;
  size_t parts = 0;
};

std::string part_name(const std::string& id, size_t part, size_t parts) {
  return fmt::format("{}{}-{}-{}", kSnapshot, id, part, parts);
}

std::optional<PartName> parse_part(std::string_view name) {
  if (!name.starts_with(kSnapshot)) return std::nullopt;
  name.remove_prefix(kSnapshot.size());
  const size_t second = name.rfind('-');
  const size_t first = second == std::string_view::npos || second == 0
                           ? std::string_view::npos
                           : name.rfind('-', second - 1);
  if (first == std::string_view::npos) return std::nullopt;
  PartName parsed{std::string(name.substr(0, first))};
  const char* const end = name.data() + name.size();
  if (std::from_chars(name.data() + first + 1, end, parsed.part).ptr != name.data() + second ||
      std::from_chars(name.data() + second + 1, end, parsed.parts).ptr != end)
    return std::nullopt;
  return parsed;
}

StringColumn one(std::string_view value) { return {value}; }

const Shape kRowShape = {{"version", std::vector<uint64_t>()},
                         {"txn", StringColumn()},
                         {"prev", StringColumn()},
                         {"body", StringColumn()}};
const Shape kNameShape = {
    {"version", std::vector<uint64_t>()}, {"txn", StringColumn()}, {"prev", StringColumn()}};

}  // namespace

Status VersionLog::insert(const Context& context, uint64_t version, const std::string& change,
                          const std::string& before, const std::string& body) {
  const Block block{{{"version", std::vector<uint64_t>{version}},
                     {"txn", one(change)},
                     {"prev", one(before)},
                     {"body", one(body)},
                     {"ts", Times{{client_.seconds()}}}}};
  // The same row twice is as good as once.
  for (int attempt = 1;; ++attempt) {
    Status inserted = client_.insert(context, kNode, kTable, block);
    if (inserted.ok() || inserted.error().code() != Code::unavailable || attempt >= kInsertAttempts)
      return inserted;
  }
}

// What somebody built upon came to be, and so did what there is a snapshot of. Beyond that, a body
// may be one that lost, or that was stored a moment before the end.
Result<VersionLog::Newest> VersionLog::newest(const Context& context) {
  const Shape shape = {
      {"version", std::vector<uint64_t>()}, {"txn", StringColumn()}, {"prev", StringColumn()}};
  VIRIDIAN_TRY(const Block rows, client_.select(context, kNode,
                                                fmt::format("SELECT version, txn, prev FROM {}.{}",
                                                            client_.database(), kTable),
                                                shape));
  Newest found;
  std::set<std::pair<uint64_t, std::string>> all;
  const auto& versions = rows.get<std::vector<uint64_t>>(0);
  for (size_t i = 0; i < versions.size(); ++i) {
    const std::string id(rows.get<StringColumn>(1)[i]);
    const bool snapshot = id.starts_with(kSnapshot);
    const Version built_upon{versions[i] - (snapshot ? 0 : 1),
                             std::string(rows.get<StringColumn>(2)[i])};
    if (!found.certain || found.certain->version < built_upon.version) found.certain = built_upon;
    if (!snapshot) all.emplace(versions[i], id);
  }
  if (found.certain)
    for (const auto& [version, id] : all)
      if (version > found.certain->version) found.possible.push_back({version, id});
  return found;
}

Result<uint64_t> VersionLog::begin_anew(const Context& context, std::string_view head) {
  VIRIDIAN_TRY(const Newest found, newest(context));
  if (!found.certain) return uint64_t{0};
  const auto named = [&](const Version& version) {
    return fmt::format("{}_{}_{}", head, version.version, encode_name(version.text));
  };
  std::string which = named(*found.certain);
  for (const Version& version : found.possible) which += ", " + named(version);
  // Who made the last change may have been told that it is made, so a single candidate is taken:
  // at worst a change is made whose outcome nobody was told.
  const bool told = found.possible.size() <= 1;
  const Version& choice = found.possible.empty() ? *found.certain : found.possible.front();
  return Error(
      Code::failed_precondition,
      fmt::format("the table {0}.{1} has a catalogue, but no table {2}_... says which of its "
                  "versions is the newest: was the database restored? If the backup names it, run "
                  "CREATE TABLE {0}.<its name> (nothing UInt8) ENGINE = Memory. If it does not, "
                  "the newest can be: {3}{4}",
                  client_.database(), kTable, head, which,
                  told ? fmt::format(", and {} loses nothing", named(choice))
                       : std::string("; one of those after the first may be what somebody was "
                                     "told is done")));
}

Status VersionLog::append(const Context& context, const Version& to, const Version& from,
                          const std::string& body) {
  return insert(context, to.version, to.text, from.text, body);
}

Result<std::vector<VersionLog::Step>> VersionLog::steps(const Context& context, const Version& from,
                                                        const Version& to) {
  struct Row {
    std::string before;
    std::string body;
  };
  std::map<std::pair<uint64_t, std::string>, Row> rows;
  VIRIDIAN_TRY_VOID(client_.stream(
      context, kNode,
      fmt::format("SELECT version, txn, prev, body FROM {}.{} WHERE version > {} AND version <= {} "
                  "AND txn NOT LIKE {}",
                  client_.database(), kTable, from.version, to.version,
                  literal(std::string(kSnapshot) + "%")),
      kRowShape, [&](Block& block) {
        const auto& versions = block.get<std::vector<uint64_t>>(0);
        const auto& ids = block.get<StringColumn>(1);
        const auto& before = block.get<StringColumn>(2);
        const auto& bodies = block.get<StringColumn>(3);
        for (size_t i = 0; i < versions.size(); ++i)
          rows[{versions[i], std::string(ids[i])}] = {std::string(before[i]),
                                                      std::string(bodies[i])};
        return ok_status();
      }));
  std::vector<Step> steps(to.version - from.version);
  Version at = to;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const auto row = rows.find({at.version, at.text});
    if (row == rows.end())
      return Error(Code::out_of_range,
                   fmt::format("the table {} has no change {} to version {} of the catalogue",
                               kTable, at.text, at.version));
    *step = {at, std::move(row->second.body)};
    at = {at.version - 1, std::move(row->second.before)};
  }
  if (at != from)
    return Error(Code::data_loss,
                 fmt::format("version {} of the catalogue in ClickHouse does not come from version "
                             "{} that was read before: was the database replaced? Restart the "
                             "servers that use it",
                             to.version, from.version));
  return steps;
}

Result<std::vector<VersionLog::Known>> VersionLog::snapshots(const Context& context, uint64_t after,
                                                             uint64_t last) {
  VIRIDIAN_TRY(const Block block,
               client_.select(context, kNode,
                              fmt::format("SELECT version, txn, prev FROM {}.{} WHERE version > {} "
                                          "AND version <= {} AND txn LIKE {}",
                                          client_.database(), kTable, after, last,
                                          literal(std::string(kSnapshot) + "%")),
                              kNameShape));
  std::map<std::pair<uint64_t, std::string>, std::pair<Known, std::set<size_t>>> found;
  const auto& versions = block.get<std::vector<uint64_t>>(0);
  for (size_t i = 0; i < versions.size(); ++i) {
    const auto name = parse_part(block.get<StringColumn>(1)[i]);
    if (!name) continue;
    auto& [known, parts] = found[{versions[i], name->id}];
    known = {{versions[i], std::string(block.get<StringColumn>(2)[i])}, name->id, name->parts};
    if (name->part < name->parts) parts.insert(name->part);
  }
  std::vector<Known> whole;
  for (const auto& [key, entry] : found)
    if (entry.second.size() == entry.first.parts) whole.push_back(entry.first);
  return whole;
}

Result<std::optional<VersionLog::Snapshot>> VersionLog::snapshot(const Context& context,
                                                                 uint64_t after, uint64_t last) {
  VIRIDIAN_TRY(const std::vector<Known> whole, snapshots(context, after, last));
  if (whole.empty()) return std::optional<Snapshot>();
  const Known& newest = whole.back();
  std::map<size_t, std::string> parts;
  VIRIDIAN_TRY_VOID(client_.stream(
      context, kNode,
      fmt::format("SELECT version, txn, prev, body FROM {}.{} WHERE version = {} AND txn LIKE {}",
                  client_.database(), kTable, newest.version.version,
                  literal(fmt::format("{}{}-%", kSnapshot, newest.id))),
      kRowShape, [&](Block& block) {
        for (size_t i = 0; i < block.rows(); ++i) {
          const auto name = parse_part(block.get<StringColumn>(1)[i]);
          if (name) parts[name->part] = std::string(block.get<StringColumn>(3)[i]);
        }
        return ok_status();
      }));
  if (parts.size() != newest.parts)
    return Error(Code::out_of_range,
                 fmt::format("the snapshot of version {} of the catalogue was removed meanwhile",
                             newest.version.version));
  Snapshot snapshot{newest.version, {}};
  for (auto& [part, body] : parts) snapshot.bodies.push_back(std::move(body));
  return std::optional(std::move(snapshot));
}

Status VersionLog::write_snapshot(const Context& context, const Snapshot& snapshot) {
  const std::string id = Uuid::random().to_string();
  for (size_t part = 0; part < snapshot.bodies.size(); ++part)
    VIRIDIAN_TRY_VOID(insert(context, snapshot.version.version,
                             part_name(id, part, snapshot.bodies.size()), snapshot.version.text,
                             snapshot.bodies[part]));
  return ok_status();
}

Status VersionLog::trim(const Context& context) {
  VIRIDIAN_TRY(const std::vector<Known> whole, snapshots(context, 0, UINT64_MAX));
  std::set<uint64_t> versions;
  for (const Known& known : whole) versions.insert(known.version.version);
  if (versions.size() < 2) return ok_status();
  return client_.execute(context, kNode,
                         fmt::format("ALTER TABLE {}.{} DELETE WHERE version < {}",
                                     client_.database(), kTable, *std::prev(versions.end(), 2)));
}

}  // namespace viridian::clickhouse
