#include "library/builtins.h"

#include "clickhouse/client.h"
#include "cluster/api.h"
#include "http/server.h"
#include "lease/clickhouse_leases.h"
#include "lease/postgres_leases.h"
#include "log/clickhouse_log.h"
#include "log/postgres_history.h"
#include "log/seal_history.h"
#include "postgres/pool.h"
#include "segment/clickhouse_segment_manager.h"
#include "sysdb/clickhouse_sysdb.h"
#include "sysdb/postgres_sysdb.h"

namespace viridian {

Registry builtins() {
  Registry registry;
  add_local_builtins(registry);
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
  registry.add<cluster::Api, Api, HealthSource>("cluster::Api");
  registry.add<http::Server, http::Server>("http::Server");
  return registry;
}

}  // namespace viridian
