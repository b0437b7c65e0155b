#pragma once
#include <cstdint>

namespace viridian::os {

/// How often the calling thread has waited for the disk because memory that a file is mapped to was
/// not there. 0 where the system does not say.
uint64_t waits_for_pages() noexcept;

}  // namespace viridian::os
