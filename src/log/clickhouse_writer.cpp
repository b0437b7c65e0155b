#include "log/clickhouse_writer.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "clickhouse/pause.h"
#include "log/guarded.h"
#include "log/log_errors.h"
#include "log/wait.h"

namespace viridian::clickhouse {
namespace {

using std::chrono::milliseconds;

/// How long a group is tried whose callers would wait longer.
constexpr milliseconds kGroupTime{30'000};
/// Between tries of what is not known to be stored and committed.
constexpr milliseconds kDoubtfulEvery{500};
constexpr milliseconds kDoubtfulTime{5'000};
/// Once it is asked this rarely, a commit is not waited for whose epoch is over: the next holder
/// says what counts when it has something to write.
constexpr milliseconds kLostWait{500};
/// After a server said that it has too much to do.
constexpr milliseconds kFirstBackOff{100};
constexpr milliseconds kLongestBackOff{5'000};

/// An append that no context limits waits this long where the server has too much to do.
constexpr std::chrono::minutes kQueueTime{1};

}  // namespace

struct Writer::Append {
  CollectionId collection;
  SharedBatch batch;  ///< null: its epoch is only to be begun
  std::optional<SeqId> only_after;
  Context::Clock::time_point until;
  SeqId last = 0;  ///< once it is numbered
  // Under the writer's mutex:
  bool taken = false;
  std::optional<Result<SeqId>> result;
};

WriterMetrics::WriterMetrics(obs::Metrics& metrics)
    : batches(metrics.counter("viridian_clickhouse_log_batches_total", "Batches acknowledged.")),
      records(metrics.counter("viridian_clickhouse_log_records_total", "Records acknowledged.")),
      inserts(metrics.counter("viridian_clickhouse_log_inserts_total", "Inserts that succeeded.")),
      retries(metrics.counter("viridian_clickhouse_log_retries_total",
                              "Inserts that failed and were tried again or elsewhere.")),
      unknown(
          metrics.counter("viridian_clickhouse_log_unknown_total",
                          "Batches of which it was not known in time whether they were stored.")),
      fenced(metrics.counter("viridian_clickhouse_log_fenced_total",
                             "Batches refused because another server took their collection over.")),
      stale_replicas(metrics.counter("viridian_clickhouse_log_stale_waits_total",
                                     "Waits for a replica that had not got a write yet.")) {}

Writer::Writer(const Parts& parts, uint32_t shard, const Options& options)
    : parts_(parts), shard_(shard), options_(options), thread_([this] { run(); }) {}

Writer::~Writer() { stop(); }

void Writer::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (current_) current_->cancel();
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<SeqId> Writer::append(const Context& context, const CollectionId& collection,
                             SharedBatch batch, std::optional<SeqId> only_after) {
  const auto append = std::make_shared<Append>();
  append->collection = collection;
  append->batch = std::move(batch);
  append->only_after = only_after;
  append->until = context.deadline().value_or(Context::Clock::now() + kQueueTime);
  std::unique_lock lock(mutex_);
  if (stopping_) return Error(Code::unavailable, "the log is closed");
  queue_.push_back(append);
  work_.notify_all();
  const Status waited =
      log::wait_until(context, answered_, lock, [&] { return append->result.has_value(); });
  if (append->result) return *std::move(append->result);
  if (append->taken && append->batch != nullptr) {
    return Error(Code::unavailable,
                 fmt::format("{}; the batch for collection {} was on its way and may be stored",
                             waited.error().message(), collection.to_string()));
  }
  std::erase(queue_, append);
  return waited.error();
}

void Writer::forget(const CollectionId& collection) {
  const std::lock_guard lock(mutex_);
  forgotten_.push_back(collection);
}

void Writer::run() {
  while (!stopping_) {
    const std::vector<SharedAppend> group = next_group();
    const Status done = log::guarded([&] {
      if (group.empty())
        retry_doubtful();
      else
        store(group);
      return ok_status();
    });
    if (done.ok()) continue;
    // What had been numbered is among the doubtful.
    const Error error(Code::unavailable,
                      fmt::format("{}; the batch may be stored", done.error().message()));
    for (const SharedAppend& append : group) answer(*append, error);
  }
  const std::lock_guard lock(mutex_);
  for (const SharedAppend& append : queue_)
    append->result = Error(Code::unavailable, "the log is being closed; nothing was written");
  queue_.clear();
  answered_.notify_all();
}

std::vector<Writer::SharedAppend> Writer::next_group() {
  std::unique_lock lock(mutex_);
  if (back_off_ > milliseconds(0))
    work_.wait_for(lock, back_off_, [&] { return stopping_.load(); });
  const auto ready = [&] { return stopping_ || !queue_.empty(); };
  if (doubtful_.empty())
    work_.wait(lock, ready);
  else
    work_.wait_for(lock, kDoubtfulEvery, ready);
  for (const CollectionId& collection : forgotten_) doubtful_.erase(collection);
  forgotten_.clear();
  std::vector<SharedAppend> group;
  for (uint64_t bytes = 0; !stopping_ && !queue_.empty() && bytes < options_.group_bytes;) {
    if (queue_.front()->batch != nullptr) bytes += queue_.front()->batch->size_bytes();
    queue_.front()->taken = true;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

Context Writer::limited(milliseconds limit) {
  Context context = Context::with_timeout(limit);
  const std::lock_guard lock(mutex_);
  if (stopping_) context.cancel();
  current_ = context;
  return context;
}

void Writer::answer(Append& append, Result<SeqId> result) {
  const std::lock_guard lock(mutex_);
  if (!append.result) append.result = std::move(result);
  answered_.notify_all();
}

/// Keeps the slots of what is being stored from being handed over meanwhile.
class Writer::WritesUnderWay {
 public:
  WritesUnderWay(Leases& leases, const std::vector<SharedAppend>& group)
      : leases_(leases), group_(group) {
    for (const SharedAppend& append : group_) leases_.begin_write(append->collection);
  }
  ~WritesUnderWay() {
    for (const SharedAppend& append : group_) leases_.end_write(append->collection);
  }
  WritesUnderWay(const WritesUnderWay&) = delete;
  WritesUnderWay& operator=(const WritesUnderWay&) = delete;

 private:
  Leases& leases_;
  const std::vector<SharedAppend>& group_;
};

void Writer::store(const std::vector<SharedAppend>& group) {
  const WritesUnderWay under_way(parts_.leases, group);
  const auto now = Context::Clock::now();
  auto until = now;
  for (const SharedAppend& append : group) until = std::max(until, append->until);
  const Context context =
      limited(std::min(kGroupTime, std::chrono::ceil<milliseconds>(until - now)));
  store_parts(context, number(context, group));
}

Error Writer::not_holder(const Context& context, const CollectionId& collection,
                         const Error& error) {
  if (error.code() != Code::aborted) return error;
  const auto holder = parts_.leases.holder(context, collection);
  return Error(Code::aborted,
               fmt::format("this server does not hold the lease of collection {}: {} does",
                           collection.to_string(), holder.ok() ? holder->server : "another one"));
}

// A slot that is only about to be handed over may be used again under the same epoch: what was
// numbered stays as long as the leases do not say that it never will be.
void Writer::let_go(const Context& context, const CollectionId& collection) {
  const auto doubtful = doubtful_.find(collection);
  if (doubtful == doubtful_.end()) return;
  const uint64_t epoch = doubtful->second.epoch;
  const Status held = parts_.leases.confirm(context, collection, epoch);
  if (held.ok() || held.error().code() != Code::aborted) return;
  parts_.topics.fenced(collection, epoch);
  parts_.metrics.fenced.inc(doubtful->second.batches.size());
  doubtful_.erase(doubtful);
}

Result<Topics::Writing> Writer::prepare(const Context& context, const CollectionId& collection) {
  const auto epoch = parts_.leases.epoch(context, collection);
  if (!epoch.ok()) {
    if (epoch.error().code() == Code::aborted) let_go(context, collection);
    return not_holder(context, collection, epoch.error());
  }
  auto writing = parts_.topics.writing(collection);
  if (!writing || writing->epoch != *epoch) {
    doubtful_.erase(collection);
    VIRIDIAN_TRY(const Extent extent, parts_.history.begin(context, collection, *epoch));
    parts_.topics.begun(collection, *epoch, extent);
    return Topics::Writing{*epoch, extent.last};
  }
  const auto doubtful = doubtful_.find(collection);
  if (doubtful == doubtful_.end()) return *writing;
  std::vector<Part> parts;
  parts.push_back(doubtful->second);
  store_parts(context, std::move(parts));
  writing = parts_.topics.writing(collection);
  if (!writing || doubtful_.contains(collection)) {
    return Error(Code::unavailable,
                 fmt::format("it is not known yet whether an earlier batch of collection {} is "
                             "stored: try again",
                             collection.to_string()));
  }
  return *writing;
}

std::vector<Writer::Part> Writer::number(const Context& context,
                                         const std::vector<SharedAppend>& group) {
  std::vector<Part> parts;
  std::map<CollectionId, size_t> places;
  std::map<CollectionId, Error> errors;
  for (const SharedAppend& append : group) {
    const CollectionId& collection = append->collection;
    if (const auto error = errors.find(collection); error != errors.end()) {
      answer(*append, error->second);
      continue;
    }
    if (!places.contains(collection)) {
      const auto writing = prepare(context, collection);
      if (!writing.ok()) {
        errors.emplace(collection, writing.error());
        answer(*append, writing.error());
        continue;
      }
      places[collection] = parts.size();
      parts.push_back(
          {collection, writing->epoch, writing->committed, writing->committed, {}, {}, false});
    }
    Part& part = parts[places[collection]];
    if (append->batch == nullptr) {
      answer(*append, part.from);
      continue;
    }
    if (append->only_after && *append->only_after != part.to) {
      answer(*append,
             Error(Code::aborted,
                   fmt::format("the log of collection {} goes to record {} by now, not to {}",
                               collection.to_string(), part.to, *append->only_after)));
      continue;
    }
    part.batches.emplace_back(part.to + 1, append->batch);
    part.to += append->batch->rows();
    append->last = part.to;
    part.appends.push_back(append);
  }
  std::erase_if(parts, [](const Part& part) { return part.batches.empty(); });
  return parts;
}

void Writer::retry_doubtful() {
  std::vector<CollectionId> collections;
  for (const auto& [collection, part] : doubtful_) collections.push_back(collection);
  for (const CollectionId& collection : collections) {
    if (stopping_) return;
    // An error is the next append's to tell: what is doubtful is kept, or came to nothing.
    (void)prepare(limited(kDoubtfulTime), collection);
  }
}

void Writer::store_parts(const Context& context, std::vector<Part> parts) {
  if (parts.empty()) return;
  // Until more is known. Whatever happens from here on, these numbers are not given to others.
  for (const Part& part : parts)
    doubtful_[part.collection] = {part.collection, part.epoch, part.from, part.to,
                                  part.batches,    {},         true};
  // What was sent before may be stored, and only not be on enough replicas, or not be committed.
  const bool stored = parts.size() == 1 && parts[0].tried && is_stored(context, parts[0]);
  const Outcome outcome = stored ? Outcome() : insert(context, parts);
  if (outcome.stored == Stored::no || outcome.stored == Stored::partly)
    return refused(context, std::move(parts), outcome);
  Status safe = ok_status();
  if (outcome.stored == Stored::unknown)
    safe = outcome.error;
  else
    safe = read_back(context, parts);
  if (!safe.ok()) {
    for (const Part& part : parts) doubt(part, safe.error());
    return;
  }
  back_off_ = milliseconds(0);
  commit(context, std::move(parts));
}

// One collection's batch must not be what another's fails for.
void Writer::refused(const Context& context, std::vector<Part> parts, const Outcome& outcome) {
  const Error& error = outcome.error;
  for (Part& part : parts) part.tried = part.tried || outcome.stored == Stored::partly;
  if (error.code() == Code::resource_exhausted) {
    back_off_ = std::clamp(back_off_ * 2, kFirstBackOff, kLongestBackOff);
    for (size_t i = parts.size(); i > 0; --i) put_back(parts[i - 1], error);
    return;
  }
  if (parts.size() > 1) {
    for (Part& part : parts) {
      std::vector<Part> alone;
      alone.push_back(std::move(part));
      store_parts(context, std::move(alone));
    }
    return;
  }
  const Part& part = parts.front();
  if (!part.tried) return fail(part, error);
  doubt(part, error);
  // If no later try will ever store the rest, only a new epoch makes void what is stored: it is
  // begun before anything else of the collection, or, if it cannot be had now, after the next try.
  if (error.code() == Code::invalid_argument)
    (void)parts_.leases.renew(context, part.collection, part.epoch);
}

void Writer::put_back(const Part& part, const Error& error) {
  if (part.tried) return doubt(part, error);
  doubtful_.erase(part.collection);
  const auto now = Context::Clock::now();
  const std::lock_guard lock(mutex_);
  for (auto at = part.appends.rbegin(); at != part.appends.rend(); ++at) {
    if ((*at)->until <= now) {
      (*at)->result = error;
      continue;
    }
    (*at)->taken = false;
    queue_.push_front(*at);
  }
  answered_.notify_all();
}

void Writer::fail(const Part& part, const Error& error) {
  doubtful_.erase(part.collection);
  for (const SharedAppend& append : part.appends) answer(*append, error);
}

void Writer::doubt(const Part& part, const Error& error) {
  parts_.metrics.unknown.inc(part.appends.size());
  const Error unknown(
      Code::unavailable,
      fmt::format("it is not known whether the batch for collection {} was stored: {}",
                  part.collection.to_string(), error.message()));
  for (const SharedAppend& append : part.appends) answer(*append, unknown);
}

bool Writer::holds(const Context& context, const Part& part) {
  const auto epoch = parts_.leases.epoch(context, part.collection);
  return epoch.ok() && *epoch == part.epoch;
}

void Writer::done(const Part& part) {
  doubtful_.erase(part.collection);
  parts_.topics.committed(part.collection, part.epoch, part.to);
  parts_.metrics.batches.inc(part.batches.size());
  parts_.metrics.records.inc(part.to - part.from);
  for (const SharedAppend& append : part.appends) answer(*append, append->last);
}

// The next epoch may go on after some of its batches.
void Writer::over(const Part& part, std::span<const Status> outcomes) {
  doubtful_.erase(part.collection);
  parts_.topics.fenced(part.collection, part.epoch);
  for (size_t i = 0; i < part.batches.size(); ++i) {
    const bool counts = outcomes[i].ok();
    (counts ? parts_.metrics.batches : parts_.metrics.fenced).inc();
    if (counts) parts_.metrics.records.inc(part.batches[i].second->rows());
    if (part.appends.empty()) continue;  // all of them have been answered
    Append& append = *part.appends[i];
    answer(append, counts ? Result<SeqId>(append.last) : outcomes[i].error());
  }
}

// One outcome for each batch: an epoch may end between two of them.
std::vector<Status> Writer::commit_batches(const Context& context, std::span<const Part> parts) {
  std::vector<History::Commit> commits;
  for (const Part& part : parts)
    for (const auto& [first, batch] : part.batches)
      commits.push_back({part.collection, part.epoch, first - 1, first - 1 + batch->rows()});
  return parts_.history.commit(context, commits);
}

void Writer::commit(const Context& context, std::vector<Part> parts) {
  milliseconds wait{10};
  while (true) {
    const std::vector<Status> outcomes = commit_batches(context, parts);
    std::span<const Status> left = outcomes;
    std::vector<Part> unknown;
    Error error(Code::unavailable, "");
    for (Part& part : parts) {
      const auto own = left.first(part.batches.size());
      left = left.subspan(own.size());
      const Status& last = own.back();  // what holds of it holds of those before, or more
      if (last.ok()) {
        done(part);
      } else if (last.error().code() == Code::aborted) {
        over(part, own);
      } else if (wait >= kLostWait && !holds(context, part)) {
        doubt(part, last.error());
      } else {
        error = last.error();
        unknown.push_back(std::move(part));
      }
    }
    if (unknown.empty()) return;
    parts = std::move(unknown);
    if (stopping_ || !pause(context, wait).ok()) {
      for (const Part& part : parts) doubt(part, error);
      return;
    }
    wait = std::min(wait * 2, kLostWait);
  }
}

}  // namespace viridian::clickhouse
