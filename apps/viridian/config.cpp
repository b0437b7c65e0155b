#include <fmt/format.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "config/reference.h"
#include "library/builtins.h"
#include "viridian/commands.h"
#include "viridian/output.h"
#include "viridian/settings.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

/// Sets what makes a database in ClickHouse, except for what was set by name.
void prefer_clickhouse(const SettingsArguments& arguments, config::Loaded& loaded) {
  for (const auto& [key, value] : clickhouse_settings(arguments.clickhouse, arguments.postgres)) {
    std::string& origin = loaded.origins.at(key);
    const bool is_address = key == "clickhouse.url" || key == "postgres.url";
    if (origin != "default" && !is_address) continue;
    loaded.settings.set(key, value);
    origin = key == "postgres.url" ? "flag --postgres" : "flag --clickhouse";
  }
}

}  // namespace

Result<config::Loaded> load_settings(const SettingsArguments& arguments) {
  config::Sources sources;
  if (!arguments.file.empty()) sources.file = arguments.file;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    sources.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  sources.flags = arguments.flags;
  VIRIDIAN_TRY(config::Loaded loaded, config::load(sources));
  if (!arguments.clickhouse.empty()) prefer_clickhouse(arguments, loaded);
  return loaded;
}

int run(const ConfigArguments& arguments) {
  if (arguments.reference) {
    fmt::print("{}", config::reference_markdown());
    return kOk;
  }
  const Result<config::Loaded> loaded = load_settings(arguments.settings);
  if (!loaded.ok()) {
    print_error(loaded.error().message());
    return kUsage;
  }
  if (arguments.json) {
    json::Writer writer;
    writer.begin_object();
    for (const auto& [key, value] : loaded->settings) {
      writer.key(key);
      writer.begin_object();
      writer.key("value");
      writer.string(value);
      writer.key("origin");
      writer.string(loaded->origins.at(key));
      writer.end_object();
    }
    writer.end_object();
    print_json(std::move(writer));
    return kOk;
  }
  Table table({"setting", "value", "origin"});
  for (const auto& [key, value] : loaded->settings) {
    table.add({key, value, loaded->origins.at(key)});
  }
  table.print();
  return kOk;
}

}  // namespace viridian::cli
