#include "log/log_errors.h"

#include <fmt/core.h>

namespace viridian::log {

Error empty_batch() {
  return Error(Code::invalid_argument, "an empty batch cannot be logged: give at least one record");
}

Error trimmed_away(const CollectionId& collection, SeqId after, SeqId trimmed) {
  return Error(Code::out_of_range,
               fmt::format("the log of collection {} begins after number {}; records {} to {} are "
                           "trimmed away and must come from sealed files",
                           collection.to_string(), trimmed, after + 1, trimmed));
}

}  // namespace viridian::log
