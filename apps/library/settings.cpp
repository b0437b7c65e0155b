#include <fmt/format.h>

#include "config/keys.h"
#include "library/builtins.h"

namespace viridian {

void use_memory(Settings& settings) {
  settings.set("sysdb", "mem::SysDb");
  settings.set("producer", "mem::Log");
  settings.set("consumer", "mem::Log");
  settings.set("segment_manager", "mem::SegmentManager");
}

std::map<std::string, std::string> clickhouse_settings(const std::string& clickhouse_url,
                                                       const std::string& postgres_url) {
  std::map<std::string, std::string> settings = {
      {"api", "cluster::Api"},          {"producer", "clickhouse::Log"},
      {"consumer", "clickhouse::Log"},  {"segment_manager", "clickhouse::SegmentManager"},
      {"sysdb", "clickhouse::SysDb"},   {"history", "clickhouse::SealHistory"},
      {"leases", "clickhouse::Leases"}, {"clickhouse.url", clickhouse_url},
  };
  if (postgres_url.empty()) return settings;
  settings["sysdb"] = "postgres::SysDb";
  settings["history"] = "postgres::History";
  settings["leases"] = "postgres::Leases";
  settings["postgres.url"] = postgres_url;
  return settings;
}

Status apply_settings(Settings& settings, const std::map<std::string, std::string>& values) {
  for (const auto& [name, value] : values) {
    const config::Key* key = config::find_key(name);
    if (key == nullptr) {
      return Error(Code::invalid_argument, fmt::format("there is no setting {}: the nearest is {}",
                                                       name, config::nearest_key(name)));
    }
    VIRIDIAN_TRY(std::string normalised, config::normalise(*key, value));
    settings.set(name, std::move(normalised));
  }
  return ok_status();
}

}  // namespace viridian
