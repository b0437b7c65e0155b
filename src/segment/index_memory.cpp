#include "segment/index_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace viridian::segment {

IndexMemory::IndexMemory(uint64_t limit, obs::Metrics* metrics)
    : limit_(limit),
      own_metrics_(metrics == nullptr ? std::make_unique<obs::Metrics>() : nullptr),
      bytes_((own_metrics_ ? *own_metrics_ : *metrics)
                 .gauge("viridian_index_memory_bytes", "Memory that open indexes and codes take.")),
      opened_((own_metrics_ ? *own_metrics_ : *metrics)
                  .counter("viridian_index_opened_total",
                           "Indexes read into memory, and codes begun.")),
      closed_((own_metrics_ ? *own_metrics_ : *metrics)
                  .counter("viridian_index_closed_total",
                           "Indexes and codes whose memory was given to others.")),
      refused_((own_metrics_ ? *own_metrics_ : *metrics)
                   .counter("viridian_index_refused_total",
                            "Searches refused because their indexes need more memory than there "
                            "is.")),
      unindexed_((own_metrics_ ? *own_metrics_ : *metrics)
                     .counter("viridian_index_unbuilt_total",
                              "Files whose vectors stay without an index because building one "
                              "needs more memory than there is.")) {}

// Pinned first, looked at then; close() does it the other way round. So one of both sees the other.
bool IndexMemory::Entry::try_pin() noexcept {
  pins_.fetch_add(1);
  if (open_.load()) {
    used_.store(Context::Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
    return true;
  }
  pins_.fetch_sub(1);
  return false;
}

void IndexMemory::Entry::unpin() noexcept {
  IndexMemory& memory = *memory_;
  if (pins_.fetch_sub(1) == 1 && memory.waiting_.load() != 0) memory.note_change();
}

Status IndexMemory::Entry::open(const Context& context) {
  VIRIDIAN_TRY(const Serial::Hold hold, opening_.acquire(context));
  if (!std::holds_alternative<std::monostate>(opened_)) return ok_status();
  VIRIDIAN_TRY(opened_, open_index_(finer_));
  open_.store(true);
  memory_->opened_.inc();
  return ok_status();
}

IndexMemory::Entry::~Entry() {
  if (memory_) memory_->leave(*this);
}

void IndexMemory::note_change() noexcept {
  {
    const std::lock_guard lock(mutex_);
    ++changes_;
  }
  changed_.notify_all();
}

void IndexMemory::leave(Entry& entry) {
  {
    const std::lock_guard lock(mutex_);
    if (entry.reserved_ == 0) return;
    entries_.remove(&entry);
    total_ -= entry.reserved_;
    bytes_.set(static_cast<double>(total_));
    ++changes_;
  }
  changed_.notify_all();
}

Status IndexMemory::check(const IndexNeed& need) const {
  if (need.needed <= for_searching()) return ok_status();
  const auto half_more = need.needed + need.needed / 2;
  return Error(
      Code::resource_exhausted,
      fmt::format("the indexes of this collection need {} bytes of memory for {} vectors, {} for "
                  "each, but vectors.memory_bytes is {}, of which {} are for indexes that are "
                  "searched: set it to {} or more, remove records, or ask for a recall of 1, "
                  "which reads every vector",
                  need.needed, need.rows, need.needed / std::max<uint64_t>(1, need.rows), limit_,
                  for_searching(), half_more));
}

Result<IndexMemory::Pins> IndexMemory::pin(const Context& context,
                                           std::span<Entry* const> entries) {
  Pins pins;
  pins.entries_.reserve(entries.size());
  for (Entry* const entry : entries) {
    if (!pin_open(*entry)) break;
    pins.entries_.push_back(entry);
  }
  if (pins.entries_.size() == entries.size()) return pins;
  // Whoever waits has pinned nothing: others may be waiting for that.
  pins = Pins();
  VIRIDIAN_TRY_VOID(reserve(context, entries));
  pins.entries_.assign(entries.begin(), entries.end());
  for (Entry* const entry : entries) VIRIDIAN_TRY_VOID(entry->open(context));
  return pins;
}

bool IndexMemory::pin_open(Entry& entry) noexcept {
  if (entry.try_pin()) return true;
  if (waiting_.load() != 0) note_change();  // it was pinned for a moment
  return false;
}

bool IndexMemory::pin_spare(const Context& context, Entry& entry, Context::Clock::duration unused,
                            Pins& pins) {
  if (waiting_.load() != 0 || entry.need().needed > for_searching()) return false;
  pins.entries_.reserve(pins.entries_.size() + 1);
  if (!pin_open(entry)) {
    Entry* const one = &entry;
    const Time used_before = Context::Clock::now() - unused;
    {
      const std::lock_guard lock(mutex_);
      // Nothing is closed in vain.
      const uint64_t kept = total_ - unpinned(used_before);
      if (entry.reserved_ == 0 && kept + entry.need().needed > for_searching()) return false;
      if (!make_room({&one, 1}, used_before)) return false;
    }
    if (!entry.open(context).ok()) {
      entry.unpin();
      return false;
    }
  }
  pins.entries_.push_back(&entry);
  return true;
}

uint64_t IndexMemory::unpinned(Time used_before) const {
  uint64_t bytes = 0;
  for (const Entry* const entry : entries_)
    if (entry->pins_.load() == 0 && entry->used() < used_before) bytes += entry->reserved_;
  return bytes;
}

Status IndexMemory::reserve(const Context& context, std::span<Entry* const> entries) {
  IndexNeed need;
  for (const Entry* const entry : entries) need.add(entry->need());
  if (Status possible = check(need); !possible.ok()) {
    refused_.inc();
    return possible;
  }
  waiting_.fetch_add(1);
  std::unique_lock lock(mutex_);
  Status outcome = ok_status();
  while (outcome.ok() && !make_room(entries)) {
    const uint64_t seen = changes_;
    outcome = wait_until(context, changed_, lock, [&] { return changes_ != seen; });
  }
  waiting_.fetch_sub(1);
  return outcome;
}

/// Reserves and pins all of them, or none.
bool IndexMemory::make_room(std::span<Entry* const> entries, Time used_before) {
  const auto missing_now = [&] {
    uint64_t missing = 0;
    for (const Entry* const entry : entries)
      if (entry->reserved_ == 0) missing += entry->need().needed;
    return missing;
  };
  while (total_ + missing_now() > for_searching())
    if (!close_least_recent(entries, used_before) && !close_finer(entries)) return false;
  uint64_t missing = missing_now();
  const auto now = Context::Clock::now().time_since_epoch().count();
  for (Entry* const entry : entries) {
    entry->pins_.fetch_add(1);
    entry->used_.store(now, std::memory_order_relaxed);
    if (entry->reserved_ != 0) continue;
    missing -= entry->need().needed;
    // What is only better in memory takes what nobody uses, and leaves room for the others here.
    const uint64_t all = entry->need().needed + entry->need().finer;
    entry->finer_ = total_ + missing + all <= for_searching();
    entry->reserved_ = std::max<uint64_t>(1, entry->finer_ ? all : entry->need().needed);
    if (!entry->memory_) entry->memory_ = shared_from_this();
    entries_.push_back(entry);
    total_ += entry->reserved_;
  }
  bytes_.set(static_cast<double>(total_));
  return true;
}

bool IndexMemory::close_least_recent(std::span<Entry* const> but, Time used_before) {
  // As of now: searches go on, and a sort needs an order that stays.
  std::vector<std::pair<Time, Entry*>> others;
  for (Entry* const entry : entries_)
    if (std::find(but.begin(), but.end(), entry) == but.end())
      others.emplace_back(entry->used(), entry);
  std::erase_if(others, [&](const auto& each) { return each.first >= used_before; });
  std::sort(others.begin(), others.end());
  return std::any_of(others.begin(), others.end(),
                     [&](const auto& each) { return close(*each.second); });
}

/// One of those that are asked for, whose finer records are in the way of the others.
bool IndexMemory::close_finer(std::span<Entry* const> entries) {
  return std::any_of(entries.begin(), entries.end(), [&](Entry* entry) {
    return entry->reserved_ > entry->need().needed && close(*entry);
  });
}

/// Whether nobody had it pinned.
bool IndexMemory::close(Entry& entry) {
  const bool was_open = entry.open_.exchange(false);
  if (entry.pins_.load() != 0) {
    // Only who has it pinned opens it, and that it is open already.
    if (was_open) entry.open_.store(true);
    return false;
  }
  entry.opened_ = {};
  entries_.remove(&entry);
  total_ -= entry.reserved_;
  bytes_.set(static_cast<double>(total_));
  entry.reserved_ = 0;
  closed_.inc();
  return true;
}

Result<IndexMemory::Build> IndexMemory::reserve_build(const Context& context, uint64_t bytes) {
  std::unique_lock lock(mutex_);
  VIRIDIAN_TRY_VOID(wait_until(context, changed_, lock, [&] {
    return building_ == 0 || bytes <= for_building() - std::min(building_, for_building());
  }));
  building_ += bytes;
  return Build(*this, bytes);
}

IndexMemory::Build::~Build() {
  if (memory_ == nullptr) return;
  {
    const std::lock_guard lock(memory_->mutex_);
    memory_->building_ -= bytes_;
    ++memory_->changes_;
  }
  memory_->changed_.notify_all();
}

}  // namespace viridian::segment
