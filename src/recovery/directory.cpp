#include "recovery/directory.h"

#include <fmt/format.h>

#include <algorithm>

namespace viridian::recovery {

std::string Directory::shown(std::string_view file) const {
  const std::string prefix = path + "/";
  if (file.starts_with(prefix)) file.remove_prefix(prefix.size());
  return std::string(file);
}

const Segment* KnownCollection::segment(SegmentScope scope) const {
  for (const Segment& segment : segments)
    if (segment.scope == scope) return &segment;
  return nullptr;
}

SeqId KnownCollection::sealed() const {
  SeqId sealed = segments.empty() ? 0 : segments.front().sealed;
  for (const Segment& segment : segments) sealed = std::min(sealed, segment.sealed);
  return sealed;
}

Result<std::vector<std::string>> list_if_there(os::Files& files, const std::string& directory) {
  auto names = files.list(directory);
  if (!names.ok() && names.error().code() == Code::not_found) return std::vector<std::string>();
  return names;
}

segment::FileIdentity identity_of(const KnownCollection& known, const Segment& segment,
                                  const SegmentFile& file) {
  return {segment.scope == SegmentScope::metadata ? segment::FileKind::metadata
                                                  : segment::FileKind::vectors,
          file.id, file.origin == CollectionId() ? known.row.id : file.origin};
}

OpenSysDb::OpenSysDb(const Directory& directory, bool read_only)
    : place_(directory.files, directory.path),
      sysdb_(directory.files, place_,
             sqlite::SysDb::Options{
                 .migrations = read_only ? sql::MigrationMode::validate : sql::MigrationMode::apply,
                 .read_only = read_only}) {}

OpenSysDb::~OpenSysDb() { sysdb_.stop(); }

Result<std::unique_ptr<OpenSysDb>> OpenSysDb::open(const Context& context,
                                                   const Directory& directory, bool read_only) {
  VIRIDIAN_TRY(const bool exists, directory.files.exists(directory.sysdb()));
  if (!exists) return Error(Code::not_found, fmt::format("{} is missing", directory.sysdb()));
  auto opened = std::make_unique<OpenSysDb>(directory, read_only);
  VIRIDIAN_TRY_VOID(opened->sysdb_.start(context));
  return opened;
}

Result<KnownCollection> OpenSysDb::collection(const Context& context, const CollectionId& id) {
  KnownCollection known;
  VIRIDIAN_TRY(known.row, sysdb_.get_collection(context, id));
  VIRIDIAN_TRY(known.segments, sysdb_.list_segments(context, id));
  return known;
}

Result<std::string> read_whole(os::Files& files, const std::string& path, uint64_t limit) {
  VIRIDIAN_TRY(const std::unique_ptr<os::File> file, files.open(path, os::OpenMode::read));
  VIRIDIAN_TRY(const uint64_t size, file->size());
  if (size > limit)
    return Error(Code::data_loss,
                 fmt::format("{} has {} bytes, {} would be many", path, size, limit));
  std::string text(size, '\0');
  VIRIDIAN_TRY(const size_t got,
               file->read_at(0, std::as_writable_bytes(std::span(text.data(), text.size()))));
  text.resize(got);
  return text;
}

}  // namespace viridian::recovery
