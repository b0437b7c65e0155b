#pragma once
#include "viridian/base/result.h"
#include "viridian/model/ids.h"

// Errors that every log gives in the same words.
namespace viridian::log {

Error empty_batch();
/// A read after `after` where only records after `trimmed` are left.
Error trimmed_away(const CollectionId& collection, SeqId after, SeqId trimmed);

}  // namespace viridian::log
