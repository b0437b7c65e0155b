#include "segment/index_sections.h"

#include <algorithm>
#include <span>
#include <utility>

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

template <class T>
Result<std::span<const T>> copy_all(const SealedFile& file, std::string_view name,
                                    os::LargeArray<T>& copy) {
  VIRIDIAN_TRY(const std::span<const T> all, read_all<T>(file, name));
  copy = os::LargeArray<T>(all.size());
  std::copy(all.begin(), all.end(), copy.data());
  return std::span<const T>(copy.data(), all.size());
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

Result<std::unique_ptr<const OpenedIndex>> OpenedIndex::open(const SealedFile& file) {
  auto opened = std::make_unique<OpenedIndex>();
  VIRIDIAN_TRY(const Section section, file.section(kHeader));
  index::IndexArrays arrays;
  VIRIDIAN_TRY(arrays.header, file.element<index::IndexHeader>(section, 0));
  VIRIDIAN_TRY(arrays.centre, read_all<float>(file, "index_centre"));
  VIRIDIAN_TRY(arrays.records, copy_all(file, "index_records", opened->records_));
  VIRIDIAN_TRY(arrays.fine, copy_all(file, "index_fine", opened->fine_));
  VIRIDIAN_TRY(arrays.links, copy_all(file, "index_links", opened->links_));
  VIRIDIAN_TRY(arrays.entries, read_all<uint32_t>(file, "index_entries"));
  VIRIDIAN_TRY(arrays.nodes_of, read_all<uint32_t>(file, "index_nodes_of"));
  VIRIDIAN_TRY(arrays.apart, read_all<uint32_t>(file, "index_apart"));
  VIRIDIAN_TRY(arrays.twins, read_all<index::Twin>(file, "index_twins"));
  auto graph = index::GraphIndex::open(arrays);
  if (!graph.ok()) return graph.error().with(file.path());
  opened->graph_ = *std::move(graph);
  return opened;
}

}  // namespace viridian::segment
