#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <variant>
#include <vector>

#include "obs/metrics.h"
#include "segment/coded_rows.h"
#include "segment/index_sections.h"
#include "segment/serial.h"
#include "viridian/base/context.h"

namespace viridian::segment {

/// What indexes take of memory.
struct IndexNeed {
  uint64_t rows = 0;
  uint64_t needed = 0;  ///< bytes without which they cannot be searched
  uint64_t finer = 0;   ///< bytes without which searching them reads more from their files
  void add(const IndexNeed& more) {
    rows += more.rows;
    needed += more.needed;
    finer += more.finer;
  }
};

/// The memory for the indexes of all collections of a process, and for the codes of their files
/// that have none. A third of it is for building indexes, the rest for what is searched: it is
/// opened when it is asked for, and closed, what was used least recently first, when others need
/// its room and no search is in it. Thread-safe.
class IndexMemory : public std::enable_shared_from_this<IndexMemory> {
 public:
  /// `metrics`: outlives it; null: nobody is told.
  explicit IndexMemory(uint64_t limit, obs::Metrics* metrics = nullptr);

  /// An index, or codes, open as long as there is room for it. Goes when nothing is pinned any
  /// more.
  class Entry {
   public:
    /// Codes are none at first: searches make them.
    using Opened = std::variant<std::monostate, std::unique_ptr<const OpenedIndex>,
                                std::unique_ptr<CodedRows>>;
    /// `finer`: there is room for its finer records, too.
    using Open = std::function<Result<Opened>(bool finer)>;
    Entry(const IndexNeed& need, Open open) : need_(need), open_index_(std::move(open)) {}
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    const IndexNeed& need() const noexcept { return need_; }
    bool is_open() const noexcept { return open_; }
    /// Only as long as it is pinned, and is one.
    const OpenedIndex& index() const { return *std::get<1>(opened_); }
    CodedRows& codes() const { return *std::get<2>(opened_); }

   private:
    friend class IndexMemory;
    /// Whether it is open, and stays so until unpin().
    bool try_pin() noexcept;
    void unpin() noexcept;
    /// One opens it, the others wait, within their contexts.
    Status open(const Context& context);
    Context::Clock::time_point used() const noexcept {
      return Context::Clock::time_point(
          Context::Clock::duration(used_.load(std::memory_order_relaxed)));
    }

    const IndexNeed need_;
    const Open open_index_;
    std::atomic<uint32_t> pins_ = 0;
    std::atomic<bool> open_ = false;
    std::atomic<Context::Clock::rep> used_ = 0;
    Serial opening_;
    Opened opened_;
    /// Set when it is first reserved; guarded by its mutex_, as the rest.
    std::shared_ptr<IndexMemory> memory_;
    uint64_t reserved_ = 0;  ///< 0: it is not open, and not being opened
    bool finer_ = false;
  };

  /// Keeps what it is of open as long as it lives.
  class Pins {
   public:
    Pins() = default;
    Pins(Pins&& other) noexcept : entries_(std::exchange(other.entries_, {})) {}
    Pins& operator=(Pins&& other) noexcept {
      std::swap(entries_, other.entries_);
      return *this;
    }
    ~Pins() {
      for (Entry* const entry : entries_) entry->unpin();
    }

   private:
    friend class IndexMemory;
    std::vector<Entry*> entries_;
  };

  /// Opens all of them that are not open. They are to outlive what is returned. Waits, within the
  /// context, while searches are in indexes that would have to go; whoever calls must not have
  /// pinned any.
  ///   resource_exhausted  they need more than there is, even alone
  ///   and what opening them fails with
  Result<Pins> pin(const Context&, std::span<Entry* const> entries);
  /// Opens what a search can do without, if it is not open, where there is room that is free, or
  /// that of what was not used for so long; and adds it to `pins`. Waits only, within the context,
  /// for who is opening it already. False: there is no room, or others wait for some, who go first.
  bool pin_spare(const Context&, Entry& entry, Context::Clock::duration unused, Pins& pins);
  /// Whether one collection's indexes that need so much can be searched.
  ///   resource_exhausted  with what they need and what there is
  Status check(const IndexNeed& need) const;

  /// What indexes that are searched may take together.
  uint64_t for_searching() const noexcept { return limit_ - for_building(); }
  /// What a build may take.
  uint64_t for_building() const noexcept { return limit_ / 3; }
  /// A build's memory, given back when it goes.
  class Build {
   public:
    Build(Build&& other) noexcept
        : memory_(std::exchange(other.memory_, nullptr)), bytes_(other.bytes_) {}
    Build& operator=(Build&&) = delete;
    ~Build();

   private:
    friend class IndexMemory;
    Build(IndexMemory& memory, uint64_t bytes) : memory_(&memory), bytes_(bytes) {}
    IndexMemory* memory_;
    uint64_t bytes_;
  };
  /// Waits, within the context, until other builds leave so much, at most for_building().
  Result<Build> reserve_build(const Context&, uint64_t bytes);
  /// Says that a file's rows stay without an index, since not even few of them could be indexed.
  void note_unindexed() noexcept { unindexed_.inc(); }

 private:
  using Time = Context::Clock::time_point;
  bool pin_open(Entry& entry) noexcept;
  Status reserve(const Context&, std::span<Entry* const> entries);
  bool make_room(std::span<Entry* const> entries, Time used_before = Time::max());
  bool close(Entry& entry);
  bool close_least_recent(std::span<Entry* const> but, Time used_before);
  uint64_t unpinned(Time used_before) const;
  bool close_finer(std::span<Entry* const> entries);
  void leave(Entry& entry);
  void note_change() noexcept;

  const uint64_t limit_;
  const std::unique_ptr<obs::Metrics> own_metrics_;
  obs::Gauge& bytes_;
  obs::Counter &opened_, &closed_, &refused_, &unindexed_;

  std::atomic<uint32_t> waiting_ = 0;  ///< for pins to go
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t changes_ = 0;  // guarded by mutex_, as all below
  uint64_t total_ = 0, building_ = 0;
  std::list<Entry*> entries_;  ///< with a reservation
};

}  // namespace viridian::segment
