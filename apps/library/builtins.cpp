#include "library/builtins.h"

#include <fmt/format.h>

#include "clickhouse/client.h"
#include "cluster/api.h"
#include "component/data_directory.h"
#include "component/thread_pool.h"
#include "config/keys.h"
#include "engine/api.h"
#include "http/api_client.h"
#include "http/server.h"
#include "lease/clickhouse_leases.h"
#include "lease/postgres_leases.h"
#include "log/clickhouse_log.h"
#include "log/local_log.h"
#include "log/mem_log.h"
#include "log/postgres_history.h"
#include "log/seal_history.h"
#include "obs/metrics.h"
#include "os/real_files.h"
#include "postgres/pool.h"
#include "segment/clickhouse_segment_manager.h"
#include "segment/local_segment_manager.h"
#include "segment/mem_segment_manager.h"
#include "sysdb/clickhouse_sysdb.h"
#include "sysdb/mem_sysdb.h"
#include "sysdb/postgres_sysdb.h"
#include "sysdb/sqlite_sysdb.h"

namespace viridian {

Registry builtins() {
  Registry registry;
  registry.add<os::RealFiles, os::Files>("os::RealFiles");
  registry.add<local::DataDirectory, local::DataDirectory>("local::DataDirectory");
  registry.add<ThreadPool, Executor>("ThreadPool");
  registry.add<obs::Metrics, obs::Metrics>("obs::Metrics");
  registry.add<sqlite::SysDb, SysDb>("sqlite::SysDb");
  registry.add<mem::SysDb, SysDb>("mem::SysDb");
  registry.add<local::Log, Producer, Consumer>("local::Log");
  registry.add<mem::Log, Producer, Consumer>("mem::Log");
  registry.add<local::SegmentManager, SegmentManager>("local::SegmentManager");
  registry.add<mem::SegmentManager, SegmentManager>("mem::SegmentManager");
  registry.add<clickhouse::Client, clickhouse::Client>("clickhouse::Client");
  registry.add<clickhouse::SealHistory, clickhouse::History>("clickhouse::SealHistory");
  registry.add<clickhouse::Log, Producer, Consumer, HealthSource>("clickhouse::Log");
  registry.add<clickhouse::SysDb, SysDb>("clickhouse::SysDb");
  registry.add<clickhouse::Leases, Leases>("clickhouse::Leases");
  registry.add<clickhouse::SegmentManager, SegmentManager>("clickhouse::SegmentManager");
  registry.add<postgres::Pool, postgres::Pool, HealthSource>("postgres::Pool");
  registry.add<postgres::SysDb, SysDb>("postgres::SysDb");
  registry.add<postgres::History, clickhouse::History>("postgres::History");
  registry.add<postgres::Leases, Leases>("postgres::Leases");
  registry.add<engine::Api, Api, engine::Api>("engine::Api");
  registry.add<cluster::Api, Api, HealthSource>("cluster::Api");
  registry.add<http::ApiClient, Api>("http::ApiClient");
  registry.add<http::Server, http::Server>("http::Server");
  return registry;
}

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
