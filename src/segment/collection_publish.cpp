#include <algorithm>

#include "segment/collection_segments.h"
#include "segment/wall_clock.h"

namespace viridian::segment {
namespace {

/// Whether an error of publish() says for certain that nothing was changed.
bool surely_refused(Code code) {
  return code == Code::not_found || code == Code::aborted || code == Code::invalid_argument ||
         code == Code::failed_precondition;
}

}  // namespace

Status CollectionSegments::resolve(const Context& context) {
  if (!doubt_) return ok_status();
  Publication again = std::move(*doubt_);
  doubt_.reset();
  return record(context, std::move(again));
}

// A publication that failed may have happened all the same, or may come to light after a crash, for
// what a database wrote before an error stays on the disk. So its files stay, and it is tried again
// before anything else is published: publishing what is there already changes nothing.
Status CollectionSegments::record(const Context& context, Publication publication) {
  Status published = environment_.registry->publish(context, id_, publication.changes);
  if (published.ok()) {
    in_doubt_ = false;
    return adopt(publication);
  }
  if (surely_refused(published.error().code())) {
    in_doubt_ = false;
    discard(publication);
  } else {
    in_doubt_ = true;
    doubt_ = std::move(publication);
  }
  return published;
}

Status CollectionSegments::adopt(const Publication& publication) {
  std::vector<std::string> replaced;
  {
    // The SysDb names the files now, so the swap must happen whatever becomes of the caller.
    VIRIDIAN_TRY(const Serial::Hold hold, applying_.acquire(Context()));
    replaced = file_names();
    switch (publication.kind) {
      case Publication::Kind::seal: {
        for (Half& half : halves_) half.writer->adopt();
        const std::lock_guard lock(published_mutex_);
        stats_.sealed = publication.up_to;
        loaded_head_bytes_ = 0;
        head_since_ = publication.frozen_at;
        break;
      }
      case Publication::Kind::merge:
        halves_[publication.half].writer->adopt_merged();
        break;
      case Publication::Kind::garbage:
        break;
    }
    const std::vector<std::string> named = file_names();
    std::erase_if(replaced, [&](const std::string& name) {
      return std::find(named.begin(), named.end(), name) != named.end();
    });
    for (const SegmentChange& change : publication.changes) note_change(publication.kind, change);
    // Heads that hold part of a batch are not shown: the view from before that batch stays.
    if (!stopped_) publish(applied());
    note_garbage();
  }
  disposal_.add_files(replaced);
  // A cache's files are no reason to let go of the log.
  if (!environment_.cached()) disposal_.add_log(publication.up_to);
  return ok_status();
}

void CollectionSegments::note_change(Publication::Kind kind, const SegmentChange& change) {
  for (Half& half : halves_) {
    if (half.definition.id != change.segment) continue;
    half.garbage_since = change.garbage_since;
    half.garbage_recorded = true;
    if (kind == Publication::Kind::seal && half.garbage_new_since == 0 && change.garbage_since != 0)
      half.garbage_new_since = seconds_since_1970();
  }
}

void CollectionSegments::discard(const Publication& publication) {
  if (publication.kind == Publication::Kind::seal)
    for (Half& half : halves_) half.writer->discard();
  else if (publication.kind == Publication::Kind::merge)
    halves_[publication.half].writer->discard_merged();
}

std::vector<std::string> CollectionSegments::file_names() const {
  std::vector<std::string> names;
  for (const SegmentFile& file : metadata_->files()) names.push_back(file.name);
  for (const SegmentFile& file : vectors_->files()) names.push_back(file.name);
  return names;
}

void CollectionSegments::note_garbage() {
  Garbage garbage;
  for (Half& half : halves_) {
    const Garbage part = half.writer->garbage();
    garbage.rows += part.rows;
    garbage.bytes += part.bytes;
    // A directory from before garbage was dated.
    if (part.rows != 0 && half.garbage_since == 0) half.garbage_recorded = false;
  }
  const std::lock_guard lock(published_mutex_);
  environment_.metrics.garbage_bytes.add(static_cast<double>(garbage.bytes) -
                                         static_cast<double>(garbage_bytes_));
  garbage_bytes_ = garbage.bytes;
  stats_.dead_rows = garbage.rows;
}

}  // namespace viridian::segment
