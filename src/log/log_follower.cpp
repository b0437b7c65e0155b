#include "log/log_follower.h"

#include <fmt/core.h>

#include <algorithm>
#include <thread>

#include "log/log_errors.h"

namespace viridian::local {
namespace {

/// A writer that lives says within this time that a group is durable, or is at work on it.
constexpr std::chrono::milliseconds kProofTime{200};
constexpr std::chrono::milliseconds kWaitMin{1};
constexpr std::chrono::milliseconds kWaitMax{50};
/// A writer that rolls and trims all the time may be ahead this often.
constexpr int kTries = 100;

bool is_gone(const Status& status) {
  return !status.ok() && status.error().code() == Code::not_found;
}

Error too_busy(const std::string& directory) {
  return Error(
      Code::unavailable,
      fmt::format("the files in {} change faster than they can be read: try again", directory));
}

Error taken_back(const CollectionId& collection, SeqId after) {
  return Error(Code::out_of_range,
               fmt::format("the log of collection {} lost records after number {}, which its "
                           "writer never acknowledged: they are to be read again from there",
                           collection.to_string(), after));
}

}  // namespace

FollowedTopic::FollowedTopic(os::Files& files, const CollectionId& collection,
                             std::string directory)
    : files_(files), collection_(collection), directory_(std::move(directory)) {}

Result<SeqId> FollowedTopic::last() {
  const std::lock_guard lock(mutex_);
  VIRIDIAN_TRY_VOID(refresh());
  return tail_ ? tail_->shown_seq : SeqId{0};
}

Status FollowedTopic::refresh() {
  int empty = 0;
  for (int tries = 0; tries < kTries; ++tries) {
    const auto names = files_.list(directory_);
    if (!names.ok() && names.error().code() != Code::not_found) return names.error();
    std::vector<SeqId> found;
    for (const std::string& name : names.value_or(std::vector<std::string>()))
      if (const auto first_seq = log::parse_log_file_name(name)) found.push_back(*first_seq);
    if (found.empty()) {
      // A listing may miss the file that was just made, and the one removed because of it.
      if (names.ok() && ++empty < 3) continue;
      names_.clear();
      tail_.reset();
      return ok_status();
    }
    names_ = std::move(found);
    const Status followed = refresh_tail(names_.back());
    if (!is_gone(followed)) return followed;
  }
  return too_busy(directory_);
}

Status FollowedTopic::refresh_tail(SeqId first_seq) {
  const std::string path = os::join(directory_, log::log_file_name(first_seq));
  VIRIDIAN_TRY(const auto file, files_.open(path, os::OpenMode::read));
  VIRIDIAN_TRY_VOID(check_unproven());
  const bool same = tail_ && tail_->scan.file.first_seq == first_seq;
  Tail tail;
  tail.scan = log::scan_from_start(first_seq);
  if (same) tail = *tail_;
  log::Scan seen = tail.scan;
  VIRIDIAN_TRY_VOID(log::scan_log_file(*file, path, seen));
  // seen.damage says little: a frame looked at while it was written looks bad, and is proven to be
  // durable a moment later. Who reads the records finds out.
  VIRIDIAN_TRY_VOID(show(*file, seen, tail));
  // What is not proven may be cut off and written anew, so it is looked at again each time.
  auto& marks = seen.file.marks;
  while (!marks.empty() && marks.back().offset >= seen.proven_end) marks.pop_back();
  seen.end = seen.proven_end;
  seen.last_seq = seen.proven_seq;
  if (seen.end == 0) seen.salt.reset();
  tail.scan = std::move(seen);
  tail_ = std::move(tail);
  return ok_status();
}

Status FollowedTopic::show(os::File& file, const log::Scan& seen, Tail& tail) {
  if (unproven_ &&
      (unproven_->file_seq < seen.file.first_seq || unproven_->last <= seen.proven_seq))
    unproven_.reset();
  const SeqId known = unproven_ ? unproven_->last : seen.proven_seq;
  if (seen.last_seq > known) {
    const auto now = Clock::now();
    if (tail.waiting_end != seen.end) tail.waiting_since = now;
    tail.waiting_end = seen.end;
    // Where nobody writes there is no proof to wait for, as after a loss of power.
    const bool first_look = !tail_;
    if (first_look || now - tail.waiting_since >= kProofTime)
      VIRIDIAN_TRY_VOID(show_unproven(file, seen));
  }
  tail.shown_end = unproven_ ? unproven_->end : seen.proven_end;
  tail.shown_seq = unproven_ ? unproven_->last : seen.proven_seq;
  return ok_status();
}

Status FollowedTopic::show_unproven(os::File& file, const log::Scan& seen) {
  Unproven unproven{.after = unproven_ ? unproven_->after : seen.proven_seq,
                    .last = seen.last_seq,
                    .file_seq = seen.file.first_seq,
                    .offset = seen.last_frame,
                    .end = seen.end,
                    .header = {}};
  VIRIDIAN_TRY(const size_t got, file.read_at(unproven.offset, unproven.header));
  if (got < unproven.header.size()) return ok_status();  // cut off just now
  // From here on only a writer that fails can take them away.
  VIRIDIAN_TRY_VOID(file.sync());
  unproven_ = unproven;
  return ok_status();
}

Status FollowedTopic::check_unproven() {
  if (!unproven_) return ok_status();
  const auto file = files_.open(os::join(directory_, log::log_file_name(unproven_->file_seq)),
                                os::OpenMode::read);
  if (!file.ok() && file.error().code() != Code::not_found) return file.error();
  if (file.ok()) {
    log::FrameHeader now{};
    VIRIDIAN_TRY(const size_t got, (*file)->read_at(unproven_->offset, now));
    if (got == now.size() && now == unproven_->header) return ok_status();
  }
  // Who saw them, and no more than is trimmed by now, finds the log begin later anyhow.
  const bool trimmed = !file.ok() && unproven_->last + 1 < names_.front();
  if (!trimmed)
    taken_back_after_ = std::min(taken_back_after_.value_or(unproven_->after), unproven_->after);
  unproven_.reset();
  return ok_status();
}

void FollowedTopic::forget_reader() {
  const std::lock_guard lock(mutex_);
  taken_back_after_.reset();
}

Result<std::vector<LogBatch>> FollowedTopic::read(const Context& context, SeqId after,
                                                  size_t limit_bytes) {
  {
    const std::lock_guard lock(mutex_);
    VIRIDIAN_TRY_VOID(refresh());
    if (taken_back_after_ && after > *taken_back_after_)
      return taken_back(collection_, *taken_back_after_);
    taken_back_after_.reset();
  }
  log::Collected collected;
  SeqId from = after + 1;
  for (int tries = 0; collected.batches.empty() || collected.bytes < limit_bytes;) {
    VIRIDIAN_TRY(const auto plan, plan_read(after, from));
    if (!plan) break;
    const auto file = files_.open(plan->path, os::OpenMode::read);
    if (!file.ok()) {
      if (!collected.batches.empty()) break;
      if (file.error().code() != Code::not_found) return file.error();
      // Trimmed, or dropped, since its directory was listed.
      if (++tries == kTries) return too_busy(directory_);
      const std::lock_guard lock(mutex_);
      VIRIDIAN_TRY_VOID(refresh());
      continue;
    }
    VIRIDIAN_TRY(const uint64_t size, (*file)->size());
    log::ReadRange range = *plan;
    range.end = std::min(range.end, size);
    VIRIDIAN_TRY_VOID(log::read_log_file(context, **file, range, from - 1, limit_bytes, collected));
    if (collected.damage) break;
    from = plan->next_seq;
  }
  return std::move(collected.batches);
}

Result<std::optional<log::ReadRange>> FollowedTopic::plan_read(SeqId after, SeqId from) {
  const std::lock_guard lock(mutex_);
  if (!tail_) return std::nullopt;
  const SeqId trimmed = names_.front() - 1;
  if (after < trimmed) return log::trimmed_away(collection_, after, trimmed);
  if (from > tail_->shown_seq) return std::nullopt;
  const auto later = std::upper_bound(names_.begin(), names_.end(), from);
  const SeqId first_seq = *std::prev(later);
  const std::string path = os::join(directory_, log::log_file_name(first_seq));
  if (later != names_.end()) return log::ReadRange{path, {first_seq, 0}, UINT64_MAX, *later};
  return log::ReadRange{path, tail_->scan.file.mark_before(from), tail_->shown_end,
                        tail_->shown_seq + 1};
}

void LogFollower::forget_reader(const CollectionId& collection) {
  std::shared_ptr<FollowedTopic> topic;
  {
    const std::lock_guard lock(mutex_);
    const auto found = topics_.find(collection);
    if (found != topics_.end()) topic = found->second;
  }
  if (topic) topic->forget_reader();
}

LogFollower::LogFollower(os::Files& files, std::string directory)
    : files_(files), directory_(std::move(directory)) {}

Result<std::shared_ptr<FollowedTopic>> LogFollower::topic(const CollectionId& collection) {
  std::string directory = os::join(directory_, collection.to_string());
  VIRIDIAN_TRY(const bool there, files_.exists(directory));
  const std::lock_guard lock(mutex_);
  if (!there) {
    topics_.erase(collection);
    return nullptr;
  }
  std::shared_ptr<FollowedTopic>& topic = topics_[collection];
  if (!topic) topic = std::make_shared<FollowedTopic>(files_, collection, std::move(directory));
  return topic;
}

Result<std::vector<LogBatch>> LogFollower::read(const Context& context,
                                                const CollectionId& collection, SeqId after,
                                                size_t limit_bytes) {
  VIRIDIAN_TRY_VOID(context.check());
  VIRIDIAN_TRY(const auto asked, topic(collection));
  if (!asked) return std::vector<LogBatch>();
  return asked->read(context, after, limit_bytes);
}

Result<SeqId> LogFollower::last(const Context& context, const CollectionId& collection) {
  VIRIDIAN_TRY_VOID(context.check());
  VIRIDIAN_TRY(const auto asked, topic(collection));
  return asked ? asked->last() : Result<SeqId>(SeqId{0});
}

Status LogFollower::wait(const Context& context, const CollectionId& collection, SeqId after) {
  // Another process cannot wake this one through files.
  for (auto pause = kWaitMin;; pause = std::min(2 * pause, kWaitMax)) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const SeqId last, this->last(context, collection));
    if (last > after) return ok_status();
    auto until = Context::Clock::now() + pause;
    if (context.deadline()) until = std::min(until, *context.deadline());
    std::this_thread::sleep_until(until);
  }
}

}  // namespace viridian::local
