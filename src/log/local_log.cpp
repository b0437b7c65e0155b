#include "log/local_log.h"

#include "component/data_directory.h"

namespace viridian::local {

Result<std::unique_ptr<Log>> Log::create(System& system) {
  VIRIDIAN_TRY(os::Files * files, system.require<os::Files>());
  VIRIDIAN_TRY(const DataDirectory* data, system.require<DataDirectory>());
  Options options;
  options.segment_bytes = system.settings().unsigned_integer("log.segment_bytes");
  return std::make_unique<Log>(*files, os::join(data->path(), "log"), options);
}

Result<std::unique_ptr<Log>> Log::open(os::Files& files, std::string directory,
                                       const Options& options) {
  auto log = std::make_unique<Log>(files, std::move(directory), options);
  VIRIDIAN_TRY_VOID(log->start(Context()));
  return log;
}

Log::Log(os::Files& files, std::string directory, const Options& options)
    : files_(files),
      directory_(std::move(directory)),
      options_(options),
      cache_(options.cache_bytes) {}

Log::~Log() = default;

Status Log::start(const Context&) {
  VIRIDIAN_TRY_VOID(files_.make_directories(directory_));
  // It may be there since a start that was killed before its sync.
  return files_.sync_directory(os::parent_of(directory_));
}

void Log::stop() noexcept {
  const std::lock_guard lock(mutex_);
  for (auto& [collection, entry] : topics_) {
    entry.topic->release_file();
    entry.written = written_.end();
  }
  written_.clear();
}

std::shared_ptr<Topic> Log::topic(const CollectionId& collection) {
  const std::lock_guard lock(mutex_);
  Entry& entry = topics_[collection];
  if (!entry.topic) {
    entry.topic = std::make_shared<Topic>(files_, cache_, collection,
                                          os::join(directory_, collection.to_string()),
                                          Topic::Options{options_.segment_bytes});
    entry.written = written_.end();
  }
  return entry.topic;
}

Result<std::shared_ptr<Topic>> Log::existing_topic(const CollectionId& collection) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = topics_.find(collection);
    if (found != topics_.end()) return found->second.topic;
  }
  VIRIDIAN_TRY(const bool there, files_.exists(os::join(directory_, collection.to_string())));
  return there ? topic(collection) : nullptr;
}

void Log::written(const CollectionId& collection) {
  std::shared_ptr<Topic> idle;  // closed without the lock
  {
    const std::lock_guard lock(mutex_);
    const auto found = topics_.find(collection);
    if (found == topics_.end()) return;
    if (found->second.written != written_.end()) written_.erase(found->second.written);
    found->second.written = written_.insert(written_.begin(), collection);
    if (written_.size() > options_.open_files) {
      Entry& oldest = topics_.at(written_.back());
      idle = oldest.topic;
      oldest.written = written_.end();
      written_.pop_back();
    }
  }
  if (idle) idle->release_file();
}

Result<SeqId> Log::append(const Context& context, const CollectionId& collection,
                          SharedBatch batch) {
  auto number = topic(collection)->append(context, std::move(batch));
  written(collection);
  return number;
}

Status Log::drop(const Context& context, const CollectionId& collection) {
  const std::shared_ptr<Topic> dropped = topic(collection);
  VIRIDIAN_TRY_VOID(dropped->drop(context));
  const std::lock_guard lock(mutex_);
  const auto found = topics_.find(collection);
  if (found == topics_.end() || found->second.topic != dropped) return ok_status();
  if (found->second.written != written_.end()) written_.erase(found->second.written);
  topics_.erase(found);
  return ok_status();
}

Result<std::vector<LogBatch>> Log::read(const Context& context, const CollectionId& collection,
                                        SeqId after, size_t limit_bytes) {
  VIRIDIAN_TRY_VOID(context.check());
  VIRIDIAN_TRY(const auto asked, existing_topic(collection));
  if (!asked) return std::vector<LogBatch>();
  return asked->read(context, after, limit_bytes);
}

Result<SeqId> Log::last(const Context& context, const CollectionId& collection) {
  VIRIDIAN_TRY(const auto asked, existing_topic(collection));
  return asked ? asked->last(context) : SeqId{0};
}

Status Log::wait(const Context& context, const CollectionId& collection, SeqId after) {
  return topic(collection)->wait(context, after);
}

Status Log::trim(const Context& context, const CollectionId& collection, SeqId up_to) {
  VIRIDIAN_TRY(const auto asked, existing_topic(collection));
  if (!asked) return ok_status();
  Status trimmed = asked->trim(context, up_to);
  written(collection);  // it may have begun a new file
  return trimmed;
}

}  // namespace viridian::local
