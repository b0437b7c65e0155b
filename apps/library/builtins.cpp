#include "library/builtins.h"

#include <fmt/format.h>

#include "component/data_directory.h"
#include "component/thread_pool.h"
#include "config/keys.h"
#include "engine/api.h"
#include "http/api_client.h"
#include "http/server.h"
#include "log/local_log.h"
#include "log/mem_log.h"
#include "obs/metrics.h"
#include "os/real_files.h"
#include "segment/local_segment_manager.h"
#include "segment/mem_segment_manager.h"
#include "sysdb/mem_sysdb.h"
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
  registry.add<engine::Api, Api>("engine::Api");
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
