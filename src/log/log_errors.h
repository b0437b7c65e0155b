#pragma once
#include "viridian/base/result.h"
#include "viridian/model/ids.h"

// Errors that every log gives in the same words.
namespace viridian::log {

Error empty_batch();
Error has_begun(const CollectionId& collection, SeqId last);
/// A read after `after` where only records after `trimmed` are left.
Error trimmed_away(const CollectionId& collection, SeqId after, SeqId trimmed);
/// Made once, the first time: later calls need no memory.
const Error& out_of_memory();
const Error& unexpected_exception();
const Error& write_interrupted();

}  // namespace viridian::log
