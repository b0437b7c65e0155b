// The suite of every Api, through a real server and a real client over the loopback interface, both
// put together by class name as the programs do it.
#include "component/data_directory.h"
#include "component/thread_pool.h"
#include "config/keys.h"
#include "conformance/api_suite.h"
#include "engine/api.h"
#include "http/api_client.h"
#include "http/server.h"
#include "log/local_log.h"
#include "log/mem_log.h"
#include "obs/metrics.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"
#include "segment/local_segment_manager.h"
#include "segment/mem_segment_manager.h"
#include "sysdb/mem_sysdb.h"
#include "sysdb/sqlite_sysdb.h"

namespace viridian::conformance {
namespace {

Registry registry() {
  Registry registry;
  registry.add<os::RealFiles, os::Files>("os::RealFiles");
  registry.add<local::DataDirectory, local::DataDirectory>("local::DataDirectory");
  registry.add<ThreadPool, Executor>("ThreadPool");
  registry.add<sqlite::SysDb, SysDb>("sqlite::SysDb");
  registry.add<local::Log, Producer, Consumer>("local::Log");
  registry.add<local::SegmentManager, SegmentManager>("local::SegmentManager");
  registry.add<obs::Metrics, obs::Metrics>("obs::Metrics");
  registry.add<mem::SysDb, SysDb>("mem::SysDb");
  registry.add<mem::Log, Producer, Consumer>("mem::Log");
  registry.add<mem::SegmentManager, SegmentManager>("mem::SegmentManager");
  registry.add<engine::Api, Api>("engine::Api");
  registry.add<http::ApiClient, Api>("http::ApiClient");
  registry.add<http::Server, http::Server>("http::Server");
  return registry;
}

enum class Kept { in_memory, on_disk };

Settings settings(bool allow_reset, Kept kept, const std::string& path) {
  Settings settings = config::defaults();
  settings.set("path", path);
  if (kept == Kept::in_memory) {
    settings.set("sysdb", "mem::SysDb");
    settings.set("producer", "mem::Log");
    settings.set("consumer", "mem::Log");
    settings.set("segment_manager", "mem::SegmentManager");
  }
  settings.set("executor.threads", "2");
  settings.set("server.port", "0");
  settings.set("allow_reset", allow_reset ? "true" : "false");
  return settings;
}

/// A system with a server, and one whose Api is a client of it.
class ServedApi final : public ApiUnderTest {
 public:
  static Result<std::unique_ptr<ApiUnderTest>> make(bool allow_reset, Kept kept) {
    auto made = std::make_unique<ServedApi>();
    Settings chosen = settings(allow_reset, kept, made->directory_.path());
    made->served_ = std::make_unique<System>(registry(), chosen);
    VIRIDIAN_TRY(http::Server * server, made->served_->require<http::Server>());
    VIRIDIAN_TRY_VOID(made->served_->start(Context()));
    chosen.set("api", "http::ApiClient");
    chosen.set("client.url", server->url());
    made->calling_ = std::make_unique<System>(registry(), chosen);
    VIRIDIAN_TRY(made->api_, made->calling_->require<Api>());
    VIRIDIAN_TRY_VOID(made->calling_->start(Context()));
    return std::unique_ptr<ApiUnderTest>(std::move(made));
  }
  ~ServedApi() override {
    if (calling_) calling_->stop();
    if (served_) served_->stop();
  }
  Api& api() override { return *api_; }

 private:
  os::TemporaryDirectory directory_;
  std::unique_ptr<System> served_;
  std::unique_ptr<System> calling_;
  Api* api_ = nullptr;
};

ApiFactory served_factory(bool allow_reset) {
  return {allow_reset ? "WithReset" : "WithoutReset", allow_reset,
          [=] { return ServedApi::make(allow_reset, Kept::in_memory); }};
}

ApiFactory served_from_disk() {
  return {"OnDisk", false, [] { return ServedApi::make(false, Kept::on_disk); }};
}

}  // namespace

VIRIDIAN_INSTANTIATE_API_SUITE(OverHttp, served_factory(false), served_factory(true));
VIRIDIAN_INSTANTIATE_API_SNAPSHOT_SUITE(OverHttp, served_from_disk());

}  // namespace viridian::conformance
