#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace viridian::cli {

/// What a process ends with.
enum Exit : int {
  kOk = 0,
  kFailed = 1,       ///< the operation failed
  kUsage = 2,        ///< the command line is wrong
  kNotFound = 3,     ///< what it names does not exist
  kUnreachable = 4,  ///< the directory cannot be opened, or the server not reached
};

/// How a server is reached. The variables have what a command line does not say.
inline constexpr const char* kCaFileVariable = "VIRIDIAN_CLIENT_CA_FILE";
inline constexpr const char* kHeadersVariable = "VIRIDIAN_CLIENT_HEADERS";
struct ServerAccess {
  std::string ca_file;               ///< certificates to trust; empty: the system's
  std::vector<std::string> headers;  ///< NAME: VALUE
};

/// Which database a command works on, and how it prints.
struct Target {
  std::string path;  ///< data directory; empty and no url: the setting's default
  std::string url;
  ServerAccess server;
  std::string tenant = "default_tenant";
  std::string database = "default_database";
  uint64_t timeout_ms = 0;
  bool json = false;
  bool read_only = false;  ///< beside the process that writes the directory
};

/// Sources of settings, for serve and config.
struct SettingsArguments {
  std::string file;
  std::map<std::string, std::string> flags;  ///< by settings key
  std::string clickhouse;  ///< address: settings that are not given are those of a database there
  std::string postgres;    ///< its catalogue is there
};

struct ServeArguments {
  SettingsArguments settings;
};
struct ImportArguments {
  Target target;
  std::string collection;
  std::string file;
  std::string ids_file;      ///< for .npy and .fvecs: one id a line
  std::string records_file;  ///< for .npy and .fvecs: JSONL without embeddings
  std::string space;
  uint32_t batch_size = 1000;
  uint64_t limit = 0;  ///< 0: all
  bool upsert = false;
  bool skip_bad = false;
};
struct FromChromaArguments {
  std::string directory;
  std::string into;  ///< a data directory, or the address of a server
  ServerAccess server;
  std::string state;
  std::string python = "python3";
};
struct Filters {
  std::vector<std::string> ids;
  std::string where;
  std::string where_document;
};
struct ExportArguments {
  Target target;
  std::string collection;
  std::string file;          ///< JSONL ("-": standard output), or .npy
  std::string records_file;  ///< for .npy: where the rest goes
  Filters filters;
  bool base64 = false;
};
struct QueryArguments {
  Target target;
  std::string collection;
  std::string vector;  ///< JSON; "-": standard input
  std::string like_id;
  Filters filters;
  uint32_t n_results = 10;
  std::optional<double> recall;
};
struct GetArguments {
  Target target;
  std::string collection;
  Filters filters;
  uint32_t limit = 20;
  uint32_t offset = 0;
  std::vector<std::string> order_by;  ///< keys; "KEY:desc" descends
  bool vectors = false;
};
struct ExplainArguments {
  QueryArguments query;  ///< without a vector: `get` is explained
  GetArguments get;      ///< its collection, filters and target are those of the query
  std::string id;        ///< empty: of no record in particular
};
struct CountArguments {
  Target target;
  std::string collection;
  Filters filters;
};
struct CollectionsArguments {
  enum class Action { list, create, remove };
  Target target;
  Action action = Action::list;
  std::string name;
  std::string space;
  std::string metadata;  ///< JSON
};
struct StatsArguments {
  Target target;
  std::string collection;  ///< empty: all
};
struct ServersArguments {
  Target target;
};
struct MaintainArguments {
  enum class Action { flush, compact, close };
  Target target;
  Action action = Action::flush;
  std::string collection;
  bool all = false;
};
struct SnapshotArguments {
  enum class Action { create, list, verify, restore, remove };
  Target target;
  Action action = Action::list;
  std::string name;
  std::string collection;  ///< restore only this one of the target's database
  std::string new_name;
  std::string to_tenant;
  std::string to_database;
};
struct ConfigArguments {
  SettingsArguments settings;
  bool reference = false;
  bool json = false;
};
struct CheckArguments {
  std::string path;       ///< data directory; empty: the setting's default
  std::string snapshots;  ///< where snapshots are kept, if elsewhere
  bool json = false;
};
struct RepairArguments {
  std::string path;
  std::string snapshots;
  bool dry_run = false;
  bool json = false;
};
struct VersionArguments {};

using Arguments = std::variant<ServeArguments, ImportArguments, FromChromaArguments,
                               ExportArguments, QueryArguments, ExplainArguments, GetArguments,
                               CountArguments, CollectionsArguments, StatsArguments,
                               ServersArguments, MaintainArguments, CheckArguments, RepairArguments,
                               SnapshotArguments, ConfigArguments, VersionArguments>;

/// The command line as a value; or, where help was asked for or the line is wrong, what it printed
/// is all there is to do and `exit` says how to end.
struct Parsed {
  std::optional<Arguments> arguments;
  int exit = kOk;
};
Parsed parse_arguments(int argc, const char* const* argv);

}  // namespace viridian::cli
