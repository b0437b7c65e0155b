#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "segment/key_dictionary.h"
#include "viridian/model/metadata.h"
#include "viridian/model/schema.h"

namespace viridian::segment {

/// What of a segment's records is indexed: all, or what the collection's schema says. Copies are
/// independent of each other; for one thread each.
class IndexChoice {
 public:
  /// Everything.
  IndexChoice() = default;
  /// `schema` may be null: everything.
  IndexChoice(std::shared_ptr<const Schema> schema, std::shared_ptr<const KeyDictionary> keys);

  bool documents() const noexcept { return documents_; }
  bool values(const std::string& key, MetadataType type) const;
  /// The same by the key's number.
  bool values(uint32_t key, MetadataType type);
  /// Whether values of all types are.
  bool whole_key(uint32_t key);

 private:
  std::shared_ptr<const Schema> schema_;
  std::shared_ptr<const KeyDictionary> keys_;
  bool documents_ = true;
  std::vector<uint16_t> known_;  ///< by key: a bit for each type that is indexed, and kLooked
};

}  // namespace viridian::segment
