#pragma once

namespace viridian::os {

/// Gives memory that the program has freed back to the system, as far as the allocator can. Takes
/// milliseconds, during which other threads' allocations may wait.
void return_free_memory() noexcept;

}  // namespace viridian::os
