#include "segment/manager.h"

#include <algorithm>
#include <exception>

#include "obs/log.h"
#include "segment/restore.h"

namespace viridian::segment {
namespace {

/// A writer that seals all the time may be ahead this often.
constexpr int kTries = 20;

Error too_busy(const Error& last) {
  return Error(Code::unavailable, last.message() + ", time and again: try again");
}

std::unique_ptr<Registry> registry_for(SysDb& sysdb, const BaseStore* images) {
  if (images != nullptr) return std::make_unique<CacheRegistry>(sysdb);
  return std::make_unique<SysDbRegistry>(sysdb);
}

}  // namespace

Manager::Manager(Parts parts, std::string metadata_type, std::string vector_type)
    : own_metrics_(parts.metrics == nullptr ? std::make_unique<obs::Metrics>() : nullptr),
      environment_{
          registry_for(parts.sysdb, parts.images),
          parts.consumer,
          parts.executor,
          parts.files,
          std::move(parts.root),
          std::move(parts.types),
          parts.options,
          SegmentMetrics(own_metrics_ ? *own_metrics_ : *parts.metrics),
          std::make_unique<MemoryBudget>(parts.options.heads_bytes),
          parts.images,
          std::make_unique<CacheBudget>(parts.options.cache_bytes),
          std::make_unique<RecallSampler>(parts.executor,
                                          own_metrics_ ? *own_metrics_ : *parts.metrics,
                                          RecallSampler::Options{parts.options.sample_every}),
          std::make_shared<IndexMemory>(parts.options.index_bytes,
                                        own_metrics_ ? own_metrics_.get() : parts.metrics)},
      metadata_type_(std::move(metadata_type)),
      vector_type_(std::move(vector_type)),
      pool_(environment_,
            [this](const CollectionId& id) {
              maintenance_.look_at(id);
              if (pool_.close_unused_is_due()) maintenance_.wake_sealer();
            }),
      maintenance_(environment_, pool_) {}

Manager::~Manager() { Manager::stop(); }

Status Manager::start(const Context&) {
  VIRIDIAN_TRY_VOID(pool_.start());
  maintenance_.start();
  return ok_status();
}

void Manager::stop() noexcept {
  maintenance_.stop();
  pool_.stop();
  environment_.sampler->stop();
  std::unique_lock lock(mutex_);
  stopping_ = true;
  idle_.wait(lock, [this] { return hinted_.empty(); });
}

std::vector<Segment> Manager::plan(const CollectionId& id) const {
  std::vector<Segment> segments(2);
  for (Segment& segment : segments) {
    segment.id = Uuid::random();
    segment.collection = id;
  }
  segments[0].scope = SegmentScope::metadata;
  segments[0].type = metadata_type_;
  segments[1].scope = SegmentScope::vector;
  segments[1].type = vector_type_;
  return segments;
}

void Manager::after_applying(const Shared& collection) {
  if (collection->seal_is_due() || environment_.budget->over_limit()) maintenance_.wake_sealer();
}

Result<std::shared_ptr<const ReadView>> Manager::pin(const Context& context, const CollectionId& id,
                                                     SeqId min_seq) {
  for (int left = kTries;; --left) {
    VIRIDIAN_TRY(const Shared collection, pool_.get(context, id));
    const bool behind = collection->applied() < min_seq;
    auto view = collection->pin(context, min_seq);
    if (view.ok() && behind) after_applying(collection);
    // Who asked for the last number may have learnt that some of what is applied here is void.
    // In this order: what the log knows of it goes after it is discarded.
    if (view.ok() && environment_.cached() &&
        (!environment_.consumer.counts(id, (*view)->applied()) || collection->discarded()))
      view = Error(Code::out_of_range, "records that were applied do not count");
    if (view.ok() || view.error().code() != Code::out_of_range) return view;
    if (left == 1) return too_busy(view.error());
    // Another process sealed and trimmed what is missing here. The SysDb knows how far, also where
    // there was nothing to write and the files are the same.
    VIRIDIAN_TRY_VOID(renew(context, collection));
  }
}

Status Manager::renew(const Context& context, const Shared& collection) {
  if (environment_.cached()) {
    pool_.discard(collection);
    return ok_status();
  }
  Status reopened = pool_.reopen(context, collection);
  // The writer sealed and trimmed once more meanwhile: whoever comes next does this again.
  if (!reopened.ok() && reopened.error().code() == Code::out_of_range) return ok_status();
  return reopened;
}

Status Manager::admit(const Context& context, const CollectionId& id, uint64_t bytes,
                      uint64_t vectors) {
  VIRIDIAN_TRY(const Shared collection, pool_.get(context, id));
  if (vectors > 0) VIRIDIAN_TRY_VOID(collection->check_searchable(vectors));
  VIRIDIAN_TRY_VOID(apply_before_memory_is_short(context, collection));
  return environment_.budget->wait_for_room(context, collection->memory(), bytes, [&]() -> Status {
    maintenance_.wake_sealer();
    const std::optional<Error> failure = collection->seal_failure();
    if (!failure) return ok_status();
    environment_.metrics.refused_writes.inc();
    return Error(Code::resource_exhausted,
                 "memory for new records is used up and those there are cannot be written to "
                 "files: " +
                     failure->message());
  });
}

Status Manager::apply(const Context& context, const Shared& collection, SeqId durable) {
  Status caught_up = collection->catch_up(context, durable);
  if (!caught_up.ok() && caught_up.error().code() == Code::out_of_range)
    return renew(context, collection);
  return caught_up;
}

// The budget knows of what is applied only.
Status Manager::apply_before_memory_is_short(const Context& context, const Shared& collection) {
  SeqId durable = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto hinted = hinted_.find(collection->id());
    if (hinted == hinted_.end()) return ok_status();
    durable = hinted->second;
  }
  if (!environment_.budget->would_be_short(collection->memory(), collection->backlog(durable)))
    return ok_status();
  VIRIDIAN_TRY_VOID(apply(context, collection, durable));
  after_applying(collection);
  return ok_status();
}

Status Manager::hint(const Context& context, const CollectionId& id, SeqId durable) {
  bool submit = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return ok_status();
    const auto [entry, added] = hinted_.try_emplace(id, durable);
    entry->second = std::max(entry->second, durable);
    submit = added;
  }
  if (submit && !environment_.executor.submit([this, id] { catch_up_in_background(id); })) {
    // The next hint tries again, and whoever reads applies what is missing.
    const std::lock_guard lock(mutex_);
    hinted_.erase(id);
    idle_.notify_all();
  }
  const Shared collection = pool_.peek(id);
  if (!collection || !collection->behind(durable)) return ok_status();
  return apply(context, collection, durable);
}

bool Manager::catch_up(const CollectionId& id, SeqId hinted) {
  const auto work = [&]() -> Status {
    VIRIDIAN_TRY(const Shared collection, pool_.get(Context(), id));
    Status caught_up = collection->catch_up(Context(), hinted);
    if (caught_up.ok()) after_applying(collection);
    // Whoever asks for it next finds it as it is to be.
    if (!caught_up.ok() && caught_up.error().code() == Code::out_of_range)
      return renew(Context(), collection);
    return caught_up;
  };
  Status outcome;
  try {
    outcome = work();
  } catch (const std::exception& thrown) {  // memory ran out: this collection waits, others go on
    outcome = Error(Code::internal, thrown.what());
  }
  if (!outcome.ok() && outcome.error().code() != Code::not_found)
    obs::log(obs::Level::warn, "segment", "a collection cannot follow its log",
             {{"collection", id.to_string()}, {"error", outcome.error().message()}});
  return outcome.ok();
}

void Manager::catch_up_in_background(const CollectionId& id) {
  while (true) {
    SeqId hinted = 0;
    {
      const std::lock_guard lock(mutex_);
      hinted = hinted_.at(id);
    }
    const bool caught_up = catch_up(id, hinted);
    const std::lock_guard lock(mutex_);
    // A hint that came while this was at work submitted nothing: its records are this task's.
    if (caught_up && hinted_.at(id) > hinted) continue;
    hinted_.erase(id);
    idle_.notify_all();
    return;
  }
}

Result<Manager::Shared> Manager::caught_up(const Context& context, const CollectionId& id) {
  for (int left = kTries;; --left) {
    VIRIDIAN_TRY(Shared collection, pool_.get(context, id));
    VIRIDIAN_TRY(const SeqId last, environment_.consumer.last(context, id));
    const Status caught_up = collection->catch_up(context, last);
    if (caught_up.ok()) return collection;
    if (caught_up.error().code() != Code::out_of_range) return caught_up.error();
    if (left == 1) return too_busy(caught_up.error());
    VIRIDIAN_TRY_VOID(renew(context, collection));
  }
}

Status Manager::seal(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY(const Shared collection, caught_up(context, id));
  VIRIDIAN_TRY_VOID(collection->seal(context));
  maintenance_.look_at(id);
  return ok_status();
}

Status Manager::compact(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY(const Shared collection, caught_up(context, id));
  NoThrottle throttle;
  return collection->compact(context, throttle);
}

Status Manager::close(const Context&, const CollectionId& id) {
  pool_.close(id);
  return ok_status();
}

Result<SegmentImage> Manager::image(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY(const Shared collection, pool_.get(context, id));
  return collection->image(context);
}

Result<std::vector<Segment>> Manager::restore(const Context& context, const CollectionId& target,
                                              const SegmentImage& image) {
  if (!environment_.writes_files())
    return Error(Code::failed_precondition, "this process cannot take over files");
  return restore_image(context, environment_, target, image);
}

Result<SegmentStats> Manager::stats(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY(const Shared collection, pool_.get(context, id));
  return collection->stats();
}

Status Manager::drop(const Context&, const CollectionId& id) { return pool_.drop(id); }

}  // namespace viridian::segment
