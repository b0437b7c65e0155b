#pragma once
#include <memory>
#include <string>
#include <vector>

#include "segment/metadata_file.h"

namespace viridian::conformance {

/// Writes a metadata file of format version 3 anew, under its own name, as programs did that knew
/// of version 2: rows lie one after the other, and nothing is indexed. Returns its size.
inline Result<uint64_t> write_plain(os::Files& files, const std::string& directory,
                                    const std::string& name, const segment::FileIdentity& identity,
                                    uint64_t size) {
  VIRIDIAN_TRY(auto sealed,
               segment::SealedFile::open(files, os::join(directory, name), identity, size));
  VIRIDIAN_TRY(const auto file, segment::MetadataFile::open(sealed, nullptr));
  VIRIDIAN_TRY(auto writer, segment::SealedFileWriter::create(files, directory, name, identity));
  for (const char* section : {"info", "offsets", "ended", "keys", "id_index"}) {
    VIRIDIAN_TRY(const segment::Section place, sealed->section(section));
    VIRIDIAN_TRY(const os::Bytes bytes, sealed->read(place, 0, place.size));
    VIRIDIAN_TRY_VOID(writer.begin(section));
    VIRIDIAN_TRY_VOID(writer.append(bytes));
  }
  VIRIDIAN_TRY_VOID(writer.begin("rows"));
  std::vector<uint64_t> ends;
  const auto reader = file->reader();
  for (uint32_t row = 0; row < file->rows().size(); ++row) {
    VIRIDIAN_TRY(const segment::RowView view, reader->read(row, segment::RowPart::whole));
    segment::RowBuilder builder;
    builder.start(view);
    std::vector<std::byte> bytes(builder.size());
    builder.write(bytes.data());
    bytes.resize((bytes.size() + 7) / 8 * 8);
    VIRIDIAN_TRY_VOID(writer.append(bytes));
    ends.push_back((ends.empty() ? 0 : ends.back()) + bytes.size());
  }
  VIRIDIAN_TRY_VOID(writer.append_section("row_ends", ends));
  return writer.finish();
}

}  // namespace viridian::conformance
