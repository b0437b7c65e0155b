#include "segment/disposal.h"

#include <algorithm>

#include "obs/log.h"

namespace viridian::segment {

Error dropped_error() { return Error(Code::not_found, "the collection was dropped"); }

Disposal::Disposal(os::Files* files, std::string directory, Consumer& consumer,
                   const CollectionId& id)
    : files_(files), directory_(std::move(directory)), consumer_(consumer), id_(id) {}

Disposal::~Disposal() {
  if (!dropped_ || files_ == nullptr) return;
  // Work that was under way when the collection was dropped may have made it again.
  if (const Status removed = files_->remove_all(directory_); !removed.ok())
    obs::log(obs::Level::warn, "segment",
             "the directory of a dropped collection stays until the next start",
             {{"error", removed.error().message()}});
}

void Disposal::add_files(const std::vector<std::string>& names) {
  const std::lock_guard lock(mutex_);
  names_.insert(names_.end(), names.begin(), names.end());
}

void Disposal::add_log(SeqId sealed) {
  const std::lock_guard lock(mutex_);
  sealed_ = std::max(sealed_, sealed);
}

void Disposal::drop() { dropped_ = true; }

void Disposal::hold(SeqId sealed) {
  const std::lock_guard lock(mutex_);
  holds_.insert(sealed);
}

void Disposal::release(SeqId sealed) {
  const std::lock_guard lock(mutex_);
  holds_.erase(holds_.find(sealed));
}

bool Disposal::held() const {
  const std::lock_guard lock(mutex_);
  return !holds_.empty();
}

Disposal::Due Disposal::take_due() {
  Due due;
  const std::lock_guard lock(mutex_);
  if (dropped_) {
    due.directory = holds_.empty();
    return due;
  }
  if (holds_.empty()) due.names = names_;
  const SeqId may_go = holds_.empty() ? sealed_ : std::min(sealed_, *holds_.begin());
  if (may_go > trimmed_) due.trim_to = may_go;
  return due;
}

Status Disposal::remove_files(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    VIRIDIAN_TRY_VOID(files_->remove(os::join(directory_, name)));
  return files_->sync_directory(directory_);
}

Status Disposal::settle(const Context& context) {
  if (files_ == nullptr) return ok_status();
  const std::lock_guard working(working_);
  const Due due = take_due();
  if (due.directory) return files_->remove_all(directory_);
  if (!due.names.empty()) {
    VIRIDIAN_TRY_VOID(remove_files(due.names));
    const std::lock_guard lock(mutex_);
    std::erase_if(names_, [&](const std::string& name) {
      return std::find(due.names.begin(), due.names.end(), name) != due.names.end();
    });
  }
  if (due.trim_to == 0) return ok_status();
  VIRIDIAN_TRY_VOID(consumer_.trim(context, id_, due.trim_to));
  const std::lock_guard lock(mutex_);
  trimmed_ = std::max(trimmed_, due.trim_to);
  return ok_status();
}

}  // namespace viridian::segment
