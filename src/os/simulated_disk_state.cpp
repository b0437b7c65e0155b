#include "os/simulated_disk_state.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "base/hash.h"

namespace viridian::os {
namespace {

constexpr uint64_t kSector = 512;

uint64_t round_down(uint64_t value, uint64_t unit) { return value / unit * unit; }
uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

std::shared_ptr<DiskState::Buffer> own(std::shared_ptr<DiskState::Buffer>& shared) {
  if (shared.use_count() > 1) shared = std::make_shared<DiskState::Buffer>(*shared);
  return shared;
}

void put(DiskState::Buffer& into, uint64_t offset, Bytes bytes) {
  if (into.size() < offset + bytes.size()) into.resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), into.begin() + static_cast<ptrdiff_t>(offset));
}

}  // namespace

uint64_t Dice::next() {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::vector<std::string_view> components_of(std::string_view path) {
  std::vector<std::string_view> components;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, slash);
    if (!name.empty() && name != ".") components.push_back(name);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return components;
}

DiskState::DiskState() {
  add(false);  // kNoInode
  add(true);   // kRootInode
}

InodeNumber DiskState::add(bool directory) {
  Inode& inode = inodes_.emplace_back();
  inode.directory = directory;
  if (!directory) inode.current = inode.durable = std::make_shared<Buffer>();
  return inodes_.size() - 1;
}

void DiskState::set(const NameChange& change) {
  Names& names = inodes_[change.directory].names;
  if (change.inode == kNoInode)
    names.erase(change.name);
  else
    names[change.name] = change.inode;
}

void DiskState::apply(const DiskOperation& operation) {
  using Kind = DiskOperation::Kind;
  switch (operation.kind) {
    case Kind::create:
    case Kind::make_directory:
      add(operation.kind == Kind::make_directory);
      [[fallthrough]];
    case Kind::names:
      for (const NameChange& change : operation.names) set(change);
      pending_names_.push_back(operation.names);
      return;
    case Kind::write:
      return write(inodes_[operation.inode], operation.number, operation.data);
    case Kind::truncate:
      return truncate(inodes_[operation.inode], operation.number);
    case Kind::sync: {
      Inode& file = inodes_[operation.inode];
      Dice unused(0);
      return settle(file, surviving(file, {.percent = 100}, unused));
    }
    case Kind::failed_sync: {
      Inode& file = inodes_[operation.inode];
      Dice dice(operation.number);
      settle(file, surviving(file, {.percent = 50}, dice));
      file.dropped_writes = true;
      return;
    }
    case Kind::sync_directory:
      return sync_directory(operation.inode);
  }
}

void DiskState::write(Inode& file, uint64_t offset, Bytes bytes) {
  if (bytes.empty()) return;
  Buffer& now = *own(file.current);
  const uint64_t before = now.size();
  put(now, offset, bytes);
  // A gap that the write leaves behind the old end is new as well.
  note_sectors(file, std::min(offset, before), offset + bytes.size());
  if (now.size() != before) file.sizes.push_back(now.size());
}

void DiskState::truncate(Inode& file, uint64_t size) {
  Buffer& now = *own(file.current);
  const uint64_t before = now.size();
  if (before == size) return;
  now.resize(size);
  file.sizes.push_back(size);
  if (size > before) return;
  // What was cut off does not come back when the file grows again.
  note_sectors(file, size, before);
  file.writes.back().with_size = file.sizes.size();
}

void DiskState::note_sectors(Inode& file, uint64_t begin, uint64_t end) {
  PendingWrite& noted = file.writes.emplace_back();
  noted.offset = round_down(begin, kSector);
  noted.sectors.resize(round_up(end, kSector) - noted.offset);
  const Buffer& now = *file.current;
  if (noted.offset >= now.size()) return;
  const uint64_t held = std::min<uint64_t>(noted.sectors.size(), now.size() - noted.offset);
  std::copy_n(now.begin() + static_cast<ptrdiff_t>(noted.offset), held, noted.sectors.begin());
}

void DiskState::settle(Inode& file, std::shared_ptr<Buffer> durable) {
  file.durable = std::move(durable);
  file.writes.clear();
  file.sizes.clear();
}

void DiskState::sync_directory(InodeNumber directory) {
  // A change that moves a name between directories is one, and comes after what it builds on.
  std::set<std::pair<InodeNumber, std::string_view>> needed;
  std::vector<bool> chosen(pending_names_.size());
  for (size_t i = pending_names_.size(); i-- > 0;) {
    for (const NameChange& change : pending_names_[i])
      if (change.directory == directory || needed.contains({change.directory, change.name}))
        chosen[i] = true;
    if (!chosen[i]) continue;
    for (const NameChange& change : pending_names_[i])
      needed.emplace(change.directory, change.name);
  }
  std::vector<std::vector<NameChange>> left;
  for (size_t i = 0; i < pending_names_.size(); ++i) {
    if (!chosen[i]) {
      left.push_back(std::move(pending_names_[i]));
      continue;
    }
    for (const NameChange& change : pending_names_[i]) {
      Names& names = inodes_[change.directory].durable_names;
      if (change.inode == kNoInode)
        names.erase(change.name);
      else
        names[change.name] = change.inode;
    }
  }
  pending_names_ = std::move(left);
}

std::shared_ptr<DiskState::Buffer> DiskState::surviving(const Inode& file, const Survival& survival,
                                                        Dice& dice) {
  if (file.sizes.empty() && file.writes.empty()) return file.durable;
  if (survival.percent == 0) return file.durable;
  const bool all = survival.percent >= 100;
  if (all && !file.dropped_writes) return file.current;
  const uint64_t chosen = all ? file.sizes.size() : dice.below(file.sizes.size() + 1);
  uint64_t size = chosen > 0 ? file.sizes[chosen - 1] : file.durable->size();
  // What a sync wrote is in the file, also where an earlier, failed one lost the size.
  if (all)
    for (const PendingWrite& pending : file.writes)
      size = std::max(
          size, std::min<uint64_t>(pending.offset + pending.sectors.size(), file.current->size()));
  auto left = std::make_shared<Buffer>(*file.durable);
  const uint64_t durable_size = left->size();
  left->resize(std::max(size, durable_size));
  if (survival.garbage)
    for (uint64_t i = durable_size; i < left->size(); ++i)
      (*left)[i] = static_cast<std::byte>(dice.next());
  for (const PendingWrite& pending : file.writes) {
    const bool cut = pending.with_size > 0;
    if (cut && pending.with_size > chosen) continue;
    uint64_t at = 0;
    while (at < pending.sectors.size()) {
      const uint64_t end = std::min<uint64_t>(
          round_down(pending.offset + at, survival.granule) + survival.granule - pending.offset,
          pending.sectors.size());
      if (all || cut || dice.percent(survival.percent))
        put(*left, pending.offset + at, Bytes(pending.sectors).subspan(at, end - at));
      at = end;
    }
  }
  left->resize(size);
  return left;
}

std::vector<DiskState::Names> DiskState::surviving_names(const Survival& survival,
                                                         Dice& dice) const {
  std::vector<Names> names(inodes_.size());
  for (size_t i = 0; i < inodes_.size(); ++i) names[i] = inodes_[i].durable_names;
  std::set<std::pair<InodeNumber, std::string_view>> lost;
  for (const std::vector<NameChange>& changes : pending_names_) {
    const bool follows_lost =
        std::any_of(changes.begin(), changes.end(), [&](const NameChange& change) {
          return lost.contains({change.directory, change.name});
        });
    if (follows_lost || !dice.percent(survival.percent)) {
      for (const NameChange& change : changes) lost.emplace(change.directory, change.name);
      continue;
    }
    for (const NameChange& change : changes) {
      if (change.inode == kNoInode)
        names[change.directory].erase(change.name);
      else
        names[change.directory][change.name] = change.inode;
    }
  }
  return names;
}

InodeNumber DiskState::copy_into(DiskState& target, InodeNumber from,
                                 const std::vector<Names>& names, std::vector<InodeNumber>& copied,
                                 const Survival& survival, Dice& dice) const {
  if (copied[from] != kNoInode) return copied[from];  // another name of it was met before
  const Inode& inode = inodes_[from];
  const InodeNumber number = from == kRootInode ? kRootInode : target.add(inode.directory);
  copied[from] = number;
  if (!inode.directory) {
    const std::shared_ptr<Buffer> left = surviving(inode, survival, dice);
    target.inodes_[number].current = target.inodes_[number].durable = left;
    return number;
  }
  Names renumbered;
  for (const auto& [name, child] : names[from])
    renumbered.emplace_hint(renumbered.end(), name,
                            copy_into(target, child, names, copied, survival, dice));
  target.inodes_[number].names = renumbered;
  target.inodes_[number].durable_names = std::move(renumbered);
  return number;
}

DiskState DiskState::after_power_cut(const Survival& survival) const {
  DiskState target;
  Dice dice(survival.seed);
  const std::vector<Names> names = surviving_names(survival, dice);
  std::vector<InodeNumber> copied(inodes_.size(), kNoInode);
  copy_into(target, kRootInode, names, copied, survival, dice);
  return target;
}

InodeNumber DiskState::find(std::string_view path) const {
  InodeNumber at = kRootInode;
  for (const std::string_view name : components_of(path)) {
    if (!inodes_[at].directory) return kNoInode;
    const auto found = inodes_[at].names.find(name);
    if (found == inodes_[at].names.end()) return kNoInode;
    at = found->second;
  }
  return at;
}

uint64_t DiskState::used_bytes() const {
  std::set<InodeNumber> named;
  for (const Inode& inode : inodes_)
    for (const auto& [name, child] : inode.names) named.insert(child);
  uint64_t sum = 0;
  for (const InodeNumber inode : named)
    if (!inodes_[inode].directory) sum += inodes_[inode].current->size();
  return sum;
}

uint64_t DiskState::digest() const {
  std::string text;
  const auto describe = [&](const auto& self, InodeNumber at) -> void {
    for (const auto& [name, child] : inodes_[at].names) {
      text.append(name).push_back('\0');
      if (inodes_[child].directory) {
        text.push_back('{');
        self(self, child);
        text.push_back('}');
      } else {
        const uint64_t hash = hash64(as_text(*inodes_[child].current));
        text.append(reinterpret_cast<const char*>(&hash), sizeof(hash));
      }
    }
  };
  describe(describe, kRootInode);
  return hash64(text);
}

}  // namespace viridian::os
