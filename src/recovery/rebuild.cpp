#include "recovery/rebuild.h"

#include <algorithm>

#include "index/flat.h"
#include "segment/block_sections.h"

namespace viridian::recovery {

using segment::kCheckRows;
using segment::SealedFileWriter;

namespace {

Status append_offsets(SealedFileWriter& writer, const Salvage& salvage) {
  std::vector<Offset> offsets;
  offsets.reserve(salvage.records.size());
  for (const SalvagedRecord& record : salvage.records) offsets.push_back(record.offset);
  VIRIDIAN_TRY_VOID(writer.append_section("offsets", offsets));
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
  VIRIDIAN_TRY_VOID(writer.append_value("info", info));
  VIRIDIAN_TRY_VOID(append_offsets(writer, salvage));
  std::string keys;
  for (const std::string& key : salvage.keys) segment::append_key(keys, key);
  VIRIDIAN_TRY_VOID(writer.append_section("keys", keys));
  std::vector<segment::IdEntry> index;
  index.reserve(salvage.records.size());
  for (const SalvagedRecord& record : salvage.records)
    index.push_back(
        {segment::RowId(id_of(*row_of(record))).hash(), static_cast<uint32_t>(index.size()), 0});
  std::sort(index.begin(), index.end());
  VIRIDIAN_TRY_VOID(writer.append_section("id_index", index));
  VIRIDIAN_TRY(auto blocks, segment::BlockSectionsWriter::begin(writer, {}));
  for (size_t i = 0; i < salvage.records.size(); ++i) {
    if (i % kCheckRows == 0) VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY_VOID(blocks.add(*row_of(salvage.records[i])));
  }
  VIRIDIAN_TRY_VOID(blocks.finish());
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
  VIRIDIAN_TRY_VOID(writer.append_value("info", info));
  VIRIDIAN_TRY_VOID(append_offsets(writer, salvage));
  std::vector<float> norms(salvage.records.size());
  for (size_t i = 0; i < norms.size(); ++i) {
    if (i % kCheckRows == 0) VIRIDIAN_TRY_VOID(context.check());
    index::FlatScanner::norms(vector_of(salvage.records[i]).data(), salvage.dim, 1, &norms[i]);
  }
  VIRIDIAN_TRY_VOID(writer.append_section("norms", norms));
  VIRIDIAN_TRY_VOID(writer.begin("vectors"));
  for (size_t i = 0; i < norms.size(); ++i) {
    if (i % kCheckRows == 0) VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY_VOID(writer.append(std::as_bytes(vector_of(salvage.records[i]))));
  }
  VIRIDIAN_TRY(file.size_bytes, writer.finish());
  return file;
}

}  // namespace viridian::recovery
