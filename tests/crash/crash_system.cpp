#include "crash/crash_system.h"

#include "base/executor.h"
#include "engine/test_system.h"
#include "os/forwarding_files.h"

namespace viridian::crash {
namespace {

class BorrowedFiles final : public Component, public os::ForwardingFiles {
 public:
  using os::ForwardingFiles::ForwardingFiles;
};

/// Work is done before submit() returns.
class InlineExecutor final : public Component, public Executor {
 public:
  static Result<std::unique_ptr<InlineExecutor>> create(System&) {
    return std::make_unique<InlineExecutor>();
  }
  bool submit(std::function<void()> work) override {
    work();
    return true;
  }
  void parallel_for(size_t n, const std::function<void(size_t)>& body) override {
    for (size_t i = 0; i < n; ++i) body(i);
  }
  size_t concurrency() const override { return 1; }
};

Settings small_files() {
  Settings settings = conformance::local_settings("/data");
  settings.set("files", "crash::Files");
  settings.set("executor", "crash::InlineExecutor");
  settings.set("log.segment_bytes", "4096");
  settings.set("segment.seal_bytes", "16384");
  settings.set("segment.seal_records", "24");
  settings.set("segment.purge_seconds", "1");
  return settings;
}

}  // namespace

Result<std::unique_ptr<CrashSystem>> CrashSystem::open(os::Files& disk, const Assembly& assembly) {
  auto made = std::make_unique<CrashSystem>();
  os::Files* files = &disk;
  if (assembly.between) {
    made->between_ = assembly.between(disk);
    files = made->between_.get();
  }
  Registry registry = conformance::test_registry();
  registry.add<InlineExecutor, Executor>("crash::InlineExecutor");
  registry.add<BorrowedFiles, os::Files>(
      "crash::Files", [files](System&) -> Result<std::unique_ptr<BorrowedFiles>> {
        return std::make_unique<BorrowedFiles>(*files);
      });
  Settings settings = small_files();
  if (assembly.replace) assembly.replace(registry, settings);
  made->system_ = std::make_unique<System>(std::move(registry), std::move(settings));
  VIRIDIAN_TRY(made->api_, made->system_->require<Api>());
  VIRIDIAN_TRY_VOID(made->system_->start(Context()));
  return made;
}

CrashSystem::~CrashSystem() {
  if (system_) system_->stop();
}

}  // namespace viridian::crash
