#include <algorithm>

#include "segment/collection_segments.h"
#include "segment/wall_clock.h"

namespace viridian::segment {
namespace {

constexpr std::chrono::seconds kFirstPause{1};
constexpr uint32_t kDoublings = 6;  ///< up to about a minute

}  // namespace

bool CollectionSegments::seal_is_due() const {
  if (!environment_.writes_files()) return false;
  if (environment_.cached()) return cache_seal_is_due();
  const Options& options = environment_.options;
  const std::lock_guard lock(published_mutex_);
  const Clock::time_point now = Clock::now();
  if (stats_.applied == stats_.sealed || now < seal_not_before_) return false;
  // Counted in the log, too: what changed nothing is in no head, and only a seal shortens the log.
  const uint64_t unsealed = stats_.applied - stats_.sealed;
  return stats_.head_bytes >= options.seal_bytes || unsealed >= options.seal_records ||
         unsealed >= options.seal_bytes / record_bytes() || now - head_since_ >= options.seal_age;
}

bool CollectionSegments::may_relieve_memory() const {
  if (!environment_.writes_files()) return false;
  const std::lock_guard lock(published_mutex_);
  return stats_.applied != stats_.sealed && Clock::now() >= seal_not_before_;
}

std::optional<Error> CollectionSegments::seal_failure() const {
  const std::lock_guard lock(published_mutex_);
  return seal_failure_;
}

std::optional<CollectionSegments::Clock::time_point> CollectionSegments::unsealed_since() const {
  const std::lock_guard lock(published_mutex_);
  return stats_.applied == stats_.sealed ? unapplied_since_ : head_since_;
}

void CollectionSegments::set_unsealed_since(Clock::time_point since) {
  const std::lock_guard lock(published_mutex_);
  unapplied_since_ = since;
}

Status CollectionSegments::seal(const Context& context) {
  if (environment_.files == nullptr) return ok_status();
  if (environment_.options.read_only)
    return Error(Code::failed_precondition, "this process only reads: it seals nothing");
  VIRIDIAN_TRY(const Serial::Hold sealing, sealing_.acquire(context));
  const Status sealed = unless_dropped(context, seal_alone(context));
  note_seal(sealed);
  VIRIDIAN_TRY_VOID(sealed);
  return disposal_.settle(context);
}

void CollectionSegments::note_seal(const Status& outcome) {
  {
    const std::lock_guard lock(published_mutex_);
    if (outcome.ok()) {
      seal_failure_.reset();
      seal_failures_ = 0;
      seal_not_before_ = Clock::time_point();
      return;
    }
    const Code code = outcome.error().code();
    // The caller had no time: that says nothing about the next attempt.
    if (code == Code::deadline_exceeded || code == Code::cancelled) return;
    seal_failure_ = outcome.error();
    seal_not_before_ = Clock::now() + kFirstPause * (1 << std::min(seal_failures_, kDoublings));
    ++seal_failures_;
  }
  environment_.metrics.failed_seals.inc();
  // Writers may be waiting for memory that this would have given back.
  environment_.budget->wake();
}

Status CollectionSegments::seal_alone(const Context& context) {
  if (disposal_.dropped()) return dropped_error();
  {
    VIRIDIAN_TRY(const Serial::Hold publishing, publishing_.acquire(context));
    VIRIDIAN_TRY_VOID(resolve(context));
  }
  SeqId up_to = 0;
  const Clock::time_point frozen_at = Clock::now();
  {
    VIRIDIAN_TRY(const Serial::Hold hold, applying_.acquire(context));
    if (stopped_) return stopped_error(*stopped_);
    up_to = applied();
    if (up_to == stats().sealed) return ok_status();
    metadata_->freeze(up_to);
    vectors_->freeze(up_to);
  }
  VIRIDIAN_TRY_VOID(metadata_->write_frozen(context));
  Status written = vectors_->write_frozen(context);
  if (!written.ok()) {
    metadata_->discard();
    return written;
  }
  return record_seal(context, up_to, frozen_at);
}

Status CollectionSegments::record_seal(const Context& context, SeqId up_to,
                                       Clock::time_point frozen_at) {
  Publication publication;
  publication.kind = Publication::Kind::seal;
  publication.up_to = up_to;
  publication.frozen_at = frozen_at;
  const auto ready = [&]() -> Result<Serial::Hold> {
    VIRIDIAN_TRY(Serial::Hold publishing, publishing_.acquire(context));
    VIRIDIAN_TRY_VOID(resolve(context));
    VIRIDIAN_TRY(const Serial::Hold hold, applying_.acquire(context));
    const int64_t now = seconds_since_1970();
    for (const Half& half : halves_) {
      // What the records being sealed ended in older files is not known before they are adopted;
      // that there are older files is enough. Where it was nothing, the purge finds out.
      const int64_t since = half.writer->garbage().rows == 0 ? 0 : half.garbage_since;
      const int64_t from_now = half.writer->files().empty() ? 0 : now;
      publication.changes.push_back({half.definition.id, up_to, half.writer->files_with_frozen(),
                                     since != 0 ? since : from_now});
    }
    return publishing;
  };
  auto publishing = ready();
  if (!publishing.ok()) {
    discard(publication);
    return std::move(publishing).error();
  }
  VIRIDIAN_TRY_VOID(record(context, std::move(publication)));
  environment_.metrics.seals.inc();
  return ok_status();
}

}  // namespace viridian::segment
