#include "recovery/segment_layout.h"

#include "base/crc32c.h"
#include "recovery/flipped_bit.h"

namespace viridian::recovery {
namespace {

using segment::blocks_of;
using segment::footer_bytes;
using segment::FooterHead;
using segment::load;

/// More sections than any version writes; the number of places to look for a footer.
constexpr uint32_t kSectionsTried = 32;

/// Sections lie one after the other, from the header to the footer.
bool fit_together(const std::vector<segment::NamedSection>& sections, uint64_t data_size) {
  uint64_t end = kSegmentHeaderBytes;
  for (const auto& [name, section] : sections) {
    if (section.offset != segment::aligned_section(end) || section.offset > data_size ||
        section.size > data_size - section.offset)
      return false;
    end = section.offset + section.size;
  }
  return !sections.empty() && end == data_size;
}

/// The footer in `bytes`, which begins at `data_size` and ends at the tail.
std::optional<SegmentLayout> parse_footer(os::Bytes bytes, uint64_t data_size) {
  if (bytes.size() < sizeof(FooterHead)) return std::nullopt;
  const auto head = load<FooterHead>(bytes, 0);
  const uint64_t blocks = blocks_of(data_size);
  if (head.blocks != blocks || bytes.size() != footer_bytes(head.sections, blocks))
    return std::nullopt;
  SegmentLayout layout;
  layout.data_size = data_size;
  layout.sections.reserve(head.sections);
  for (uint32_t i = 0; i < head.sections; ++i)
    layout.sections.push_back(segment::section_in(bytes, i));
  if (!fit_together(layout.sections, data_size)) return std::nullopt;
  layout.block_crcs = segment::block_crcs_in(bytes, head);
  return layout;
}

/// Footer offsets that the file's size allows for, the one it states first.
std::vector<uint64_t> footer_offsets(uint64_t file_size, const segment::StoredTail& tail) {
  std::vector<uint64_t> offsets;
  const uint64_t end = file_size - sizeof(segment::StoredTail);
  if (tail.footer_offset >= kSegmentHeaderBytes && tail.footer_offset < end)
    offsets.push_back(tail.footer_offset);
  for (uint32_t sections = 1; sections <= kSectionsTried; ++sections) {
    const uint64_t fixed = footer_bytes(sections, 0);
    if (end < fixed + kSegmentHeaderBytes) break;
    const uint64_t rest = end - fixed;  // data and the blocks' checksums
    const uint64_t guess = rest / (segment::SealedFile::kBlockBytes + sizeof(uint32_t));
    for (uint64_t blocks = guess; blocks <= guess + 1; ++blocks)
      if (rest > blocks * sizeof(uint32_t) && blocks_of(rest - blocks * sizeof(uint32_t)) == blocks)
        offsets.push_back(rest - blocks * sizeof(uint32_t));
  }
  return offsets;
}

std::optional<SegmentLayout> with_one_bit_back(os::Bytes footer, uint32_t crc, uint64_t data_size) {
  const auto bit = find_flipped_bit(footer, crc);
  if (!bit) return std::nullopt;
  std::vector<std::byte> corrected(footer.begin(), footer.end());
  corrected[*bit / 8] ^= std::byte{1} << (*bit % 8);
  return parse_footer(corrected, data_size);
}

}  // namespace

std::optional<SegmentHeader> read_segment_header(os::Bytes file) {
  if (file.size() < kSegmentHeaderBytes) return std::nullopt;
  const auto stored = load<segment::StoredHeader>(file, 0);
  if (!segment::is_sound(stored)) return std::nullopt;
  SegmentHeader header;
  header.version = stored.version;
  header.identity.kind = static_cast<segment::FileKind>(stored.kind);
  header.identity.file.bytes = stored.file;
  header.identity.collection.bytes = stored.collection;
  return header;
}

std::optional<SegmentLayout> read_segment_layout(os::Bytes file) {
  if (file.size() < kSegmentHeaderBytes + kSegmentTailBytes) return std::nullopt;
  const uint64_t end = file.size() - sizeof(segment::StoredTail);
  const auto tail = load<segment::StoredTail>(file, end);
  std::optional<SegmentLayout> best;
  for (const uint64_t offset : footer_offsets(file.size(), tail)) {
    const os::Bytes footer = file.subspan(offset, end - offset);
    if (crc32c(0, footer) == tail.footer_crc) {
      if (auto layout = parse_footer(footer, offset)) {
        layout->verified = true;
        layout->sound_tail = tail.magic == segment::kSealedEndMagic &&
                             tail.footer_offset == offset && tail.reserved == 0;
        return layout;
      }
    }
    if (best) continue;
    best = with_one_bit_back(footer, tail.footer_crc, offset);
    if (!best) best = parse_footer(footer, offset);
  }
  return best;
}

}  // namespace viridian::recovery
