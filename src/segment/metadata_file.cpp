#include "segment/metadata_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "segment/block_sections.h"

namespace viridian::segment {
namespace {

Status append_blocks(const Context& context, SealedFileWriter& writer,
                     std::span<const FrozenRow<MetadataHead>> rows, const IndexChoice& choice) {
  // Merges compress what stays.
  VIRIDIAN_TRY(auto blocks, BlockSectionsWriter::begin(writer, {choice, documents::Effort::quick}));
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i % kCheckRows == 0) VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY_VOID(blocks.add(rows[i].head->view(rows[i].row)));
  }
  return blocks.finish();
}

std::vector<IdEntry> id_index(std::span<const FrozenRow<MetadataHead>> rows) {
  std::vector<IdEntry> entries;
  entries.reserve(rows.size());
  for (uint32_t i = 0; i < rows.size(); ++i)
    entries.push_back({rows[i].head->id_hash(rows[i].row), i, 0});
  std::sort(entries.begin(), entries.end());
  return entries;
}

class PlainRowReader final : public RowReader {
 public:
  PlainRowReader(const SealedFile& file, const PlainRows& rows) : file_(file), rows_(rows) {}
  Result<RowView> read(uint32_t row, RowPart /*part*/) override { return rows_.read(file_, row); }

 private:
  const SealedFile& file_;
  const PlainRows& rows_;
};

std::string encode_keys(const KeyDictionary& keys, uint64_t count) {
  std::string bytes;
  for (uint32_t id = 0; id < count; ++id) append_key(bytes, keys.name(id));
  return bytes;
}

}  // namespace

void append_key(std::string& section, std::string_view key) {
  const auto size = static_cast<uint32_t>(key.size());
  section.append(reinterpret_cast<const char*>(&size), sizeof size);
  section.append(key);
}

Status write_metadata(const Context& context, SealedFileWriter& writer, const MetadataInfo& info,
                      std::span<const FrozenRow<MetadataHead>> rows, const KeyDictionary& keys,
                      std::span<const Offset> ended, const IndexChoice& choice) {
  VIRIDIAN_TRY_VOID(writer.append_value("info", info));
  std::vector<Offset> offsets;
  offsets.reserve(rows.size());
  for (const FrozenRow<MetadataHead>& row : rows) offsets.push_back(row.offset);
  VIRIDIAN_TRY_VOID(writer.append_section("offsets", offsets));
  VIRIDIAN_TRY_VOID(writer.append_section("ended", ended));
  VIRIDIAN_TRY_VOID(writer.append_section("keys", encode_keys(keys, info.keys)));
  VIRIDIAN_TRY_VOID(writer.append_section("id_index", id_index(rows)));
  return append_blocks(context, writer, rows, choice);
}

Result<std::shared_ptr<MetadataFile>> MetadataFile::open(
    std::shared_ptr<const SealedFile> file, std::shared_ptr<const void> directory_guard) {
  VIRIDIAN_TRY(const Section info, file->section("info"));
  VIRIDIAN_TRY(const Section offsets, file->section("offsets"));
  auto opened = std::make_shared<MetadataFile>(std::move(directory_guard), file, offsets);
  VIRIDIAN_TRY(opened->info_, file->element<MetadataInfo>(info, 0));
  VIRIDIAN_TRY(opened->keys_, file->section("keys"));
  VIRIDIAN_TRY(opened->id_index_, file->section("id_index"));
  VIRIDIAN_TRY(const Section ended, file->section("ended"));
  opened->ended_bytes_ = ended.size;
  const uint64_t rows = opened->info_.rows;
  if (rows > std::numeric_limits<uint32_t>::max() || offsets.size != rows * sizeof(Offset) ||
      opened->id_index_.size != rows * sizeof(IdEntry))
    return file->damaged(info.offset, "its sections are not of one length");
  if (file->has_section("rows")) {
    VIRIDIAN_TRY(opened->plain_, PlainRows::open(*file, rows));
  } else {
    VIRIDIAN_TRY(opened->blocks_, read_blocks(file, static_cast<uint32_t>(rows)));
  }
  return opened;
}

Status MetadataFile::load_keys(KeyDictionary& keys) const {
  uint64_t at = 0;
  for (uint64_t i = 0; i < info_.keys; ++i) {
    VIRIDIAN_TRY(const os::Bytes size_bytes, file_->read(keys_, at, sizeof(uint32_t)));
    uint32_t size = 0;
    std::memcpy(&size, size_bytes.data(), sizeof size);
    VIRIDIAN_TRY(const os::Bytes name, file_->read(keys_, at + sizeof size, size));
    keys.add(os::as_text(name));
    at += sizeof size + size;
  }
  if (keys.size() != info_.keys) return file_->damaged(keys_.offset, "a key is there twice");
  return ok_status();
}

Result<PlainRows> PlainRows::open(const SealedFile& file, uint64_t count) {
  PlainRows plain;
  VIRIDIAN_TRY(plain.rows, file.section("rows"));
  VIRIDIAN_TRY(plain.ends, file.section("row_ends"));
  if (plain.ends.size != count * sizeof(uint64_t))
    return file.damaged(plain.ends.offset, "its sections are not of one length");
  return plain;
}

Result<RowView> PlainRows::read(const SealedFile& file, uint32_t row) const {
  uint64_t begin = 0;
  if (row > 0) {
    VIRIDIAN_TRY(begin, file.element<uint64_t>(ends, row - 1));
  }
  VIRIDIAN_TRY(const uint64_t end, file.element<uint64_t>(ends, row));
  if (end < begin) return file.damaged(ends.offset, "rows overlap");
  VIRIDIAN_TRY(const os::Bytes bytes, file.read(rows, begin, end - begin));
  const std::optional<RowView> view = RowView::parse(bytes);
  if (!view) return file.damaged(rows.offset + begin, "there is no valid row");
  return *view;
}

std::unique_ptr<RowReader> MetadataFile::reader() const {
  if (plain_) return std::make_unique<PlainRowReader>(*file_, *plain_);
  return std::make_unique<BlockedRowReader>(*blocks_);
}

Result<std::span<const IdEntry>> MetadataFile::id_entries(uint32_t begin, uint32_t count) const {
  VIRIDIAN_TRY(const os::Bytes bytes, file_->read(id_index_, uint64_t{begin} * sizeof(IdEntry),
                                                  uint64_t{count} * sizeof(IdEntry)));
  // Sections start at multiples of 64 bytes in a file that is mapped at a page.
  return std::span(reinterpret_cast<const IdEntry*>(bytes.data()), count);
}

uint64_t MetadataFile::row_bytes(uint32_t row) const {
  uint64_t bytes = 0, rows = rows_.size();
  if (plain_) {
    bytes = plain_->rows.size + plain_->ends.size;
  } else {
    const RowBlock& block = block_of(*blocks_, row);
    bytes = block.bytes();
    rows = block.rows;
  }
  return sizeof(Offset) + sizeof(IdEntry) + bytes / rows;
}

void MetadataFile::add_garbage(const Garbage& more) {
  garbage_.rows += more.rows;
  garbage_.bytes += more.bytes;
}

Result<uint32_t> MetadataFile::first_with_hash(uint64_t hash) const {
  const auto hash_at = [&](uint32_t i) {
    return file_->element<uint64_t>(id_index_, uint64_t{i} * 2);
  };
  uint32_t low = 0, high = rows_.size();
  // Hashes are spread evenly, so the place is known to within a few standard deviations; a look at
  // both ends of that range saves most of the steps, and most of the cache misses.
  const double rows = high;
  const double guess = static_cast<double>(hash) / 0x1p64 * rows, reach = 4 * std::sqrt(rows);
  if (const double from = guess - reach; from > 0) {
    VIRIDIAN_TRY(const uint64_t found, hash_at(static_cast<uint32_t>(from)));
    if (found < hash) low = static_cast<uint32_t>(from);
  }
  if (const double to = guess + reach; to < rows) {
    VIRIDIAN_TRY(const uint64_t found, hash_at(static_cast<uint32_t>(to)));
    if (found >= hash) high = static_cast<uint32_t>(to);
  }
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    VIRIDIAN_TRY(const uint64_t found, hash_at(middle));
    if (found < hash)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

Result<std::optional<VisibleRow>> MetadataFile::find_id(const RowId& id, uint64_t hash,
                                                        uint32_t limit, SeqId at) const {
  VIRIDIAN_TRY(uint32_t i, first_with_hash(hash));
  std::unique_ptr<RowReader> rows;
  for (; i < rows_.size(); ++i) {
    VIRIDIAN_TRY(const IdEntry entry, file_->element<IdEntry>(id_index_, i));
    if (entry.hash != hash) break;
    if (entry.row >= limit || rows_.end(entry.row) <= at) continue;
    if (!rows) rows = reader();
    VIRIDIAN_TRY(const RowView view, rows->read(entry.row, RowPart::values));
    if (!view.has_id(id)) continue;
    VIRIDIAN_TRY(const Offset offset, rows_.offset(entry.row));
    return VisibleRow{entry.row, offset};
  }
  return std::nullopt;
}

}  // namespace viridian::segment
