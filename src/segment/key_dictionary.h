#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "segment/stable_array.h"

namespace viridian::segment {

/// Numbers for the metadata keys of one segment, dense and in order of first use. A number never
/// changes its meaning, so the rows of all the segment's heads and files share them.
/// One thread adds; all may look up.
class KeyDictionary {
 public:
  uint32_t add(std::string_view key);
  std::optional<uint32_t> find(std::string_view key) const;
  /// `id` must come from a row that the caller may read, or from find().
  const std::string& name(uint32_t id) const { return names_[id]; }
  uint32_t size() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string_view, uint32_t> ids_;  // guarded by mutex_; views of names_
  StableArray<std::string> names_;
};

}  // namespace viridian::segment
