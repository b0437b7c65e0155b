#pragma once
#include <map>
#include <string>
#include <vector>

#include "recovery/directory.h"

namespace viridian::recovery {

/// Sealed files by the id in their header, wherever they lie: among the collections', in the
/// snapshots, in what earlier repairs set aside. The same file may be there several times: swapped
/// with another, in a snapshot, in a collection that was restored from one.
class Copies {
 public:
  explicit Copies(const Directory& directory) : directory_(directory) {}
  /// Looks at all headers, once.
  Status find_all();
  std::vector<std::string> of(const Uuid& file) const;

 private:
  Status look_into(const std::string& directory);

  const Directory& directory_;
  std::multimap<Uuid, std::string> paths_;
  bool looked_ = false;
};

}  // namespace viridian::recovery
