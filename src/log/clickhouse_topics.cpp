#include "log/clickhouse_topics.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

namespace viridian::clickhouse {
namespace {

using std::chrono::milliseconds;

/// Bytes of a record of which nothing is known yet.
constexpr size_t kRecordBytes = 2048;
/// How long a reader's wish for fresh answers counts.
constexpr std::chrono::minutes kWishLasts{1};

}  // namespace

const Topics::Topic* Topics::find(const CollectionId& collection) const {
  const auto entry = topics_.find(collection);
  return entry == topics_.end() ? nullptr : &entry->second;
}

void Topics::grown(Topic& topic, SeqId last, Clock::time_point asked) {
  topic.last = std::max(topic.last, last);
  topic.last_asked = std::max(topic.last_asked, asked);
  news_.notify_all();
}

void Topics::begun(const CollectionId& collection, uint64_t epoch, const Extent& extent) {
  const std::lock_guard lock(mutex_);
  Topic& topic = topics_[collection];
  topic.writing = {epoch, extent.last};
  topic.known = extent;
  find_void(topic);
  topic.last = extent.last;
  news_.notify_all();
}

void Topics::committed(const CollectionId& collection, uint64_t epoch, SeqId last) {
  const std::lock_guard lock(mutex_);
  Topic& topic = topics_[collection];
  if (topic.writing.epoch != epoch) return;
  topic.writing.committed = last;
  if (topic.known && newest_epoch(*topic.known) == epoch) topic.known->last = last;
  grown(topic, last, Clock::time_point::min());
}

void Topics::fenced(const CollectionId& collection, uint64_t epoch) {
  const std::lock_guard lock(mutex_);
  Topic& topic = topics_[collection];
  if (topic.writing.epoch == epoch) topic.writing = {};
}

std::optional<Topics::Writing> Topics::writing(const CollectionId& collection) const {
  const std::lock_guard lock(mutex_);
  const Topic* topic = find(collection);
  if (topic == nullptr || topic->writing.epoch == 0) return std::nullopt;
  return topic->writing;
}

// Answers may overtake each other: an older one changes nothing.
Extent Topics::learn(const CollectionId& collection, Extent extent, Clock::time_point asked) {
  const std::lock_guard lock(mutex_);
  Topic& topic = topics_[collection];
  Writing& writing = topic.writing;
  if (newest_epoch(extent) > writing.epoch) writing = {};  // it is over
  if (writing.epoch != 0 && newest_epoch(extent) == writing.epoch)
    extent.last = std::min(extent.last, writing.committed);
  const auto age = [](const Extent& of) { return std::tuple(newest_epoch(of), of.last, of.base); };
  if (!topic.known || age(*topic.known) <= age(extent)) {
    const bool followed = topic.known && newest_epoch(*topic.known) != newest_epoch(extent);
    topic.known = std::move(extent);
    find_void(topic);
    // The last number of the epoch before may have been one that came to nothing.
    if (followed) topic.last = topic.known->last;
  }
  grown(topic, topic.known->last, asked);
  return *topic.known;
}

bool Topics::learn_last(const CollectionId& collection, const History::Last& last,
                        Clock::time_point asked) {
  const std::lock_guard lock(mutex_);
  const auto entry = topics_.find(collection);
  if (entry == topics_.end()) return true;
  Topic& topic = entry->second;
  if (!topic.known || newest_epoch(*topic.known) != last.epoch) return false;
  const bool own = topic.writing.epoch == last.epoch;
  grown(topic, own ? std::min(last.number, topic.writing.committed) : last.number, asked);
  return true;
}

std::optional<Extent> Topics::known(const CollectionId& collection) const {
  const std::lock_guard lock(mutex_);
  const Topic* topic = find(collection);
  return topic == nullptr ? std::nullopt : topic->known;
}

std::optional<SeqId> Topics::last_since(const CollectionId& collection,
                                        Clock::time_point since) const {
  const std::lock_guard lock(mutex_);
  const Topic* topic = find(collection);
  if (topic == nullptr || topic->last_asked < since) return std::nullopt;
  return topic->last;
}

SeqId Topics::last_known(const CollectionId& collection) const {
  const std::lock_guard lock(mutex_);
  const Topic* topic = find(collection);
  return topic == nullptr ? 0 : topic->last;
}

void Topics::trimmed(const CollectionId& collection, SeqId base) {
  const std::lock_guard lock(mutex_);
  Topic& topic = topics_[collection];
  if (topic.known) topic.known->base = std::max(topic.known->base, base);
}

// A by-passed epoch's records are void from its first one on; those of one that was sealed earlier
// than it was read, from the next epoch's first. What was trimmed was given by whichever epoch it
// belonged to, and its readers are told so where they ask; but for a reader that is at the base
// itself: where that ends an epoch, nothing says which one any more.
void Topics::find_void(Topic& topic) {
  const Extent& known = *topic.known;
  for (auto at = topic.given.begin(); at != topic.given.end();) {
    const auto& [epoch, given] = *at;
    const bool at_base = given.last == known.base && owner_of(known, known.base + 1) != epoch;
    if (given.last <= known.base && !at_base) {
      at = topic.given.erase(at);
      continue;
    }
    if (given.last > known.last || owner_of(known, given.last) != epoch) {
      SeqId valid = given.first - 1;
      for (size_t i = 0; i < known.spans.size(); ++i) {
        if (known.spans[i].epoch != epoch) continue;
        valid = i + 1 < known.spans.size() ? known.spans[i + 1].first - 1 : known.last;
      }
      topic.void_after = std::min(topic.void_after.value_or(valid), valid);
    }
    ++at;
  }
}

// The history may have gone on differently while the records were being read.
void Topics::given(const CollectionId& collection, uint64_t epoch, SeqId first, SeqId last) {
  const std::lock_guard lock(mutex_);
  Topic& topic = topics_[collection];
  const auto [entry, added] = topic.given.try_emplace(epoch, Given{first, last});
  if (!added) entry->second.last = std::max(entry->second.last, last);
  if (topic.known) find_void(topic);
}

Status Topics::check_reader(const CollectionId& collection, SeqId after) const {
  const std::lock_guard lock(mutex_);
  const Topic* topic = find(collection);
  if (topic == nullptr || !topic->void_after || after <= *topic->void_after) return ok_status();
  return Error(Code::out_of_range,
               fmt::format("records of collection {} after number {} were read before their writer "
                           "lost its lease, and do not count: begin anew",
                           collection.to_string(), *topic->void_after));
}

bool Topics::want_fresh(const CollectionId& collection, milliseconds age) {
  const std::lock_guard lock(mutex_);
  Topic& topic = topics_[collection];
  const auto now = Clock::now();
  const bool wanted = topic.wanted_at && now - *topic.wanted_at <= kWishLasts;
  const bool news = !wanted || age < topic.wanted_age;
  if (news) topic.wanted_age = age;
  topic.wanted_at = now;
  return news;
}

std::vector<std::pair<CollectionId, milliseconds>> Topics::wanted_fresh() const {
  const std::lock_guard lock(mutex_);
  const auto since = Clock::now() - kWishLasts;
  std::vector<std::pair<CollectionId, milliseconds>> wanted;
  for (const auto& [collection, topic] : topics_)
    if (topic.wanted_at && *topic.wanted_at >= since)
      wanted.emplace_back(collection, topic.wanted_age);
  return wanted;
}

std::optional<uint32_t> Topics::shard(const CollectionId& collection) const {
  const std::lock_guard lock(mutex_);
  const Topic* topic = find(collection);
  return topic == nullptr ? std::nullopt : topic->shard;
}

void Topics::set_shard(const CollectionId& collection, uint32_t shard) {
  const std::lock_guard lock(mutex_);
  topics_[collection].shard = shard;
}

size_t Topics::record_bytes(const CollectionId& collection) const {
  const std::lock_guard lock(mutex_);
  const Topic* topic = find(collection);
  return topic == nullptr || topic->record_bytes == 0 ? kRecordBytes : topic->record_bytes;
}

void Topics::set_record_bytes(const CollectionId& collection, size_t bytes) {
  const std::lock_guard lock(mutex_);
  topics_[collection].record_bytes = bytes;
}

void Topics::forget(const CollectionId& collection) {
  const std::lock_guard lock(mutex_);
  topics_.erase(collection);
  news_.notify_all();
}

void Topics::forget_reader(const CollectionId& collection) {
  const std::lock_guard lock(mutex_);
  const auto entry = topics_.find(collection);
  if (entry == topics_.end()) return;
  if (entry->second.writing.epoch == 0) {
    topics_.erase(entry);
  } else {
    entry->second.given.clear();
    entry->second.void_after.reset();
    entry->second.wanted_at.reset();
  }
  news_.notify_all();
}

void Topics::wait_past(const CollectionId& collection, SeqId after, milliseconds longest) {
  std::unique_lock lock(mutex_);
  news_.wait_for(lock, longest, [&] {
    const Topic* topic = find(collection);
    return topic != nullptr && topic->last > after;
  });
}

}  // namespace viridian::clickhouse
