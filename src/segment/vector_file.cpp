#include "segment/vector_file.h"

#include <algorithm>
#include <limits>

namespace viridian::segment {
namespace {

static_assert(sizeof(VectorInfo) == 24);

/// A run that has just been verified should still be in the processor's cache when it is scanned.
constexpr uint64_t kRunBytes = uint64_t{256} << 10;

}  // namespace

Status write_vectors(const Context& context, SealedFileWriter& writer, const VectorInfo& info,
                     std::span<const FrozenRow<VectorHead>> rows, std::span<const Offset> ended) {
  VIRIDIAN_TRY_VOID(writer.append_value("info", info));
  std::vector<Offset> offsets;
  std::vector<VectorRun> runs;
  for (const FrozenRow<VectorHead>& row : rows) {
    offsets.push_back(row.offset);
    VIRIDIAN_TRY(const VectorRun run, row.head->run(row.row, 1));
    runs.push_back(run);
  }
  VIRIDIAN_TRY_VOID(writer.append_section("offsets", offsets));
  VIRIDIAN_TRY_VOID(writer.append_section("ended", ended));
  VIRIDIAN_TRY_VOID(writer.begin("norms"));
  for (const VectorRun& run : runs)
    VIRIDIAN_TRY_VOID(writer.append(std::as_bytes(std::span(run.norms, 1))));
  VIRIDIAN_TRY_VOID(writer.begin("vectors"));
  for (size_t i = 0; i < runs.size(); ++i) {
    if (i % kCheckRows == 0) VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY_VOID(writer.append(std::as_bytes(std::span(runs[i].vectors, info.dim))));
  }
  return ok_status();
}

void VectorFile::add_garbage(const Garbage& more) {
  garbage_.rows += more.rows;
  garbage_.bytes += more.bytes;
}

Result<std::shared_ptr<VectorFile>> VectorFile::open(const std::shared_ptr<const SealedFile>& file,
                                                     std::shared_ptr<const void> directory_guard) {
  VIRIDIAN_TRY(const Section info, file->section("info"));
  VIRIDIAN_TRY(const Section offsets, file->section("offsets"));
  auto opened = std::make_shared<VectorFile>(std::move(directory_guard), file, offsets);
  VIRIDIAN_TRY(opened->info_, file->element<VectorInfo>(info, 0));
  VIRIDIAN_TRY(opened->norms_, file->section("norms"));
  VIRIDIAN_TRY(opened->vectors_, file->section("vectors"));
  VIRIDIAN_TRY(const Section ended, file->section("ended"));
  opened->ended_bytes_ = ended.size;
  const uint64_t rows = opened->info_.rows;
  if (rows > std::numeric_limits<uint32_t>::max() || offsets.size != rows * sizeof(Offset) ||
      opened->norms_.size != rows * sizeof(float) ||
      opened->vectors_.size / sizeof(float) != rows * opened->info_.dim)
    return file->damaged(info.offset, "its sections are not of one length");
  VIRIDIAN_TRY_VOID(opened->find_indexes());
  opened->make_codes_entry();
  return opened;
}

Result<os::Bytes> VectorFile::vector_data(uint32_t begin, uint32_t count) const {
  const uint64_t row_bytes = uint64_t{info_.dim} * sizeof(float);
  return file_->read(vectors_, begin * row_bytes, count * row_bytes);
}

Result<os::Bytes> VectorFile::norm_data(uint32_t begin, uint32_t count) const {
  return file_->read(norms_, uint64_t{begin} * sizeof(float), uint64_t{count} * sizeof(float));
}

Result<const float*> VectorFile::vector(uint32_t row) const {
  const uint64_t row_bytes = uint64_t{info_.dim} * sizeof(float);
  VIRIDIAN_TRY(const os::Bytes bytes, file_->read_scattered(vectors_, row * row_bytes, row_bytes));
  return reinterpret_cast<const float*>(bytes.data());
}

Status VectorFile::find_indexes() {
  VIRIDIAN_TRY(const std::vector<IndexPlace> places, indexes_of(*file_));
  uint64_t rows = 0;
  for (const IndexPlace& place : places) {
    rows += place.rows;
    auto open = [file = file_, place](bool finer) -> Result<IndexMemory::Entry::Opened> {
      VIRIDIAN_TRY(auto opened, OpenedIndex::open(*file, place, finer));
      return opened;
    };
    indexes_.push_back(
        {place, std::make_unique<IndexMemory::Entry>(
                    IndexNeed{place.rows, place.needed, place.finer}, std::move(open))});
  }
  if (places.empty() || rows == info_.rows) return ok_status();
  return file_->damaged(vectors_.offset, "its indexes are not of all its rows");
}

void VectorFile::make_codes_entry() {
  if (has_index() || info_.rows < CodedRows::kBlockRows || info_.dim < CodedRows::kLeastDim) return;
  codes_ = std::make_unique<IndexMemory::Entry>(
      IndexNeed{info_.rows, CodedRows::most_bytes(info_.dim, info_.rows), 0},
      [](bool /*finer*/) -> Result<IndexMemory::Entry::Opened> {
        return std::make_unique<CodedRows>();
      });
}

Result<VectorRun> VectorFile::run(uint32_t begin, uint32_t limit) const {
  const uint64_t row_bytes = std::max<uint64_t>(1, uint64_t{info_.dim} * sizeof(float));
  limit = static_cast<uint32_t>(
      std::min<uint64_t>(limit, std::max<uint64_t>(1, kRunBytes / row_bytes)));
  VIRIDIAN_TRY(const os::Bytes norms, norm_data(begin, limit));
  if (limit == 1) {  // likely to be one here and one there
    VIRIDIAN_TRY(const float* const one, vector(begin));
    return VectorRun{one, reinterpret_cast<const float*>(norms.data()), 1};
  }
  VIRIDIAN_TRY(const os::Bytes vectors, vector_data(begin, limit));
  // Sections start at multiples of 64 bytes in a file that is mapped at a page.
  return VectorRun{reinterpret_cast<const float*>(vectors.data()),
                   reinterpret_cast<const float*>(norms.data()), limit};
}

}  // namespace viridian::segment
