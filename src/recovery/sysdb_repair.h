#pragma once
#include <map>

#include "recovery/collection_repair.h"

namespace viridian::recovery {

/// Sees that FORMAT can be read.
Status repair_format(const RepairTools&);
/// Sees that the SysDb can be read, and builds it anew from the copies in the directory catalogue
/// where it cannot. What it names afterwards is all there is: directories of other collections are
/// set aside.
Status repair_sysdb(const Context&, const RepairTools&);

/// Lets collections' files end at earlier numbers, from which on their logs take over. The SysDb
/// must not be open. The files after those numbers are set aside.
Status rewind_collections(const Context&, const RepairTools&,
                          const std::map<CollectionId, SeqId>& sealed);

}  // namespace viridian::recovery
