#include "segment/restore.h"

#include <algorithm>

#include "os/copy_file.h"

namespace viridian::segment {
namespace {

Status take_over(os::Files& files, const std::string& from, const std::string& to) {
  Status linked = files.link(from, to);
  if (!linked.ok() && linked.error().code() == Code::failed_precondition)
    linked = os::copy_file(files, from, to);
  if (!linked.ok() && linked.error().code() == Code::not_found)
    return Error(Code::data_loss, linked.error().message());
  return linked;
}

/// Opening reads header and footer of each file, and that they fit each other.
Status verify(const Context& context, const Environment& environment, const Segment& segment,
              const std::string& directory) {
  SegmentEnvironment opening;
  opening.definition = segment;
  opening.executor = &environment.executor;
  opening.files = environment.files;
  opening.directory = directory;
  if (segment.scope == SegmentScope::metadata)
    VIRIDIAN_TRY_VOID(environment.types.open_metadata(context, opening));
  else
    VIRIDIAN_TRY_VOID(environment.types.open_vector(context, opening));
  return ok_status();
}

Status take_over_all(const Context& context, const Environment& environment,
                     const SegmentImage& image, const std::string& directory,
                     const std::vector<Segment>& segments) {
  os::Files& files = *environment.files;
  VIRIDIAN_TRY_VOID(files.make_directories(directory));
  for (const Segment& segment : segments)
    for (const SegmentFile& file : segment.files) {
      VIRIDIAN_TRY_VOID(context.check());
      VIRIDIAN_TRY_VOID(
          take_over(files, os::join(image.directory, file.name), os::join(directory, file.name)));
    }
  VIRIDIAN_TRY_VOID(files.sync_directory(directory));
  for (const Segment& segment : segments)
    VIRIDIAN_TRY_VOID(verify(context, environment, segment, directory));
  return ok_status();
}

}  // namespace

Result<std::vector<Segment>> restore_image(const Context& context, const Environment& environment,
                                           const CollectionId& target, const SegmentImage& image) {
  std::vector<Segment> segments = image.segments;
  for (Segment& segment : segments) {
    for (SegmentFile& file : segment.files)
      if (file.origin == CollectionId()) file.origin = segment.collection;
    segment.id = Uuid::random();
    segment.collection = target;
  }
  const bool any_file = std::any_of(segments.begin(), segments.end(),
                                    [](const Segment& segment) { return !segment.files.empty(); });
  if (!any_file) return segments;
  const std::string directory = environment.directory(target);
  VIRIDIAN_TRY(const bool exists, environment.files->exists(directory));
  if (exists)
    return Error(Code::already_exists, "collection " + target.to_string() + " has files already");
  if (Status taken = take_over_all(context, environment, image, directory, segments); !taken.ok()) {
    // What cannot be removed now goes at the next start, as no collection owns it.
    (void)environment.files->remove_all(directory);
    return std::move(taken).error();
  }
  return segments;
}

}  // namespace viridian::segment
