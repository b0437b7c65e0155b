#include "segment/index_choice.h"

#include "model/schema_rules.h"

namespace viridian::segment {
namespace {

constexpr uint16_t kLooked = 1 << 15;
static_assert(kMetadataTypes <= 15);

constexpr uint16_t bit_of(MetadataType type) {
  return static_cast<uint16_t>(1 << static_cast<unsigned>(type));
}
constexpr uint16_t kAll = (1 << kMetadataTypes) - 1;

}  // namespace

IndexChoice::IndexChoice(std::shared_ptr<const Schema> schema,
                         std::shared_ptr<const KeyDictionary> keys)
    : schema_(std::move(schema)),
      keys_(std::move(keys)),
      documents_(!schema_ || indexes_documents(*schema_)) {}

bool IndexChoice::values(const std::string& key, MetadataType type) const {
  return !schema_ || indexes_values(*schema_, key, type);
}

bool IndexChoice::values(uint32_t key, MetadataType type) {
  if (!schema_) return true;
  if (key >= known_.size()) {
    // A damaged row may have any number. Nobody can ask for a key without a name.
    if (key >= keys_->size()) return false;
    known_.resize(key + size_t{1});
  }
  uint16_t& known = known_[key];
  if (known == 0) {
    known = kLooked;
    for (uint32_t i = 0; i < kMetadataTypes; ++i)
      if (values(keys_->name(key), static_cast<MetadataType>(i)))
        known |= bit_of(static_cast<MetadataType>(i));
  }
  return (known & bit_of(type)) != 0;
}

bool IndexChoice::whole_key(uint32_t key) {
  return values(key, MetadataType::null) && (!schema_ || (known_[key] & kAll) == kAll);
}

}  // namespace viridian::segment
