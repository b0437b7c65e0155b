#include "config/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <vector>

namespace viridian::config {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kTiB = int64_t{1} << 40;
constexpr int64_t kDayMs = 24LL * 3600 * 1000;

constexpr Key kKeys[] = {
    {"path", Type::text, "./viridian-data",
     "Directory that holds everything this node stores. One process at a time writes it."},
    {"read_only", Type::boolean, "false",
     "Open the directory beside the process that writes it, follow what that one writes, and write "
     "nothing."},
    {"api", Type::text, "engine::Api",
     "Class that answers requests: the engine in this process, cluster::Api where several servers "
     "share the data, or http::ApiClient for a server."},
    {"engine", Type::text, "engine::Api",
     "Class that answers what cluster::Api does not send on to another server."},
    {"sysdb", Type::text, "sqlite::SysDb",
     "Class that keeps tenants, databases, collections and segments."},
    {"producer", Type::text, "local::Log", "Class that writes the log."},
    {"consumer", Type::text, "local::Log",
     "Class that reads the log; normally the class that writes it."},
    {"segment_manager", Type::text, "local::SegmentManager",
     "Class that keeps the segments of collections."},
    {"leases", Type::text, "clickhouse::Leases",
     "Class that shares collections out among servers; for clickhouse::Log."},
    {"history", Type::text, "clickhouse::SealHistory",
     "Class that says which records of clickhouse::Log count."},
    {"clickhouse", Type::text, "clickhouse::Client", "Class that speaks to ClickHouse."},
    {"postgres", Type::text, "postgres::Pool", "Class that speaks to PostgreSQL."},
    {"files", Type::text, "os::RealFiles", "Class through which files are reached."},
    {"data_directory", Type::text, "local::DataDirectory",
     "Class that owns the directory named by path."},
    {"executor", Type::text, "ThreadPool", "Class that runs work on threads."},
    {"metrics", Type::text, "obs::Metrics", "Class that collects metrics."},
    {"server", Type::text, "http::Server", "Class that serves clients."},
    {"metadata_segment", Type::text, "local::MetadataSegment",
     "How the metadata of new collections is kept. Existing collections keep theirs."},
    {"vector_segment", Type::text, "local::GraphVectorSegment",
     "How the vectors of new collections are kept. Existing collections keep theirs."},
    {"migrations", Type::choice, "apply",
     "What to do at start with changes to stored tables: apply them, validate that there are none "
     "to apply, or none: trust that there are none.",
     0, 0, "apply|validate|none"},
    {"allow_reset", Type::boolean, "false",
     "Whether a client may delete everything by the reset call."},
    {"api.max_batch_size", Type::integer, "5461",
     "Records per write that clients are told to keep to. Larger batches work too.", 1,
     1'000'000'000},
    {"executor.threads", Type::integer, "0",
     "Threads for searches and other work; 0: two per processor, at least six more than "
     "processors.",
     0, 4096},
    {"executor.queue", Type::integer, "4096",
     "Pieces of work that may wait for a thread; more are refused.", 1, 10'000'000},
    {"snapshots.path", Type::text, "",
     "Directory that snapshots are kept in; empty: snapshots in the directory named by path."},
    {"memory.heads_bytes", Type::bytes, "1073741824",
     "Memory for records that are not yet in files, over all collections. Beyond it the "
     "collections with more than their fair share are sealed first, and a quarter beyond it their "
     "writers wait.",
     kMiB, kTiB},
    {"log.segment_bytes", Type::bytes, "67108864",
     "Size at which a log file is closed and the next one begun.", 4096, kTiB},
    {"log.level", Type::choice, "info", "The least important messages that are written.", 0, 0,
     "debug|info|warn|error"},
    {"log.format", Type::choice, "text",
     "Form of log messages: text lines, or one JSON object each.", 0, 0, "text|json"},
    {"segment.seal_bytes", Type::bytes, "67108864",
     "Bytes in memory at which a collection's newest records are written to a file.", 4096, kTiB},
    {"segment.seal_records", Type::integer, "200000",
     "Records in memory at which they are written to a file.", 1, 1'000'000'000},
    {"segment.seal_seconds", Type::integer, "600",
     "Seconds after which records in memory are written to a file, however few they are.", 1,
     kDayMs / 1000},
    {"segment.max_open", Type::integer, "1000",
     "Collections kept open; beyond it those that were used least recently are closed, and open "
     "again when asked for.",
     1, 10'000'000},
    {"segment.purge_seconds", Type::integer, "86400",
     "Seconds after which what was deleted or replaced is gone from every file, at the latest.", 1,
     365LL * kDayMs / 1000},
    {"segment.merge_bytes_per_second", Type::bytes, "134217728",
     "Fastest that merging files in the background reads and writes.", kMiB, kTiB},
    {"segment.backlog_bytes", Type::bytes, "268435456",
     "Bytes that a collection's segments may be behind its log before writers have to wait.", kMiB,
     kTiB},
    {"vectors.index_rows", Type::integer, "20000",
     "Vectors in a collection from which on they are indexed; fewer are all read, so that results "
     "are exact.",
     1, 1'000'000'000},
    {"vectors.memory_bytes", Type::bytes, "0",
     "Memory for the indexes of vectors, over all collections: a third of it for building them, "
     "the rest for those that are searched, and for codes of files without one. Those used least "
     "recently are closed, and opened again when asked for; a collection that needs more than "
     "there is takes no more vectors. 0: half of the memory that this process may use.",
     0, 1024 * kTiB},
    {"vectors.recall", Type::share, "0.99",
     "Share of the nearest records that a query finds, on average, unless it says otherwise; 1: "
     "all of them, by reading every vector."},
    {"vectors.sample_every", Type::integer, "1000",
     "Of every so many query vectors that an index answers, the exact answer to one is found too, "
     "in the background, to tell what share of the nearest is found; 0: never.",
     0, 1'000'000'000},
    {"server.host", Type::text, "127.0.0.1", "Address to listen on; 0.0.0.0 or :: for all."},
    {"server.port", Type::integer, "8000", "Port to listen on; 0: any free one.", 0, 65535},
    {"server.threads", Type::integer, "1", "Threads that read requests and write answers.", 1,
     1024},
    {"server.max_body_bytes", Type::bytes, "268435456", "Largest request body.", 1024, kTiB},
    {"server.max_inflight_bytes", Type::bytes, "1073741824",
     "Largest sum of the request bodies being read or worked on; more have to try again.", 1024,
     kTiB},
    {"server.max_connections", Type::integer, "20000", "Connections open at once.", 1, 10'000'000},
    {"server.idle_timeout_ms", Type::milliseconds, "60000",
     "Time after which a connection without requests is closed.", 1, kDayMs},
    {"server.request_timeout_ms", Type::milliseconds, "120000", "Longest time for one request.", 1,
     kDayMs},
    {"server.cors_allow_origins", Type::text, "",
     "Web origins, separated by commas, whose pages may call this server; * for all."},
    {"client.url", Type::text, "http://127.0.0.1:8000",
     "Address of the server that http::ApiClient calls; https:// for one with TLS, and a path "
     "where "
     "the server is below one."},
    {"client.timeout_ms", Type::milliseconds, "60000",
     "Longest time that http::ApiClient waits for an answer.", 1, kDayMs},
    {"client.ca_file", Type::text, "",
     "Certificates to trust with https addresses of servers, a file or a directory; empty: those "
     "of the system."},
    {"client.verify", Type::boolean, "true",
     "Whether the certificate of a server with an https address has to be trusted and for its "
     "name. false: whoever answers is believed."},
    {"client.headers", Type::text, "",
     "Headers that are sent with each request to a server, NAME: VALUE, one a line; such as "
     "authorization."},
    {"read.level", Type::choice, "strong",
     "How fresh reads are that do not say: strong: all that was acknowledged before; bounded: all "
     "that was acknowledged read.bound_ms before; eventual: what is at hand. Differs only where "
     "several servers share the data.",
     0, 0, "strong|bounded|eventual"},
    {"read.bound_ms", Type::milliseconds, "1000", "Age allowed to reads of the level bounded.", 10,
     kDayMs},
    {"clickhouse.url", Type::text, "http://127.0.0.1:8123",
     "HTTP addresses of ClickHouse: replicas of a shard separated by commas, shards by semicolons. "
     "Without user and password."},
    {"clickhouse.user", Type::text, "default", "User of ClickHouse."},
    {"clickhouse.password", Type::text, "", "Password of that user."},
    {"clickhouse.database", Type::text, "viridian",
     "Database of ClickHouse that holds the tables."},
    {"clickhouse.ca_file", Type::text, "",
     "Certificates to trust with https addresses; empty: those of the system."},
    {"clickhouse.connections", Type::integer, "16", "Connections to one ClickHouse server.", 1,
     1024},
    {"clickhouse.timeout_ms", Type::milliseconds, "30000",
     "Longest silence of ClickHouse before a request is given up.", 100, kDayMs},
    {"clickhouse.replicated", Type::boolean, "false",
     "Whether new tables are replicated through ZooKeeper or Keeper. Each server then needs the "
     "macros shard and replica."},
    {"clickhouse.copies", Type::integer, "1",
     "Replicas on which a write must be seen before it is acknowledged.", 1, 16},
    {"clickhouse.group_bytes", Type::bytes, "16777216",
     "Bytes of concurrent writes that are stored by one insert, at most.", 4096, kTiB},
    {"clickhouse.compact_bytes", Type::bytes, "67108864",
     "Bytes of a collection's log at which its records are written as full images.", 4096, kTiB},
    {"clickhouse.compact_records", Type::integer, "200000", "The same, as a number of records.", 1,
     1'000'000'000},
    {"clickhouse.compact_seconds", Type::integer, "600",
     "The same, as seconds since the oldest record that has no image.", 1, kDayMs / 1000},
    {"postgres.url", Type::text, "",
     "Connection string of PostgreSQL, without a password: postgresql://user@host/database."},
    {"postgres.password", Type::text, "", "Password for that connection."},
    {"postgres.connections", Type::integer, "8", "Connections to PostgreSQL.", 1, 1024},
    {"cache.path", Type::text, "",
     "Directory for what clickhouse::SegmentManager caches; emptied at start. Empty: one of its "
     "own in the system's directory for temporary files."},
    {"cache.bytes", Type::bytes, "0",
     "Bytes of collections cached, in memory and files; beyond it those used least recently are "
     "dropped. 0: half of the memory that this process may use.",
     0, kTiB},
    {"node.id", Type::text, "",
     "Name of this server among those that share the data; empty: a random one at each start."},
    {"node.url", Type::text, "",
     "Address at which the other servers reach this one; empty: http://server.host:server.port."},
    {"lease.ttl_ms", Type::milliseconds, "10000",
     "Silence of a server after which others take its collections over.", 100, kDayMs},
};

struct Unit {
  std::string_view suffix;
  int64_t factor;
};
constexpr Unit kByteUnits[] = {
    {"B", 1},     {"KiB", 1 << 10},  {"MiB", kMiB},         {"GiB", 1LL << 30},       {"TiB", kTiB},
    {"kB", 1000}, {"MB", 1'000'000}, {"GB", 1'000'000'000}, {"TB", 1'000'000'000'000}};
constexpr Unit kTimeUnits[] = {{"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}};

std::span<const Unit> units_of(Type type) {
  if (type == Type::bytes) return kByteUnits;
  if (type == Type::milliseconds) return kTimeUnits;
  return {};
}

/// Digits, perhaps a sign, perhaps one of the units. Nothing where it is anything else, or where it
/// does not fit.
std::optional<int64_t> parse_number(std::string_view text, std::span<const Unit> units) {
  int64_t number = 0;
  const char* const text_end = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), text_end, number);
  if (error != std::errc()) return std::nullopt;
  std::string_view suffix(end, static_cast<size_t>(text_end - end));
  if (suffix.empty()) return number;
  if (suffix.front() == ' ') suffix.remove_prefix(1);
  for (const Unit& unit : units) {
    if (suffix != unit.suffix) continue;
    if (__builtin_mul_overflow(number, unit.factor, &number)) return std::nullopt;
    return number;
  }
  return std::nullopt;
}

/// A decimal number above 0, at most 1.
std::optional<double> parse_share(std::string_view text) {
  double number = 0;
  const char* const text_end = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), text_end, number);
  if (error != std::errc() || end != text_end || !(number > 0 && number <= 1)) return std::nullopt;
  return number;
}

bool is_choice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const size_t bar = choices.find('|');
    if (choices.substr(0, bar) == value) return true;
    choices.remove_prefix(bar == std::string_view::npos ? choices.size() : bar + 1);
  }
  return false;
}

/// Environment variables have '_' where keys have '.'.
char without_punctuation(char c) { return c == '_' || c == '-' ? '.' : c; }

/// Insertions, removals and replacements that turn one into the other.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced =
          diagonal + (without_punctuation(a[i]) == without_punctuation(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::span<const Key> keys() { return kKeys; }

const Key* find_key(std::string_view name) {
  for (const Key& key : kKeys)
    if (key.name == name) return &key;
  return nullptr;
}

std::string_view nearest_key(std::string_view name) {
  name = name.substr(0, 100);  // the work grows with it, and it may be anything
  std::string_view nearest;
  size_t least = std::numeric_limits<size_t>::max();
  for (const Key& key : kKeys) {
    const size_t distance = edit_distance(name, key.name);
    if (distance >= least) continue;
    least = distance;
    nearest = key.name;
  }
  return nearest;
}

std::string allowed(const Key& key) {
  switch (key.type) {
    case Type::text:
      return "any text";
    case Type::boolean:
      return "true or false";
    case Type::choice: {
      std::string choices = "one of ";
      for (const char c : key.choices) {
        if (c == '|')
          choices += ", ";
        else
          choices.push_back(c);
      }
      return choices;
    }
    case Type::integer:
      return fmt::format("an integer from {} to {}", key.min, key.max);
    case Type::bytes:
      return fmt::format("a number of bytes from {} to {}, such as 1048576 or 1MiB", key.min,
                         key.max);
    case Type::milliseconds:
      return fmt::format("a number of milliseconds from {} to {}, such as 1500 or 90s", key.min,
                         key.max);
    case Type::share:
      return "a number above 0 and at most 1, such as 0.95";
  }
  return "";
}

Result<std::string> normalise(const Key& key, std::string_view value) {
  const auto refused = [&] {
    return Error(Code::invalid_argument, fmt::format("\"{}\" is not a value for {}; it takes {}",
                                                     value, key.name, allowed(key)));
  };
  switch (key.type) {
    case Type::text:
      return std::string(value);
    case Type::boolean:
      if (value == "true" || value == "false") return std::string(value);
      return refused();
    case Type::choice:
      if (is_choice(key.choices, value)) return std::string(value);
      return refused();
    case Type::share:
      if (const auto share = parse_share(value)) return fmt::format("{}", *share);
      return refused();
    case Type::integer:
    case Type::bytes:
    case Type::milliseconds:
      break;
  }
  const std::optional<int64_t> number = parse_number(value, units_of(key.type));
  if (!number || *number < key.min || *number > key.max) return refused();
  return fmt::format("{}", *number);
}

Settings defaults() {
  Settings settings;
  for (const Key& key : kKeys) settings.set(std::string(key.name), std::string(key.default_value));
  return settings;
}

}  // namespace viridian::config
