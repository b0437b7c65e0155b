#include "recovery/collection_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "recovery/live_offsets.h"

namespace viridian::recovery {
namespace {

constexpr std::string_view kRunRepair = "run `viridian repair`, which keeps what it replaces";

/// A writer beside us needs this long at most to finish the frame that it is writing.
constexpr std::chrono::milliseconds kWriterPause{20};
constexpr int kTailLooks = 5;

}  // namespace

CollectionCheck::CollectionCheck(const Directory& directory, const KnownCollection& known,
                                 Executor& executor, SharedReport& report)
    : directory_(directory), known_(known), executor_(executor), report_(report) {}

void CollectionCheck::add(Finding finding) {
  const std::lock_guard lock(mutex_);
  found_ = found_ || finding.severity != Severity::note;
  report_.add(std::move(finding));
}

Finding CollectionCheck::about(const std::string& file, std::string what) const {
  Finding finding;
  finding.file = directory_.shown(file);
  finding.collection = known_.row.id;
  finding.what = std::move(what);
  finding.remedy = kRunRepair;
  return finding;
}

Complaint CollectionCheck::complaint_about(const ScannedFile& file) {
  return [this, path = file.path()](uint64_t offset, std::string what) {
    Finding finding = about(path, std::move(what));
    finding.offset = offset;
    add(std::move(finding));
  };
}

Status CollectionCheck::run(const Context& context) {
  VIRIDIAN_TRY_VOID(run_files(context));
  VIRIDIAN_TRY_VOID(check_log(context));
  return report_orphans();
}

Status CollectionCheck::run_files(const Context& context) {
  VIRIDIAN_TRY_VOID(check_rows(context));
  if (const Segment* segment = known_.segment(SegmentScope::metadata))
    VIRIDIAN_TRY_VOID(scan_segment(context, *segment, metadata_scans_));
  if (const Segment* segment = known_.segment(SegmentScope::vector))
    VIRIDIAN_TRY_VOID(scan_segment(context, *segment, vector_scans_));
  VIRIDIAN_TRY_VOID(check_sections(context));
  if (all_intact_ && !found_)
    check_against_each_other();
  else
    name_lost_vectors();
  return ok_status();
}

Status CollectionCheck::check_rows(const Context& context) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::string sysdb = directory_.sysdb();
  const Segment* metadata = known_.segment(SegmentScope::metadata);
  const Segment* vectors = known_.segment(SegmentScope::vector);
  if (metadata == nullptr || vectors == nullptr || known_.segments.size() != 2)
    add(about(sysdb, "the collection does not have one segment of each kind"));
  if (metadata != nullptr && vectors != nullptr && metadata->sealed != vectors->sealed)
    add(about(sysdb, fmt::format("its segments are sealed up to different records, {} and {}",
                                 metadata->sealed, vectors->sealed)));
  for (const Segment& segment : known_.segments) {
    SeqId before = 0;
    for (const SegmentFile& file : segment.files) {
      if (file.first_seq <= before || file.last_seq < file.first_seq ||
          file.last_seq > segment.sealed)
        add(about(sysdb, fmt::format("file {} is said to hold records {} to {}, which does not "
                                     "fit those before it or the sealed number {}",
                                     file.name, file.first_seq, file.last_seq, segment.sealed)));
      before = file.last_seq;
    }
  }
  return ok_status();
}

Status CollectionCheck::scan_segment(const Context& context, const Segment& segment,
                                     ScannedFiles& out) {
  const std::string directory = directory_.segments(known_.row.id);
  out.resize(segment.files.size());
  std::vector<std::optional<Error>> errors(segment.files.size());
  executor_.parallel_for(segment.files.size(), [&](size_t i) {
    const SegmentFile& named = segment.files[i];
    auto scanned = ScannedFile::read(context, directory_.files, os::join(directory, named.name),
                                     identity_of(known_, segment, named), named.size_bytes);
    if (scanned.ok())
      out[i] = *std::move(scanned);
    else
      errors[i] = scanned.error();
  });
  VIRIDIAN_TRY_VOID(context.check());
  for (size_t i = 0; i < errors.size(); ++i) {
    if (out[i]) {
      report_.add_file(out[i]->size());
      report_damage(*out[i]);
      continue;
    }
    all_intact_ = false;
    const bool missing = errors[i]->code() == Code::not_found;
    Finding finding =
        about(os::join(directory, segment.files[i].name),
              missing ? "the SysDb names this file, and it is not there" : errors[i]->message());
    finding.affected =
        fmt::format("{} record versions written with log records {} to {}", segment.files[i].rows,
                    segment.files[i].first_seq, segment.files[i].last_seq);
    add(std::move(finding));
  }
  return ok_status();
}

void CollectionCheck::report_damage(const ScannedFile& file) {
  for (const Damage& damage : file.damage()) {
    all_intact_ = false;
    Finding finding = about(file.path(), damage.what);
    finding.offset = damage.offset;
    if (const auto& layout = file.layout()) {
      for (const auto& [name, section] : layout->sections)
        if (section.offset < damage.offset + damage.size &&
            damage.offset < section.offset + section.size)
          finding.affected += (finding.affected.empty() ? "section " : ", ") + name;
    }
    add(std::move(finding));
  }
}

Status CollectionCheck::check_sections(const Context& context) {
  const auto each = [&](const Segment* segment, const ScannedFiles& scans,
                        auto& contents) -> Status {
    for (size_t i = 0; i < scans.size(); ++i)
      if (scans[i] && scans[i]->is_the_expected()) contents.emplace_back(scans[i]);
    if (contents.size() != scans.size()) return ok_status();
    std::vector<Status> checked(contents.size());
    executor_.parallel_for(contents.size(), [&](size_t i) {
      if (!scans[i]->intact()) return;
      checked[i] = contents[i].check(context, segment->files[i], complaint_about(*scans[i]));
    });
    for (const Status& status : checked) VIRIDIAN_TRY_VOID(status);
    return ok_status();
  };
  VIRIDIAN_TRY_VOID(each(known_.segment(SegmentScope::metadata), metadata_scans_, metadata_));
  return each(known_.segment(SegmentScope::vector), vector_scans_, vectors_);
}

void CollectionCheck::check_against_each_other() {
  if (metadata_.empty() && vectors_.empty()) return;
  const auto complain_of = [this](const auto& contents) {
    return [this, &contents](uint64_t file, std::string what) {
      add(about(contents[file].file->path(), std::move(what)));
    };
  };
  const OffsetBits with_metadata = live_offsets(metadata_, complain_of(metadata_));
  const OffsetBits with_vectors = live_offsets(vectors_, complain_of(vectors_));
  report_.add_records(with_metadata.count());
  const std::string directory = directory_.segments(known_.row.id);
  if (const Offset offset = OffsetBits::first_difference(with_metadata, with_vectors);
      offset != kUnknown)
    add(about(directory, fmt::format("the .meta files hold {} live records and the .vec files {}; "
                                     "they differ from offset {} on",
                                     with_metadata.count(), with_vectors.count(), offset)));
  if (!metadata_.empty() && metadata_.back().info &&
      metadata_.back().info->count != with_metadata.count())
    add(about(metadata_.back().file->path(),
              fmt::format("it counts {} live records, but there are {}",
                          metadata_.back().info->count, with_metadata.count())));
  for (const VectorContents& file : vectors_)
    if (file.rows > 0 && known_.row.dimension && file.dim != *known_.row.dimension)
      add(about(file.file->path(),
                fmt::format("its vectors have {} dimensions, the collection's {}", file.dim,
                            *known_.row.dimension)));
}

void CollectionCheck::name_lost_vectors() {
  for (const VectorContents& file : vectors_) {
    Finding finding = about(file.file->path(), "vectors that cannot be read");
    uint64_t unnamed = 0;
    for (uint64_t i = 0; i < file.rows; ++i) {
      if (file.vector(i)) continue;
      std::optional<std::string> id;
      for (auto metadata = metadata_.rbegin(); metadata != metadata_.rend() && !id; ++metadata) {
        const auto& offsets = metadata->offsets;
        const auto at = std::find(offsets.begin(), offsets.end(), file.offsets[i]);
        if (at == offsets.end() || *at == kUnknown) continue;
        if (const auto row = metadata->row(static_cast<uint64_t>(at - offsets.begin())))
          id = id_of(**row);
      }
      if (id)
        finding.records.push_back(*std::move(id));
      else
        ++unnamed;
    }
    if (finding.records.empty() && unnamed == 0) continue;
    finding.affected = fmt::format("{} record versions", finding.records.size() + unnamed);
    add(std::move(finding));
  }
}

Status CollectionCheck::check_log(const Context& context) {
  const std::string directory = directory_.log(known_.row.id);
  const SeqId sealed = known_.sealed();
  std::vector<std::string> others;
  VIRIDIAN_TRY(const auto names, list_log(directory_.files, directory, others));
  for (const std::string& name : others) {
    Finding finding = about(os::join(directory, name), "it is not part of the log");
    finding.severity = Severity::note;
    finding.remedy.clear();
    add(std::move(finding));
  }
  SeqId next = 0;  // what the next file has to begin with; 0: there was none yet
  for (size_t i = 0; i < names.size(); ++i) {
    const auto& [first_seq, name] = names[i];
    const std::string path = os::join(directory, name);
    const bool newest = i + 1 == names.size();
    const SeqId expected = next == 0 ? std::min(first_seq, sealed + 1) : next;
    if (first_seq != expected)
      add(about(path, fmt::format("records {} to {} should be before it in the log, and are not",
                                  std::min(expected, first_seq), first_seq - 1)));
    ScannedLogFile scanned;
    for (int look = 0; look < kTailLooks; ++look) {
      const auto file = directory_.files.open(path, os::OpenMode::read);
      if (!file.ok()) {
        add(about(path, file.error().message()));
        return ok_status();
      }
      auto read = scan_log(context, **file, path, first_seq);
      if (!read.ok()) {
        VIRIDIAN_TRY_VOID(context.check());
        add(about(path, read.error().message()));
        return ok_status();
      }
      scanned = *std::move(read);
      if (!newest || scanned.holes.empty() || scanned.holes.back().end != scanned.size) break;
      if (look + 1 < kTailLooks) std::this_thread::sleep_for(kWriterPause);
    }
    report_.add_file(scanned.size);
    report_log_file(scanned, newest);
    next = scanned.next_seq;
  }
  if (names.empty() ? sealed > 0 : next <= sealed)
    add(about(directory, fmt::format("the log ends at record {}, but the files go up to record {}",
                                     next == 0 ? 0 : next - 1, sealed)));
  return ok_status();
}

void CollectionCheck::report_log_file(const ScannedLogFile& file, bool newest) {
  for (const LogHole& hole : file.holes) {
    Finding finding = about(file.name, "");
    finding.offset = hole.offset;
    const bool tail = newest && hole.end == file.size && !hole.acknowledged;
    if (tail) {
      finding.severity = Severity::warning;
      finding.what = fmt::format(
          "the last {} bytes are no whole record: left by a crash in the middle of a write, of "
          "which nothing had been acknowledged, or damaged since",
          hole.end - hole.offset);
      finding.remedy = "the next start cuts them off; repair keeps a copy of them";
    } else if (hole.last != kUnknown && hole.last < hole.first) {
      finding.severity = Severity::warning;
      finding.what = fmt::format("{} bytes between two records are damaged; no record is in them",
                                 hole.end - hole.offset);
    } else {
      finding.what = fmt::format("{} bytes are damaged", hole.end - hole.offset);
      finding.affected = hole.last == kUnknown
                             ? fmt::format("log records {} and later", hole.first)
                             : fmt::format("log records {} to {}", hole.first, hole.last);
    }
    add(std::move(finding));
  }
  for (const uint64_t offset : file.undecodable) {
    Finding finding = about(file.name, "the checksums are right, but it is no batch");
    finding.offset = offset;
    add(std::move(finding));
  }
}

Status CollectionCheck::report_orphans() {
  const std::string directory = directory_.segments(known_.row.id);
  VIRIDIAN_TRY(const std::vector<std::string> names, list_if_there(directory_.files, directory));
  for (const std::string& name : names) {
    const bool named =
        std::any_of(known_.segments.begin(), known_.segments.end(), [&](const Segment& segment) {
          return std::any_of(segment.files.begin(), segment.files.end(),
                             [&](const SegmentFile& file) { return file.name == name; });
        });
    if (named) continue;
    Finding finding =
        about(os::join(directory, name), "no segment names it; the next start removes it");
    finding.severity = Severity::note;
    finding.remedy.clear();
    add(std::move(finding));
  }
  return ok_status();
}

}  // namespace viridian::recovery
