#include "os/page_faults.h"

#include <sys/resource.h>

namespace viridian::os {

uint64_t waits_for_pages() noexcept {
#ifdef RUSAGE_THREAD
  rusage usage{};
  if (::getrusage(RUSAGE_THREAD, &usage) == 0) return static_cast<uint64_t>(usage.ru_majflt);
#endif
  return 0;
}

}  // namespace viridian::os
