#pragma once
#include <functional>
#include <memory>

#include "os/files.h"
#include "viridian/spi/api.h"
#include "viridian/spi/component.h"

/// The crash simulator: the engine on a simulated disk, stopped at every change to that disk.
namespace viridian::crash {

/// What is different from the program as it is, to see whether the simulator finds it.
struct Assembly {
  /// Puts other classes into the registry, and names them in the settings.
  std::function<void(Registry&, Settings&)> replace = {};
  /// Goes between the engine and the disk.
  std::function<std::unique_ptr<os::Files>(os::Files&)> between = {};
};

/// The engine with its real parts on any Files, as the programs put it together, except that work
/// runs on the caller's thread where it can, and that files are left and merged early.
class CrashSystem {
 public:
  static Result<std::unique_ptr<CrashSystem>> open(os::Files& disk, const Assembly& assembly);
  /// With nothing in it: open() is the way to one.
  CrashSystem() = default;
  /// Stops everything.
  ~CrashSystem();
  CrashSystem(const CrashSystem&) = delete;
  CrashSystem& operator=(const CrashSystem&) = delete;

  Api& api() { return *api_; }

 private:
  std::unique_ptr<os::Files> between_;
  std::unique_ptr<System> system_;
  Api* api_ = nullptr;
};

}  // namespace viridian::crash
