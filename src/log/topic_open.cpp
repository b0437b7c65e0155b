#include <fmt/core.h>

#include "log/guarded.h"
#include "log/topic.h"
#include "log/wait.h"
#include "obs/log.h"

namespace viridian::local {

Topic::Topic(os::Files& files, log::TailCache& cache, const CollectionId& collection,
             std::string directory, const Options& options)
    : files_(files),
      cache_(cache),
      collection_(collection),
      directory_(std::move(directory)),
      options_(options) {
  // Made now, so that they are there when memory is not.
  (void)log::out_of_memory();
  (void)log::unexpected_exception();
  (void)log::write_interrupted();
}

std::string Topic::path_of(SeqId first_seq) const {
  return os::join(directory_, log::log_file_name(first_seq));
}

Status Topic::take_role(const Context& context, Lock& lock) {
  ++role_waiting_;
  const Status waited = log::wait_until(context, role_free_, lock, [&] { return !role_taken_; });
  --role_waiting_;
  if (!waited.ok()) {
    // Somebody may have been passed over in this caller's favour.
    if (!role_taken_) {
      role_taken_ = true;
      give_role_back();
    }
    return waited;
  }
  role_taken_ = true;
  return ok_status();
}

Status Topic::check_usable() const {
  if (dropped_) {
    return Error(Code::not_found,
                 fmt::format("the log of collection {} was dropped", collection_.to_string()));
  }
  return ok_status();
}

Status Topic::ensure_open(const Context& context) {
  Lock lock(mutex_);
  VIRIDIAN_TRY_VOID(check_usable());
  if (open_) return ok_status();
  if (untrusted_) return *untrusted_;
  VIRIDIAN_TRY_VOID(take_role(context, lock));
  Status opened = log::guarded([&] { return check_usable(); });
  if (opened.ok() && untrusted_) opened = *untrusted_;
  if (opened.ok() && !open_) {
    lock.unlock();
    opened = log::guarded([&] { return open_files(); });
    lock.lock();
    open_ = opened.ok();
  }
  give_role_back();
  return opened;
}

Status Topic::open_files() {
  const auto names = files_.list(directory_);
  if (!names.ok() && names.error().code() == Code::not_found) return ok_status();
  if (!names.ok()) return names.error();
  std::vector<log::LogFile> found;  // names ascend with their numbers
  for (const std::string& name : *names)
    if (const auto first_seq = log::parse_log_file_name(name)) found.push_back({*first_seq, {}});
  if (found.empty()) return ok_status();
  VIRIDIAN_TRY(log::Scan scan, open_last_file(found.back().first_seq));
  found.back() = std::move(scan.file);
  const Lock lock(mutex_);
  log_files_ = std::move(found);
  last_ = scan.last_seq;
  end_ = scan.end;
  salt_ = scan.salt;
  reserved_ = 0;
  refusal_ = std::move(scan.damage);
  return ok_status();
}

Result<log::Scan> Topic::open_last_file(SeqId first_seq) {
  const std::string path = path_of(first_seq);
  VIRIDIAN_TRY(const std::unique_ptr<os::File> file, files_.open(path, os::OpenMode::write));
  log::Scan scan = log::scan_from_start(first_seq);
  VIRIDIAN_TRY_VOID(log::scan_log_file(*file, path, scan));
  if (scan.damage) return scan;  // nothing is touched: somebody may still save something
  VIRIDIAN_TRY(const uint64_t size, file->size());
  if (scan.end < size) {
    // So short a rest is a mark that a killed process had not synced: no batch was in it.
    const bool mark_only = size - scan.end <= log::kFrameHeaderBytes;
    obs::log(mark_only ? obs::Level::debug : obs::Level::warn, "log",
             "an unfinished end of the log was cut off",
             {{"file", path}, {"bytes", size - scan.end}, {"last_record", scan.last_seq}});
  }
  // Also where nothing is cut: what a killed process had reserved beyond the end is given back.
  if (size > 0) VIRIDIAN_TRY_VOID(file->truncate(scan.end));
  // Frames may be here that a killed process had written but not synced. They are about to be
  // given to readers, so they must not vanish any more.
  if (size > 0) {
    if (const Status synced = file->sync(); !synced.ok()) {
      // What is in memory may differ from the disk from now on, and a second try would not tell.
      const Lock lock(mutex_);
      untrusted_ = synced.error();
      return synced.error();
    }
  }
  if (scan.end > 0 && !scan.marked) {
    const log::FrameHeader mark = log::make_mark(scan.last_seq, *scan.salt);
    if (file->write_at(scan.end, mark).ok()) scan.end += mark.size();
  }
  return scan;
}

Result<SeqId> Topic::last(const Context& context) {
  VIRIDIAN_TRY_VOID(ensure_open(context));
  const Lock lock(mutex_);
  return last_;
}

Status Topic::wait(const Context& context, SeqId after) {
  VIRIDIAN_TRY_VOID(ensure_open(context));
  Lock lock(mutex_);
  VIRIDIAN_TRY_VOID(
      log::wait_until(context, grown_, lock, [&] { return last_ > after || dropped_; }));
  return last_ > after ? ok_status() : check_usable();
}

void Topic::release_file() {
  Lock lock(mutex_);
  if (role_taken_ || !active_) return;
  role_taken_ = true;
  lock.unlock();
  give_reserve_back();
  active_.reset();
  lock.lock();
  give_role_back();
}

bool Topic::began() {
  const Lock lock(mutex_);
  return !log_files_.empty();
}

bool Topic::dropped() {
  const Lock lock(mutex_);
  return dropped_;
}

bool Topic::replaceable() {
  const Lock lock(mutex_);
  return !role_taken_ && queue_.empty() && !refusal_ && !untrusted_ && !starting_file_ && !active_;
}

}  // namespace viridian::local
