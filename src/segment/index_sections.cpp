#include "segment/index_sections.h"

#include <span>

namespace viridian::segment {
namespace {

constexpr const char* kHeader = "index";

template <class T>
Result<std::span<const T>> read_all(const SealedFile& file, std::string_view name) {
  VIRIDIAN_TRY(const Section section, file.section(name));
  if (section.size % sizeof(T) != 0)
    return file.damaged(section.offset, "a part of its index has an odd size");
  VIRIDIAN_TRY(const os::Bytes bytes, file.read(section, 0, section.size));
  // Sections start at multiples of 64 bytes in a file that is mapped at a page.
  return std::span(reinterpret_cast<const T*>(bytes.data()), section.size / sizeof(T));
}

}  // namespace

Status write_index(SealedFileWriter& writer, const index::BuiltIndex& built) {
  const index::IndexArrays arrays = built.arrays();
  VIRIDIAN_TRY_VOID(writer.append_value(kHeader, arrays.header));
  VIRIDIAN_TRY_VOID(writer.append_section("index_centre", arrays.centre));
  VIRIDIAN_TRY_VOID(writer.append_section("index_records", arrays.records));
  VIRIDIAN_TRY_VOID(writer.append_section("index_fine", arrays.fine));
  VIRIDIAN_TRY_VOID(writer.append_section("index_links", arrays.links));
  VIRIDIAN_TRY_VOID(writer.append_section("index_entries", arrays.entries));
  VIRIDIAN_TRY_VOID(writer.append_section("index_nodes_of", arrays.nodes_of));
  VIRIDIAN_TRY_VOID(writer.append_section("index_apart", arrays.apart));
  return writer.append_section("index_twins", arrays.twins);
}

bool has_index(const SealedFile& file) { return file.section(kHeader).ok(); }

Result<std::unique_ptr<index::GraphIndex>> open_index(const SealedFile& file) {
  VIRIDIAN_TRY(const Section section, file.section(kHeader));
  index::IndexArrays arrays;
  VIRIDIAN_TRY(arrays.header, file.element<index::IndexHeader>(section, 0));
  VIRIDIAN_TRY(arrays.centre, read_all<float>(file, "index_centre"));
  VIRIDIAN_TRY(arrays.records, read_all<uint8_t>(file, "index_records"));
  VIRIDIAN_TRY(arrays.fine, read_all<uint8_t>(file, "index_fine"));
  VIRIDIAN_TRY(arrays.links, read_all<uint32_t>(file, "index_links"));
  VIRIDIAN_TRY(arrays.entries, read_all<uint32_t>(file, "index_entries"));
  VIRIDIAN_TRY(arrays.nodes_of, read_all<uint32_t>(file, "index_nodes_of"));
  VIRIDIAN_TRY(arrays.apart, read_all<uint32_t>(file, "index_apart"));
  VIRIDIAN_TRY(arrays.twins, read_all<index::Twin>(file, "index_twins"));
  auto opened = index::GraphIndex::open(arrays);
  if (!opened.ok()) return opened.error().with(file.path());
  return opened;
}

}  // namespace viridian::segment
