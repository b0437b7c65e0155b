#include "base/hash.h"

#include <xxhash.h>

namespace viridian {

uint64_t hash64(std::string_view text) noexcept { return XXH3_64bits(text.data(), text.size()); }

}  // namespace viridian
