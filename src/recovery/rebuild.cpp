#include "recovery/rebuild.h"

#include <algorithm>

#include "index/flat.h"

namespace viridian::recovery {

using segment::SealedFileWriter;

namespace {

/// Rows between two looks at the caller's deadline.
constexpr size_t kCheckRows = 4096;

template <class T>
Status append_section(SealedFileWriter& writer, std::string_view name, std::span<const T> values) {
  VIRIDIAN_TRY_VOID(writer.begin(name));
  return writer.append(std::as_bytes(values));
}

Status append_offsets(SealedFileWriter& writer, const Salvage& salvage) {
  std::vector<Offset> offsets;
  offsets.reserve(salvage.records.size());
  for (const SalvagedRecord& record : salvage.records) offsets.push_back(record.offset);
  VIRIDIAN_TRY_VOID(append_section<Offset>(writer, "offsets", offsets));
  // It is the only file, so there is nothing before it that could have ended.
  return writer.begin("ended");
}

SegmentFile named(const char* suffix, SeqId up_to, size_t rows) {
  SegmentFile file;
  file.id = Uuid::random();
  file.name = file.id.to_string() + suffix;
  file.rows = rows;
  file.first_seq = 1;
  file.last_seq = up_to;
  return file;
}

std::string encode_keys(const std::vector<std::string>& keys) {
  std::string bytes;
  for (const std::string& key : keys) {
    const auto size = static_cast<uint32_t>(key.size());
    bytes.append(reinterpret_cast<const char*>(&size), sizeof size);
    bytes.append(key);
  }
  return bytes;
}

}  // namespace

Result<SegmentFile> write_salvaged_metadata(const Context& context, os::Files& files,
                                            const std::string& directory,
                                            const CollectionId& collection, SeqId up_to,
                                            const Salvage& salvage,
                                            const std::vector<MetadataContents>& sources) {
  SegmentFile file = named(".meta", up_to, salvage.records.size());
  const auto row_of = [&](const SalvagedRecord& record) {
    return *sources[record.metadata_file].row(record.metadata_row);
  };
  VIRIDIAN_TRY(SealedFileWriter writer,
               SealedFileWriter::create(files, directory, file.name,
                                        {segment::FileKind::metadata, file.id, collection}));
  const segment::MetadataInfo info{file.rows, salvage.keys.size(), file.rows, salvage.next_offset,
                                   up_to};
  VIRIDIAN_TRY_VOID(append_section(writer, "info", std::span(&info, 1)));
  VIRIDIAN_TRY_VOID(append_offsets(writer, salvage));
  VIRIDIAN_TRY_VOID(writer.begin("keys"));
  VIRIDIAN_TRY_VOID(writer.append(os::as_bytes(encode_keys(salvage.keys))));
  std::vector<segment::IdEntry> index;
  index.reserve(salvage.records.size());
  for (const SalvagedRecord& record : salvage.records)
    index.push_back(
        {segment::RowId(id_of(row_of(record))).hash(), static_cast<uint32_t>(index.size()), 0});
  std::sort(index.begin(), index.end(), [](const auto& a, const auto& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.row < b.row;
  });
  VIRIDIAN_TRY_VOID(append_section<segment::IdEntry>(writer, "id_index", index));
  std::vector<uint64_t> ends;
  ends.reserve(salvage.records.size());
  VIRIDIAN_TRY_VOID(writer.begin("rows"));
  for (const SalvagedRecord& record : salvage.records) {
    if (ends.size() % kCheckRows == 0) VIRIDIAN_TRY_VOID(context.check());
    constexpr std::array<std::byte, 8> kPadding{};
    const os::Bytes bytes = row_of(record).bytes();
    const size_t padding = (8 - bytes.size() % 8) % 8;
    VIRIDIAN_TRY_VOID(writer.append(bytes));
    VIRIDIAN_TRY_VOID(writer.append(os::Bytes(kPadding).first(padding)));
    ends.push_back((ends.empty() ? 0 : ends.back()) + bytes.size() + padding);
  }
  VIRIDIAN_TRY_VOID(append_section<uint64_t>(writer, "row_ends", ends));
  VIRIDIAN_TRY(file.size_bytes, writer.finish());
  return file;
}

Result<SegmentFile> write_salvaged_vectors(const Context& context, os::Files& files,
                                           const std::string& directory,
                                           const CollectionId& collection, SeqId up_to,
                                           const Salvage& salvage,
                                           const std::vector<VectorContents>& sources) {
  SegmentFile file = named(".vec", up_to, salvage.records.size());
  const auto vector_of = [&](const SalvagedRecord& record) {
    return *sources[record.vector_file].vector(record.vector_row);
  };
  VIRIDIAN_TRY(SealedFileWriter writer,
               SealedFileWriter::create(files, directory, file.name,
                                        {segment::FileKind::vectors, file.id, collection}));
  const segment::VectorInfo info{file.rows, up_to, salvage.dim, 0};
  VIRIDIAN_TRY_VOID(append_section(writer, "info", std::span(&info, 1)));
  VIRIDIAN_TRY_VOID(append_offsets(writer, salvage));
  std::vector<float> norms(salvage.records.size());
  for (size_t i = 0; i < norms.size(); ++i) {
    if (i % kCheckRows == 0) VIRIDIAN_TRY_VOID(context.check());
    index::FlatScanner::norms(vector_of(salvage.records[i]).data(), salvage.dim, 1, &norms[i]);
  }
  VIRIDIAN_TRY_VOID(append_section<float>(writer, "norms", norms));
  VIRIDIAN_TRY_VOID(writer.begin("vectors"));
  for (size_t i = 0; i < norms.size(); ++i) {
    if (i % kCheckRows == 0) VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY_VOID(writer.append(std::as_bytes(vector_of(salvage.records[i]))));
  }
  VIRIDIAN_TRY(file.size_bytes, writer.finish());
  return file;
}

}  // namespace viridian::recovery
