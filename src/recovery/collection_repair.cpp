#include "recovery/collection_repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "os/copy_file.h"
#include "recovery/rebuild.h"

namespace viridian::recovery {
namespace {

const std::string kUnfinished = ".tmp";

}  // namespace

void RepairTools::say(Severity severity, const std::string& file, const CollectionId& collection,
                      std::string what, std::string affected) const {
  Finding finding;
  finding.severity = severity;
  finding.file = directory.shown(file);
  finding.collection = collection;
  finding.what = std::move(what);
  finding.affected = std::move(affected);
  report.add(std::move(finding));
}

Result<CollectionRepair::Rest> CollectionRepair::mend_files(const Context& context) {
  VIRIDIAN_TRY(bool clean, is_clean(context));
  if (clean) return Rest{true, {}};
  VIRIDIAN_TRY_VOID(tools_.copies.find_all());
  VIRIDIAN_TRY_VOID(scan(context));
  for (Part& part : parts_) VIRIDIAN_TRY_VOID(find_replacement(context, part));
  VIRIDIAN_TRY_VOID(put_replacements());
  VIRIDIAN_TRY(clean, is_clean(context));
  if (clean) return Rest{true, {}};
  Rest rest;
  VIRIDIAN_TRY(rest.rewind, find_rewind(context));
  return rest;
}

Result<std::optional<SeqId>> CollectionRepair::find_rewind(const Context& context) const {
  const SeqId sealed = known_.sealed();
  VIRIDIAN_TRY(const SeqId from,
               first_of_unbroken(context, tools_.directory, known_.row.id, sealed));
  const auto is_good = [](const Part& part) { return part.good || part.replaced; };
  if (std::all_of(parts_.begin(), parts_.end(), is_good)) return std::optional<SeqId>();
  std::set<SeqId, std::greater<>> ends = {0};
  for (const Part& part : parts_) ends.insert(part.named->last_seq);
  for (const SeqId end : ends) {
    if (end >= sealed) continue;
    if (end + 1 < from) break;
    const bool fits = std::all_of(parts_.begin(), parts_.end(), [&](const Part& part) {
      return part.named->last_seq <= end ? is_good(part) : part.named->first_seq > end;
    });
    if (fits) return std::optional(end);
  }
  return std::optional<SeqId>();
}

Result<bool> CollectionRepair::is_clean(const Context& context) const {
  SharedReport found;
  CollectionCheck check(tools_.directory, known_, tools_.executor, found);
  VIRIDIAN_TRY_VOID(check.run_files(context));
  return !check.found_anything();
}

Status CollectionRepair::scan(const Context& context) {
  const std::string directory = tools_.directory.segments(known_.row.id);
  parts_.clear();
  for (const Segment& segment : known_.segments) {
    for (const SegmentFile& named : segment.files) {
      Part part;
      part.segment = &segment;
      part.named = &named;
      part.path = os::join(directory, named.name);
      auto scanned = ScannedFile::read(context, tools_.directory.files, part.path,
                                       identity_of(known_, segment, named), named.size_bytes);
      if (scanned.ok())
        part.scanned = *std::move(scanned);
      else if (scanned.error().code() != Code::not_found &&
               scanned.error().code() != Code::data_loss)
        return scanned.error();
      parts_.push_back(std::move(part));
    }
  }
  return ok_status();
}

Result<bool> CollectionRepair::agrees(const Context& context, const Part& part,
                                      const std::shared_ptr<const ScannedFile>& file) const {
  bool good = file->intact();
  if (!good) return false;
  const Complaint complain = [&](uint64_t, const std::string&) { good = false; };
  if (part.segment->scope == SegmentScope::metadata)
    VIRIDIAN_TRY_VOID(MetadataContents(file).check(context, *part.named, complain));
  else
    VIRIDIAN_TRY_VOID(VectorContents(file).check(context, *part.named, complain));
  return good;
}

Status CollectionRepair::find_replacement(const Context& context, Part& part) {
  if (part.scanned) {
    VIRIDIAN_TRY(part.good, agrees(context, part, part.scanned));
    if (part.good) return ok_status();
  }
  VIRIDIAN_TRY_VOID(
      tools_.directory.files.make_directories(tools_.directory.segments(known_.row.id)));
  for (const std::string& copy : tools_.copies.of(part.named->id)) {
    if (copy != part.path) VIRIDIAN_TRY_VOID(take_copy(context, part, copy));
    if (part.replaced) return ok_status();
  }
  return part.scanned && part.scanned->is_the_expected() ? correct(context, part) : ok_status();
}

Status CollectionRepair::take_copy(const Context& context, Part& part, const std::string& copy) {
  os::Files& files = tools_.directory.files;
  const segment::FileIdentity identity = identity_of(known_, *part.segment, *part.named);
  const auto scanned = ScannedFile::read(context, files, copy, identity, part.named->size_bytes);
  if (!scanned.ok()) return context.check();
  VIRIDIAN_TRY(const bool good, agrees(context, part, *scanned));
  if (!good) return ok_status();
  VIRIDIAN_TRY_VOID(files.remove(part.path + kUnfinished));
  VIRIDIAN_TRY_VOID(os::copy_file(files, copy, part.path + kUnfinished));
  part.replaced = true;
  part.source = fmt::format("restored from {}", tools_.directory.shown(copy));
  return ok_status();
}

Status CollectionRepair::correct(const Context& context, Part& part) {
  const segment::FileIdentity identity = identity_of(known_, *part.segment, *part.named);
  const std::string unfinished = part.path + kUnfinished;
  std::vector<Damage> done;
  VIRIDIAN_TRY(const bool whole, write_corrected(context, tools_.directory.files, *part.scanned,
                                                 identity, unfinished, done));
  if (done.empty() && !whole) return tools_.directory.files.remove(unfinished);
  auto corrected = ScannedFile::read(context, tools_.directory.files, unfinished, identity,
                                     part.named->size_bytes);
  if (!corrected.ok()) return context.check();
  VIRIDIAN_TRY(part.replaced, agrees(context, part, *corrected));
  // Where it is not all of it, it is still more than there was.
  if (!part.replaced) part.scanned = *std::move(corrected);
  for (const Damage& damage : done)
    part.source +=
        fmt::format("{}at {}: {}", part.source.empty() ? "" : "; ", damage.offset, damage.what);
  return ok_status();
}

Status CollectionRepair::put_replacements() {
  os::Files& files = tools_.directory.files;
  for (Part& part : parts_)
    if (part.replaced) VIRIDIAN_TRY_VOID(tools_.set_aside.keep(part.path));
  for (Part& part : parts_) {
    if (!part.replaced) continue;
    VIRIDIAN_TRY_VOID(files.rename(part.path + kUnfinished, part.path));
    VIRIDIAN_TRY_VOID(files.sync_directory(os::parent_of(part.path)));
    tools_.say(Severity::warning, part.path, known_.row.id,
               fmt::format("it is whole again: {}", part.source));
  }
  return ok_status();
}

Status CollectionRepair::rebuild(const Context& context, SysDb& sysdb) {
  std::vector<MetadataContents> metadata;
  std::vector<VectorContents> vectors;
  SalvageInput input{metadata, vectors, {}, known_.row.dimension};
  for (Part& part : parts_) {
    if (part.replaced) {
      VIRIDIAN_TRY(part.scanned, ScannedFile::read(context, tools_.directory.files, part.path,
                                                   identity_of(known_, *part.segment, *part.named),
                                                   part.named->size_bytes));
    }
    if (!part.scanned || !part.scanned->is_the_expected())
      input.missing.push_back(fmt::format(
          "{} is missing: it held {} record versions, written with log records {} to {}",
          part.named->name, part.named->rows, part.named->first_seq, part.named->last_seq));
    else if (part.segment->scope == SegmentScope::metadata)
      metadata.emplace_back(part.scanned);
    else
      vectors.emplace_back(part.scanned);
  }
  std::vector<LostRecord> lost;
  const Salvage left = salvage(input, [&](const LostRecord& record) { lost.push_back(record); });
  const auto keys = dictionary_of(left.keys);
  std::string lines;
  for (const LostRecord& record : lost) lines += to_json_line(record, *keys);
  if (!lines.empty())
    VIRIDIAN_TRY_VOID(
        tools_.set_aside.append("lost-" + known_.row.id.to_string() + ".jsonl", lines));
  const std::string directory = tools_.directory.segments(known_.row.id);
  SeqId sealed = 0;
  for (const Segment& segment : known_.segments) sealed = std::max(sealed, segment.sealed);
  VIRIDIAN_TRY(const SegmentFile new_metadata,
               write_salvaged_metadata(context, tools_.directory.files, directory, known_.row.id,
                                       sealed, left, metadata));
  std::optional<SegmentFile> new_vectors;
  if (!left.records.empty()) {
    VIRIDIAN_TRY(new_vectors, write_salvaged_vectors(context, tools_.directory.files, directory,
                                                     known_.row.id, sealed, left, vectors));
  }
  VIRIDIAN_TRY_VOID(publish(context, sysdb, new_metadata, new_vectors));
  tools_.say(
      Severity::warning, directory, known_.row.id,
      fmt::format("its {} remaining records were written into new files", left.records.size()));
  for (const std::string& doubt : left.doubts)
    tools_.say(Severity::error, directory, known_.row.id, tools_.directory.shown(doubt),
               "updates and removals that only this file told of: they are undone");
  say_lost(std::move(lost));
  return ok_status();
}

Status CollectionRepair::publish(const Context& context, SysDb& sysdb, const SegmentFile& metadata,
                                 std::optional<SegmentFile> vectors) {
  for (const Part& part : parts_) VIRIDIAN_TRY_VOID(tools_.set_aside.keep(part.path));
  std::vector<SegmentChange> changes;
  for (const Segment& segment : known_.segments) {
    SegmentChange change;
    change.segment = segment.id;
    change.sealed = metadata.last_seq;
    if (segment.scope == SegmentScope::metadata)
      change.files = {metadata};
    else if (vectors)
      change.files = {*vectors};
    changes.push_back(std::move(change));
  }
  VIRIDIAN_TRY_VOID(sysdb.publish(context, known_.row.id, changes));
  // What was set aside has a second name by now.
  for (const Part& part : parts_) {
    VIRIDIAN_TRY_VOID(tools_.directory.files.remove(part.path));
    VIRIDIAN_TRY_VOID(tools_.directory.files.remove(part.path + kUnfinished));
  }
  return tools_.directory.files.sync_directory(tools_.directory.segments(known_.row.id));
}

void CollectionRepair::say_lost(std::vector<LostRecord> lost) {
  std::map<std::string, Finding> by_reason;
  std::map<std::string, uint64_t> unnamed;
  for (LostRecord& record : lost) {
    Finding& finding = by_reason[record.why];
    if (!record.id.empty())
      finding.records.push_back(std::move(record.id));
    else if (record.offset != kUnknown)
      finding.records.push_back(fmt::format("(offset {})", record.offset));
    else
      ++unnamed[record.why];
  }
  for (auto& [why, finding] : by_reason) {
    finding.severity = Severity::error;
    finding.file = tools_.directory.shown(tools_.directory.segments(known_.row.id));
    finding.collection = known_.row.id;
    finding.affected = fmt::format("{} records", finding.records.size() + unnamed[why]);
    finding.what = fmt::format("lost, because {}", why);
    finding.remedy = fmt::format("what could be read of them is in {}/lost-{}.jsonl",
                                 tools_.directory.shown(tools_.set_aside.directory()),
                                 known_.row.id.to_string());
    tools_.report.add(std::move(finding));
  }
}

}  // namespace viridian::recovery
