#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cluster/api.h"
#include "cluster/fenced_log.h"
#include "cluster/lease_table.h"
#include "component/thread_pool.h"
#include "engine/api.h"
#include "log/mem_log.h"
#include "obs/metrics.h"
#include "segment/mem_segment_manager.h"
#include "sysdb/mem_sysdb.h"

namespace viridian {

/// What several servers in one process share.
struct SharedStore {
  mem::SysDb sysdb;
  mem::Log log;
  LeaseTable table;
};

/// One server over a shared store: its own segments and engine, and a cluster::Api before them.
/// `sysdb`: what its engine asks instead of the store's.
class RigServer {
 public:
  RigServer(SharedStore& store, const std::string& id, cluster::MakePeer make_peer,
            cluster::Api::Options options, engine::Api::Options engine_options = {},
            SysDb* sysdb = nullptr)
      : leases_(store.table, id),
        log_(store.log, store.table, id),
        segments_(store.sysdb, log_, pool_, size_t{64} << 20),
        engine_({sysdb == nullptr ? store.sysdb : *sysdb, log_, log_, segments_}, engine_options),
        api_(engine_, leases_, std::move(make_peer), metrics_, std::move(options)) {
    (void)pool_.start(Context());
    (void)segments_.start(Context());
    store.table.join(id, "http://" + id);
  }
  ~RigServer() {
    segments_.stop();
    pool_.stop();
  }
  RigServer(const RigServer&) = delete;
  RigServer& operator=(const RigServer&) = delete;

  cluster::Api& api() { return api_; }
  engine::Api& engine() { return engine_; }
  FencedLog& log() { return log_; }
  TableLeases& leases() { return leases_; }
  obs::Metrics& metrics() { return metrics_; }

 private:
  ThreadPool pool_{2, 1024};
  obs::Metrics metrics_;
  TableLeases leases_;
  FencedLog log_;
  mem::SegmentManager segments_;
  engine::Api engine_;
  cluster::Api api_;
};

}  // namespace viridian
