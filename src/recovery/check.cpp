#include "recovery/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "recovery/collection_check.h"
#include "recovery/snapshot_check.h"
#include "recovery/sysdb_check.h"
#include "sysdb/catalogue.h"

namespace viridian::recovery {
namespace {

/// A collection that a writer changes while it is read is read again, so often.
constexpr int kLooks = 6;

class Checker {
 public:
  Checker(os::Files& files, Executor& executor, const CheckOptions& options)
      : directory_{files, options.path,
                   options.snapshots.empty() ? os::join(options.path, "snapshots")
                                             : options.snapshots},
        executor_(executor),
        options_(options) {}

  Result<Report> run(const Context& context) {
    VIRIDIAN_TRY_VOID(check_there());
    VIRIDIAN_TRY_VOID(check_format(directory_, report_));
    VIRIDIAN_TRY(const bool sound, check_sysdb_pages(context, directory_, report_));
    VIRIDIAN_TRY(Collections collections, read_collections(context, directory_, sound, report_));
    if (collections.sysdb)
      VIRIDIAN_TRY_VOID(check_catalogue(context, directory_, collections, report_));
    else
      VIRIDIAN_TRY_VOID(use_catalogue(collections));
    std::vector<Status> checked(collections.known.size());
    executor_.parallel_for(collections.known.size(), [&](size_t i) {
      checked[i] = check_collection(context, collections, collections.known[i]);
      tell_progress();
    });
    for (const Status& status : checked) VIRIDIAN_TRY_VOID(status);
    if (collections.sysdb) VIRIDIAN_TRY_VOID(report_unknown(context, collections));
    VIRIDIAN_TRY_VOID(check_snapshots(context, directory_, executor_, report_));
    return report_.take();
  }

 private:
  Status check_there() const {
    for (const char* name : {"FORMAT", "sysdb.sqlite3", "segments", "log", "catalogue"}) {
      VIRIDIAN_TRY(const bool exists, directory_.files.exists(os::join(directory_.path, name)));
      if (exists) return ok_status();
    }
    return Error(Code::not_found, fmt::format("{} holds no database", options_.path));
  }

  /// Where the SysDb cannot be read, its copies say what to look at.
  Status use_catalogue(Collections& collections) {
    VIRIDIAN_TRY(sysdb::Catalogue catalogue,
                 sysdb::read_catalogue(directory_.files, directory_.catalogue()));
    for (auto& copy : catalogue.collections)
      collections.known.push_back({std::move(copy.collection), std::move(copy.segments)});
    return ok_status();
  }

  Status check_collection(const Context& context, Collections& collections, KnownCollection known) {
    for (int look = 1;; ++look) {
      SharedReport found;
      CollectionCheck check(directory_, known, executor_, found);
      VIRIDIAN_TRY_VOID(check.run(context));
      if (check.found_anything() && collections.sysdb && look < kLooks) {
        auto now = collections.sysdb->collection(context, known.row.id);
        if (!now.ok() && now.error().code() == Code::not_found) return ok_status();
        if (now.ok() && *now != known) {
          known = *std::move(now);
          continue;
        }
      }
      report_.merge(found.take());
      report_.add_collection();
      return ok_status();
    }
  }

  /// Directories of collections that there are not. One that was made since the collections were
  /// read is none of them.
  Status report_unknown(const Context& context, const Collections& collections) {
    std::vector<std::string> directories;
    for (const std::string& parent : {directory_.segments(), directory_.logs()}) {
      VIRIDIAN_TRY(const auto names, list_if_there(directory_.files, parent));
      for (const std::string& name : names) directories.push_back(os::join(parent, name));
    }
    VIRIDIAN_TRY(const std::vector<CollectionId> ids,
                 collections.sysdb->get().all_collections(context));
    for (const std::string& path : directories) {
      const auto id = Uuid::parse_canonical(path.substr(path.rfind('/') + 1));
      if (id && std::find(ids.begin(), ids.end(), *id) != ids.end()) continue;
      Finding finding;
      finding.severity = Severity::note;
      finding.file = directory_.shown(path);
      finding.what = id ? "no collection has this id: left by one that was dropped"
                        : "it does not belong here";
      report_.add(std::move(finding));
    }
    return ok_status();
  }

  void tell_progress() {
    if (!options_.progress) return;
    const std::lock_guard lock(progress_mutex_);
    options_.progress(report_.progress());
  }

  const Directory directory_;
  Executor& executor_;
  const CheckOptions& options_;
  SharedReport report_;
  std::mutex progress_mutex_;
};

}  // namespace

Result<Report> check(const Context& context, os::Files& files, Executor& executor,
                     const CheckOptions& options) {
  return Checker(files, executor, options).run(context);
}

}  // namespace viridian::recovery
