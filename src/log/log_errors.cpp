#include "log/log_errors.h"

#include <fmt/core.h>

namespace viridian::log {

Error empty_batch() {
  return Error(Code::invalid_argument, "an empty batch cannot be logged: give at least one record");
}

Error has_begun(const CollectionId& collection, SeqId last) {
  return Error(Code::already_exists, fmt::format("collection {} has a log already, up to record {}",
                                                 collection.to_string(), last));
}

Error trimmed_away(const CollectionId& collection, SeqId after, SeqId trimmed) {
  return Error(Code::out_of_range,
               fmt::format("the log of collection {} begins after number {}; records {} to {} are "
                           "trimmed away and must come from sealed files",
                           collection.to_string(), trimmed, after + 1, trimmed));
}

const Error& out_of_memory() {
  static const Error error(Code::resource_exhausted, "the log ran out of memory");
  return error;
}

const Error& unexpected_exception() {
  static const Error error(Code::internal, "the log met an unexpected exception");
  return error;
}

const Error& write_interrupted() {
  static const Error error(Code::data_loss,
                           "the log of this collection takes no more writes until the program is "
                           "started again, because a write was broken off by an exception");
  return error;
}

}  // namespace viridian::log
