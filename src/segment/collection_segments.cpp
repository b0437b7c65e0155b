#include "segment/collection_segments.h"

#include <algorithm>

#include "model/schema_rules.h"
#include "obs/log.h"
#include "segment/materialise.h"

namespace viridian::segment {
namespace {

/// How much of the log is held in memory at once while catching up.
constexpr size_t kReadBytes = size_t{8} << 20;
/// A record's assumed size until one was applied.
constexpr uint64_t kTypicalRecordBytes = 4096;
constexpr std::chrono::seconds kPauseAfterFailedSeal{30};

uint64_t bytes_of(const std::vector<SegmentFile>& files) {
  uint64_t bytes = 0;
  for (const SegmentFile& file : files) bytes += file.size_bytes;
  return bytes;
}

}  // namespace

class CollectionSegments::View final : public ReadView {
 public:
  View(SeqId applied, std::shared_ptr<const MetadataReader> metadata,
       std::shared_ptr<const VectorReader> vectors, std::shared_ptr<const DirectoryGuard> guard)
      : applied_(applied),
        guard_(std::move(guard)),
        metadata_(std::move(metadata)),
        vectors_(std::move(vectors)) {}
  SeqId applied() const override { return applied_; }
  const MetadataReader& metadata() const override { return *metadata_; }
  const VectorReader& vectors() const override { return *vectors_; }

 private:
  SeqId applied_;
  std::shared_ptr<const DirectoryGuard> guard_;
  std::shared_ptr<const MetadataReader> metadata_;
  std::shared_ptr<const VectorReader> vectors_;
};

DirectoryGuard::~DirectoryGuard() {
  if (!remove_ || files_ == nullptr) return;
  // What cannot be removed now is an orphan, removed at the next start.
  if (const Status removed = files_->remove_all(directory_); !removed.ok())
    obs::log(obs::Level::warn, "segment", "directory of a dropped collection stays for now",
             {{"error", removed.error().message()}});
}

CollectionSegments::CollectionSegments(const Environment& environment, const CollectionId& id)
    : environment_(environment),
      id_(id),
      guard_(std::make_shared<DirectoryGuard>(environment.files, environment.directory(id))) {}

Result<std::shared_ptr<CollectionSegments>> CollectionSegments::open(const Context& context,
                                                                     const Environment& environment,
                                                                     const CollectionId& id) {
  auto opened = std::make_shared<CollectionSegments>(environment, id);
  VIRIDIAN_TRY_VOID(opened->open_segments(context));
  return opened;
}

Status CollectionSegments::open_segments(const Context& context) {
  VIRIDIAN_TRY(const Collection collection, environment_.sysdb.get_collection(context, id_));
  VIRIDIAN_TRY(const std::vector<Segment> segments, environment_.sysdb.list_segments(context, id_));
  SegmentEnvironment environment;
  environment.space = space_of(collection.schema);
  environment.executor = &environment_.executor;
  environment.files = environment_.files;
  environment.directory = environment_.directory(id_);
  environment.directory_guard = guard_;
  SeqId sealed = 0;
  for (const Segment& segment : segments) {
    environment.definition = segment;
    // Both are published together, so a difference means that someone else wrote the SysDb.
    if (&segment != &segments.front() && segment.sealed != sealed)
      return Error(Code::data_loss, "the segments of collection " + id_.to_string() +
                                        " are sealed up to different records");
    sealed = segment.sealed;
    if (segment.scope == SegmentScope::metadata) {
      metadata_id_ = segment.id;
      VIRIDIAN_TRY(metadata_, environment_.types.open_metadata(context, environment));
    } else {
      vector_id_ = segment.id;
      VIRIDIAN_TRY(vectors_, environment_.types.open_vector(context, environment));
    }
  }
  if (!metadata_ || !vectors_)
    return Error(Code::data_loss, "the SysDb lacks a segment of collection " + id_.to_string());
  VIRIDIAN_TRY_VOID(check_log(context, sealed));
  VIRIDIAN_TRY_VOID(remove_orphans());
  stats_.sealed = sealed;
  publish(sealed);
  return ok_status();
}

Status CollectionSegments::check_log(const Context& context, SeqId sealed) const {
  VIRIDIAN_TRY(const SeqId last, environment_.consumer.last(context, id_));
  if (last >= sealed) return ok_status();
  // New records would get numbers that the files hold already, and would never be applied.
  return Error(Code::data_loss, "the log of collection " + id_.to_string() + " ends at record " +
                                    std::to_string(last) + ", but its files go up to record " +
                                    std::to_string(sealed) +
                                    ": the log was lost or is older; restore it");
}

Status CollectionSegments::remove_orphans() {
  if (environment_.files == nullptr) return ok_status();
  const std::string directory = environment_.directory(id_);
  VIRIDIAN_TRY(const bool exists, environment_.files->exists(directory));
  if (!exists) return ok_status();
  VIRIDIAN_TRY(const std::vector<std::string> names, environment_.files->list(directory));
  for (const std::string& name : names) {
    const auto named = [&](const std::vector<SegmentFile>& files) {
      return std::any_of(files.begin(), files.end(),
                         [&](const SegmentFile& file) { return file.name == name; });
    };
    if (named(metadata_->files()) || named(vectors_->files())) continue;
    VIRIDIAN_TRY_VOID(environment_.files->remove(os::join(directory, name)));
  }
  return ok_status();
}

SeqId CollectionSegments::applied() const {
  std::lock_guard lock(published_mutex_);
  return stats_.applied;
}

SegmentStats CollectionSegments::stats() const {
  std::lock_guard lock(published_mutex_);
  return stats_;
}

Status CollectionSegments::catch_up(const Context& context, SeqId min_seq) {
  if (applied() >= min_seq) return ok_status();
  VIRIDIAN_TRY(const Serial::Hold hold, applying_.acquire(context));
  while (applied() < min_seq) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY_VOID(read_and_apply(context, min_seq));
  }
  return ok_status();
}

Result<std::shared_ptr<const ReadView>> CollectionSegments::pin(const Context& context,
                                                                SeqId min_seq) {
  VIRIDIAN_TRY_VOID(catch_up(context, min_seq));
  std::lock_guard lock(published_mutex_);
  return std::shared_ptr<const ReadView>(view_);
}

Error CollectionSegments::stopped_error(const Error& cause) const {
  return cause.with("collection " + id_.to_string() + " cannot apply its log any further");
}

Status CollectionSegments::read_and_apply(const Context& context, SeqId min_seq) {
  if (stopped_) return stopped_error(*stopped_);
  const SeqId after = applied();
  auto read = environment_.consumer.read(context, id_, after, kReadBytes);
  if (!read.ok()) {
    const Error& error = read.error();
    if (error.code() == Code::out_of_range)
      stopped_ = Error(Code::data_loss, "the log no longer holds the records after number " +
                                            std::to_string(after) + ", which no file holds");
    else if (error.code() == Code::data_loss)
      stopped_ = error;
    return stopped_ ? stopped_error(*stopped_) : error;
  }
  if (read->empty())
    return Error(Code::unavailable, "the log of collection " + id_.to_string() +
                                        " ends before record " + std::to_string(min_seq) +
                                        ", which was asked for; try again");
  for (const LogBatch& logged : *read) {
    if (const Status status = apply(logged); !status.ok()) {
      // The heads may hold part of the batch. Readers do not see it; nothing may follow it.
      stopped_ = status.error();
      return stopped_error(*stopped_);
    }
  }
  // Heads that are never sealed may let go of a log in memory. A durable one stays: after a restart
  // it is all there is.
  if (environment_.files != nullptr || environment_.consumer.durable()) return ok_status();
  return environment_.consumer.trim(context, id_, applied());
}

Status CollectionSegments::apply(const LogBatch& logged) {
  VIRIDIAN_TRY(const Materialised resolved, materialise(logged, *metadata_, vectors_->dim()));
  if (resolved.refused > 0)
    obs::log(obs::Level::error, "segment", "records that cannot be applied were skipped",
             {{"collection", id_.to_string()},
              {"first_record", logged.first_seq},
              {"skipped", resolved.refused}});
  const MaterialisedBatch batch{*logged.batch, resolved.changes};
  // From here to the end the heads may hold part of the batch. Whatever ends this early, also an
  // exception, must not be followed by another attempt on the same heads.
  stopped_ = Error(Code::internal, "applying its log was interrupted; a restart replays it");
  VIRIDIAN_TRY_VOID(metadata_->apply(batch));
  VIRIDIAN_TRY_VOID(vectors_->apply(batch));
  {
    std::lock_guard lock(published_mutex_);
    if (stats_.applied == stats_.sealed) head_since_ = Clock::now();
    applied_bytes_ += logged.batch->size_bytes();
    applied_records_ += logged.batch->rows();
  }
  publish(logged.last_seq());
  stopped_.reset();
  return ok_status();
}

void CollectionSegments::publish(SeqId applied) {
  auto view = std::make_shared<const View>(applied, metadata_->reader(applied),
                                           vectors_->reader(applied), guard_);
  std::shared_ptr<const View> old;
  std::lock_guard lock(published_mutex_);
  old = std::exchange(view_, std::move(view));
  stats_.applied = applied;
  stats_.records = view_->metadata().count();
  stats_.head_bytes = metadata_->head_bytes() + vectors_->head_bytes();
  stats_.file_bytes = bytes_of(metadata_->files()) + bytes_of(vectors_->files());
  stats_.files = metadata_->files().size() + vectors_->files().size();
  head_rows_ = std::max(metadata_->head_rows(), vectors_->head_rows());
}

bool CollectionSegments::behind(SeqId durable) const {
  std::lock_guard lock(published_mutex_);
  if (durable <= stats_.applied) return false;
  const uint64_t record_bytes =
      applied_records_ == 0 ? kTypicalRecordBytes : applied_bytes_ / applied_records_ + 1;
  return (durable - stats_.applied) > environment_.options.backlog_bytes / record_bytes;
}

bool CollectionSegments::seal_is_due() const {
  if (environment_.files == nullptr) return false;
  const Options& options = environment_.options;
  std::lock_guard lock(published_mutex_);
  const Clock::time_point now = Clock::now();
  if (stats_.applied == stats_.sealed || now < seal_not_before_) return false;
  return stats_.head_bytes >= options.seal_bytes || head_rows_ >= options.seal_records ||
         now - head_since_ >= options.seal_age;
}

Status CollectionSegments::seal(const Context& context) {
  if (environment_.files == nullptr) return ok_status();
  VIRIDIAN_TRY(const Serial::Hold sealing, sealing_.acquire(context));
  SeqId up_to = 0;
  {
    VIRIDIAN_TRY(const Serial::Hold hold, applying_.acquire(context));
    if (stopped_) return stopped_error(*stopped_);
    up_to = applied();
    if (up_to == stats().sealed) return ok_status();
    metadata_->freeze(up_to);
    vectors_->freeze(up_to);
  }
  if (Status written = write_and_record(context, up_to); !written.ok()) {
    std::lock_guard lock(published_mutex_);
    seal_not_before_ = Clock::now() + kPauseAfterFailedSeal;
    return written;
  }
  return environment_.consumer.trim(context, id_, up_to);
}

Status CollectionSegments::write_and_record(const Context& context, SeqId up_to) {
  VIRIDIAN_TRY_VOID(metadata_->write_frozen(context));
  if (Status written = vectors_->write_frozen(context); !written.ok()) {
    metadata_->discard();
    return written;
  }
  // If this fails it may have happened all the same, so both files stay: what the SysDb does not
  // name is removed when the collection is opened.
  VIRIDIAN_TRY_VOID(
      environment_.sysdb.publish(context, id_,
                                 {{metadata_id_, up_to, metadata_->files_with_frozen()},
                                  {vector_id_, up_to, vectors_->files_with_frozen()}}));
  // The SysDb names the files now, so the swap must happen whatever becomes of the caller.
  VIRIDIAN_TRY(const Serial::Hold hold, applying_.acquire(Context()));
  metadata_->adopt();
  vectors_->adopt();
  {
    std::lock_guard lock(published_mutex_);
    stats_.sealed = up_to;
    head_since_ = Clock::now();
  }
  // Heads that hold part of a batch are not shown: the view from before that batch stays.
  if (!stopped_) publish(applied());
  return ok_status();
}

}  // namespace viridian::segment
