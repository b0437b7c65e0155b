#include <fmt/core.h>

#include <algorithm>

#include "log/guarded.h"
#include "log/log_errors.h"
#include "log/topic.h"

namespace viridian::local {

Result<std::vector<LogBatch>> Topic::read(const Context& context, SeqId after, size_t limit_bytes) {
  VIRIDIAN_TRY_VOID(context.check());
  VIRIDIAN_TRY_VOID(ensure_open(context));
  log::Collected collected;
  collected.batches = cache_.get(collection_, after, limit_bytes);
  if (!collected.batches.empty()) return std::move(collected.batches);
  SeqId from = after + 1;
  while (collected.batches.empty() || collected.bytes < limit_bytes) {
    VIRIDIAN_TRY(const auto plan, plan_read(after, from));
    if (!plan) break;
    const Status read = read_file(context, *plan, from - 1, limit_bytes, collected);
    // Trimmed while it was read: the next plan says so.
    if (!read.ok() && read.error().code() == Code::not_found && collected.batches.empty()) {
      VIRIDIAN_TRY_VOID(plan_read(after, from));
      return Error(Code::data_loss, read.error().message());
    }
    VIRIDIAN_TRY_VOID(read);
    if (collected.damage) break;
    from = plan->range.next_seq;
  }
  return std::move(collected.batches);
}

Result<std::optional<Topic::Plan>> Topic::plan_read(SeqId after, SeqId from) {
  const Lock lock(mutex_);
  VIRIDIAN_TRY_VOID(check_usable());
  if (log_files_.empty()) return std::nullopt;
  const SeqId trimmed = log_files_.front().first_seq - 1;
  if (after < trimmed) return log::trimmed_away(collection_, after, trimmed);
  if (after >= last_ || from > last_) return std::nullopt;
  const auto later =
      std::partition_point(log_files_.begin(), log_files_.end(),
                           [&](const log::LogFile& file) { return file.first_seq <= from; });
  const log::LogFile& file = *std::prev(later);
  Plan plan;
  plan.file_seq = file.first_seq;
  plan.range.path = path_of(file.first_seq);
  plan.range.from = file.mark_before(from);
  const bool active = later == log_files_.end();
  plan.range.end = active ? end_ : UINT64_MAX;
  plan.range.next_seq = active ? last_ + 1 : later->first_seq;
  return plan;
}

Status Topic::read_file(const Context& context, const Plan& plan, SeqId after, size_t limit_bytes,
                        log::Collected& collected) {
  log::ReadRange range = plan.range;
  VIRIDIAN_TRY(const auto file, files_.open(range.path, os::OpenMode::read));
  VIRIDIAN_TRY(const uint64_t size, file->size());
  range.end = std::min(range.end, size);
  const Status read = log::read_log_file(context, *file, range, after, limit_bytes, collected);
  const Lock lock(mutex_);
  // Going on to write what can never be read again would only pile up.
  if (collected.damage && !refusal_) refusal_ = collected.damage;
  const auto held =
      std::find_if(log_files_.begin(), log_files_.end(),
                   [&](const log::LogFile& entry) { return entry.first_seq == plan.file_seq; });
  if (held != log_files_.end())
    for (const log::Mark& mark : collected.marks.marks) held->mark(mark.seq, mark.offset);
  return read;
}

Status Topic::trim(const Context& context, SeqId up_to) {
  VIRIDIAN_TRY_VOID(ensure_open(context));
  Lock lock(mutex_);
  VIRIDIAN_TRY_VOID(take_role(context, lock));
  Status trimmed = log::guarded([&] { return check_usable(); });
  // No longer written where it holds anything trimmed, so that it can go, now or with a later trim.
  // The new one also keeps the last number.
  const bool roll =
      !refusal_ && end_ > 0 && !log_files_.empty() && up_to >= log_files_.back().first_seq;
  lock.unlock();
  if (trimmed.ok() && roll) trimmed = log::guarded([&] { return start_file(last_ + 1); });
  if (trimmed.ok()) trimmed = log::guarded([&] { return remove_files(up_to); });
  lock.lock();
  // Appends that were queued in the meantime had found nothing to refuse them.
  if (refusal_) fail_queue(*refusal_);
  give_role_back();
  return trimmed;
}

Status Topic::remove_files(SeqId up_to) {
  cache_.erase(collection_, up_to);
  while (log_files_.size() > 1 && log_files_[1].first_seq - 1 <= up_to) {
    const std::string path = path_of(log_files_.front().first_seq);
    Lock lock(mutex_);
    // Readers are turned away before the file goes.
    log::LogFile going = std::move(log_files_.front());
    log_files_.erase(log_files_.begin());
    lock.unlock();
    if (const Status removed = files_.remove(path); !removed.ok()) {
      lock.lock();
      log_files_.insert(log_files_.begin(), std::move(going));
      return removed;
    }
    // One by one and oldest first: a crash must not bring back a file older than a missing one.
    VIRIDIAN_TRY_VOID(files_.sync_directory(directory_));
  }
  return ok_status();
}

}  // namespace viridian::local
