#include <algorithm>

#include "segment/collection_segments.h"
#include "segment/wall_clock.h"

namespace viridian::segment {

/// Ends work on a collection that was dropped.
class CollectionSegments::DropThrottle final : public Throttle {
 public:
  DropThrottle(Throttle& inner, const Disposal& disposal) : inner_(inner), disposal_(disposal) {}
  Status pass(const Context& context, uint64_t bytes) override {
    if (disposal_.dropped()) return dropped_error();
    return inner_.pass(context, bytes);
  }

 private:
  Throttle& inner_;
  const Disposal& disposal_;
};

Result<bool> CollectionSegments::merge_if_due(const Context& context, Throttle& throttle) {
  if (!environment_.writes_files()) return false;
  VIRIDIAN_TRY(const Serial::Hold merging, merging_.acquire(context));
  VIRIDIAN_TRY_VOID(record_garbage(context));
  for (size_t half = 0; half < halves_.size(); ++half) {
    VIRIDIAN_TRY(const auto range, begin_merge(context, half, Which::due));
    if (!range) continue;
    VIRIDIAN_TRY_VOID(merge(context, half, *range, throttle));
    return true;
  }
  return false;
}

Status CollectionSegments::compact(const Context& context, Throttle& throttle) {
  if (environment_.files == nullptr) return ok_status();
  VIRIDIAN_TRY_VOID(seal(context));
  VIRIDIAN_TRY_VOID(rewrite(context, throttle, false));
  // Records that came meanwhile may keep a file of the log with those from before; they go too.
  return seal(context);
}

Status CollectionSegments::purge(const Context& context, Throttle& throttle) {
  return environment_.writes_files() ? rewrite(context, throttle, true) : ok_status();
}

Status CollectionSegments::rewrite(const Context& context, Throttle& throttle, bool only_garbage) {
  VIRIDIAN_TRY(const Serial::Hold merging, merging_.acquire(context));
  for (size_t half = 0; half < halves_.size(); ++half) {
    if (only_garbage) {
      VIRIDIAN_TRY(const Serial::Hold hold, applying_.acquire(context));
      if (halves_[half].writer->garbage().rows == 0) continue;
    }
    VIRIDIAN_TRY(const auto range, begin_merge(context, half, Which::all));
    if (range) VIRIDIAN_TRY_VOID(merge(context, half, *range, throttle));
  }
  return record_garbage(context);
}

Result<std::optional<FileRange>> CollectionSegments::begin_merge(const Context& context,
                                                                 size_t index, Which which) {
  VIRIDIAN_TRY(const Serial::Hold publishing, publishing_.acquire(context));
  VIRIDIAN_TRY_VOID(resolve(context));
  VIRIDIAN_TRY(const Serial::Hold hold, applying_.acquire(context));
  Half& half = halves_[index];
  std::optional<FileRange> range;
  if (which == Which::due) {
    range = half.writer->merge_due();
  } else if (!half.writer->compacted()) {
    range = FileRange{0, half.writer->files().size()};
  }
  if (!range || range->count == 0) return std::optional<FileRange>();
  half.garbage_new_since = 0;
  half.writer->begin_merge(*range);
  // Writers are to be told what room is left beside it.
  if (!stopped_) publish(applied());
  return range;
}

Status CollectionSegments::merge(const Context& context, size_t index, FileRange range,
                                 Throttle& throttle) {
  Half& half = halves_[index];
  DropThrottle until_dropped(throttle, disposal_);
  bool everything = false;
  {
    VIRIDIAN_TRY(const Serial::Hold hold, applying_.acquire(Context()));
    everything = range.first == 0 && range.count == half.writer->files().size();
  }
  Status merged = half.writer->write_merged(context, until_dropped);
  if (!merged.ok()) {
    half.writer->discard_merged();
  } else {
    merged = record_merge(context, index, everything);
  }
  if (!merged.ok()) {
    const Code code = merged.error().code();
    if (code != Code::cancelled && code != Code::deadline_exceeded)
      environment_.metrics.failed_merges.inc();
    return unless_dropped(context, std::move(merged));
  }
  environment_.metrics.merges.inc();
  return disposal_.settle(context);
}

Status CollectionSegments::record_merge(const Context& context, size_t index, bool everything) {
  Half& half = halves_[index];
  Publication publication;
  publication.kind = Publication::Kind::merge;
  publication.half = index;
  uint64_t merged_bytes = 0;
  const auto ready = [&]() -> Result<Serial::Hold> {
    VIRIDIAN_TRY(Serial::Hold publishing, publishing_.acquire(context));
    VIRIDIAN_TRY_VOID(resolve(context));
    VIRIDIAN_TRY(const Serial::Hold hold, applying_.acquire(context));
    publication.up_to = stats().sealed;
    const int64_t since = everything ? half.garbage_new_since : half.garbage_since;
    publication.changes = {
        {half.definition.id, publication.up_to, half.writer->files_with_merged(), since}};
    const std::vector<std::string> old = file_names();
    for (const SegmentFile& file : publication.changes[0].files)
      if (std::find(old.begin(), old.end(), file.name) == old.end())
        merged_bytes += file.size_bytes;
    return publishing;
  };
  auto publishing = ready();
  if (!publishing.ok()) {
    discard(publication);
    return std::move(publishing).error();
  }
  VIRIDIAN_TRY_VOID(record(context, std::move(publication)));
  environment_.metrics.merged_bytes.inc(merged_bytes);
  return ok_status();
}

// The date in the SysDb is of use to the purge only if it is neither missing nor of garbage that
// was none.
Status CollectionSegments::record_garbage(const Context& context) {
  VIRIDIAN_TRY(const Serial::Hold publishing, publishing_.acquire(context));
  VIRIDIAN_TRY_VOID(resolve(context));
  Publication publication;
  publication.kind = Publication::Kind::garbage;
  {
    VIRIDIAN_TRY(const Serial::Hold hold, applying_.acquire(context));
    publication.up_to = stats().sealed;
    for (const Half& half : halves_) {
      const bool any = half.writer->garbage().rows != 0;
      if (any == (half.garbage_since != 0)) continue;
      publication.changes.push_back({half.definition.id, publication.up_to, half.writer->files(),
                                     any ? seconds_since_1970() : 0});
    }
  }
  if (publication.changes.empty()) return ok_status();
  return unless_dropped(context, record(context, std::move(publication)));
}

}  // namespace viridian::segment
