#pragma once
#include <functional>
#include <string>
#include <vector>

#include "recovery/segment_contents.h"
#include "segment/key_dictionary.h"
#include "viridian/model/collection.h"

namespace viridian::recovery {

/// Both halves of one live record.
struct SalvagedRecord {
  Offset offset = 0;
  uint32_t metadata_file = 0, metadata_row = 0;
  uint32_t vector_file = 0, vector_row = 0;
};

/// A record, or a half of one, that is lost.
struct LostRecord {
  Offset offset = kUnknown;
  std::string id;  ///< empty: not known
  std::string why;
  std::optional<StoredRow> row;  ///< its documents and metadata, where they can be read
  std::optional<std::span<const float>> vector;
};

/// What is left of a collection's sealed files.
struct Salvage {
  std::vector<SalvagedRecord> records;  ///< ascending by offset
  std::vector<std::string> keys;        ///< of their metadata, by number
  Offset next_offset = 0;
  uint32_t dim = 0;
  /// A file, or a list of what ended, is missing: removals and updates that only it told of are
  /// undone. One sentence for each.
  std::vector<std::string> doubts;
};

struct SalvageInput {
  /// Oldest first; what is missing is left out, and named in `missing`.
  const std::vector<MetadataContents>& metadata;
  const std::vector<VectorContents>& vectors;
  std::vector<std::string> missing;
  std::optional<uint32_t> dimension;  ///< the collection's
};

/// Puts together which records are live and whole. A record of which one half cannot be read is
/// lost; `lose` is told of it. A record that either half says has ended is dead. Memory: about 200
/// bytes a record.
Salvage salvage(const SalvageInput& input, const std::function<void(const LostRecord&)>& lose);

/// Key numbers to names, for reading rows.
std::shared_ptr<segment::KeyDictionary> dictionary_of(const std::vector<std::string>& keys);

/// A line of JSON with what is known of the record.
std::string to_json_line(const LostRecord& record, const segment::KeyDictionary& keys);

}  // namespace viridian::recovery
