#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace viridian {

void assertion_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "viridian: assertion failed: %s (%s:%d)\n", what, file, line);
  std::abort();
}

}  // namespace viridian
