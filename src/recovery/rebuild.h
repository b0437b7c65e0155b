#pragma once
#include "recovery/salvage.h"

namespace viridian::recovery {

/// Writes the salvaged records into a new .meta file, complete and durable, and returns the SysDb's
/// row for it. `up_to`: the collection's sealed number.
Result<SegmentFile> write_salvaged_metadata(const Context&, os::Files&,
                                            const std::string& directory,
                                            const CollectionId& collection, SeqId up_to,
                                            const Salvage&, const std::vector<MetadataContents>&);
/// The same for the vectors. There must be records.
Result<SegmentFile> write_salvaged_vectors(const Context&, os::Files&, const std::string& directory,
                                           const CollectionId& collection, SeqId up_to,
                                           const Salvage&, const std::vector<VectorContents>&);

}  // namespace viridian::recovery
