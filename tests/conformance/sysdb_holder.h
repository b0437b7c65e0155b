#pragma once
#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "viridian/spi/sysdb.h"

namespace viridian {

/// A SysDb under test, with whatever it needs.
class SysDbHolder {
 public:
  virtual ~SysDbHolder() = default;
  virtual SysDb& db() = 0;
  /// Closes and opens it again, where it keeps anything; what was stored must still be there.
  virtual void reopen() {}
};

struct SysDbMaker {
  std::string name;
  std::function<std::unique_ptr<SysDbHolder>()> make;
  friend void PrintTo(const SysDbMaker& maker, std::ostream* out) { *out << maker.name; }
};

}  // namespace viridian
