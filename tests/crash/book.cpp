#include "crash/book.h"

#include <fmt/format.h>

#include <set>
#include <sstream>

#include "codec/json_values.h"
#include "conformance/records.h"

namespace viridian::crash {
namespace {

void append_metadata(std::string& text, const std::optional<Metadata>& metadata) {
  text += metadata && !metadata->empty() ? codec::write_metadata(*metadata) : "-";
}

void append_text(std::string& text, const std::optional<std::string_view>& value) {
  if (value)
    text.append("\"").append(*value).append("\"");
  else
    text += "-";
}

void append_vector(std::string& text, const float* vector, size_t dimension) {
  for (size_t i = 0; i < dimension; ++i) fmt::format_to(std::back_inserter(text), "{},", vector[i]);
}

Result<std::string> read_collection(Api& api, const CollectionRef& ref, const Collection& row) {
  const Context context;
  std::string text;
  append_metadata(text, row.metadata);
  text += '\n';
  VIRIDIAN_TRY(const GetResult got, api.get(context, ref, conformance::get_all()));
  const RecordColumns& records = got.records;
  for (size_t i = 0; i < records.ids.size(); ++i) {
    text.append(records.ids[i]).append(" ");
    append_vector(text, records.embeddings.row(i), records.embeddings.dim);
    text += ' ';
    append_text(text, records.documents[i]);
    text += ' ';
    append_text(text, records.uris[i]);
    text += ' ';
    append_metadata(text, records.metadatas[i]);
    text += '\n';
  }
  VIRIDIAN_TRY(const uint64_t count, api.count(context, ref, ReadLevel::index_and_wal));
  if (count != records.ids.size())
    return Error(Code::internal, fmt::format("{} says it holds {} records, but gives {}", row.name,
                                             count, records.ids.size()));
  return text;
}

std::set<std::string> lines_of(const State& state, const std::string& key) {
  std::set<std::string> lines;
  const auto found = state.find(key);
  if (found == state.end()) return lines;
  std::istringstream text(*found->second);
  for (std::string line; std::getline(text, line);) lines.insert(line);
  return lines;
}

bool same(const State& a, const State& b, const std::string& key) {
  const auto x = a.find(key), y = b.find(key);
  if (x == a.end() || y == b.end()) return x == a.end() && y == b.end();
  return *x->second == *y->second;
}

std::set<std::string> keys_of(const State& a, const State& b, const State& c) {
  std::set<std::string> keys;
  for (const State* state : {&a, &b, &c})
    for (const auto& [key, text] : *state) keys.insert(key);
  return keys;
}

/// What differs in one database or collection.
Verdict judge(const State& found, const State& acknowledged, const State& complete,
              const std::string& key) {
  const bool expected = acknowledged.contains(key) && complete.contains(key);
  if (expected && !found.contains(key)) return {Verdict::Kind::lost, key + " is gone"};
  const auto is = lines_of(found, key), was = lines_of(acknowledged, key),
             will = lines_of(complete, key);
  for (const std::string& line : was)
    if (will.contains(line) && !is.contains(line))
      return {Verdict::Kind::lost, fmt::format("{} lacks: {}", key, line)};
  for (const std::string& line : is)
    if (!was.contains(line) && !will.contains(line))
      return {Verdict::Kind::wrong, fmt::format("{} holds: {}", key, line)};
  return {Verdict::Kind::partial, fmt::format("{} is neither as before nor as after", key)};
}

}  // namespace

Book::Book() { databases_[kDefaultDatabase]; }

std::string text_of(const Book::Kept& kept) {
  std::string text;
  append_metadata(text, kept.metadata);
  text += '\n';
  for (const uint64_t order : kept.oracle.select({})) {
    const conformance::OracleRecord& record = kept.oracle.at(order);
    text.append(record.id).append(" ");
    append_vector(text, record.vector.data(), record.vector.size());
    text += ' ';
    append_text(text, record.document);
    text += ' ';
    append_text(text, record.uri);
    text += ' ';
    append_metadata(text, record.metadata);
    text += '\n';
  }
  return text;
}

State state_of(const Book& book, const State& before, const std::string& changed) {
  static const auto kEmpty = std::make_shared<const std::string>();
  State state;
  for (const auto& [name, held] : book.snapshots()) state["snapshot " + name] = kEmpty;
  for (const auto& [database, collections] : book.databases()) {
    state[database] = kEmpty;
    for (const auto& [name, kept] : collections) {
      const std::string key = database + "/" + name;
      const auto known = before.find(key);
      state[key] = known != before.end() && key != changed
                       ? known->second
                       : std::make_shared<const std::string>(text_of(kept));
    }
  }
  return state;
}

Result<State> state_of(Api& api) {
  const Context context;
  State state;
  VIRIDIAN_TRY(const std::vector<SnapshotInfo> snapshots, api.list_snapshots(context));
  for (const SnapshotInfo& snapshot : snapshots)
    state["snapshot " + snapshot.name] = std::make_shared<const std::string>();
  VIRIDIAN_TRY(const std::vector<Database> databases,
               api.list_databases(context, kDefaultTenant, {}));
  for (const Database& database : databases) {
    const DatabasePath path{database.tenant, database.name};
    state[database.name] = std::make_shared<const std::string>();
    VIRIDIAN_TRY(const std::vector<Collection> collections,
                 api.list_collections(context, path, {}));
    for (const Collection& row : collections) {
      VIRIDIAN_TRY(std::string text, read_collection(api, {path, row.id}, row));
      state[database.name + "/" + row.name] = std::make_shared<const std::string>(std::move(text));
    }
  }
  return state;
}

Verdict compare(const State& found, const State& acknowledged, const State& complete) {
  const std::set<std::string> keys = keys_of(found, acknowledged, complete);
  bool before = true, after = true;
  for (const std::string& key : keys) {
    const bool as_before = same(found, acknowledged, key), as_after = same(found, complete, key);
    before &= as_before;
    after &= as_after;
    if (!as_before && !as_after) return judge(found, acknowledged, complete, key);
  }
  if (before || after) return {};
  return {Verdict::Kind::partial, "one call shows in some collections and not in others"};
}

}  // namespace viridian::crash
