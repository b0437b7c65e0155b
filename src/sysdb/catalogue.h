#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/files.h"
#include "viridian/base/result.h"
#include "viridian/model/collection.h"

/// Copies of the SysDb's rows in the directory `catalogue`: per collection a file named by its id,
/// and one for tenants and databases. Each is replaced as a whole after the change it is of was
/// committed, so that a damaged SysDb can be rebuilt. Format: docs/file-formats.md.
namespace viridian::sysdb {

inline constexpr std::string_view kCatalogueDirectory = "catalogue";
inline constexpr std::string_view kDatabasesFile = "databases.json";

/// A collection as the SysDb held it after a change. Changes are numbered from 1, over everything
/// that the SysDb holds.
struct CollectionCopy {
  uint64_t change = 0;
  Collection collection;
  std::vector<Segment> segments;
  friend bool operator==(const CollectionCopy&, const CollectionCopy&) = default;
};

struct DatabasesCopy {
  uint64_t change = 0;
  std::vector<Tenant> tenants;
  std::vector<Database> databases;
  friend bool operator==(const DatabasesCopy&, const DatabasesCopy&) = default;
};

std::string encode_collection_copy(const CollectionCopy& copy);
std::string encode_databases_copy(const DatabasesCopy& copy);
/// Of a file's bytes.
///   data_loss            they are not what was written
///   failed_precondition  a newer version of the program wrote them
Result<CollectionCopy> decode_collection_copy(std::string_view file);
Result<DatabasesCopy> decode_databases_copy(std::string_view file);

/// <id>.json
std::string copy_name(const CollectionId& id);
/// The collection that a file of the catalogue is of, if it is of one.
std::optional<CollectionId> collection_of_copy(std::string_view file_name);

/// Everything that a catalogue holds.
struct Catalogue {
  std::optional<DatabasesCopy> databases;
  std::vector<CollectionCopy> collections;  ///< by id
  /// Copies that cannot be read, with the reason; of a collection, or of the databases.
  struct Damage {
    std::string file_name;
    Error error;
  };
  std::vector<Damage> damaged;
  /// The highest number among the copies that can be read.
  uint64_t latest_change() const;
};
/// Reads `directory`, which need not exist. An error only where it cannot be listed.
Result<Catalogue> read_catalogue(os::Files& files, const std::string& directory);
/// One file. not_found: there is none.
Result<CollectionCopy> read_collection_copy(os::Files& files, const std::string& path);

/// Replaces a file of the catalogue; durable once the directory is synced.
Status replace_copy(os::Files& files, const std::string& directory, std::string_view file_name,
                    std::string_view content);

}  // namespace viridian::sysdb
