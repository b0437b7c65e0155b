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
  load_common(*this, sizeof(IdEntry), "id_index");
  fill_gaps(offsets, kUnknown);
  load_keys();
  row_contents_ = RowContents::of(file, rows);
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

std::optional<StoredRow> MetadataContents::row(uint64_t i) const { return row_contents_->row(i); }

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
  VIRIDIAN_TRY(const std::vector<uint64_t> hashes, check_rows(context, complain));
  VIRIDIAN_TRY_VOID(context.check());
  check_index(hashes, complain);
  return ok_status();
}

Result<std::vector<uint64_t>> MetadataContents::check_rows(const Context& context,
                                                           const Complaint& complain) const {
  std::vector<uint64_t> hashes;
  hashes.reserve(rows);
  size_t complaints = 0;
  const auto say = [&](uint64_t i, const char* what) {
    if (complaints++ < kComplaintsMax)
      complain(row_contents_->place(i), fmt::format("row {} {}", i, what));
  };
  for (uint64_t i = 0; i < rows; ++i) {
    if (i % kCheckRows == 0) VIRIDIAN_TRY_VOID(context.check());
    const std::optional<StoredRow> found = row(i);
    hashes.push_back(found ? segment::RowId(id_of(**found)).hash() : kUnknown);
    if (!found) {
      say(i, "is not a row");
      continue;
    }
    const segment::RowView& view = **found;
    if (!found->whole()) say(i, "has a document that is not there");
    for (uint32_t entry = 0; entry < view.entries(); ++entry) {
      const bool ascends = entry == 0 || view.key(entry - 1) < view.key(entry);
      if (ascends && info && view.key(entry) < info->keys) continue;
      say(i, "has metadata under a key that is not there");
      break;
    }
  }
  row_contents_->check(complain);
  return hashes;
}

void MetadataContents::check_index(const std::vector<uint64_t>& hashes,
                                   const Complaint& complain) const {
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
    if (!fits || hashes[entry->row] != entry->hash)
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
