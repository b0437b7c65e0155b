#include "segment/base_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <thread>

namespace viridian::segment {
namespace {

/// Two keep the network and one processor busy; more only take memory.
constexpr size_t kReaders = 2;
/// ClickHouse reads whole granules of 8192 rows, and where two ranges meet it reads one twice. With
/// rows of 1.7 KB ranges of 16 MiB made it read nearly twice as much, and these a fifth more.
constexpr uint64_t kRangeBytes = uint64_t{64} << 20;
/// Ranges that may be read before those that come earlier are taken.
constexpr uint64_t kAhead = kReaders + 1;

/// Where each record's newest version is. Deletions are left out.
std::vector<ImageRow> newest_of(const std::vector<Images>& blocks) {
  std::vector<ImageRow> rows;
  for (uint32_t block = 0; block < blocks.size(); ++block)
    for (uint32_t row = 0; row < blocks[block].rows(); ++row) rows.push_back({block, row});
  const auto offset = [&](const ImageRow& at) { return blocks[at.block].offsets[at.row]; };
  const auto seq = [&](const ImageRow& at) { return blocks[at.block].seqs[at.row]; };
  const auto before = [&](const ImageRow& a, const ImageRow& b) {
    return offset(a) != offset(b) ? offset(a) < offset(b) : seq(a) > seq(b);
  };
  if (!std::is_sorted(rows.begin(), rows.end(), before))
    std::sort(rows.begin(), rows.end(), before);
  const auto same = [&](const ImageRow& a, const ImageRow& b) { return offset(a) == offset(b); };
  rows.erase(std::unique(rows.begin(), rows.end(), same), rows.end());
  std::erase_if(rows, [&](const ImageRow& at) { return blocks[at.block].deleted[at.row] != 0; });
  return rows;
}

}  // namespace

BaseLoader::BaseLoader(BaseStore& store, const Place& place, uint32_t copy, const Base& base)
    : store_(store), place_(place), copy_(copy), base_(base) {
  ranges_ =
      std::clamp<uint64_t>(base.bytes / kRangeBytes, 1, std::max<Offset>(1, base.next_offset));
}

OffsetRange BaseLoader::range(uint64_t index) const {
  const Offset width = (base_.next_offset + ranges_ - 1) / ranges_;
  return {index * width, std::min((index + 1) * width, base_.next_offset)};
}

Result<BaseLoader::Range> BaseLoader::read(const Context& context, OffsetRange range) const {
  std::vector<Images> blocks;
  VIRIDIAN_TRY_VOID(store_.load(context, place_, copy_, range, base_.sealed, [&](Images& images) {
    blocks.push_back(std::move(images));
    return context.check();
  }));
  const std::vector<ImageRow> rows = newest_of(blocks);
  Range read;
  read.rows = rows.size();
  for (const ImageRow& at : rows) {
    const Images& block = blocks[at.block];
    read.checksum += version_hash(block.offsets[at.row], block.seqs[at.row]);
    read.records.offsets.push_back(block.offsets[at.row]);
  }
  VIRIDIAN_TRY(read.records.batch, to_batch(blocks, rows));
  return read;
}

void BaseLoader::work(const Context& context) {
  while (true) {
    uint64_t index = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] {
        return ended_ || next_read_ >= ranges_ || next_read_ < next_taken_ + kAhead;
      });
      if (ended_ || next_read_ >= ranges_) return;
      index = next_read_++;
    }
    Result<Range> read = Error(Code::internal, "reading images was interrupted");
    try {
      read = this->read(context, range(index));
    } catch (const std::exception& thrown) {  // memory ran out
      read = Error(Code::resource_exhausted, thrown.what());
    }
    const std::lock_guard lock(mutex_);
    read_.emplace(index, std::move(read));
    changed_.notify_all();
  }
}

Status BaseLoader::take_all(const Context& context, const Take& take) {
  uint64_t rows = 0;
  uint64_t checksum = 0;
  for (uint64_t index = 0; index < ranges_; ++index) {
    Result<Range> range = Error(Code::internal, "");
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return read_.contains(index); });
      range = std::move(read_.extract(index).mapped());
      next_taken_ = index + 1;
      changed_.notify_all();
    }
    if (!range.ok()) return range.error();
    VIRIDIAN_TRY_VOID(context.check());
    rows += range->rows;
    checksum += range->checksum;
    if (range->rows != 0) VIRIDIAN_TRY_VOID(take(range->records));
  }
  if (rows == base_.rows && checksum == base_.checksum) return ok_status();
  return Error(Code::unavailable,
               fmt::format("the images of collection {} up to record {} are not whole: {} records "
                           "of {}{}; this copy of them may be behind, try again",
                           place_.collection.to_string(), base_.sealed, rows, base_.rows,
                           rows == base_.rows ? ", some of them out of date" : ""));
}

void BaseLoader::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

Status BaseLoader::run(const Context& context, const Take& take) {
  if (base_.next_offset == 0) return ok_status();
  struct Readers {
    BaseLoader& loader;
    std::vector<std::thread> threads = {};
    ~Readers() {
      loader.end();
      for (std::thread& thread : threads) thread.join();
    }
  } readers{*this};
  for (uint64_t i = 0; i < std::min<uint64_t>(kReaders, ranges_); ++i)
    readers.threads.emplace_back([this, &context] { work(context); });
  return take_all(context, take);
}

}  // namespace viridian::segment
