#pragma once

namespace viridian::os {

/// Puts the calling thread behind all others for processors and disk, for the rest of its life: for
/// work that nobody waits for. Where the system refuses, nothing changes.
void lower_thread_priority() noexcept;

}  // namespace viridian::os
