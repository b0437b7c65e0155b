#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/crc32c.h"
#include "codec/batch_codec.h"
#include "log/guarded.h"
#include "log/log_errors.h"
#include "log/topic.h"
#include "viridian/base/uuid.h"

namespace viridian::local {
namespace {

/// A group is written as one piece; more bytes than this wait for the next one.
constexpr uint64_t kGroupBytesMax = 64 << 20;
/// Space is reserved ahead for files that are not small: as much again as they hold, up to this
/// (docs/decisions/0003).
constexpr uint64_t kReserveBytesMax = 1 << 20;
constexpr uint64_t kReserveUnit = 4096;
constexpr uint64_t kSmallFileBytes = 128 << 10;

uint64_t random_salt() {
  uint64_t salt = 0;
  std::memcpy(&salt, Uuid::random().bytes.data(), sizeof salt);
  return salt;
}

}  // namespace

/// Lives on its caller's stack; under the topic's mutex once it is queued.
struct Topic::Pending {
  SharedBatch batch;
  std::string payload;  // padded
  uint64_t payload_size = 0;
  uint32_t payload_crc = 0;
  log::FrameHeader header{};

  std::condition_variable changed;  // its turn to lead, or done
  bool taken = false;               // by a group: the outcome is the disk's
  std::optional<Result<SeqId>> result;

  uint64_t frame_bytes() const { return log::kFrameHeaderBytes + payload.size(); }
};

void Topic::give_role_back() {
  role_taken_ = false;
  if (role_waiting_ > 0)
    role_free_.notify_all();
  else if (!queue_.empty())
    queue_.front()->changed.notify_one();
}

Result<SeqId> Topic::append(const Context& context, SharedBatch batch) {
  if (batch == nullptr || batch->rows() == 0) return log::empty_batch();
  VIRIDIAN_TRY_VOID(context.check());
  VIRIDIAN_TRY_VOID(ensure_open(context));
  Pending pending;
  pending.payload = codec::encode_batch(*batch);
  pending.payload_size = pending.payload.size();
  if (pending.payload_size > log::kPayloadBytesMax) {
    return Error(Code::invalid_argument,
                 fmt::format("a batch of {} bytes is too large for the log, which takes up to {}: "
                             "send it in parts",
                             pending.payload_size, log::kPayloadBytesMax));
  }
  pending.payload.resize(log::padded_size(pending.payload_size));
  pending.payload_crc = crc32c(0, os::as_bytes(pending.payload));
  pending.batch = std::move(batch);
  return enqueue(context, pending);
}

Result<SeqId> Topic::enqueue(const Context& context, Pending& pending) {
  Lock lock(mutex_);
  VIRIDIAN_TRY_VOID(check_usable());
  if (refusal_) return *refusal_;
  queue_.push_back(&pending);
  while (!pending.result) {
    if (!pending.taken && !role_taken_ && role_waiting_ == 0) {
      lead_group(lock);
    } else if (pending.taken || !context.deadline()) {
      pending.changed.wait(lock);
    } else if (pending.changed.wait_until(lock, *context.deadline()) == std::cv_status::timeout &&
               !pending.taken) {
      std::erase(queue_, &pending);
      // It may have been this one's turn.
      if (!role_taken_ && !queue_.empty()) queue_.front()->changed.notify_one();
      VIRIDIAN_TRY_VOID(context.check());
      return Error(Code::deadline_exceeded, "the log was busy for longer than the time limit");
    }
  }
  return *std::move(pending.result);
}

void Topic::lead_group(Lock& lock) {
  // These were queued before the writes were refused, by a trim or by a reader that met damage.
  if (refusal_) return fail_queue(*refusal_);
  std::vector<Pending*> group;
  const Status taken = log::guarded([&]() -> Status {
    group = take_group();
    return ok_status();
  });
  if (!taken.ok()) return fail_queue(taken.error());
  role_taken_ = true;
  lock.unlock();
  const Status written = write_or_refuse(group);
  lock.lock();
  // From here to the end of the lock: a member that has its result goes away once it is free.
  if (written.ok()) {
    publish(group);
  } else {
    for (Pending* member : group) member->result = written.error();
  }
  for (Pending* member : group) member->changed.notify_one();
  if (refusal_) fail_queue(*refusal_);
  give_role_back();
}

void Topic::fail_queue(const Error& error) {
  for (Pending* waiting : std::exchange(queue_, {})) {
    waiting->result = error;
    waiting->changed.notify_one();
  }
}

std::vector<Topic::Pending*> Topic::take_group() {
  size_t members = 0;
  for (uint64_t bytes = 0; members < queue_.size() && (members == 0 || bytes < kGroupBytesMax);
       ++members) {
    bytes += queue_[members]->frame_bytes();
  }
  const auto rest = queue_.begin() + static_cast<std::ptrdiff_t>(members);
  std::vector<Pending*> group(queue_.begin(), rest);
  queue_.erase(queue_.begin(), rest);
  for (Pending* member : group) member->taken = true;
  return group;
}

Status Topic::write_or_refuse(const std::vector<Pending*>& group) noexcept {
  writing_ = false;
  const Status written = log::guarded([&] { return write_group(group); });
  if (written.ok() || !writing_) return written;
  // An exception left the write between its first byte and its end: it may be on the disk.
  const Status cut = log::guarded([&] { return active_ ? active_->truncate(end_) : ok_status(); });
  (void)cut;  // best effort: the file is not written any more
  return refuse_with(log::write_interrupted());
}

Status Topic::write_group(const std::vector<Pending*>& group) {
  uint64_t bytes = 0;
  for (const Pending* member : group) bytes += member->frame_bytes();
  VIRIDIAN_TRY_VOID(prepare_file(bytes));
  VIRIDIAN_TRY_VOID(write_frames(group, bytes));
  // Before the records can be asked for, so that whoever follows the log finds them here.
  SeqId next = last_ + 1;
  for (const Pending* member : group) {
    cache_.put(collection_, {next, member->batch});
    next += member->batch->rows();
  }
  write_mark(end_ + bytes, next - 1);
  return ok_status();
}

/// Says behind the group that it is durable: to other processes at once, and to later starts, which
/// could otherwise take damage to this group for a torn tail. Never synced by itself, and no harm
/// where it is missing: then the next group says the same.
void Topic::write_mark(uint64_t end, SeqId last) {
  const log::FrameHeader mark = log::make_mark(last, *salt_);
  // The group is durable: whatever happens here, it must be published.
  marked_ = log::guarded([&] { return active_->write_at(end, mark); }).ok();
}

Status Topic::prepare_file(uint64_t group_bytes) {
  const bool full = end_ > 0 && end_ + group_bytes > options_.segment_bytes;
  if (log_files_.empty() || full || starting_file_) VIRIDIAN_TRY_VOID(start_file(last_ + 1));
  if (!directories_synced_) VIRIDIAN_TRY_VOID(sync_directories());
  if (!active_) {
    VIRIDIAN_TRY(active_, files_.open(path_of(log_files_.back().first_seq), os::OpenMode::write));
  }
  if (!salt_) salt_ = random_salt();
  const uint64_t needed = end_ + group_bytes;
  if (needed > reserved_ && end_ > kSmallFileBytes) {
    reserved_ = needed + std::min(needed, kReserveBytesMax);
    reserved_ += (kReserveUnit - reserved_ % kReserveUnit) % kReserveUnit;
    (void)active_->reserve(reserved_);  // only for speed: the write says whether there is space
  }
  return ok_status();
}

Status Topic::start_file(SeqId first_seq) {
  const std::string path = path_of(first_seq);
  // From here on the file may be on the disk, and a later start would take it for the last one.
  // So nothing is written into the one before it any more, even if this attempt fails.
  starting_file_ = true;
  if (log_files_.empty()) {
    if (const Status made = files_.make_directories(directory_); !made.ok()) {
      // Made, but not durably: a second sync would not tell.
      if (!files_.exists(directory_).value_or(true)) return made;
      return refuse_writes("its directory could not be made durable", made.error());
    }
  }
  // One of that name may be there, left by a start that failed. Nothing in it was acknowledged.
  VIRIDIAN_TRY(auto file, files_.open(path, os::OpenMode::open_create));
  VIRIDIAN_TRY_VOID(file->truncate(0));
  VIRIDIAN_TRY_VOID(sync_directories());
  give_reserve_back();
  const Lock lock(mutex_);
  log_files_.push_back({first_seq, {}});  // first: it alone can throw
  end_ = 0;
  starting_file_ = false;
  active_ = std::move(file);
  salt_.reset();
  reserved_ = 0;
  return ok_status();
}

/// Of the active file, which is not written any more for now.
void Topic::give_reserve_back() {
  if (!active_ || reserved_ <= end_) return;
  (void)active_->truncate(end_);  // only space is lost where it fails
  reserved_ = 0;
}

Status Topic::start_after(const Context& context, SeqId after) {
  VIRIDIAN_TRY_VOID(ensure_open(context));
  Lock lock(mutex_);
  VIRIDIAN_TRY_VOID(take_role(context, lock));
  Status started = log::guarded([&]() -> Status {
    VIRIDIAN_TRY_VOID(check_usable());
    if (refusal_) return *refusal_;
    if (log_files_.empty() && !starting_file_) return ok_status();
    return log::has_begun(collection_, last_);
  });
  lock.unlock();
  if (started.ok()) started = log::guarded([&] { return start_log(after); });
  lock.lock();
  if (refusal_) fail_queue(*refusal_);
  give_role_back();
  return started;
}

Status Topic::start_log(SeqId after) {
  Status started = start_file(after + 1);
  if (started.ok()) {
    const Lock lock(mutex_);
    last_ = after;
    return started;
  }
  // The file may be there all the same, and a log that begins with record 1 must not meet it.
  Status gone = files_.remove(path_of(after + 1));
  if (gone.ok() && files_.exists(directory_).value_or(true)) {
    gone = files_.sync_directory(directory_);
  }
  if (!gone.ok())
    return refuse_writes("a log that could not be begun is in its place", gone.error());
  starting_file_ = false;
  return started;
}

/// A process that was killed may have made the last file, or the directory, and not synced. No
/// record is in such a file, so this is time enough before the first is written.
Status Topic::sync_directories() {
  Status synced = files_.sync_directory(directory_);
  if (synced.ok() && !directories_synced_)
    synced = files_.sync_directory(os::parent_of(directory_));
  if (!synced.ok())
    return refuse_writes(fmt::format("files in {} could not be made durable", directory_),
                         synced.error());
  directories_synced_ = true;
  return ok_status();
}

Status Topic::write_frames(const std::vector<Pending*>& group, uint64_t group_bytes) {
  std::vector<os::Bytes> parts;
  parts.reserve(2 * group.size());
  SeqId next = last_ + 1;
  for (Pending* member : group) {
    const auto records = static_cast<uint32_t>(member->batch->rows());
    member->header = log::make_frame_header({next, last_, records, *salt_, {}},
                                            member->payload_size, member->payload_crc);
    parts.push_back(member->header);
    parts.push_back(os::as_bytes(member->payload));
    next += records;
  }
  writing_ = true;
  if (const Status written = active_->write_at(end_, parts); !written.ok()) {
    const Status cut = active_->truncate(end_);
    if (cut.ok() && written.error().code() == Code::resource_exhausted) {
      writing_ = false;
      return written;
    }
    return refuse_writes(fmt::format("writing {} bytes failed", group_bytes), written.error());
  }
  if (const Status synced = active_->sync(); !synced.ok()) {
    // Best effort: whether or not it succeeds, the file is not written any more.
    (void)active_->truncate(end_);
    return refuse_writes("a sync failed", synced.error());
  }
  writing_ = false;
  return ok_status();
}

Error Topic::refuse_writes(const std::string& what, const Error& cause) {
  const Error refusal(
      Code::data_loss,
      fmt::format("the log of collection {} takes no more writes until the program is started "
                  "again, because {}: {}",
                  collection_.to_string(), what, cause.message()));
  return refuse_with(refusal);
}

Error Topic::refuse_with(const Error& refusal) {
  writing_ = false;
  active_.reset();
  const Lock lock(mutex_);
  refusal_ = refusal;
  return refusal;
}

void Topic::publish(const std::vector<Pending*>& group) {
  for (Pending* member : group) {
    log_files_.back().mark(last_ + 1, end_);
    end_ += member->frame_bytes();
    last_ += member->batch->rows();
    member->result = last_;
  }
  if (std::exchange(marked_, false)) end_ += log::kFrameHeaderBytes;
  grown_.notify_all();
}

Status Topic::drop(const Context& context) {
  Lock lock(mutex_);
  VIRIDIAN_TRY_VOID(take_role(context, lock));
  dropped_ = true;
  const Status gone = log::guarded([&] { return check_usable(); });
  fail_queue(gone.error());
  grown_.notify_all();
  lock.unlock();
  active_.reset();
  cache_.erase(collection_, std::numeric_limits<SeqId>::max());
  const Status removed = log::guarded([&]() -> Status {
    VIRIDIAN_TRY(const bool there, files_.exists(directory_));
    if (!there) return ok_status();
    VIRIDIAN_TRY_VOID(files_.remove_all(directory_));
    return files_.sync_directory(os::parent_of(directory_));
  });
  lock.lock();
  give_role_back();
  return removed;
}

}  // namespace viridian::local
