#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "segment/base_store.h"

namespace viridian::conformance {

/// Images in memory, for several managers at once. Can lose, delay and be asked what it did.
/// Thread-safe.
class MemBaseStore final : public segment::BaseStore {
 public:
  /// Called by load() and write() before they do anything.
  std::function<Status()> before_load = [] { return ok_status(); };
  std::function<Status()> before_write = [] { return ok_status(); };

  uint32_t copies(const segment::Place&) const override { return 1; }
  uint32_t safe_copies(const segment::Place&) const override { return 1; }

  Status load(const Context&, const segment::Place& place, uint32_t, segment::OffsetRange range,
              SeqId at, const std::function<Status(segment::Images&)>& take) override {
    VIRIDIAN_TRY_VOID(before_load());
    ++loads_;
    // In blocks of few rows, and not in order: as parts of a table come.
    constexpr size_t kBlocks = 3;
    std::vector<segment::Images> blocks(kBlocks);
    {
      const std::lock_guard lock(mutex_);
      size_t next = 0;
      for (const auto& [key, row] : rows_[place.collection]) {
        if (key.first < range.begin || key.first >= range.end || key.second > at) continue;
        append(key, row, blocks[next++ % kBlocks]);
      }
    }
    for (segment::Images& block : blocks) VIRIDIAN_TRY_VOID(take(block));
    return ok_status();
  }

  Status versions(const Context&, const segment::Place& place, uint32_t, SeqId at,
                  const std::function<Status(segment::Versions&)>& take) override {
    segment::Versions versions;
    {
      const std::lock_guard lock(mutex_);
      if (delayed_ && --looks_left_ <= 0) show_one();
      for (const auto& [key, row] : rows_[place.collection]) {
        if (key.second > at) continue;
        versions.offsets.push_back(key.first);
        versions.seqs.push_back(key.second);
        versions.deleted.push_back(row.deleted);
      }
    }
    return take(versions);
  }

  Status write(const Context&, const segment::Place& place, segment::Images images) override {
    VIRIDIAN_TRY_VOID(before_write());
    const std::lock_guard lock(mutex_);
    late_.emplace_back(place.collection, std::move(images));
    if (!delayed_) show_one();
    return ok_status();
  }

  Status purge(const Context&, const segment::Place& place, SeqId at) override {
    const std::lock_guard lock(mutex_);
    auto& rows = rows_[place.collection];
    for (auto row = rows.begin(); row != rows.end();) {
      const auto next = std::next(row);
      const bool replaced =
          next != rows.end() && next->first.first == row->first.first && next->first.second <= at;
      const bool goes = row->first.second <= at && (replaced || row->second.deleted != 0);
      row = goes ? rows.erase(row) : next;
    }
    return ok_status();
  }

  Status forget(const Context&, const std::vector<CollectionId>& ids) override {
    const std::lock_guard lock(mutex_);
    for (const CollectionId& id : ids) rows_.erase(id);
    return ok_status();
  }

  Result<std::vector<CollectionId>> collections(const Context&) override {
    const std::lock_guard lock(mutex_);
    std::vector<CollectionId> ids;
    for (const auto& [id, rows] : rows_)
      if (!rows.empty()) ids.push_back(id);
    return ids;
  }

  /// Calls of load().
  uint64_t loads() const { return loads_; }
  size_t rows(const CollectionId& id) {
    const std::lock_guard lock(mutex_);
    return rows_[id].size();
  }
  /// From now on what is written shows only at the n-th look at versions, and one write at each
  /// look.
  void delay_writes(int looks) {
    const std::lock_guard lock(mutex_);
    delayed_ = true;
    looks_left_ = looks;
  }
  /// Lets everything that was written show, from now on at once.
  void let_writes_show() {
    const std::lock_guard lock(mutex_);
    delayed_ = false;
    while (!late_.empty()) show_one();
  }
  /// Loses the newest version of the record at this offset.
  void lose(const CollectionId& id, Offset offset) {
    const std::lock_guard lock(mutex_);
    auto& rows = rows_[id];
    rows.erase(std::prev(rows.lower_bound({offset + 1, 0})));
  }

 private:
  struct Stored {
    uint8_t deleted = 0;
    uint8_t flags = 0;
    std::string id;
    std::vector<float> vector;
    std::string metadata, document, uri;
  };
  using Key = std::pair<Offset, SeqId>;

  void show_one() {
    if (late_.empty()) return;
    const auto [collection, images] = std::move(late_.front());
    late_.pop_front();
    for (size_t i = 0; i < images.rows(); ++i) {
      const uint64_t begin = i == 0 ? 0 : images.vector_ends[i - 1];
      Stored row{images.deleted[i],
                 images.flags[i],
                 std::string(images.ids[i]),
                 {images.vectors.begin() + static_cast<ptrdiff_t>(begin),
                  images.vectors.begin() + static_cast<ptrdiff_t>(images.vector_ends[i])},
                 std::string(images.metadata[i]),
                 std::string(images.documents[i]),
                 std::string(images.uris[i])};
      rows_[collection][{images.offsets[i], images.seqs[i]}] = std::move(row);
    }
  }

  static void append(const Key& key, const Stored& row, segment::Images& out) {
    out.offsets.push_back(key.first);
    out.seqs.push_back(key.second);
    out.deleted.push_back(row.deleted);
    out.flags.push_back(row.flags);
    out.ids.push_back(row.id);
    out.vectors.insert(out.vectors.end(), row.vector.begin(), row.vector.end());
    out.vector_ends.push_back(out.vectors.size());
    out.metadata.push_back(row.metadata);
    out.documents.push_back(row.document);
    out.uris.push_back(row.uri);
  }

  std::mutex mutex_;
  std::map<CollectionId, std::map<Key, Stored>> rows_;         // guarded by mutex_
  std::deque<std::pair<CollectionId, segment::Images>> late_;  // guarded by mutex_
  bool delayed_ = false;                                       // guarded by mutex_
  int looks_left_ = 0;                                         // guarded by mutex_
  std::atomic<uint64_t> loads_ = 0;
};

/// Passes every call on: for a store that several managers share, each of which owns one.
class ForwardingBaseStore : public segment::BaseStore {
 public:
  explicit ForwardingBaseStore(segment::BaseStore& inner) : inner_(inner) {}

  uint32_t copies(const segment::Place& place) const override { return inner_.copies(place); }
  uint32_t safe_copies(const segment::Place& place) const override {
    return inner_.safe_copies(place);
  }
  Status load(const Context& context, const segment::Place& place, uint32_t copy,
              segment::OffsetRange range, SeqId at,
              const std::function<Status(segment::Images&)>& take) override {
    return inner_.load(context, place, copy, range, at, take);
  }
  Status versions(const Context& context, const segment::Place& place, uint32_t copy, SeqId at,
                  const std::function<Status(segment::Versions&)>& take) override {
    return inner_.versions(context, place, copy, at, take);
  }
  Status write(const Context& context, const segment::Place& place,
               segment::Images images) override {
    return inner_.write(context, place, std::move(images));
  }
  Status purge(const Context& context, const segment::Place& place, SeqId at) override {
    return inner_.purge(context, place, at);
  }
  Status forget(const Context& context, const std::vector<CollectionId>& ids) override {
    return inner_.forget(context, ids);
  }
  Result<std::vector<CollectionId>> collections(const Context& context) override {
    return inner_.collections(context);
  }

 private:
  segment::BaseStore& inner_;
};

}  // namespace viridian::conformance
