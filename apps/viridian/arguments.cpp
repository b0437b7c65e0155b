#include "viridian/arguments.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <utility>

#include "config/keys.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

/// What the parser fills while it runs: every command's arguments, and which command it was.
struct State {
  ServeArguments serve;
  ImportArguments import;
  FromChromaArguments from_chroma;
  ExportArguments export_;
  QueryArguments query;
  ExplainArguments explain;
  GetArguments get;
  CountArguments count;
  CollectionsArguments collections;
  StatsArguments stats;
  ServersArguments servers;
  CheckArguments check;
  RepairArguments repair;
  MaintainArguments maintain;
  SnapshotArguments snapshot;
  ConfigArguments config;
  std::optional<Arguments> chosen;
};

void add_server_access(CLI::App& command, ServerAccess& server) {
  command
      .add_option("--ca-file", server.ca_file,
                  "Certificates to trust with a server's https address; default: the system's")
      ->type_name("FILE")
      ->envname(kCaFileVariable);
  command
      .add_option("--header", server.headers,
                  "Sent with each request to a server, such as \"authorization: Bearer ...\"; "
                  "again for more")
      ->type_name("TEXT")
      ->allow_extra_args(false)
      ->envname(kHeadersVariable);
}

void add_target(CLI::App& command, Target& target) {
  CLI::Option* path =
      command.add_option("--path", target.path, "Data directory, opened by this process")
          ->type_name("DIR");
  CLI::Option* url =
      command.add_option("--url", target.url, "Server, such as http://127.0.0.1:8000")
          ->type_name("URL")
          ->excludes(path);
  add_server_access(command, target.server);
  command.add_option("--tenant", target.tenant, "Tenant")->capture_default_str();
  command.add_option("--database", target.database, "Database")->capture_default_str();
  command.add_option("--timeout-ms", target.timeout_ms, "Longest time for a call; 0: no limit");
  command.add_flag("--json", target.json, "Print JSON for programs");
  command
      .add_flag("--read-only", target.read_only,
                "Open the directory beside the process that writes it, and change nothing")
      ->excludes(url);
}

void add_filters(CLI::App& command, Filters& filters) {
  command.add_option("--where", filters.where, R"(Filter on metadata: {"year":{"$gte":2000}})")
      ->type_name("JSON");
  command
      .add_option("--where-document", filters.where_document,
                  R"(Filter on documents: {"$contains":"sea"})")
      ->type_name("JSON");
}

void add_collection(CLI::App& command, std::string& name) {
  command.add_option("collection,--collection", name, "Name of the collection")->required();
}

void settings_flag(CLI::App& command, SettingsArguments& settings, const std::string& flag,
                   const std::string& key, const std::string& description) {
  command.add_flag_callback(
      flag, [&settings, key] { settings.flags[key] = "true"; }, description);
}

void add_settings(CLI::App& command, SettingsArguments& settings) {
  command.add_option("--config", settings.file, "Settings file (TOML)")->type_name("FILE");
  CLI::Option* clickhouse =
      command
          .add_option("--clickhouse", settings.clickhouse,
                      "Keep everything in ClickHouse: sets clickhouse.url and, where they are not "
                      "set, the classes for it. Several servers may share it")
          ->type_name("URL");
  command
      .add_option("--postgres", settings.postgres,
                  "With the catalogue in PostgreSQL, which a ClickHouse of several servers needs")
      ->type_name("URL")
      ->needs(clickhouse);
  for (const config::Key& key : config::keys()) {
    // Who has classes of their own for these names them in the file or the environment.
    if (key.name == "clickhouse" || key.name == "postgres") continue;
    std::string names = "--" + std::string(key.name);
    if (key.name == "node.url") names += ",--node-url";
    if (key.name == "server.host") names += ",--host";
    if (key.name == "server.port") names += ",--port";
    command
        .add_option_function<std::string>(
            names,
            [&settings, name = std::string(key.name)](const std::string& value) {
              settings.flags[name] = value;
            },
            std::string(key.description))
        ->type_name(std::string(key.default_value.empty() ? "TEXT" : key.default_value))
        ->group("Settings (default)");
  }
  settings_flag(command, settings, "--read-only", "read_only",
                "The same as --read_only true: serve beside the process that writes");
}

CLI::App& add_command(CLI::App& parent, const std::string& name, const std::string& description,
                      std::function<void()> chosen) {
  CLI::App& command = *parent.add_subcommand(name, description);
  command.final_callback(std::move(chosen));
  return command;
}

void add_serve_and_config(CLI::App& app, State& state) {
  CLI::App& serve = add_command(app, "serve", "Serve a data directory over HTTP",
                                [&] { state.chosen = state.serve; });
  add_settings(serve, state.serve.settings);
  CLI::App& config = add_command(app, "config", "Show the settings in effect and their origin",
                                 [&] { state.chosen = state.config; });
  add_settings(config, state.config.settings);
  config.add_flag("--reference", state.config.reference, "Print the page on every setting");
  config.add_flag("--json", state.config.json, "Print JSON for programs");
  add_command(app, "version", "Print the version", [&] { state.chosen = VersionArguments{}; });
}

// What is imported from a file, and into which collection.
void add_import_file(CLI::App& command, ImportArguments& arguments) {
  command.add_option("collection,--collection", arguments.collection, "Name of the collection");
  command.add_option("file", arguments.file,
                     ".jsonl (id, embedding, document, metadata, uri; \"-\": standard input), .npy "
                     "or .fvecs");
  command.add_option("--ids", arguments.ids_file, "Ids of .npy or .fvecs rows, one a line")
      ->type_name("FILE");
  command
      .add_option("--records", arguments.records_file,
                  "JSONL with what belongs to each .npy or .fvecs row: id, document, metadata, uri")
      ->type_name("FILE");
  command.add_option("--space", arguments.space, "Distance of a new collection")
      ->check(CLI::IsMember({"l2", "cosine", "ip"}));
  command.add_option("--batch-size", arguments.batch_size, "Records per write")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command.add_option("--limit", arguments.limit, "Stop after so many records");
  command.add_flag("--upsert", arguments.upsert,
                   "Change records that exist instead of keeping them");
  command.add_flag("--skip-bad", arguments.skip_bad, "Count bad records instead of stopping");
  add_target(command, arguments.target);
}

// Another import, which none of the options above mean anything to but those for servers.
CLI::Option* add_from_chroma(CLI::App& command, FromChromaArguments& arguments) {
  CLI::Option* const from =
      command
          .add_option("--from-chroma", arguments.directory,
                      "Copy all that Chroma 0.4 to 1.5 keeps in this directory, which is only "
                      "read; interrupted, the same command goes on. Runs Python: see --python")
          ->type_name("DIR");
  CLI::Option* const into =
      command.add_option("--into", arguments.into, "Where to: a data directory, or a server")
          ->type_name("PATH|URL")
          ->needs(from);
  from->needs(into);
  command
      .add_option("--state", arguments.state,
                  "Keeps how far the copy is; default: PATH.migration.json, for a server "
                  "viridian.migration.json here")
      ->type_name("FILE")
      ->needs(from);
  command
      .add_option("--python", arguments.python,
                  "Interpreter for --from-chroma, 3.9 or newer, which has NumPy")
      ->type_name("PROGRAM")
      ->capture_default_str()
      ->envname("VIRIDIAN_PYTHON");
  return from;
}

void add_import(CLI::App& app, State& state) {
  CLI::App& command = add_command(
      app, "import", "Load records from a file into a collection, or move in from Chroma", [&] {
        state.from_chroma.server = state.import.target.server;
        if (state.from_chroma.directory.empty()) {
          state.chosen = state.import;
        } else {
          state.chosen = state.from_chroma;
        }
      });
  add_import_file(command, state.import);
  std::vector<const CLI::Option*> of_files;
  for (const CLI::Option* option : command.get_options()) {
    if (!option->check_lname("ca-file") && !option->check_lname("header")) {
      of_files.push_back(option);
    }
  }
  const CLI::Option* const from = add_from_chroma(command, state.from_chroma);
  command.parse_complete_callback([&import = state.import, from, of_files = std::move(of_files)] {
    for (const CLI::Option* option : of_files) {
      if (!from->empty() && !option->empty()) {
        throw CLI::ExcludesError("--from-chroma", option->get_name());
      }
    }
    if (!from->empty()) return;
    if (import.collection.empty()) throw CLI::RequiredError("collection");
    if (import.file.empty()) throw CLI::RequiredError("file");
  });
}

void add_export(CLI::App& app, State& state) {
  ExportArguments& arguments = state.export_;
  CLI::App& command = add_command(app, "export", "Write a collection's records to a file",
                                  [&] { state.chosen = state.export_; });
  add_collection(command, arguments.collection);
  command
      .add_option("file", arguments.file,
                  "JSONL as import reads it (\"-\": standard output), or .npy for the vectors")
      ->required();
  command
      .add_option("--records", arguments.records_file,
                  "With .npy: JSONL for all but the vectors; default: the same name with .jsonl")
      ->type_name("FILE");
  command.add_flag("--base64", arguments.base64, "Write vectors as base64 of their float32 bytes");
  add_filters(command, arguments.filters);
  add_target(command, arguments.target);
}

// `like`: the option for a record whose vector it is to be.
void add_query_options(CLI::App& command, const char* like, QueryArguments& arguments) {
  CLI::Option* vector =
      command.add_option("vector,--vector", arguments.vector,
                         "The vector as JSON, [0.1, 0.2]; \"-\": from standard input");
  command.add_option(like, arguments.like_id, "Like the record with this id")->excludes(vector);
  command.add_option("-k,--n-results", arguments.n_results, "How many")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command.add_option("--recall", arguments.recall,
                     "Share of the nearest to find, above 0; 1: all; default: the database's "
                     "setting");
  add_filters(command, arguments.filters);
  add_target(command, arguments.target);
}

void add_page_options(CLI::App& command, GetArguments& get) {
  command.add_option("--limit", get.limit, "How many")->capture_default_str();
  command.add_option("--offset", get.offset, "How many to pass over");
  command
      .add_option("--order-by", get.order_by,
                  "By this metadata key, then by the next one; KEY:desc: the other way round")
      ->type_name("KEY")
      ->allow_extra_args(false);
}

// Fails the parse where the command has no vector, but needs one.
void need_vector(CLI::App& command, const char* like, const QueryArguments& arguments,
                 std::function<bool()> needed) {
  command.parse_complete_callback([&arguments, like, needed = std::move(needed)] {
    if (arguments.vector.empty() && arguments.like_id.empty() && needed()) {
      throw CLI::RequiredError(std::string("a vector, or ") + like + ",");
    }
  });
}

void add_query_and_explain(CLI::App& app, State& state) {
  CLI::App& query =
      add_command(app, "query", "Find the nearest records", [&] { state.chosen = state.query; });
  add_collection(query, state.query.collection);
  add_query_options(query, "--id", state.query);
  need_vector(query, "--id", state.query, [] { return true; });
  CLI::App& explain = add_command(
      app, "explain",
      "Show how a query, or without a vector a get, is answered, and why a record is found or not",
      [&] { state.chosen = state.explain; });
  add_collection(explain, state.explain.query.collection);
  explain.add_option("record", state.explain.id, "Id of a record to say of why a query finds it");
  add_query_options(explain, "--like", state.explain.query);
  explain.add_option("--ids", state.explain.query.filters.ids, "Only among records with these ids")
      ->type_name("ID");
  add_page_options(explain, state.explain.get);
  need_vector(explain, "--like", state.explain.query, [&] { return !state.explain.id.empty(); });
}

void add_get_and_count(CLI::App& app, State& state) {
  GetArguments& get = state.get;
  CLI::App& command = add_command(app, "get", "Show records", [&] { state.chosen = state.get; });
  add_collection(command, get.collection);
  command.add_option("id", get.filters.ids, "Ids; none: all that match the filters");
  add_page_options(command, get);
  command.add_flag("--vectors", get.vectors, "Show the vectors too");
  add_filters(command, get.filters);
  add_target(command, get.target);
  CLI::App& count = add_command(app, "count", "Count a collection's records",
                                [&] { state.chosen = state.count; });
  add_collection(count, state.count.collection);
  add_filters(count, state.count.filters);
  add_target(count, state.count.target);
}

void add_collections(CLI::App& app, State& state) {
  CollectionsArguments& arguments = state.collections;
  CLI::App& command = add_command(app, "collections", "List, create or delete collections",
                                  [&] { state.chosen = state.collections; });
  add_target(command, arguments.target);
  CLI::App& create = *command.add_subcommand("create", "Create a collection");
  create.parse_complete_callback([&] { arguments.action = CollectionsArguments::Action::create; });
  create.add_option("name", arguments.name, "Its name")->required();
  create.add_option("--space", arguments.space, "Distance: l2 (default), cosine or ip")
      ->check(CLI::IsMember({"l2", "cosine", "ip"}));
  create.add_option("--metadata", arguments.metadata, "Its metadata")->type_name("JSON");
  add_target(create, arguments.target);
  CLI::App& remove = *command.add_subcommand("delete", "Delete a collection and its records");
  remove.parse_complete_callback([&] { arguments.action = CollectionsArguments::Action::remove; });
  remove.add_option("name", arguments.name, "Its name")->required();
  add_target(remove, arguments.target);
}

template <class PathArguments>
void add_directory(CLI::App& command, PathArguments& arguments) {
  command.add_option("--path", arguments.path, "Data directory")->type_name("DIR");
  command.add_option("--snapshots", arguments.snapshots, "Where its snapshots are, if elsewhere")
      ->type_name("DIR");
  command.add_flag("--json", arguments.json, "Print JSON for programs");
}

void add_check_and_repair(CLI::App& app, State& state) {
  CLI::App& check = add_command(app, "check", "Read every byte of a data directory, change nothing",
                                [&] { state.chosen = state.check; });
  add_directory(check, state.check);
  CLI::App& repair =
      add_command(app, "repair", "Mend a data directory that no process has open; deletes nothing",
                  [&] { state.chosen = state.repair; });
  add_directory(repair, state.repair);
  repair.add_flag("--dry-run", state.repair.dry_run, "Only say what is wrong");
}

void add_stats(CLI::App& app, State& state) {
  CLI::App& command = add_command(app, "stats", "Show what collections hold on disk and in memory",
                                  [&] { state.chosen = state.stats; });
  command.add_option("collection", state.stats.collection, "One collection; none: all");
  add_target(command, state.stats.target);
}

void add_servers(CLI::App& app, State& state) {
  CLI::App& command = add_command(app, "servers", "List the servers that share a server's data",
                                  [&] { state.chosen = state.servers; });
  add_target(command, state.servers.target);
}

void add_maintenance(CLI::App& app, State& state) {
  using Action = MaintainArguments::Action;
  struct Command {
    const char* name;
    const char* description;
    Action action;
  };
  constexpr Command kCommands[] = {
      {"flush", "Bring what is in the log into files", Action::flush},
      {"compact", "Flush, and leave nothing deleted or replaced in any file", Action::compact},
      {"close", "Have a server give back collections' memory until they are used", Action::close}};
  MaintainArguments& arguments = state.maintain;
  for (const auto& [name, description, action] : kCommands) {
    CLI::App& command = add_command(app, name, description, [&state, chosen = action] {
      state.maintain.action = chosen;
      state.chosen = state.maintain;
    });
    CLI::Option* one =
        command.add_option("collection,--collection", arguments.collection, "One collection");
    CLI::Option* all =
        command.add_flag("--all", arguments.all, "All of the database's")->excludes(one);
    command.parse_complete_callback([one, all] {
      if (one->empty() && all->empty()) throw CLI::RequiredError("a collection, or --all,");
    });
    add_target(command, arguments.target);
  }
}

CLI::App& add_snapshot_command(CLI::App& parent, SnapshotArguments& arguments,
                               const std::string& name, const std::string& description,
                               SnapshotArguments::Action action) {
  CLI::App& command = *parent.add_subcommand(name, description);
  command.parse_complete_callback([&arguments, action] { arguments.action = action; });
  if (action != SnapshotArguments::Action::list) {
    command.add_option("name", arguments.name, "Name of the snapshot")->required();
  }
  add_target(command, arguments.target);
  return command;
}

void add_snapshot(CLI::App& app, State& state) {
  using Action = SnapshotArguments::Action;
  SnapshotArguments& arguments = state.snapshot;
  CLI::App& parent = add_command(app, "snapshot", "Keep, check and restore states of all data",
                                 [&] { state.chosen = state.snapshot; });
  parent.require_subcommand(1);
  add_snapshot_command(parent, arguments, "create", "Keep the state of all collections",
                       Action::create);
  add_snapshot_command(parent, arguments, "list", "List the snapshots", Action::list);
  add_snapshot_command(parent, arguments, "verify", "Read every byte of a snapshot",
                       Action::verify);
  add_snapshot_command(parent, arguments, "delete", "Delete a snapshot", Action::remove);
  CLI::App& restore = add_snapshot_command(
      parent, arguments, "restore", "Make collections of what a snapshot holds", Action::restore);
  CLI::Option* one = restore.add_option("--collection", arguments.collection,
                                        "Only this one, of --tenant and --database");
  restore.add_option("--as", arguments.new_name, "Its new name")->needs(one);
  restore.add_option("--to-database", arguments.to_database,
                     "Put the collections here, not where they were");
  restore.add_option("--to-tenant", arguments.to_tenant, "Tenant of --to-database");
}

// What is wrong with the command line, for which CLI11's words would not help.
std::string explain(const CLI::App& app, const std::string& message) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  const std::vector<std::string> left = app.remaining(/*recurse=*/true);
  if (chosen.empty() && !left.empty()) return "there is no command " + left.front();
  const bool takes_settings = !chosen.empty() && (chosen.front()->get_name() == "serve" ||
                                                  chosen.front()->get_name() == "config");
  for (const std::string& word : left) {
    if (!takes_settings || !word.starts_with("--")) continue;
    const std::string key = word.substr(2, word.find('=') - 2);
    return "there is no setting " + key + ": the nearest is --" +
           std::string(config::nearest_key(key));
  }
  return message;
}

}  // namespace

Parsed parse_arguments(int argc, const char* const* argv) {
  State state;
  CLI::App app("Viridian, an embedding database", "viridian");
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of every command");
  add_serve_and_config(app, state);
  add_import(app, state);
  add_export(app, state);
  add_query_and_explain(app, state);
  add_get_and_count(app, state);
  add_collections(app, state);
  add_stats(app, state);
  add_servers(app, state);
  add_check_and_repair(app, state);
  add_maintenance(app, state);
  add_snapshot(app, state);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return {std::nullopt, app.exit(help)};
  } catch (const CLI::ParseError& wrong) {
    print_error(explain(app, wrong.what()) + " (see viridian --help)");
    return {std::nullopt, kUsage};
  }
  return {std::move(state.chosen), kOk};
}

}  // namespace viridian::cli
