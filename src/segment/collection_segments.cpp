#include "segment/collection_segments.h"

#include <algorithm>

#include "model/schema_rules.h"
#include "obs/log.h"
#include "segment/collection_view.h"
#include "segment/materialise.h"

namespace viridian::segment {
namespace {

/// How much of the log is held in memory at once while catching up.
constexpr size_t kReadBytes = size_t{8} << 20;
/// A record's assumed size until one was applied.
constexpr uint64_t kTypicalRecordBytes = 4096;
/// A head of so many shows what one takes in memory.
constexpr uint64_t kTypicalHeadRecords = 1000;

/// A cache is worth nothing to the next one of the same collection, which may open while this one
/// is still looked at.
std::string directory_of(const Environment& environment, const CollectionId& id) {
  const std::string directory = environment.directory(id);
  return environment.cached() ? directory + "." + Uuid::random().to_string() : directory;
}

uint64_t bytes_of(const std::vector<SegmentFile>& files) {
  uint64_t bytes = 0;
  for (const SegmentFile& file : files) bytes += file.size_bytes;
  return bytes;
}

}  // namespace

CollectionSegments::CollectionSegments(const Environment& environment, const CollectionId& id)
    : environment_(environment),
      id_(id),
      directory_(directory_of(environment, id)),
      disposal_(environment.writes_files() ? environment.files : nullptr, directory_,
                environment.consumer, id),
      views_(std::make_shared<int>(0)),
      memory_(*environment.budget),
      cache_(*environment.cache) {
  environment_.metrics.open_collections.add(1);
}

CollectionSegments::~CollectionSegments() {
  if (environment_.cached()) disposal_.drop();
  environment_.metrics.open_collections.add(-1);
  environment_.metrics.heads_bytes.add(-static_cast<double>(stats_.head_bytes));
  environment_.metrics.garbage_bytes.add(-static_cast<double>(garbage_bytes_));
}

Result<std::shared_ptr<CollectionSegments>> CollectionSegments::open(const Context& context,
                                                                     const Environment& environment,
                                                                     const CollectionId& id,
                                                                     uint32_t attempt) {
  auto opened = std::make_shared<CollectionSegments>(environment, id);
  VIRIDIAN_TRY_VOID(opened->open_segments(context, attempt));
  return opened;
}

Status CollectionSegments::open_segments(const Context& context, uint32_t attempt) {
  VIRIDIAN_TRY(const std::vector<Segment> segments,
               environment_.registry->list_segments(context, id_));
  for (const Segment& segment : segments) {
    // Both are published together, so a difference means that someone else wrote the SysDb.
    if (segment.sealed != segments.front().sealed)
      return Error(Code::data_loss, "the segments of collection " + id_.to_string() +
                                        " are sealed up to different records");
    VIRIDIAN_TRY_VOID(open_half(context, segment));
  }
  if (!metadata_ || !vectors_) {
    VIRIDIAN_TRY_VOID(environment_.registry->get_collection(context, id_));
    return Error(Code::data_loss, "the SysDb lacks a segment of collection " + id_.to_string());
  }
  if (environment_.cached()) return open_from_base(context, segments, attempt);
  const SeqId sealed = segments.front().sealed;
  VIRIDIAN_TRY_VOID(check_log(context, sealed));
  VIRIDIAN_TRY_VOID(remove_orphans());
  stats_.sealed = sealed;
  // The process may have ended before the log was trimmed.
  disposal_.add_log(sealed);
  publish(sealed);
  note_garbage();
  return ok_status();
}

Status CollectionSegments::open_half(const Context& context, const Segment& definition) {
  SegmentEnvironment environment;
  environment.definition = definition;
  if (environment_.cached()) {  // the files that are published are none of its own
    environment.definition.files.clear();
    environment.definition.sealed = 0;
  }
  environment.executor = &environment_.executor;
  environment.files = environment_.files;
  environment.directory = directory_;
  environment.sampler = environment_.sampler.get();
  environment.index_memory = environment_.index_memory;
  environment.indexed_rows = environment_.options.indexed_rows;
  const bool metadata = definition.scope == SegmentScope::metadata;
  Half& half = halves_[metadata ? 0 : 1];
  VIRIDIAN_TRY(const Collection collection, environment_.registry->get_collection(context, id_));
  if (metadata) {
    environment.schema = std::make_shared<const Schema>(collection.schema);
    VIRIDIAN_TRY(metadata_, environment_.types.open_metadata(context, environment));
    half.writer = metadata_.get();
  } else {
    environment.space = space_of(collection.schema);
    environment.hnsw = chosen_hnsw(collection.schema);
    VIRIDIAN_TRY(vectors_, environment_.types.open_vector(context, environment));
    half.writer = vectors_.get();
  }
  half.definition = definition;
  half.definition.files.clear();
  half.garbage_since = definition.garbage_since;
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
  if (!environment_.writes_files()) return ok_status();
  VIRIDIAN_TRY(const bool exists, environment_.files->exists(directory_));
  if (!exists) return ok_status();
  VIRIDIAN_TRY(const std::vector<std::string> names, environment_.files->list(directory_));
  const std::vector<std::string> named = file_names();
  for (const std::string& name : names) {
    if (std::find(named.begin(), named.end(), name) != named.end()) continue;
    VIRIDIAN_TRY_VOID(environment_.files->remove(os::join(directory_, name)));
  }
  return ok_status();
}

SeqId CollectionSegments::applied() const {
  const std::lock_guard lock(published_mutex_);
  return stats_.applied;
}

SegmentStats CollectionSegments::stats() const {
  const std::lock_guard lock(published_mutex_);
  return stats_;
}

Status CollectionSegments::catch_up(const Context& context, SeqId min_seq) {
  if (applied() >= min_seq) return ok_status();
  VIRIDIAN_TRY(const Serial::Hold hold, applying_.acquire(context));
  while (applied() < min_seq) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY_VOID(unless_dropped(context, read_and_apply(context, min_seq)));
  }
  return ok_status();
}

Result<std::shared_ptr<const ReadView>> CollectionSegments::pin(const Context& context,
                                                                SeqId min_seq) {
  VIRIDIAN_TRY_VOID(catch_up(context, min_seq));
  const std::lock_guard lock(published_mutex_);
  return std::shared_ptr<const ReadView>(view_);
}

Status CollectionSegments::unless_discarded() const {
  if (!discarded_) return ok_status();
  return Error(Code::out_of_range, "records of collection " + id_.to_string() +
                                       " that were applied may not count: it is being loaded anew");
}

Error CollectionSegments::stopped_error(const Error& cause) const {
  return cause.with("collection " + id_.to_string() + " cannot apply its log any further");
}

Status CollectionSegments::read_and_apply(const Context& context, SeqId min_seq) {
  if (stopped_) return stopped_error(*stopped_);
  const SeqId after = applied();
  auto read = environment_.consumer.read(context, id_, after, kReadBytes);
  // Once it is discarded the log speaks of the next reader: this position was not checked, perhaps.
  VIRIDIAN_TRY_VOID(unless_discarded());
  const bool gone = (!read.ok() && read.error().code() == Code::out_of_range) ||
                    (read.ok() && !read->empty() && read->front().first_seq > after + 1);
  if (gone) {
    const std::string what =
        "the log no longer holds the records after number " + std::to_string(after);
    if (environment_.options.read_only || environment_.cached())
      return Error(Code::out_of_range, what);
    stopped_ = Error(Code::data_loss, what + ", which no file holds");
    return stopped_error(*stopped_);
  }
  if (!read.ok()) {
    if (environment_.cached()) return unless_superseded(context, read.error());
    // A reader beside the writer may see a frame that is not whole yet.
    if (read.error().code() != Code::data_loss || environment_.options.read_only)
      return read.error();
    stopped_ = read.error();
    return stopped_error(*stopped_);
  }
  if (read->empty()) {
    const Error ends(Code::unavailable, "the log of collection " + id_.to_string() +
                                            " ends before record " + std::to_string(min_seq) +
                                            ", which was asked for; try again");
    return environment_.cached() ? unless_superseded(context, ends) : ends;
  }
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
  if (origin_) origin_->note(resolved.changes, logged.last_seq(), logged.batch->size_bytes());
  {
    const std::lock_guard lock(published_mutex_);
    if (stats_.applied == stats_.sealed)
      head_since_ = std::exchange(unapplied_since_, std::nullopt).value_or(Clock::now());
    applied_bytes_ += logged.batch->size_bytes();
    applied_records_ += logged.batch->rows();
  }
  publish(logged.last_seq());
  stopped_.reset();
  return ok_status();
}

uint64_t CollectionSegments::file_bytes() const {
  return bytes_of(metadata_->files()) + bytes_of(vectors_->files());
}

void CollectionSegments::publish(SeqId applied) {
  auto view = std::make_shared<const View>(applied, metadata_->reader(applied),
                                           vectors_->reader(applied), views_);
  const uint64_t head_bytes = metadata_->head_bytes() + vectors_->head_bytes();
  const IndexNeed index_need = vectors_->index_need();
  const MetadataBytes metadata_bytes = metadata_->bytes();
  std::shared_ptr<const View> old;
  const std::lock_guard lock(published_mutex_);
  old = std::exchange(view_, std::move(view));
  environment_.metrics.heads_bytes.add(static_cast<double>(head_bytes) -
                                       static_cast<double>(stats_.head_bytes));
  stats_.applied = applied;
  stats_.records = view_->metadata().count();
  stats_.head_bytes = head_bytes;
  const SeqId unsealed = applied - std::min(applied, stats_.sealed);
  if (unsealed >= kTypicalHeadRecords) head_record_bytes_ = head_bytes / unsealed;
  index_need_ = index_need;
  stats_.file_bytes = file_bytes();
  stats_.metadata = metadata_bytes;
  stats_.files = metadata_->files().size() + vectors_->files().size();
  memory_.set(applied > stats_.sealed ? head_bytes : 0);
  cache_.set(head_bytes + stats_.file_bytes);
}

Status CollectionSegments::check_searchable(uint64_t more) const {
  IndexNeed need;
  {
    const std::lock_guard lock(published_mutex_);
    need = index_need_;
  }
  if (need.needed == 0) return ok_status();
  need.needed += more * (need.needed / std::max<uint64_t>(1, need.rows));
  need.rows += more;
  return environment_.index_memory->check(need);
}

bool CollectionSegments::behind(SeqId durable) const {
  const std::lock_guard lock(published_mutex_);
  if (durable <= stats_.applied) return false;
  return (durable - stats_.applied) > environment_.options.backlog_bytes / record_bytes();
}

uint64_t CollectionSegments::backlog(SeqId durable) const {
  const std::lock_guard lock(published_mutex_);
  if (durable <= stats_.applied) return 0;
  return (durable - stats_.applied) * std::max(record_bytes(), head_record_bytes_);
}

uint64_t CollectionSegments::record_bytes() const {
  return applied_records_ == 0 ? kTypicalRecordBytes : applied_bytes_ / applied_records_ + 1;
}

}  // namespace viridian::segment
