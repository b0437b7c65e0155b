#include "log/local_log.h"

#include <fmt/core.h>

#include "component/data_directory.h"

namespace viridian::local {
namespace {

Error read_only() {
  return Error(Code::permission_denied,
               "the log is followed, not written, here (read_only is set): send writes to the "
               "process that writes it");
}

}  // namespace

Result<std::unique_ptr<Log>> Log::create(System& system) {
  VIRIDIAN_TRY(os::Files * files, system.require<os::Files>());
  VIRIDIAN_TRY(const DataDirectory* data, system.require<DataDirectory>());
  std::string directory = os::join(data->path(), "log");
  if (data->read_only()) return follow(*files, std::move(directory));
  Options options;
  options.segment_bytes = system.settings().unsigned_integer("log.segment_bytes");
  return std::make_unique<Log>(*files, std::move(directory), options);
}

Result<std::unique_ptr<Log>> Log::open(os::Files& files, std::string directory,
                                       const Options& options) {
  auto log = std::make_unique<Log>(files, std::move(directory), options);
  VIRIDIAN_TRY_VOID(log->start(Context()));
  return log;
}

std::unique_ptr<Log> Log::follow(os::Files& files, std::string directory) {
  return std::make_unique<Log>(files, std::move(directory));
}

Log::Log(os::Files& files, std::string directory, const Options& options)
    : files_(files),
      directory_(std::move(directory)),
      options_(options),
      cache_(options.cache_bytes) {}

Log::Log(os::Files& files, std::string directory)
    : files_(files),
      directory_(directory),
      cache_(0),
      follower_(std::make_unique<LogFollower>(files, std::move(directory))) {}

Log::~Log() = default;

Status Log::start(const Context&) {
  if (follower_) return ok_status();
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

Status Log::check_not_dropped(const CollectionId& collection) const {
  if (!half_dropped_.contains(collection)) return ok_status();
  return Error(Code::not_found,
               fmt::format("the log of collection {} was dropped", collection.to_string()));
}

std::shared_ptr<Topic> Log::make_topic(const CollectionId& collection) {
  return std::make_shared<Topic>(files_, cache_, collection,
                                 os::join(directory_, collection.to_string()),
                                 Topic::Options{options_.segment_bytes});
}

Result<std::shared_ptr<Topic>> Log::remembered_topic(const CollectionId& collection) {
  VIRIDIAN_TRY_VOID(check_not_dropped(collection));
  const auto found = topics_.find(collection);
  if (found == topics_.end()) return nullptr;
  used_.splice(used_.begin(), used_, found->second.used);
  return found->second.topic;
}

Result<std::shared_ptr<Topic>> Log::topic(const CollectionId& collection) {
  const std::lock_guard lock(mutex_);
  VIRIDIAN_TRY(auto remembered, remembered_topic(collection));
  if (remembered) return remembered;
  forget_some();
  auto made = make_topic(collection);
  used_.push_front(collection);
  topics_.emplace(collection, Entry{made, used_.begin(), written_.end()});
  return made;
}

Result<std::shared_ptr<Topic>> Log::existing_topic(const CollectionId& collection) {
  {
    const std::lock_guard lock(mutex_);
    VIRIDIAN_TRY(auto remembered, remembered_topic(collection));
    if (remembered) return remembered;
  }
  VIRIDIAN_TRY(const bool there, files_.exists(os::join(directory_, collection.to_string())));
  if (!there) return nullptr;
  return topic(collection);
}

size_t Log::topics() {
  const std::lock_guard lock(mutex_);
  return topics_.size();
}

void Log::forget_some() {
  constexpr int kLookAtMost = 8;  // those that cannot go must not make every call slow
  for (int looked = 0; topics_.size() >= options_.topics && looked < kLookAtMost; ++looked) {
    const auto oldest = topics_.find(used_.back());
    // Nobody can come to hold one while the mutex is held.
    if (oldest->second.topic.use_count() == 1 && oldest->second.topic->replaceable())
      forget(oldest);
    else
      used_.splice(used_.begin(), used_, std::prev(used_.end()));
  }
}

void Log::forget(Entries::iterator entry) {
  if (entry->second.written != written_.end()) written_.erase(entry->second.written);
  used_.erase(entry->second.used);
  topics_.erase(entry);
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
  if (follower_) return read_only();
  VIRIDIAN_TRY(const auto asked, topic(collection));
  auto number = asked->append(context, std::move(batch));
  written(collection);
  return number;
}

Status Log::start_after(const Context& context, const CollectionId& collection, SeqId after) {
  if (follower_) return read_only();
  VIRIDIAN_TRY_VOID(context.check());
  VIRIDIAN_TRY(const auto asked, topic(collection));
  Status started = asked->start_after(context, after);
  written(collection);
  return started;
}

Status Log::drop(const Context& context, const CollectionId& collection) {
  if (follower_) return read_only();
  std::shared_ptr<Topic> dropped;
  {
    const std::lock_guard lock(mutex_);
    if (half_dropped_.contains(collection)) dropped = make_topic(collection);
  }
  if (!dropped) {
    VIRIDIAN_TRY(dropped, topic(collection));
  }
  const Status gone = dropped->drop(context);
  const std::lock_guard lock(mutex_);
  if (!gone.ok() && !dropped->dropped()) return gone;  // it waited in vain, and nothing happened
  if (gone.ok())
    half_dropped_.erase(collection);
  else
    half_dropped_.insert(collection);
  const auto found = topics_.find(collection);
  if (found != topics_.end() && found->second.topic == dropped) forget(found);
  return gone;
}

Status Log::retain(const Context& context, const std::vector<CollectionId>& known) {
  if (follower_) return read_only();
  // A SysDb without any collection may be the wrong one, and removing is for good.
  if (known.empty()) return ok_status();
  const std::unordered_set<CollectionId> kept(known.begin(), known.end());
  VIRIDIAN_TRY(const std::vector<std::string> names, files_.list(directory_));
  for (const std::string& name : names) {
    const std::optional<Uuid> id = Uuid::parse_canonical(name);
    // What is not named like a collection is not the log's to remove.
    if (id && !kept.contains(*id)) VIRIDIAN_TRY_VOID(drop(context, *id));
  }
  return ok_status();
}

Result<std::vector<LogBatch>> Log::read(const Context& context, const CollectionId& collection,
                                        SeqId after, size_t limit_bytes) {
  if (follower_) return follower_->read(context, collection, after, limit_bytes);
  VIRIDIAN_TRY_VOID(context.check());
  VIRIDIAN_TRY(const auto asked, existing_topic(collection));
  if (!asked) return std::vector<LogBatch>();
  return asked->read(context, after, limit_bytes);
}

Result<SeqId> Log::last(const Context& context, const CollectionId& collection) {
  if (follower_) return follower_->last(context, collection);
  VIRIDIAN_TRY(const auto asked, existing_topic(collection));
  return asked ? asked->last(context) : SeqId{0};
}

Status Log::wait(const Context& context, const CollectionId& collection, SeqId after) {
  if (follower_) return follower_->wait(context, collection, after);
  VIRIDIAN_TRY(auto asked, topic(collection));
  Status waited = asked->wait(context, after);
  const bool began = asked->began();
  asked.reset();
  if (began) return waited;
  // Waiting for a log that never began leaves nothing behind.
  const std::lock_guard lock(mutex_);
  const auto found = topics_.find(collection);
  if (found != topics_.end() && found->second.topic.use_count() == 1 &&
      found->second.topic->replaceable() && !found->second.topic->began())
    forget(found);
  return waited;
}

Status Log::trim(const Context& context, const CollectionId& collection, SeqId up_to) {
  if (follower_) return read_only();
  VIRIDIAN_TRY(const auto asked, existing_topic(collection));
  if (!asked) return ok_status();
  Status trimmed = asked->trim(context, up_to);
  written(collection);  // it may have begun a new file
  return trimmed;
}

}  // namespace viridian::local
