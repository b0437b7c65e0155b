#include "os/thread_priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace viridian::os {

void lower_thread_priority() noexcept {
  // A tenth of a request thread's share where all are busy: enough that merging goes on under load.
  constexpr int kNice = 10;
  // Last among those the disk serves. The idle class would never be served beside a busy writer.
  constexpr long kBestEffortLast = (2L << 13) | 7;  // class best effort, level 7
  constexpr long kOfThread = 1;                     // IOPRIO_WHO_PROCESS, which means a thread
  const auto thread = static_cast<id_t>(::syscall(SYS_gettid));
  // On Linux both are kept per thread, and a thread may always lower its own.
  (void)::setpriority(PRIO_PROCESS, thread, kNice);
  (void)::syscall(SYS_ioprio_set, kOfThread, 0L, kBestEffortLast);
}

}  // namespace viridian::os
