#include "recovery/segment_contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "index/flat.h"

namespace viridian::recovery {
namespace {

using segment::IdEntry;
using segment::kCheckRows;

/// Complaints about one part of one file: after these, more say nothing new.
constexpr size_t kComplaintsMax = 10;

/// The 8-byte numbers of a section, kUnknown where a block is bad.
std::vector<uint64_t> load_numbers(const ScannedFile& file, const segment::Section& section) {
  std::vector<uint64_t> numbers(section.size / sizeof(uint64_t), kUnknown);
  if (const auto all = file.read(section, 0, numbers.size() * sizeof(uint64_t))) {
    if (!numbers.empty()) std::memcpy(numbers.data(), all->data(), all->size());
    return numbers;
  }
  for (uint64_t i = 0; i < numbers.size(); ++i)
    numbers[i] = file.element<uint64_t>(section, i).value_or(kUnknown);
  return numbers;
}

/// Offsets ascend: where as many are unknown as there are numbers between the known ones around
/// them, they are known after all. `next` is greater than all; kUnknown: not told.
void fill_gaps(std::vector<Offset>& offsets, Offset next) {
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (offsets[i] != kUnknown) continue;
    size_t end = i;
    while (end < offsets.size() && offsets[end] == kUnknown) ++end;
    const Offset first = i == 0 ? 0 : offsets[i - 1] + 1;
    const Offset after = end < offsets.size() ? offsets[end] : next;
    if (after != kUnknown && after - first == end - i)
      for (size_t row = i; row < end; ++row) offsets[row] = first + (row - i);
    i = end;
  }
}

void load_common(Contents& contents, uint64_t element_bytes, std::string_view per_row_section) {
  const ScannedFile& file = *contents.file;
  if (const auto offsets = file.section("offsets")) {
    contents.offsets = load_numbers(file, *offsets);
  } else if (const auto other = file.section(per_row_section)) {
    contents.offsets.assign(other->size / element_bytes, kUnknown);
  }
  contents.rows = contents.offsets.size();
  const auto ended = file.section("ended");
  contents.ended_complete = ended.has_value();
  if (!ended) return;
  contents.ended = load_numbers(file, *ended);
  const auto unknown = std::remove(contents.ended.begin(), contents.ended.end(), kUnknown);
  contents.ended_complete = unknown == contents.ended.end();
  contents.ended.erase(unknown, contents.ended.end());
}

void check_common(const Contents& contents, const SegmentFile& named, uint64_t stated_rows,
                  const Complaint& complain) {
  const auto section = contents.file->section("offsets");
  const uint64_t at = section ? section->offset : 0;
  if (stated_rows != contents.rows || named.rows != contents.rows)
    complain(at, fmt::format("it says it has {} rows and the SysDb says {}, but it has {}",
                             stated_rows, named.rows, contents.rows));
  for (uint64_t i = 1; i < contents.rows; ++i)
    if (contents.offsets[i] <= contents.offsets[i - 1])
      return complain(at + i * sizeof(Offset), fmt::format("the offset of row {} is not greater "
                                                           "than the one before",
                                                           i));
  if (contents.up_to > named.last_seq)
    complain(0, fmt::format("it goes up to record {}, the SysDb says {}", contents.up_to,
                            named.last_seq));
}

uint64_t padded(uint64_t size) { return (size + 7) / 8 * 8; }

/// What a row of these first bytes takes, or 0 where that cannot be.
uint64_t row_size(os::Bytes head) {
  std::array<uint32_t, 6> fields;
  std::memcpy(fields.data(), head.data(), sizeof fields);
  return padded(sizeof fields + uint64_t{fields[1]} * 16 + fields[2] + fields[3] + fields[4] +
                fields[5]);
}
constexpr uint64_t kRowHeadBytes = 24;

}  // namespace

std::string id_of(const segment::RowView& row) {
  StringColumn id;
  row.append_id(id);
  return std::string(id[0]);
}

MetadataContents::MetadataContents(std::shared_ptr<const ScannedFile> scanned) {
  file = std::move(scanned);
  if (const auto section = file->section("info"))
    info = file->element<segment::MetadataInfo>(*section, 0);
  if (info) up_to = info->up_to;
  load_common(*this, sizeof(uint64_t), "row_ends");
  fill_gaps(offsets, kUnknown);
  load_keys();
  load_ends();
}

void MetadataContents::load_keys() {
  const auto section = file->section("keys");
  if (!section) return;
  const auto bytes = file->read(*section, 0, section->size);
  if (!bytes) return;
  std::string_view text = os::as_text(*bytes);
  std::vector<std::string> found;
  while (!text.empty()) {
    uint32_t size = 0;
    if (text.size() < sizeof size) return;
    text.copy(reinterpret_cast<char*>(&size), sizeof size);
    text.remove_prefix(sizeof size);
    if (size > text.size()) return;
    found.emplace_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  keys = std::move(found);
}

void MetadataContents::load_ends() {
  const auto section = file->section("rows");
  if (!section) return;
  rows_section_ = *section;
  if (const auto ends = file->section("row_ends")) ends_ = load_numbers(*file, *ends);
  ends_.resize(rows, kUnknown);
  uint64_t begin = 0;
  for (uint64_t i = 0; i < rows; ++i) {
    if (ends_[i] == kUnknown && begin != kUnknown) {
      // A row says how long it is.
      const auto head = file->read(rows_section_, begin, kRowHeadBytes);
      const uint64_t size = head ? row_size(*head) : 0;
      if (size > 0 && size <= rows_section_.size - begin) ends_[i] = begin + size;
    }
    begin = ends_[i];
  }
}

std::optional<segment::Section> MetadataContents::place(uint64_t i) const {
  if (i >= ends_.size()) return std::nullopt;
  const uint64_t begin = i == 0 ? 0 : ends_[i - 1], end = ends_[i];
  if (begin == kUnknown || end == kUnknown || begin > end || end > rows_section_.size)
    return std::nullopt;
  return segment::Section{rows_section_.offset + begin, end - begin};
}

std::optional<segment::RowView> MetadataContents::row(uint64_t i) const {
  const auto where = place(i);
  if (!where) return std::nullopt;
  const auto bytes = file->read(rows_section_, where->offset - rows_section_.offset, where->size);
  if (!bytes) return std::nullopt;
  auto view = segment::RowView::parse(*bytes);
  if (!view || padded(view->bytes().size()) != where->size) return std::nullopt;
  return view;
}

Status MetadataContents::check(const Context& context, const SegmentFile& named,
                               const Complaint& complain) const {
  if (!info) {
    complain(0, "it has no info section");
    return ok_status();
  }
  check_common(*this, named, info->rows, complain);
  if (!offsets.empty() && offsets.back() >= info->next_offset)
    complain(0, fmt::format("its next offset {} is not greater than the offset {} of its last row",
                            info->next_offset, offsets.back()));
  if (!keys || keys->size() != info->keys)
    complain(0, fmt::format("its list of keys does not hold {} keys", info->keys));
  VIRIDIAN_TRY_VOID(context.check());
  check_rows(complain);
  VIRIDIAN_TRY_VOID(context.check());
  check_index(complain);
  return ok_status();
}

void MetadataContents::check_rows(const Complaint& complain) const {
  size_t complaints = 0;
  for (uint64_t i = 0; i < rows && complaints < kComplaintsMax; ++i) {
    const auto where = place(i);
    const auto view = row(i);
    if (!view) {
      ++complaints;
      complain(where ? where->offset : 0, fmt::format("row {} is not a row", i));
      continue;
    }
    for (uint32_t entry = 0; entry < view->entries(); ++entry) {
      const bool ascends = entry == 0 || view->key(entry - 1) < view->key(entry);
      if (ascends && info && view->key(entry) < info->keys) continue;
      ++complaints;
      complain(where->offset, fmt::format("row {} has metadata under a key that is not there", i));
      break;
    }
  }
  if (rows > 0 && ends_.back() != rows_section_.size)
    complain(rows_section_.offset, "its rows do not fill their section");
}

void MetadataContents::check_index(const Complaint& complain) const {
  const auto section = file->section("id_index");
  if (!section || section->size != rows * sizeof(IdEntry))
    return complain(section ? section->offset : 0, "its id index is not as long as its rows");
  std::vector<bool> seen(rows);
  IdEntry before{};
  for (uint64_t i = 0; i < rows; ++i) {
    const auto entry = file->element<IdEntry>(*section, i);
    if (!entry) return;  // said as damage
    const bool ascends = i == 0 || before < *entry;
    const bool fits = ascends && entry->row < rows && !seen[entry->row];
    const auto view = fits ? row(entry->row) : std::nullopt;
    if (!view || segment::RowId(id_of(*view)).hash() != entry->hash)
      return complain(section->offset + i * sizeof(IdEntry),
                      fmt::format("entry {} of its id index does not belong to the rows", i));
    seen[entry->row] = true;
    before = *entry;
  }
}

VectorContents::VectorContents(std::shared_ptr<const ScannedFile> scanned) {
  file = std::move(scanned);
  if (const auto section = file->section("info"))
    info = file->element<segment::VectorInfo>(*section, 0);
  if (info) up_to = info->up_to;
  load_common(*this, sizeof(float), "norms");
  fill_gaps(offsets, kUnknown);
  if (const auto section = file->section("vectors")) vectors_section_ = *section;
  if (rows > 0 && vectors_section_.size % (rows * sizeof(float)) == 0)
    dim = static_cast<uint32_t>(vectors_section_.size / (rows * sizeof(float)));
  else if (info)
    dim = info->dim;
}

std::optional<segment::Section> VectorContents::place(uint64_t i) const {
  const uint64_t row_bytes = uint64_t{dim} * sizeof(float);
  if (dim == 0 || i >= vectors_section_.size / row_bytes) return std::nullopt;
  return segment::Section{vectors_section_.offset + i * row_bytes, row_bytes};
}

std::optional<std::span<const float>> VectorContents::vector(uint64_t i) const {
  const auto where = place(i);
  if (!where) return std::nullopt;
  const auto bytes =
      file->read(vectors_section_, where->offset - vectors_section_.offset, where->size);
  if (!bytes) return std::nullopt;
  // Sections start at multiples of 64 bytes in a file that is mapped at a page.
  return std::span(reinterpret_cast<const float*>(bytes->data()), dim);
}

Status VectorContents::check(const Context& context, const SegmentFile& named,
                             const Complaint& complain) const {
  if (!info) {
    complain(0, "it has no info section");
    return ok_status();
  }
  check_common(*this, named, info->rows, complain);
  if (vectors_section_.size != rows * info->dim * sizeof(float))
    complain(vectors_section_.offset, "it has more or fewer vectors than rows");
  const auto norms = file->section("norms");
  if (!norms || norms->size != rows * sizeof(float)) {
    complain(norms ? norms->offset : 0, "it has more or fewer norms than rows");
    return ok_status();
  }
  size_t complaints = 0;
  for (uint64_t i = 0; i < rows && complaints < kComplaintsMax; ++i) {
    if (i % kCheckRows == 0) VIRIDIAN_TRY_VOID(context.check());
    const auto stored = file->element<float>(*norms, i);
    const auto values = vector(i);
    if (!stored || !values) continue;  // said as damage
    float norm = 0;
    index::FlatScanner::norms(values->data(), dim, 1, &norm);
    // Not to the bit: the order of additions is another machine's where that one wrote the file.
    constexpr float kTolerance = 1e-4F;
    const bool equal = std::isfinite(norm) ? std::abs(norm - *stored) <= kTolerance * norm
                                           : !std::isfinite(*stored);
    if (equal) continue;
    ++complaints;
    complain(norms->offset + i * sizeof(float),
             fmt::format("the stored length of vector {} is not its length", i));
  }
  return ok_status();
}

}  // namespace viridian::recovery
