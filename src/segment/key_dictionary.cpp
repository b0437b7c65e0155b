#include "segment/key_dictionary.h"

namespace viridian::segment {

uint32_t KeyDictionary::add(std::string_view key) {
  std::lock_guard lock(mutex_);
  if (const auto known = ids_.find(key); known != ids_.end()) return known->second;
  const auto id = static_cast<uint32_t>(ids_.size());
  std::string& name = names_.at_grown(id);
  name = key;
  ids_.emplace(name, id);
  return id;
}

std::optional<uint32_t> KeyDictionary::find(std::string_view key) const {
  std::lock_guard lock(mutex_);
  const auto known = ids_.find(key);
  if (known == ids_.end()) return std::nullopt;
  return known->second;
}

uint32_t KeyDictionary::size() const {
  std::lock_guard lock(mutex_);
  return static_cast<uint32_t>(ids_.size());
}

}  // namespace viridian::segment
