#pragma once
#include <memory>
#include <string>

#include "conformance/api_fixture.h"
#include "viridian/base/settings.h"
#include "viridian/spi/component.h"

/// Whole systems for tests: the real classes, put together as the programs do it.
namespace viridian::conformance {

/// Every class that stores or answers, by its registered name.
Registry test_registry();
/// The defaults, but everything in memory.
Settings mem_settings();
/// The defaults, kept in `path`.
Settings local_settings(const std::string& path);

/// A running system, stopped on destruction.
class TestSystem final : public ApiUnderTest {
 public:
  static Result<std::unique_ptr<TestSystem>> start(Settings settings,
                                                   Registry registry = test_registry());
  /// Not yet running: start() is the way to one.
  TestSystem(Settings settings, Registry registry);
  ~TestSystem() override;

  Api& api() override { return *api_; }
  System& system() { return *system_; }
  /// Stops everything and starts it again with the same settings: what is in memory is gone.
  Status reopen();

 private:
  const Settings settings_;
  const Registry registry_;
  std::unique_ptr<System> system_;
  Api* api_ = nullptr;
};

Result<std::unique_ptr<TestSystem>> make_mem_api(bool allow_reset = false);
Result<std::unique_ptr<TestSystem>> make_local_api(const std::string& path,
                                                   bool allow_reset = false);

/// A fresh directory that goes, with everything in it, on destruction.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// For VIRIDIAN_INSTANTIATE_API_SUITE.
ApiFactory mem_factory(bool allow_reset = false);
ApiFactory local_factory(bool allow_reset = false);

}  // namespace viridian::conformance
