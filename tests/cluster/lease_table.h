#pragma once
#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "viridian/spi/leases.h"

namespace viridian {

/// Who has which slot: what the Leases of several servers in one process share. Thread-safe.
class LeaseTable {
 public:
  struct Entry {
    std::string server;  ///< empty: nobody
    uint64_t epoch = 0;
  };

  void join(const std::string& id, const std::string& url) {
    const std::lock_guard lock(mutex_);
    urls_[id] = url;
  }
  /// Its slots are nobody's then.
  void leave(const std::string& id) {
    const std::lock_guard lock(mutex_);
    urls_.erase(id);
    for (Entry& entry : entries_)
      if (entry.server == id) entry.server.clear();
  }
  void give(uint32_t slot, const std::string& id) {
    const std::lock_guard lock(mutex_);
    entries_[slot] = {id, entries_[slot].epoch + 1};
  }
  void give_all(const std::string& id) {
    for (uint32_t slot = 0; slot < kSlots; ++slot) give(slot, id);
  }
  Entry at(uint32_t slot) const {
    const std::lock_guard lock(mutex_);
    return entries_[slot];
  }
  std::string url_of(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = urls_.find(id);
    return found == urls_.end() ? std::string() : found->second;
  }
  /// Runs work() if the slot is the server's; nobody takes it meanwhile.
  template <class Work>
  auto while_held(uint32_t slot, const std::string& id, Work&& work) -> decltype(work()) {
    const std::lock_guard lock(mutex_);
    if (entries_[slot].server != id) return not_held(entries_[slot]);
    return work();
  }
  std::vector<ServerInfo> servers(const std::string& self) const {
    const std::lock_guard lock(mutex_);
    std::vector<ServerInfo> list;
    for (const auto& [id, url] : urls_) {
      ServerInfo server{id, url, id == self, 0, {}};
      for (const Entry& entry : entries_) server.slots += entry.server == id;
      list.push_back(std::move(server));
    }
    return list;
  }
  static Error not_held(const Entry& entry) {
    return Error(Code::aborted, "the slot is held by \"" + entry.server + "\"");
  }

 private:
  mutable std::mutex mutex_;
  std::array<Entry, kSlots> entries_;
  std::map<std::string, std::string> urls_;
};

/// The leases as one server sees them.
class TableLeases final : public Leases {
 public:
  TableLeases(LeaseTable& table, std::string id) : table_(table), id_(std::move(id)) {}

  Result<Holder> holder(const Context&, const CollectionId& collection) override {
    const LeaseTable::Entry entry = table_.at(slot_of(collection));
    if (entry.server.empty()) return Error(Code::unavailable, "nobody holds the slot");
    return Holder{entry.server, table_.url_of(entry.server), entry.server == id_};
  }
  Result<uint64_t> epoch(const Context&, const CollectionId& collection) override {
    const LeaseTable::Entry entry = table_.at(slot_of(collection));
    if (entry.server != id_) return LeaseTable::not_held(entry);
    return entry.epoch;
  }
  Status confirm(const Context& context, const CollectionId& collection, uint64_t epoch) override {
    VIRIDIAN_TRY(const uint64_t now, this->epoch(context, collection));
    if (now == epoch) return ok_status();
    return LeaseTable::not_held(table_.at(slot_of(collection)));
  }
  bool certain(const CollectionId& collection, uint64_t epoch) const noexcept override {
    const LeaseTable::Entry entry = table_.at(slot_of(collection));
    return entry.server == id_ && entry.epoch == epoch;
  }
  std::vector<ServerInfo> servers() const override {
    std::vector<ServerInfo> list = table_.servers(id_);
    for (ServerInfo& server : list)
      if (server.self) server.heard_ago = own_silence;
    return list;
  }
  Status renew(const Context&, const CollectionId& collection, uint64_t) override {
    return take({}, slot_of(collection));
  }
  Status take(const Context&, uint32_t slot) override {
    table_.give(slot, id_);
    return ok_status();
  }

  std::chrono::milliseconds own_silence{0};

 private:
  LeaseTable& table_;
  const std::string id_;
};

}  // namespace viridian
