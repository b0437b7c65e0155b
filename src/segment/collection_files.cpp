#include <algorithm>

#include "obs/log.h"
#include "segment/collection_segments.h"
#include "segment/collection_view.h"

namespace viridian::segment {
namespace {

/// Keeps an image's collection open and its files where they are.
class ImageHold {
 public:
  ImageHold(std::shared_ptr<CollectionSegments> collection, Disposal& disposal, SeqId sealed)
      : collection_(std::move(collection)), disposal_(disposal), sealed_(sealed) {
    disposal_.hold(sealed_);
  }
  ~ImageHold() {
    disposal_.release(sealed_);
    // What fails stays due, and the background tries again.
    if (const Status settled = disposal_.settle(Context()); !settled.ok())
      obs::log(
          obs::Level::warn, "segment", "files that are not needed any more stay for now",
          {{"collection", collection_->id().to_string()}, {"error", settled.error().message()}});
  }
  ImageHold(const ImageHold&) = delete;
  ImageHold& operator=(const ImageHold&) = delete;

 private:
  std::shared_ptr<CollectionSegments> collection_;
  Disposal& disposal_;
  const SeqId sealed_;
};

bool same_files(const std::vector<SegmentFile>& left, const std::vector<SegmentFile>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const SegmentFile& a, const SegmentFile& b) { return a.name == b.name; });
}

}  // namespace

Result<SegmentImage> CollectionSegments::image(const Context& context) {
  if (!environment_.writes_files())
    return Error(Code::failed_precondition,
                 "only the process that writes a collection's files can hold on to them");
  // While something is in doubt nobody can say which files the collection has.
  VIRIDIAN_TRY(const Serial::Hold publishing, publishing_.acquire(context));
  VIRIDIAN_TRY_VOID(resolve(context));
  VIRIDIAN_TRY(const Serial::Hold hold, applying_.acquire(context));
  if (disposal_.dropped()) return dropped_error();
  const SeqId sealed = stats().sealed;
  SegmentImage image;
  image.directory = directory_;
  for (const Half& half : halves_) {
    Segment segment = half.definition;
    segment.sealed = sealed;
    segment.files = half.writer->files();
    segment.garbage_since = half.garbage_since;
    image.segments.push_back(std::move(segment));
  }
  image.keep = std::make_shared<const ImageHold>(shared_from_this(), disposal_, sealed);
  return image;
}

Status CollectionSegments::drop() {
  disposal_.drop();
  return disposal_.settle(Context());
}

Status CollectionSegments::unless_dropped(const Context& context, Status outcome) {
  if (outcome.ok() || !disposal_.dropped()) return outcome;
  // The work may have made the directory again. What cannot be removed now goes with the last user.
  (void)disposal_.settle(context);
  return dropped_error();
}

bool CollectionSegments::idle() const {
  if (in_doubt_ || disposal_.held()) return false;
  const std::lock_guard lock(published_mutex_);
  // One is the collection's own view, and the collection itself.
  return view_.use_count() == 1 && views_.use_count() == 2;
}

Result<bool> CollectionSegments::superseded(const Context& context) const {
  VIRIDIAN_TRY(const std::vector<Segment> segments,
               environment_.registry->list_segments(context, id_));
  for (const Segment& segment : segments)
    for (const Half& half : halves_)
      if (segment.id == half.definition.id && !same_files(segment.files, half.writer->files()))
        return true;
  return false;
}

}  // namespace viridian::segment
