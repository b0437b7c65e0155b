#pragma once
#include <algorithm>

#include "segment/merge_policy.h"
#include "segment/sealing_segment.h"

namespace viridian::segment {

template <class Role, class Kind>
SealingSegment<Role, Kind>::SealingSegment(SegmentEnvironment environment)
    : environment_(std::move(environment)) {}

template <class Role, class Kind>
SealingSegment<Role, Kind>::~SealingSegment() = default;

template <class Role, class Kind>
uint64_t SealingSegment<Role, Kind>::head_bytes() const {
  uint64_t bytes = (ended_.size() + frozen_.ended.size()) * sizeof(Ended);
  for (const auto& head : heads_) bytes += head->bytes();
  return bytes;
}

template <class Role, class Kind>
uint64_t SealingSegment<Role, Kind>::head_rows() const {
  uint64_t rows = 0;
  for (const auto& head : heads_) rows += head->rows().size();
  return rows;
}

template <class Role, class Kind>
FileIdentity SealingSegment<Role, Kind>::identity(const SegmentFile& file) const {
  const bool own = file.origin == CollectionId();
  return {Kind::kFileKind, file.id, own ? environment_.definition.collection : file.origin};
}

template <class Role, class Kind>
Status SealingSegment<Role, Kind>::open_files(const Context& context) {
  if (environment_.files == nullptr) return ok_status();
  for (const SegmentFile& file : environment_.definition.files) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(auto sealed,
                 SealedFile::open(*environment_.files, os::join(environment_.directory, file.name),
                                  identity(file), file.size_bytes));
    VIRIDIAN_TRY(auto made, File::open(std::move(sealed), environment_.directory_guard));
    VIRIDIAN_TRY_VOID(opened(*made));
    VIRIDIAN_TRY_VOID(end_in_older(*made));
    files_.push_back(std::move(made));
  }
  return ok_status();
}

template <class Role, class Kind>
Status SealingSegment<Role, Kind>::end_in_older(const File& file) {
  VIRIDIAN_TRY(const std::span<const Offset> ended, ended_offsets(file.file()));
  if (ended.empty()) return ok_status();
  for (const auto& older : files_) {
    VIRIDIAN_TRY_VOID(for_each_found(ended, older->rows(), [&](size_t, uint32_t row) -> Status {
      if (older->rows().end(row) != kNever) return ok_status();
      older->rows().set_end(row, file.info().up_to);
      older->add_garbage({1, older->row_bytes(row)});
      return ok_status();
    }));
  }
  return ok_status();
}

template <class Role, class Kind>
auto SealingSegment<Role, Kind>::locate(Offset offset) -> Result<Located> {
  // What is visible as of this number is what has not ended.
  constexpr SeqId kNewest = kNever - 1;
  constexpr uint32_t kNoLimit = std::numeric_limits<uint32_t>::max();
  for (auto head = heads_.rbegin(); head != heads_.rend(); ++head) {
    VIRIDIAN_TRY(const auto row, (*head)->rows().find(offset, kNoLimit, kNewest));
    if (row) return Located{head->get(), nullptr, *row};
  }
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    VIRIDIAN_TRY(const auto row, (*file)->rows().find(offset, kNoLimit, kNewest));
    if (row) return Located{file->get(), file->get(), *row};
  }
  return Error(Code::internal, "the " + std::string(Kind::kName) +
                                   " segment has no live record at offset " +
                                   std::to_string(offset));
}

template <class Role, class Kind>
void SealingSegment<Role, Kind>::end(const Located& located, Offset offset, SeqId seq) {
  located.part->rows().set_end(located.row, seq);
  if (located.file == nullptr) return;
  ended_.push_back({offset, located.file, located.row});
  if (!merging_) return;
  if (merging_->discarded) {
    merging_.reset();
    return;
  }
  const auto& sources = merging_->sources;
  for (size_t source = 0; source < sources.size(); ++source)
    if (sources[source].get() == located.file)
      merging_->ended_meanwhile.push_back({source, located.row});
}

/// Writes a file under a new name and opens it.
template <class Role, class Kind>
template <class Write>
Status SealingSegment<Role, Kind>::write_file(NewFile& made, Write&& write) const {
  SegmentFile& entry = made.entry;
  entry.id = Uuid::random();
  entry.name = entry.id.to_string() + Kind::kSuffix;
  VIRIDIAN_TRY(SealedFileWriter writer,
               SealedFileWriter::create(*environment_.files, environment_.directory, entry.name,
                                        identity(entry)));
  VIRIDIAN_TRY_VOID(write(writer));
  VIRIDIAN_TRY(entry.size_bytes, writer.finish());
  const std::string path = os::join(environment_.directory, entry.name);
  const auto open = [&]() -> Result<std::shared_ptr<File>> {
    VIRIDIAN_TRY(auto sealed,
                 SealedFile::open(*environment_.files, path, identity(entry), entry.size_bytes));
    return File::open(std::move(sealed), environment_.directory_guard);
  };
  auto opened = open();
  if (!opened.ok()) {
    // What stays behind because this fails is removed when the collection is opened.
    (void)environment_.files->remove(path);
    return opened.error();
  }
  made.path = path;
  made.file = *std::move(opened);
  return ok_status();
}

template <class Role, class Kind>
void SealingSegment<Role, Kind>::freeze(SeqId up_to) {
  frozen_.heads = heads_;
  frozen_.ended.insert(frozen_.ended.end(), ended_.begin(), ended_.end());
  frozen_.up_to = up_to;
  frozen_.info = info();
  frozen_.info.up_to = up_to;
  frozen_.must_write =
      Kind::must_write(frozen_.info, files_.empty() ? Info() : files_.back()->info());
  ended_.clear();
  start_head();
}

template <class Role, class Kind>
Status SealingSegment<Role, Kind>::write_frozen(const Context& context) {
  auto written = std::make_unique<Written>();
  for (const auto& head : frozen_.heads)
    for (uint32_t row = 0; row < head->rows().size(); ++row)
      if (head->rows().end(row) > frozen_.up_to)
        written->rows.push_back({head->offset(row), head.get(), row});
  if (!written->rows.empty() || !frozen_.ended.empty() || frozen_.must_write) {
    std::sort(written->rows.begin(), written->rows.end(),
              [](const auto& a, const auto& b) { return a.offset < b.offset; });
    std::vector<Offset> ended;
    ended.reserve(frozen_.ended.size());
    for (const Ended& each : frozen_.ended) ended.push_back(each.offset);
    std::sort(ended.begin(), ended.end());
    written->entry.rows = frozen_.info.rows = written->rows.size();
    written->entry.first_seq = environment_.definition.sealed + 1;
    written->entry.last_seq = frozen_.up_to;
    VIRIDIAN_TRY_VOID(write_file(*written, [&](SealedFileWriter& writer) {
      return write_rows(context, writer, frozen_.info, written->rows, ended);
    }));
  }
  written_ = std::move(written);
  return ok_status();
}

template <class Role, class Kind>
std::vector<SegmentFile> SealingSegment<Role, Kind>::files_with_frozen() const {
  std::vector<SegmentFile> files = environment_.definition.files;
  if (written_->file) files.push_back(written_->entry);
  return files;
}

template <class Role, class Kind>
void SealingSegment<Role, Kind>::discard() {
  // What stays behind because this fails is removed when the collection is opened.
  if (written_ && written_->file) (void)environment_.files->remove(written_->path);
  written_.reset();
}

template <class Role, class Kind>
void SealingSegment<Role, Kind>::adopt() {
  for (const Ended& each : frozen_.ended)
    each.file->add_garbage({1, each.file->row_bytes(each.row)});
  if (written_->file) {
    // What ended while the file was written has ended in it too.
    File& file = *written_->file;
    for (uint32_t row = 0; row < written_->rows.size(); ++row) {
      const FrozenRow<Head>& origin = written_->rows[row];
      const SeqId end = origin.head->rows().end(origin.row);
      if (end == kNever) continue;
      file.rows().set_end(row, end);
      ended_.push_back({origin.offset, &file, row});
    }
    environment_.definition.files.push_back(std::move(written_->entry));
    files_.push_back(std::move(written_->file));
  }
  heads_.erase(heads_.begin(), heads_.begin() + static_cast<ptrdiff_t>(frozen_.heads.size()));
  environment_.definition.sealed = frozen_.up_to;
  written_.reset();
  frozen_ = Frozen();
}

template <class Role, class Kind>
Garbage SealingSegment<Role, Kind>::garbage() const {
  Garbage sum;
  for (const auto& file : files_) {
    sum.rows += file->garbage().rows;
    sum.bytes += file->garbage().bytes;
  }
  return sum;
}

template <class Role, class Kind>
std::optional<FileRange> SealingSegment<Role, Kind>::merge_due() const {
  std::vector<FileWeight> weights;
  for (size_t i = 0; i < files_.size(); ++i)
    weights.push_back({files()[i].size_bytes, files()[i].rows, files_[i]->garbage().bytes,
                       files_[i]->ended_bytes(), Kind::has_index(*files_[i], environment_)});
  return Kind::choose(weights, info(), environment_);
}

template <class Role, class Kind>
bool SealingSegment<Role, Kind>::compacted() const {
  return files_.size() <= 1 && garbage().rows == 0 &&
         (files_.empty() || Kind::complete(*files_.front(), environment_));
}

template <class Role, class Kind>
void SealingSegment<Role, Kind>::begin_merge(FileRange range) {
  merging_ = std::make_unique<Merging>();
  const auto first = files_.begin() + static_cast<ptrdiff_t>(range.first);
  merging_->range = range;
  merging_->sources.assign(first, first + static_cast<ptrdiff_t>(range.count));
  merging_->older.assign(files_.begin(), first);
  merging_->index_room = index_room(merging_->sources);
  merging_->sealed = environment_.definition.sealed;
  merging_->newest = range.first + range.count == files_.size();
  merging_->all = range.count == files_.size();
  merging_->entry.first_seq = files()[range.first].first_seq;
  merging_->entry.last_seq = files()[range.first + range.count - 1].last_seq;
}

template <class Role, class Kind>
IndexRoom SealingSegment<Role, Kind>::merged_index_room() const {
  return merging_ && !merging_->discarded ? merging_->index_room : IndexRoom();
}

template <class Role, class Kind>
Status SealingSegment<Role, Kind>::write_merged(const Context& context, Throttle& throttle) {
  Merging& merging = *merging_;
  std::vector<const SealedRows*> rows, older;
  std::vector<const SealedFile*> sealed;
  Info info = merging.sources.front()->info();
  for (const auto& source : merging.sources) {
    rows.push_back(&source->rows());
    sealed.push_back(&source->file());
    Kind::join(info, source->info());
  }
  for (const auto& file : merging.older) older.push_back(&file->rows());
  VIRIDIAN_TRY(merging.plan, MergePlan::make(context, throttle, std::move(rows), merging.sealed));
  VIRIDIAN_TRY(const std::vector<Offset> ended, merge_ended(context, sealed, older));
  merging.entry.rows = info.rows = merging.plan.rows();
  if (info.rows == 0 && ended.empty() && !Kind::must_keep(info, merging.newest, merging.all))
    return ok_status();
  VIRIDIAN_TRY_VOID(write_file(merging, [&](SealedFileWriter& writer) {
    writer.sync_often();
    return Kind::merge({context, throttle, writer, merging.plan, merging.sources, info, ended,
                        environment_, merging.index_room.bytes});
  }));
  Kind::make_ready(environment_, merging.sources, *merging.file);
  return ok_status();
}

template <class Role, class Kind>
std::vector<SegmentFile> SealingSegment<Role, Kind>::files_with_merged() const {
  std::vector<SegmentFile> files = environment_.definition.files;
  const auto first = files.begin() + static_cast<ptrdiff_t>(merging_->range.first);
  const auto at = files.erase(first, first + static_cast<ptrdiff_t>(merging_->range.count));
  if (merging_->file) files.insert(at, merging_->entry);
  return files;
}

template <class Role, class Kind>
void SealingSegment<Role, Kind>::discard_merged() {
  if (!merging_) return;
  // What stays behind because this fails is removed when the collection is opened.
  if (merging_->file) (void)environment_.files->remove(merging_->path);
  merging_->discarded = true;
}

/// What has ended in the originals has ended in the merged file too.
template <class Role, class Kind>
void SealingSegment<Role, Kind>::carry_ends(const Merging& merging) {
  File& merged = *merging.file;
  const auto carry = [&](const MergePlan::Place& place) {
    const uint32_t row = merging.plan.new_row(place.source, place.row);
    if (row == MergePlan::kLeftOut || merged.rows().end(row) != kNever) return;
    const SeqId end = merging.plan.source(place.source).end(place.row);
    merged.rows().set_end(row, end);
    if (end <= environment_.definition.sealed) merged.add_garbage({1, merged.row_bytes(row)});
  };
  for (const MergePlan::Place& place : merging.plan.ended_since()) carry(place);
  for (const MergePlan::Place& place : merging.ended_meanwhile) carry(place);
  const auto move = [&](std::vector<Ended>& list) {
    for (Ended& each : list) {
      const auto source =
          std::ranges::find(merging.sources, each.file, &std::shared_ptr<File>::get);
      if (source == merging.sources.end()) continue;
      const auto place = static_cast<size_t>(source - merging.sources.begin());
      each = {each.offset, &merged, merging.plan.new_row(place, each.row)};
    }
  };
  move(ended_);
  move(frozen_.ended);
}

template <class Role, class Kind>
void SealingSegment<Role, Kind>::adopt_merged() {
  if (merging_->file) carry_ends(*merging_);
  environment_.definition.files = files_with_merged();
  const auto first = files_.begin() + static_cast<ptrdiff_t>(merging_->range.first);
  const auto at = files_.erase(first, first + static_cast<ptrdiff_t>(merging_->range.count));
  if (merging_->file) files_.insert(at, std::move(merging_->file));
  merging_.reset();
}

}  // namespace viridian::segment
