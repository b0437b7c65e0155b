#include <algorithm>

#include "segment/vector_file.h"
#include "segment/vector_segment.h"

namespace viridian::local {

using segment::FileIdentity;
using segment::FileKind;
using segment::FrozenVectorRow;
using segment::kNever;
using segment::SealedFile;
using segment::VectorFile;
using segment::VectorInfo;

struct FlatVectorSegment::Written {
  SegmentFile entry;
  std::string path;
  std::shared_ptr<VectorFile> file;   ///< null where there was nothing to write
  std::vector<FrozenVectorRow> rows;  ///< by row of the file
};

FlatVectorSegment::FlatVectorSegment(SegmentEnvironment environment)
    : environment_(std::move(environment)) {}

FlatVectorSegment::~FlatVectorSegment() = default;

Result<std::unique_ptr<VectorSegment>> FlatVectorSegment::open(
    const Context& context, const SegmentEnvironment& environment) {
  auto opened = std::make_unique<FlatVectorSegment>(environment);
  VIRIDIAN_TRY_VOID(opened->open_files(context));
  return opened;
}

Status FlatVectorSegment::open_files(const Context& context) {
  if (environment_.files == nullptr) return ok_status();
  const Segment& definition = environment_.definition;
  std::vector<segment::Rows*> older;
  for (const SegmentFile& file : definition.files) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(
        auto sealed,
        SealedFile::open(*environment_.files, os::join(environment_.directory, file.name),
                         {FileKind::vectors, file.id, definition.collection}, file.size_bytes));
    VIRIDIAN_TRY(auto opened, VectorFile::open(std::move(sealed), environment_.directory_guard));
    const uint32_t dim = opened->info().dim;
    if (dim_ != 0 && dim != 0 && dim != dim_)
      return opened->file().damaged(0, "its vectors are of another length than those before");
    if (dim != 0) dim_ = dim;
    VIRIDIAN_TRY_VOID(end_in_older(opened->file(), opened->info().up_to, older));
    older.push_back(&opened->rows());
    files_.push_back(std::move(opened));
  }
  return ok_status();
}

void FlatVectorSegment::freeze(SeqId up_to) {
  frozen_.heads = heads_;
  frozen_.ended.insert(frozen_.ended.end(), ended_.begin(), ended_.end());
  frozen_.up_to = up_to;
  frozen_.dim = dim_;
  ended_.clear();
  start_head_ = true;
}

Status FlatVectorSegment::write_frozen(const Context& context) {
  auto written = std::make_unique<Written>();
  for (const auto& head : frozen_.heads)
    for (uint32_t row = 0; row < head->rows().size(); ++row)
      if (head->rows().end(row) > frozen_.up_to)
        written->rows.push_back({head->offset(row), head.get(), row});
  std::sort(written->rows.begin(), written->rows.end(),
            [](const auto& a, const auto& b) { return a.offset < b.offset; });
  if (!written->rows.empty() || !frozen_.ended.empty()) {
    const Segment& definition = environment_.definition;
    SegmentFile file;
    file.id = Uuid::random();
    file.name = file.id.to_string() + ".vec";
    file.rows = written->rows.size();
    file.first_seq = definition.sealed + 1;
    file.last_seq = frozen_.up_to;
    const FileIdentity identity{FileKind::vectors, file.id, definition.collection};
    VIRIDIAN_TRY(file.size_bytes,
                 write_vector_file(context, *environment_.files, environment_.directory, file.name,
                                   identity, {file.rows, frozen_.up_to, frozen_.dim, 0},
                                   written->rows, frozen_.ended));
    written->path = os::join(environment_.directory, file.name);
    VIRIDIAN_TRY(auto sealed,
                 SealedFile::open(*environment_.files, written->path, identity, file.size_bytes));
    VIRIDIAN_TRY(written->file, VectorFile::open(std::move(sealed), environment_.directory_guard));
    written->entry = file;
  }
  written_ = std::move(written);
  return ok_status();
}

std::vector<SegmentFile> FlatVectorSegment::files_with_frozen() const {
  std::vector<SegmentFile> files = environment_.definition.files;
  if (written_->file) files.push_back(written_->entry);
  return files;
}

void FlatVectorSegment::discard() {
  // What stays behind because this fails is removed when the collection is opened.
  if (written_ && written_->file) (void)environment_.files->remove(written_->path);
  written_.reset();
}

void FlatVectorSegment::adopt() {
  if (written_->file) {
    // What ended while the file was written has ended in it too.
    for (uint32_t row = 0; row < written_->rows.size(); ++row) {
      const FrozenVectorRow& origin = written_->rows[row];
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
  written_.reset();
  frozen_ = Frozen();
}

}  // namespace viridian::local
