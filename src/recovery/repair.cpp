#include "recovery/repair.h"

#include <fmt/format.h>
#include <unistd.h>

#include "recovery/collection_repair.h"
#include "recovery/log_repair.h"
#include "recovery/sysdb_check.h"
#include "recovery/sysdb_repair.h"

namespace viridian::recovery {
namespace {

class Collections {
 public:
  explicit Collections(RepairTools& tools) : tools_(tools) {}

  Status repair(const Context& context) {
    VIRIDIAN_TRY_VOID(open(context));
    std::map<CollectionId, SeqId> rewinds;
    for (const KnownCollection& known : known_) {
      CollectionRepair repair(tools_, known);
      VIRIDIAN_TRY(const CollectionRepair::Rest rest, repair.mend_files(context));
      if (rest.nothing) continue;
      if (rest.rewind)
        rewinds[known.row.id] = *rest.rewind;
      else
        VIRIDIAN_TRY_VOID(repair.rebuild(context, sysdb_->get()));
    }
    if (!rewinds.empty()) {
      sysdb_.reset();
      VIRIDIAN_TRY_VOID(rewind_collections(context, tools_, rewinds));
      VIRIDIAN_TRY_VOID(open(context));
    }
    for (const KnownCollection& known : known_)
      VIRIDIAN_TRY_VOID(LogRepair(tools_, known).run(context));
    return ok_status();
  }

 private:
  /// Opening it for writing brings the copies in the catalogue up to date, too.
  Status open(const Context& context) {
    VIRIDIAN_TRY(sysdb_, OpenSysDb::open(context, tools_.directory, /*read_only=*/false));
    VIRIDIAN_TRY(const auto ids, sysdb_->get().all_collections(context));
    known_.clear();
    for (const CollectionId& id : ids) {
      VIRIDIAN_TRY(KnownCollection known, sysdb_->collection(context, id));
      known_.push_back(std::move(known));
    }
    return ok_status();
  }

  RepairTools& tools_;
  std::unique_ptr<OpenSysDb> sysdb_;
  std::vector<KnownCollection> known_;
};

Status repair_all(const Context& context, RepairTools& tools) {
  VIRIDIAN_TRY_VOID(repair_format(tools));
  VIRIDIAN_TRY_VOID(repair_sysdb(context, tools));
  return Collections(tools).repair(context);
}

}  // namespace

Result<Repair> repair(const Context& context, os::Files& files, Executor& executor,
                      const RepairOptions& options) {
  CheckOptions check_options{options.path, options.snapshots, {}};
  Repair result;
  VIRIDIAN_TRY(result.before, check(context, files, executor, check_options));
  if (result.before.clean()) return result;
  VIRIDIAN_TRY(const auto lock, files.lock(os::join(options.path, "LOCK"),
                                           fmt::format("viridian repair, process {}", getpid())));
  const Directory directory{
      files, options.path,
      options.snapshots.empty() ? os::join(options.path, "snapshots") : options.snapshots};
  SetAside set_aside(files, options.path);
  Copies copies(directory);
  SharedReport report;
  RepairTools tools{directory, executor, set_aside, copies, report};
  const Status repaired = repair_all(context, tools);
  result.done = report.take();
  if (!repaired.ok() && !set_aside.used()) return repaired.error();
  VIRIDIAN_TRY(result.after, check(context, files, executor, check_options));
  if (set_aside.used()) {
    std::string text = "Found:\n" + result.before.as_text() + "\nDone and lost:\n" +
                       result.done.as_text() + "\nFound afterwards:\n" + result.after.as_text();
    if (!repaired.ok()) text += "\nIt ended early: " + repaired.error().message() + "\n";
    VIRIDIAN_TRY_VOID(set_aside.write("report.txt", text));
    VIRIDIAN_TRY_VOID(set_aside.write("report.json", result.done.as_json() + "\n"));
    result.set_aside = set_aside.directory();
  }
  if (!repaired.ok()) return repaired.error();
  return result;
}

}  // namespace viridian::recovery
