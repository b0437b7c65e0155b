#include "recovery/sysdb_repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "recovery/sysdb_check.h"
#include "sysdb/catalogue.h"
#include "sysdb/sqlite_rebuild.h"

namespace viridian::recovery {
namespace {

/// SQLite's files beside the database's own.
constexpr std::array<const char*, 3> kBesides = {"-wal", "-shm", "-journal"};
const std::string kUnfinished = ".repair";

/// What the new SysDb is made of: the copies, and for collections without one what can still be
/// read of the old SysDb.
sysdb::Catalogue sources(const RepairTools& tools, sysdb::Catalogue catalogue, Collections old) {
  const uint64_t change = catalogue.latest_change() + 1;
  for (KnownCollection& known : old.known) {
    const bool copied =
        std::any_of(catalogue.collections.begin(), catalogue.collections.end(),
                    [&](const auto& copy) { return copy.collection.id == known.row.id; });
    if (!copied)
      catalogue.collections.push_back({change, std::move(known.row), std::move(known.segments)});
  }
  // Of two copies with one name the older is of a collection that was dropped or renamed since.
  std::sort(catalogue.collections.begin(), catalogue.collections.end(),
            [](const auto& a, const auto& b) { return a.change > b.change; });
  std::set<std::tuple<std::string, std::string, std::string>> names;
  for (sysdb::CollectionCopy& copy : catalogue.collections) {
    Collection& row = copy.collection;
    if (names.emplace(row.tenant, row.database, row.name).second) continue;
    constexpr size_t kNamePartMax = 400;
    const std::string name = row.name;
    row.name = name.substr(0, kNamePartMax) + "-" + row.id.to_string();
    tools.say(Severity::error, tools.directory.sysdb(), row.id,
              fmt::format("two collections were named {}: this one is now {}", name, row.name));
  }
  std::sort(catalogue.collections.begin(), catalogue.collections.end(),
            [](const auto& a, const auto& b) { return a.collection.id < b.collection.id; });
  return catalogue;
}

/// Puts the new SysDb in the old one's place.
Status put_in_place(const RepairTools& tools, const std::string& built) {
  const Directory& directory = tools.directory;
  VIRIDIAN_TRY_VOID(tools.set_aside.keep(directory.sysdb()));
  // The log must not be played into the new database; without it the damaged one is merely older,
  // and still damaged, should this end here.
  for (const char* beside : kBesides)
    VIRIDIAN_TRY_VOID(tools.set_aside.move(directory.sysdb() + beside));
  VIRIDIAN_TRY_VOID(directory.files.rename(built, directory.sysdb()));
  return directory.files.sync_directory(directory.path);
}

Status set_unknown_aside(const RepairTools& tools, const std::vector<CollectionId>& known) {
  for (const std::string& parent : {tools.directory.segments(), tools.directory.logs()}) {
    VIRIDIAN_TRY(const auto names, list_if_there(tools.directory.files, parent));
    for (const std::string& name : names) {
      const auto id = Uuid::parse_canonical(name);
      if (!id || std::find(known.begin(), known.end(), *id) != known.end()) continue;
      VIRIDIAN_TRY_VOID(tools.set_aside.move_directory(os::join(parent, name)));
      tools.say(Severity::error, os::join(parent, name), *id,
                "no copy says which collection these files are of: they are set aside",
                "a collection, unless it had been dropped");
    }
  }
  return ok_status();
}

/// Builds a SysDb and puts it in the old one's place.
Status replace_sysdb(const RepairTools& tools, const sysdb::Catalogue& catalogue) {
  const std::string built = tools.directory.sysdb() + kUnfinished;
  for (const std::string& litter : {built, built + "-wal", built + "-shm"})
    VIRIDIAN_TRY_VOID(tools.directory.files.remove(litter));
  VIRIDIAN_TRY_VOID(sqlite::rebuild(tools.directory.files, built, catalogue));
  return put_in_place(tools, built);
}

}  // namespace

Status repair_format(const RepairTools& tools) {
  SharedReport found;
  VIRIDIAN_TRY_VOID(check_format(tools.directory, found));
  if (found.take().count(Severity::error) == 0) return ok_status();
  const std::string path = os::join(tools.directory.path, "FORMAT");
  VIRIDIAN_TRY_VOID(tools.set_aside.keep(path));
  constexpr uint32_t kVersion = local::DataDirectory::kVersion;
  VIRIDIAN_TRY_VOID(
      sysdb::replace_copy(tools.directory.files, tools.directory.path, "FORMAT",
                          local::write_directory_format({kVersion, kVersion, "viridian repair"})));
  VIRIDIAN_TRY_VOID(tools.directory.files.sync_directory(tools.directory.path));
  Finding finding;
  finding.severity = Severity::warning;
  finding.file = "FORMAT";
  finding.what = "it was written anew";
  tools.report.add(std::move(finding));
  return ok_status();
}

Status repair_sysdb(const Context& context, const RepairTools& tools) {
  SharedReport found;
  VIRIDIAN_TRY(const bool sound, check_sysdb_pages(context, tools.directory, found));
  VIRIDIAN_TRY(Collections old, read_collections(context, tools.directory, sound, found));
  const Report trouble = found.take();
  VIRIDIAN_TRY(sysdb::Catalogue catalogue,
               sysdb::read_catalogue(tools.directory.files, tools.directory.catalogue()));
  // Whatever becomes of the SysDb, they are written anew when it is opened.
  for (const auto& damaged : catalogue.damaged) {
    const std::string path = os::join(tools.directory.catalogue(), damaged.file_name);
    VIRIDIAN_TRY_VOID(tools.set_aside.move(path));
    Finding finding;
    finding.severity = Severity::warning;
    finding.file = tools.directory.shown(path);
    finding.what = "it was damaged, and is written anew";
    tools.report.add(std::move(finding));
  }
  if (trouble.count(Severity::error) == 0) return ok_status();
  if (catalogue.collections.empty() && old.known.empty() && !catalogue.databases)
    return Error(Code::data_loss,
                 fmt::format("the SysDb is damaged ({}) and there are no copies of it in {}: "
                             "restore a snapshot into a new directory; nothing was changed",
                             trouble.findings.front().what, tools.directory.catalogue()));
  old.sysdb.reset();
  const sysdb::Catalogue all = sources(tools, std::move(catalogue), std::move(old));
  VIRIDIAN_TRY_VOID(replace_sysdb(tools, all));
  Finding finding;
  finding.severity = Severity::warning;
  finding.file = tools.directory.shown(tools.directory.sysdb());
  finding.what = fmt::format(
      "it was damaged ({}) and was built anew from the catalogue: {} "
      "collections",
      trouble.findings.front().what, all.collections.size());
  tools.report.add(std::move(finding));
  std::vector<CollectionId> known;
  for (const sysdb::CollectionCopy& copy : all.collections) known.push_back(copy.collection.id);
  return set_unknown_aside(tools, known);
}

Status rewind_collections(const Context& context, const RepairTools& tools,
                          const std::map<CollectionId, SeqId>& sealed) {
  VIRIDIAN_TRY(sysdb::Catalogue catalogue,
               sysdb::read_catalogue(tools.directory.files, tools.directory.catalogue()));
  std::vector<std::string> unneeded;
  for (sysdb::CollectionCopy& copy : catalogue.collections) {
    const auto to = sealed.find(copy.collection.id);
    if (to == sealed.end()) continue;
    ++copy.change;
    for (Segment& segment : copy.segments) {
      segment.sealed = to->second;
      std::erase_if(segment.files, [&](const SegmentFile& file) {
        if (file.last_seq <= to->second) return false;
        unneeded.push_back(os::join(tools.directory.segments(copy.collection.id), file.name));
        return true;
      });
    }
    tools.say(Severity::warning, tools.directory.segments(copy.collection.id), copy.collection.id,
              fmt::format("its files after record {} are set aside: the log still holds what they "
                          "held",
                          to->second));
  }
  for (const std::string& path : unneeded) VIRIDIAN_TRY_VOID(tools.set_aside.keep(path));
  VIRIDIAN_TRY_VOID(context.check());
  VIRIDIAN_TRY_VOID(replace_sysdb(tools, catalogue));
  for (const std::string& path : unneeded) VIRIDIAN_TRY_VOID(tools.directory.files.remove(path));
  return ok_status();
}

}  // namespace viridian::recovery
