#include "recovery/sysdb_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/page_checksum.h"
#include "sysdb/catalogue.h"

namespace viridian::recovery {
namespace {

constexpr std::string_view kRepairSysDb =
    "run `viridian repair`, which rebuilds the SysDb from the copies in the directory catalogue";

/// Pages that a writer beside us is just writing are read again.
constexpr int kPageLooks = 5;

Finding about_sysdb(const Directory& directory, std::string what) {
  Finding finding;
  finding.file = directory.shown(directory.sysdb());
  finding.what = std::move(what);
  finding.remedy = kRepairSysDb;
  return finding;
}

Result<bool> page_is_good(const os::File& file, uint64_t number, std::vector<std::byte>& page) {
  for (int look = 0; look < kPageLooks; ++look) {
    VIRIDIAN_TRY(const size_t got, file.read_at((number - 1) * page.size(), page));
    if (got == page.size() && sql::page_is_intact(page, number)) return true;
  }
  return false;
}

}  // namespace

Status check_format(const Directory& directory, SharedReport& report) {
  constexpr uint64_t kFormatBytesMax = 4096;
  const std::string path = os::join(directory.path, "FORMAT");
  Finding finding;
  finding.file = directory.shown(path);
  finding.remedy = "run `viridian repair`, which writes it anew";
  const auto text = read_whole(directory.files, path, kFormatBytesMax);
  if (!text.ok() && text.error().code() == Code::not_found) {
    finding.severity = Severity::warning;
    finding.what = "it is missing, as in directories of the first version";
    finding.remedy = "opening the directory once for writing adds it";
    report.add(std::move(finding));
    return ok_status();
  }
  const auto format = text.ok() ? local::read_directory_format(*text) : text.error();
  if (!format.ok()) {
    finding.what = format.error().message();
    report.add(std::move(finding));
    return ok_status();
  }
  report.add_file(text->size());
  if (format->needs <= local::DataDirectory::kVersion) return ok_status();
  return Error(Code::failed_precondition,
               fmt::format("{} is of version {}, which needs a program that knows version {}: use "
                           "the one that wrote it ({})",
                           directory.path, format->version, format->needs, format->created_by));
}

namespace {

/// Pages without checksums are those of the first version, unless one page shows that it has one:
/// then it is the header that has changed.
Result<bool> has_no_checksums(const os::File& file, uint64_t pages, std::vector<std::byte>& page) {
  for (uint64_t number = 2; number <= pages; ++number) {
    VIRIDIAN_TRY(const bool good, page_is_good(file, number, page));
    const bool zeros =
        std::all_of(page.begin(), page.end(), [](std::byte byte) { return byte == std::byte{0}; });
    if (good && !zeros) return false;
  }
  return true;
}

}  // namespace

Result<bool> check_sysdb_pages(const Context& context, const Directory& directory,
                               SharedReport& report) {
  const auto bad = [&](std::string what) {
    report.add(about_sysdb(directory, std::move(what)));
    return false;
  };
  const auto file = directory.files.open(directory.sysdb(), os::OpenMode::read);
  if (!file.ok())
    return bad(file.error().code() == Code::not_found ? "it is missing" : file.error().message());
  VIRIDIAN_TRY(const uint64_t size, (*file)->size());
  report.add_file(size);
  std::vector<std::byte> page(sql::kHeaderBytes);
  VIRIDIAN_TRY(const size_t got, (*file)->read_at(0, page));
  page.resize(got);
  const sql::PageFormat format = sql::page_format(page);
  const uint32_t page_size = sql::page_size_of(page);
  if (format == sql::PageFormat::none || page_size == 0) return bad("it is no SQLite database");
  if (size % page_size != 0)
    return bad(fmt::format("its size {} is no multiple of its page size {}", size, page_size));
  page.resize(page_size);
  const uint64_t pages = size / page_size;
  if (format == sql::PageFormat::plain) {
    VIRIDIAN_TRY(const bool old, has_no_checksums(**file, pages, page));
    if (!old) return bad("its header is damaged");
    Finding finding = about_sysdb(directory, "its pages have no checksums");
    finding.severity = Severity::warning;
    finding.remedy = "opening it once for writing adds them";
    report.add(std::move(finding));
    return true;
  }
  bool sound = true;
  for (uint64_t number = 1; number <= pages; ++number) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const bool good, page_is_good(**file, number, page));
    if (good) continue;
    sound = false;
    Finding finding =
        about_sysdb(directory, fmt::format("the checksum of page {} is wrong", number));
    finding.offset = (number - 1) * page_size;
    report.add(std::move(finding));
  }
  return sound;
}

namespace {

/// An older SysDb that was put in the place of the last one: what it says holds no longer. It is
/// kept only of collections whose copy is damaged.
Status pass_over_older(const Context& context, const Directory& directory,
                       const sysdb::Catalogue& catalogue, Collections& collections,
                       SharedReport& report) {
  const auto latest = collections.sysdb->latest_change(context);
  if (!latest.ok()) {
    VIRIDIAN_TRY_VOID(context.check());
    report.add(about_sysdb(directory, latest.error().message()));
    return ok_status();
  }
  if (*latest >= catalogue.latest_change()) return ok_status();
  report.add(about_sysdb(
      directory, fmt::format("it has lost changes, or is an older one: it ends with change {}, and "
                             "the directory catalogue knows of change {}",
                             *latest, catalogue.latest_change())));
  std::erase_if(collections.known, [&](const KnownCollection& known) {
    return std::none_of(
        catalogue.damaged.begin(), catalogue.damaged.end(),
        [&](const auto& damage) { return damage.file_name == sysdb::copy_name(known.row.id); });
  });
  collections.sysdb.reset();
  return ok_status();
}

}  // namespace

Result<Collections> read_collections(const Context& context, const Directory& directory,
                                     bool pages_are_sound, SharedReport& report) {
  Collections collections;
  // Before the SysDb, as a writer beside us changes the copies after it.
  VIRIDIAN_TRY(const sysdb::Catalogue catalogue,
               sysdb::read_catalogue(directory.files, directory.catalogue()));
  auto opened = OpenSysDb::open(context, directory, /*read_only=*/true);
  if (!opened.ok()) {
    if (pages_are_sound && opened.error().code() == Code::failed_precondition)
      return opened.error();
    VIRIDIAN_TRY_VOID(context.check());
    if (opened.error().code() != Code::not_found)
      report.add(about_sysdb(directory, opened.error().message()));
    return collections;
  }
  collections.sysdb = *std::move(opened);
  const auto ids = collections.sysdb->get().all_collections(context);
  if (!ids.ok()) {
    report.add(about_sysdb(directory, ids.error().message()));
    return collections;
  }
  for (const CollectionId& id : *ids) {
    auto known = collections.sysdb->collection(context, id);
    if (known.ok()) {
      collections.known.push_back(*std::move(known));
    } else if (known.error().code() != Code::not_found) {
      Finding finding = about_sysdb(directory, known.error().message());
      finding.collection = id;
      report.add(std::move(finding));
    }
  }
  VIRIDIAN_TRY_VOID(pass_over_older(context, directory, catalogue, collections, report));
  return collections;
}

namespace {

/// Copies that are not what the SysDb says.
std::vector<Finding> compare_catalogue(const Directory& directory,
                                       const sysdb::Catalogue& catalogue,
                                       const std::vector<KnownCollection>& known) {
  std::vector<Finding> findings;
  const auto differs = [&](const std::string& name, std::string what) {
    Finding& finding = findings.emplace_back();
    finding.severity = Severity::warning;
    finding.file = directory.shown(os::join(directory.catalogue(), name));
    finding.what = std::move(what);
    finding.remedy = "opening the directory once for writing, or `viridian repair`, writes it anew";
  };
  for (const auto& [name, error] : catalogue.damaged) differs(name, error.message());
  if (!catalogue.databases) differs(std::string(sysdb::kDatabasesFile), "it cannot be read");
  for (const KnownCollection& collection : known) {
    const auto copy = std::find_if(
        catalogue.collections.begin(), catalogue.collections.end(),
        [&](const auto& candidate) { return candidate.collection.id == collection.row.id; });
    const std::string name = sysdb::copy_name(collection.row.id);
    if (copy == catalogue.collections.end())
      differs(name, "the SysDb's collection has no copy here");
    else if (copy->collection != collection.row || copy->segments != collection.segments)
      differs(name, "it differs from what the SysDb says");
  }
  return findings;
}

}  // namespace

Status check_catalogue(const Context& context, const Directory& directory, Collections& collections,
                       SharedReport& report) {
  constexpr int kLooks = 4;
  for (int look = 1;; ++look) {
    VIRIDIAN_TRY(const sysdb::Catalogue catalogue,
                 sysdb::read_catalogue(directory.files, directory.catalogue()));
    std::vector<Finding> findings = compare_catalogue(directory, catalogue, collections.known);
    if (!findings.empty() && look < kLooks) {
      std::vector<KnownCollection> now;
      for (const KnownCollection& known : collections.known)
        if (auto read = collections.sysdb->collection(context, known.row.id); read.ok())
          now.push_back(*std::move(read));
      const bool changed = now != collections.known;
      collections.known = std::move(now);
      if (changed) continue;
    }
    for (Finding& finding : findings) report.add(std::move(finding));
    return ok_status();
  }
}

}  // namespace viridian::recovery
