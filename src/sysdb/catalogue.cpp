#include "sysdb/catalogue.h"

#include <fmt/format.h>

#include <algorithm>

namespace viridian::sysdb {
namespace {

constexpr std::string_view kSuffix = ".json";
constexpr std::string_view kUnfinished = ".new";
/// A catalogue's file is a collection's row and the names of its files; this is far beyond any.
constexpr uint64_t kMaxBytes = uint64_t{1} << 30;

Result<std::string> read_whole(os::Files& files, const std::string& path) {
  VIRIDIAN_TRY(const auto file, files.open(path, os::OpenMode::read));
  VIRIDIAN_TRY(const uint64_t size, file->size());
  if (size > kMaxBytes)
    return Error(Code::data_loss, fmt::format("{}: it has {} bytes", path, size));
  std::string content(size, '\0');
  VIRIDIAN_TRY(const size_t got,
               file->read_at(0, std::as_writable_bytes(std::span(content.data(), size))));
  content.resize(got);
  return content;
}

}  // namespace

std::string copy_name(const CollectionId& id) { return id.to_string() + std::string(kSuffix); }

std::optional<CollectionId> collection_of_copy(std::string_view file_name) {
  if (!file_name.ends_with(kSuffix)) return std::nullopt;
  file_name.remove_suffix(kSuffix.size());
  return Uuid::parse_canonical(file_name);
}

uint64_t Catalogue::latest_change() const {
  uint64_t latest = databases ? databases->change : 0;
  for (const CollectionCopy& copy : collections) latest = std::max(latest, copy.change);
  return latest;
}

Result<CollectionCopy> read_collection_copy(os::Files& files, const std::string& path) {
  VIRIDIAN_TRY(const std::string content, read_whole(files, path));
  auto copy = decode_collection_copy(content);
  if (!copy.ok()) return copy.error().with(path);
  return copy;
}

Result<Catalogue> read_catalogue(os::Files& files, const std::string& directory) {
  Catalogue catalogue;
  VIRIDIAN_TRY(const bool exists, files.exists(directory));
  if (!exists) return catalogue;
  VIRIDIAN_TRY(const std::vector<std::string> names, files.list(directory));
  for (const std::string& name : names) {
    const std::string path = os::join(directory, name);
    if (name == kDatabasesFile) {
      const auto content = read_whole(files, path);
      auto copy = content.ok() ? decode_databases_copy(*content) : content.error();
      if (copy.ok())
        catalogue.databases = *std::move(copy);
      else
        catalogue.damaged.push_back({name, copy.error().with(path)});
    } else if (const std::optional<CollectionId> id = collection_of_copy(name)) {
      auto copy = read_collection_copy(files, path);
      if (copy.ok() && copy->collection.id != *id)
        copy = Error(Code::data_loss, fmt::format("{}: it is of collection {}", path,
                                                  copy->collection.id.to_string()));
      if (copy.ok())
        catalogue.collections.push_back(*std::move(copy));
      else if (copy.error().code() != Code::not_found)  // a writer removed it meanwhile
        catalogue.damaged.push_back({name, copy.error()});
    }
  }
  return catalogue;
}

Status replace_copy(os::Files& files, const std::string& directory, std::string_view file_name,
                    std::string_view content) {
  const std::string path = os::join(directory, file_name);
  const std::string unfinished = path + std::string(kUnfinished);
  VIRIDIAN_TRY_VOID(files.remove(unfinished));  // a crash may have left a longer one
  {
    VIRIDIAN_TRY(const auto file, files.open(unfinished, os::OpenMode::create));
    VIRIDIAN_TRY_VOID(file->write_at(0, os::as_bytes(content)));
    VIRIDIAN_TRY_VOID(file->sync());
  }
  return files.rename(unfinished, path);
}

}  // namespace viridian::sysdb
