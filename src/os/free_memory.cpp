#include "os/free_memory.h"

#include <malloc.h>

namespace viridian::os {

void return_free_memory() noexcept {
#ifdef __GLIBC__
  (void)::malloc_trim(0);
#endif
}

}  // namespace viridian::os
