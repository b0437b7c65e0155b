#include "component/data_directory.h"
#include "component/thread_pool.h"
#include "engine/api.h"
#include "http/api_client.h"
#include "library/builtins.h"
#include "log/local_log.h"
#include "log/mem_log.h"
#include "obs/metrics.h"
#include "os/real_files.h"
#include "segment/local_segment_manager.h"
#include "segment/mem_segment_manager.h"
#include "sysdb/mem_sysdb.h"
#include "sysdb/sqlite_sysdb.h"

namespace viridian {

void add_local_builtins(Registry& registry) {
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
  registry.add<engine::Api, Api, engine::Api>("engine::Api");
  registry.add<http::ApiClient, Api>("http::ApiClient");
}

}  // namespace viridian
