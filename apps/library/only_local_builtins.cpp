// builtins() of the embedded library that has nothing of servers (see CMakeLists.txt).
#include "library/builtins.h"

namespace viridian {

Registry builtins() {
  Registry registry;
  add_local_builtins(registry);
  return registry;
}

}  // namespace viridian
