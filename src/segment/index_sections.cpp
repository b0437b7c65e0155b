#include "segment/index_sections.h"

#include <algorithm>
#include <span>
#include <utility>

namespace viridian::segment {
namespace {

std::string name_of(const char* what, uint32_t number) {
  return number == 0 ? std::string(what) : what + std::to_string(number);
}

template <class T>
Result<std::span<const T>> read(const SealedFile& file, const Section& section, uint64_t first,
                                uint64_t count) {
  VIRIDIAN_TRY(const os::Bytes bytes, file.read(section, first * sizeof(T), count * sizeof(T)));
  // Sections start at multiples of 64 bytes in a file that is mapped at a page.
  return std::span(reinterpret_cast<const T*>(bytes.data()), count);
}

template <class T>
Result<std::span<const T>> read_all(const SealedFile& file, const std::string& name) {
  VIRIDIAN_TRY(const Section section, file.section(name));
  if (section.size % sizeof(T) != 0)
    return file.damaged(section.offset, "a part of its index has an odd size");
  return read<T>(file, section, 0, section.size / sizeof(T));
}

template <class T>
std::span<const T> copied(std::span<const T> all, os::LargeArray<T>& copy) {
  copy = os::LargeArray<T>(all.size());
  std::copy(all.begin(), all.end(), copy.data());
  return std::span<const T>(copy.data(), all.size());
}

template <class T>
Result<std::span<const T>> copy_all(const SealedFile& file, const std::string& name,
                                    os::LargeArray<T>& copy) {
  VIRIDIAN_TRY(const std::span<const T> all, read_all<T>(file, name));
  return copied(all, copy);
}

}  // namespace

Status write_index(SealedFileWriter& writer, const index::BuiltIndex& built, uint32_t number) {
  const index::IndexArrays arrays = built.arrays();
  const auto append = [&](const char* what, const auto& values) {
    return writer.append_section(name_of(what, number), values);
  };
  VIRIDIAN_TRY_VOID(append("index", std::span(&arrays.header, 1)));
  VIRIDIAN_TRY_VOID(append("index_centre", arrays.centre));
  VIRIDIAN_TRY_VOID(append("index_records", arrays.records));
  VIRIDIAN_TRY_VOID(append("index_fine", arrays.fine));
  VIRIDIAN_TRY_VOID(append("index_links", arrays.links));
  VIRIDIAN_TRY_VOID(append("index_entries", arrays.entries));
  VIRIDIAN_TRY_VOID(append("index_nodes_of", arrays.nodes_of));
  VIRIDIAN_TRY_VOID(append("index_apart", arrays.apart));
  return append("index_twins", arrays.twins);
}

Result<std::vector<IndexPlace>> indexes_of(const SealedFile& file) {
  std::vector<IndexPlace> places;
  uint32_t first = 0;
  const uint32_t from = file.has_section("index") ? 0 : 1;
  for (uint32_t number = from; file.has_section(name_of("index", number)); ++number) {
    IndexPlace place{number, first, 0, 0, 0};
    VIRIDIAN_TRY(const Section nodes_of, file.section(name_of("index_nodes_of", number)));
    VIRIDIAN_TRY(const Section records, file.section(name_of("index_records", number)));
    VIRIDIAN_TRY(const Section links, file.section(name_of("index_links", number)));
    VIRIDIAN_TRY(const Section fine, file.section(name_of("index_fine", number)));
    const uint64_t rows = nodes_of.size / sizeof(uint32_t);
    if (rows > index::kMostRows)
      return file.damaged(nodes_of.offset, "its index has too many rows");
    place.rows = static_cast<uint32_t>(rows);
    place.needed = records.size + links.size + rows * kMemoryPerRow;
    place.finer = fine.size;
    first += place.rows;
    places.push_back(place);
    if (number == 0) break;
  }
  return places;
}

Result<std::unique_ptr<const OpenedIndex>> OpenedIndex::open(const SealedFile& file,
                                                             const IndexPlace& place, bool finer) {
  auto opened = std::make_unique<OpenedIndex>();
  const auto name = [&](const char* what) { return name_of(what, place.number); };
  VIRIDIAN_TRY(const Section section, file.section(name("index")));
  VIRIDIAN_TRY(const Section offsets, file.section("offsets"));
  VIRIDIAN_TRY(const Section norms, file.section("norms"));
  VIRIDIAN_TRY(opened->fine_section_, file.section(name("index_fine")));
  index::IndexArrays arrays;
  VIRIDIAN_TRY(const Section vectors, file.section("vectors"));
  VIRIDIAN_TRY(arrays.header, file.element<index::IndexHeader>(section, 0));
  if (vectors.size != offsets.size / sizeof(Offset) * arrays.header.dim * sizeof(float))
    return file.damaged(section.offset, "its index is of vectors of another dimension");
  VIRIDIAN_TRY(arrays.centre, read_all<float>(file, name("index_centre")));
  VIRIDIAN_TRY(arrays.records, copy_all(file, name("index_records"), opened->records_));
  VIRIDIAN_TRY(arrays.links, copy_all(file, name("index_links"), opened->links_));
  VIRIDIAN_TRY(arrays.entries, read_all<uint32_t>(file, name("index_entries")));
  VIRIDIAN_TRY(arrays.nodes_of, copy_all(file, name("index_nodes_of"), opened->nodes_of_));
  VIRIDIAN_TRY(arrays.apart, read_all<uint32_t>(file, name("index_apart")));
  VIRIDIAN_TRY(arrays.twins, read_all<index::Twin>(file, name("index_twins")));
  if (finer || opened->fine_section_.size == 0) {
    VIRIDIAN_TRY(arrays.fine, copy_all(file, name("index_fine"), opened->fine_));
  } else {
    const os::Bytes fine = file.unverified(opened->fine_section_);
    arrays.fine = {reinterpret_cast<const uint8_t*>(fine.data()), fine.size()};
    opened->file_ = &file;
  }
  VIRIDIAN_TRY(const auto row_offsets, read<Offset>(file, offsets, place.first, place.rows));
  VIRIDIAN_TRY(const auto row_norms, read<float>(file, norms, place.first, place.rows));
  opened->offsets_span_ = copied(row_offsets, opened->offsets_);
  (void)copied(row_norms, opened->norms_);
  auto graph = index::GraphIndex::open(arrays);
  if (!graph.ok()) return graph.error().with(file.path());
  opened->graph_ = *std::move(graph);
  opened->fine_bytes_ =
      arrays.header.nodes == 0 ? 0 : opened->fine_section_.size / arrays.header.nodes;
  return opened;
}

Status OpenedIndex::fetch_finer(std::span<const uint32_t> nodes) const {
  file_->will_need(fine_section_, nodes, fine_bytes_);
  for (const uint32_t node : nodes)
    VIRIDIAN_TRY_VOID(file_->read_scattered(fine_section_, node * fine_bytes_, fine_bytes_));
  return ok_status();
}

}  // namespace viridian::segment
