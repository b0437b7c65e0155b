#include "engine/test_system.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "component/data_directory.h"
#include "component/thread_pool.h"
#include "config/keys.h"
#include "engine/api.h"
#include "log/local_log.h"
#include "log/mem_log.h"
#include "obs/metrics.h"
#include "os/real_files.h"
#include "segment/local_segment_manager.h"
#include "segment/mem_segment_manager.h"
#include "sysdb/mem_sysdb.h"
#include "sysdb/sqlite_sysdb.h"

namespace viridian::conformance {
namespace {

/// An Api in a directory of its own.
class TemporaryApi final : public ApiUnderTest {
 public:
  static Result<std::unique_ptr<ApiUnderTest>> make(bool allow_reset) {
    auto made = std::make_unique<TemporaryApi>();
    VIRIDIAN_TRY(made->system_, make_local_api(made->directory_.path(), allow_reset));
    return std::unique_ptr<ApiUnderTest>(std::move(made));
  }
  Api& api() override { return system_->api(); }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<TestSystem> system_;
};

}  // namespace

Registry test_registry() {
  Registry registry;
  registry.add<os::RealFiles, os::Files>("os::RealFiles");
  registry.add<local::DataDirectory, local::DataDirectory>("local::DataDirectory");
  registry.add<ThreadPool, Executor>("ThreadPool");
  registry.add<obs::Metrics, obs::Metrics>("obs::Metrics");
  registry.add<mem::SysDb, SysDb>("mem::SysDb");
  registry.add<sqlite::SysDb, SysDb>("sqlite::SysDb");
  registry.add<mem::Log, Producer, Consumer>("mem::Log");
  registry.add<local::Log, Producer, Consumer>("local::Log");
  registry.add<mem::SegmentManager, SegmentManager>("mem::SegmentManager");
  registry.add<local::SegmentManager, SegmentManager>("local::SegmentManager");
  registry.add<engine::Api, Api>("engine::Api");
  return registry;
}

Settings mem_settings() {
  Settings settings = config::defaults();
  settings.set("sysdb", "mem::SysDb");
  settings.set("producer", "mem::Log");
  settings.set("consumer", "mem::Log");
  settings.set("segment_manager", "mem::SegmentManager");
  settings.set("executor.threads", "2");
  return settings;
}

Settings local_settings(const std::string& path) {
  Settings settings = config::defaults();
  settings.set("path", path);
  settings.set("executor.threads", "2");
  return settings;
}

TestSystem::TestSystem(Settings settings, Registry registry)
    : settings_(std::move(settings)), registry_(std::move(registry)) {}

TestSystem::~TestSystem() {
  if (system_) system_->stop();
}

Result<std::unique_ptr<TestSystem>> TestSystem::start(Settings settings, Registry registry) {
  auto made = std::make_unique<TestSystem>(std::move(settings), std::move(registry));
  VIRIDIAN_TRY_VOID(made->reopen());
  return made;
}

Status TestSystem::reopen() {
  if (system_) system_->stop();
  system_ = std::make_unique<System>(registry_, settings_);
  VIRIDIAN_TRY(api_, system_->require<Api>());
  return system_->start(Context());
}

Result<std::unique_ptr<TestSystem>> make_mem_api(bool allow_reset) {
  Settings settings = mem_settings();
  settings.set("allow_reset", allow_reset ? "true" : "false");
  return TestSystem::start(std::move(settings));
}

Result<std::unique_ptr<TestSystem>> make_local_api(const std::string& path, bool allow_reset) {
  Settings settings = local_settings(path);
  settings.set("allow_reset", allow_reset ? "true" : "false");
  return TestSystem::start(std::move(settings));
}

TemporaryDirectory::TemporaryDirectory() {
  path_ = (std::filesystem::temp_directory_path() / "viridian-test-XXXXXX").string();
  if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "cannot make " << path_;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;  // what cannot be removed fails no test
  std::filesystem::remove_all(path_, ignored);
}

ApiFactory mem_factory(bool allow_reset) {
  return {allow_reset ? "InMemoryWithReset" : "InMemory", allow_reset,
          [=]() -> Result<std::unique_ptr<ApiUnderTest>> {
            VIRIDIAN_TRY(auto made, make_mem_api(allow_reset));
            return std::unique_ptr<ApiUnderTest>(std::move(made));
          }};
}

ApiFactory local_factory(bool allow_reset) {
  return {allow_reset ? "OnDiskWithReset" : "OnDisk", allow_reset,
          [=] { return TemporaryApi::make(allow_reset); }};
}

}  // namespace viridian::conformance
