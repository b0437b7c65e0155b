#pragma once
#include <memory>

#include "index/index_builder.h"
#include "segment/sealed_file.h"

namespace viridian::segment {

/// Appends an index of the file's rows (docs/file-formats.md).
Status write_index(SealedFileWriter& writer, const index::BuiltIndex& built);

/// Whether the file has one. What is wrong with it shows when it is opened.
bool has_index(const SealedFile& file);
/// Reads all of it, and verifies it. The file must outlive what is returned.
///   data_loss            damaged
///   failed_precondition  of a newer format version
Result<std::unique_ptr<index::GraphIndex>> open_index(const SealedFile& file);

}  // namespace viridian::segment
