#include "viridian/model/metadata.h"

#include <algorithm>

namespace viridian {
namespace {

struct KeyLess {
  bool operator()(const Metadata::Entry& entry, std::string_view key) const {
    return std::string_view(entry.first) < key;
  }
};

}  // namespace

Metadata::Metadata(std::initializer_list<Entry> entries) {
  for (const Entry& entry : entries) set(entry.first, entry.second);
}

void Metadata::set(std::string_view key, MetadataValue value) {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), key, KeyLess());
  if (at != entries_.end() && at->first == key)
    at->second = std::move(value);
  else
    entries_.emplace(at, std::string(key), std::move(value));
}

void Metadata::erase(std::string_view key) {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), key, KeyLess());
  if (at != entries_.end() && at->first == key) entries_.erase(at);
}

const MetadataValue* Metadata::find(std::string_view key) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), key, KeyLess());
  return at != entries_.end() && at->first == key ? &at->second : nullptr;
}

}  // namespace viridian
