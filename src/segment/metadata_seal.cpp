#include <algorithm>

#include "segment/metadata_file.h"
#include "segment/metadata_segment.h"

namespace viridian::local {

using segment::FileIdentity;
using segment::FileKind;
using segment::FrozenMetadataRow;
using segment::kNever;
using segment::MetadataFile;
using segment::MetadataHead;
using segment::MetadataInfo;
using segment::SealedFile;

struct MetadataSegment::Written {
  SegmentFile entry;
  std::string path;
  std::shared_ptr<MetadataFile> file;   ///< null where there was nothing to write
  std::vector<FrozenMetadataRow> rows;  ///< by row of the file
};

MetadataSegment::MetadataSegment(SegmentEnvironment environment)
    : environment_(std::move(environment)), keys_(std::make_shared<segment::KeyDictionary>()) {
  heads_.push_back(std::make_shared<MetadataHead>());
}

MetadataSegment::~MetadataSegment() = default;

Result<std::unique_ptr<viridian::MetadataSegment>> MetadataSegment::open(
    const Context& context, const SegmentEnvironment& environment) {
  auto opened = std::make_unique<MetadataSegment>(environment);
  VIRIDIAN_TRY_VOID(opened->open_files(context));
  return opened;
}

Status MetadataSegment::open_files(const Context& context) {
  if (environment_.files == nullptr) return ok_status();
  const Segment& definition = environment_.definition;
  std::vector<segment::Rows*> older;
  std::shared_ptr<MetadataFile> newest;
  for (const SegmentFile& file : definition.files) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(
        auto sealed,
        SealedFile::open(*environment_.files, os::join(environment_.directory, file.name),
                         {FileKind::metadata, file.id, definition.collection}, file.size_bytes));
    VIRIDIAN_TRY(newest, MetadataFile::open(std::move(sealed), environment_.directory_guard));
    VIRIDIAN_TRY_VOID(end_in_older(newest->file(), newest->info().up_to, older));
    older.push_back(&newest->rows());
    files_.push_back(newest);
  }
  if (!newest) return ok_status();
  next_offset_ = sealed_next_offset_ = newest->info().next_offset;
  count_ = newest->info().count;
  return newest->load_keys(*keys_);
}

void MetadataSegment::freeze(SeqId up_to) {
  frozen_.heads = heads_;
  frozen_.ended.insert(frozen_.ended.end(), ended_.begin(), ended_.end());
  frozen_.up_to = up_to;
  frozen_.next_offset = next_offset_;
  frozen_.count = count_;
  ended_.clear();
  heads_.push_back(std::make_shared<MetadataHead>());
}

Status MetadataSegment::write_frozen(const Context& context) {
  auto written = std::make_unique<Written>();
  for (const auto& head : frozen_.heads)
    for (uint32_t row = 0; row < head->rows().size(); ++row)
      if (head->rows().end(row) > frozen_.up_to)
        written->rows.push_back({head->offset(row), head.get(), row});
  std::sort(written->rows.begin(), written->rows.end(),
            [](const auto& a, const auto& b) { return a.offset < b.offset; });
  const bool changed = !written->rows.empty() || !frozen_.ended.empty() ||
                       frozen_.next_offset != sealed_next_offset_;
  if (changed) {
    const Segment& definition = environment_.definition;
    SegmentFile file;
    file.id = Uuid::random();
    file.name = file.id.to_string() + ".meta";
    file.rows = written->rows.size();
    file.first_seq = definition.sealed + 1;
    file.last_seq = frozen_.up_to;
    const FileIdentity identity{FileKind::metadata, file.id, definition.collection};
    const MetadataInfo info{file.rows, keys_->size(), frozen_.count, frozen_.next_offset,
                            frozen_.up_to};
    VIRIDIAN_TRY(file.size_bytes, write_metadata_file(context, *environment_.files,
                                                      environment_.directory, file.name, identity,
                                                      info, written->rows, *keys_, frozen_.ended));
    written->path = os::join(environment_.directory, file.name);
    VIRIDIAN_TRY(auto sealed,
                 SealedFile::open(*environment_.files, written->path, identity, file.size_bytes));
    VIRIDIAN_TRY(written->file,
                 MetadataFile::open(std::move(sealed), environment_.directory_guard));
    written->entry = file;
  }
  written_ = std::move(written);
  return ok_status();
}

std::vector<SegmentFile> MetadataSegment::files_with_frozen() const {
  std::vector<SegmentFile> files = environment_.definition.files;
  if (written_->file) files.push_back(written_->entry);
  return files;
}

void MetadataSegment::discard() {
  // What stays behind because this fails is removed when the collection is opened.
  if (written_ && written_->file) (void)environment_.files->remove(written_->path);
  written_.reset();
}

void MetadataSegment::adopt() {
  if (written_->file) {
    // What ended while the file was written has ended in it too.
    for (uint32_t row = 0; row < written_->rows.size(); ++row) {
      const FrozenMetadataRow& origin = written_->rows[row];
      const SeqId end = origin.head->rows().end(origin.row);
      if (end == kNever) continue;
      written_->file->rows().set_end(row, end);
      ended_.push_back(origin.offset);
    }
    environment_.definition.files.push_back(std::move(written_->entry));
    files_.push_back(std::move(written_->file));
  }
  heads_.erase(heads_.begin(), heads_.begin() + static_cast<ptrdiff_t>(frozen_.heads.size()));
  environment_.definition.sealed = frozen_.up_to;
  sealed_next_offset_ = frozen_.next_offset;
  written_.reset();
  frozen_ = Frozen();
}

}  // namespace viridian::local
