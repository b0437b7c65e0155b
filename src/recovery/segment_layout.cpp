#include "recovery/segment_layout.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/crc32c.h"
#include "recovery/flipped_bit.h"

namespace viridian::recovery {
namespace {

constexpr uint64_t kBlockBytes = segment::SealedFile::kBlockBytes;
constexpr std::array<char, 8> kMagic = {'V', 'I', 'R', 'I', 'D', 'S', 'E', 'G'};
constexpr std::array<char, 8> kEndMagic = {'V', 'I', 'R', 'I', 'D', 'E', 'N', 'D'};
/// More sections than any version writes; the number of places to look for a footer.
constexpr uint32_t kSectionsTried = 32;
constexpr uint64_t kSectionAlignment = 64;

struct StoredHeader {
  std::array<char, 8> magic;
  uint32_t version;
  uint32_t kind;
  std::array<uint8_t, 16> file;
  std::array<uint8_t, 16> collection;
  std::array<uint8_t, 12> reserved;
  uint32_t crc;
};
struct FooterHead {
  uint32_t sections;
  uint32_t blocks;
};
struct StoredSection {
  std::array<char, 16> name;
  uint64_t offset, size;
};
struct Tail {
  uint64_t footer_offset;
  uint32_t footer_crc;
  uint32_t reserved;
  std::array<char, 8> magic;
};
static_assert(sizeof(StoredHeader) == kSegmentHeaderBytes && sizeof(Tail) == kSegmentTailBytes);
static_assert(sizeof(FooterHead) == 8 && sizeof(StoredSection) == 32);

template <class T>
os::Bytes bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

template <class T>
T load(os::Bytes bytes, uint64_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

uint64_t blocks_of(uint64_t data_size) { return (data_size + kBlockBytes - 1) / kBlockBytes; }

uint32_t header_crc(const StoredHeader& header) {
  return crc32c(0, bytes_of(header).first(offsetof(StoredHeader, crc)));
}

/// Sections lie one after the other, from the header to the footer.
bool fit_together(const std::vector<NamedSection>& sections, uint64_t data_size) {
  uint64_t end = kSegmentHeaderBytes;
  for (const auto& [name, section] : sections) {
    const uint64_t begin = (end + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
    if (section.offset != begin || section.offset > data_size ||
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
  const uint64_t sections_bytes = uint64_t{head.sections} * sizeof(StoredSection);
  if (head.blocks != blocks || bytes.size() != sizeof head + sections_bytes + blocks * 4)
    return std::nullopt;
  SegmentLayout layout;
  layout.data_size = data_size;
  for (uint32_t i = 0; i < head.sections; ++i) {
    const auto stored = load<StoredSection>(bytes, sizeof head + i * sizeof(StoredSection));
    const auto end = std::find(stored.name.begin(), stored.name.end(), '\0');
    layout.sections.push_back(
        {std::string(stored.name.begin(), end), {stored.offset, stored.size}});
  }
  if (!fit_together(layout.sections, data_size)) return std::nullopt;
  layout.block_crcs.resize(blocks);
  std::memcpy(layout.block_crcs.data(), bytes.data() + sizeof head + sections_bytes, blocks * 4);
  return layout;
}

/// Footer offsets that the file's size allows for, the one it states first.
std::vector<uint64_t> footer_offsets(uint64_t file_size, const Tail& tail) {
  std::vector<uint64_t> offsets;
  const uint64_t end = file_size - sizeof(Tail);
  if (tail.footer_offset >= kSegmentHeaderBytes && tail.footer_offset < end)
    offsets.push_back(tail.footer_offset);
  for (uint32_t sections = 1; sections <= kSectionsTried; ++sections) {
    const uint64_t fixed = sizeof(FooterHead) + sections * sizeof(StoredSection);
    if (end < fixed + kSegmentHeaderBytes) break;
    const uint64_t rest = end - fixed;  // data and the blocks' checksums
    const uint64_t guess = rest / (kBlockBytes + 4);
    for (uint64_t blocks = guess; blocks <= guess + 1; ++blocks)
      if (rest > blocks * 4 && blocks_of(rest - blocks * 4) == blocks)
        offsets.push_back(rest - blocks * 4);
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
  if (file.size() < sizeof(StoredHeader)) return std::nullopt;
  const auto stored = load<StoredHeader>(file, 0);
  if (stored.magic != kMagic || stored.crc != header_crc(stored)) return std::nullopt;
  SegmentHeader header;
  header.version = stored.version;
  header.identity.kind = static_cast<segment::FileKind>(stored.kind);
  header.identity.file.bytes = stored.file;
  header.identity.collection.bytes = stored.collection;
  return header;
}

std::vector<std::byte> make_segment_header(const segment::FileIdentity& identity,
                                           uint32_t version) {
  StoredHeader header{kMagic,
                      version,
                      static_cast<uint32_t>(identity.kind),
                      identity.file.bytes,
                      identity.collection.bytes,
                      {},
                      0};
  header.crc = header_crc(header);
  const os::Bytes bytes = bytes_of(header);
  return {bytes.begin(), bytes.end()};
}

std::optional<SegmentLayout> read_segment_layout(os::Bytes file) {
  if (file.size() < kSegmentHeaderBytes + kSegmentTailBytes) return std::nullopt;
  const uint64_t end = file.size() - sizeof(Tail);
  const auto tail = load<Tail>(file, end);
  std::optional<SegmentLayout> best;
  for (const uint64_t offset : footer_offsets(file.size(), tail)) {
    const os::Bytes footer = file.subspan(offset, end - offset);
    if (crc32c(0, footer) == tail.footer_crc) {
      if (auto layout = parse_footer(footer, offset)) {
        layout->verified = true;
        layout->sound_tail =
            tail.magic == kEndMagic && tail.footer_offset == offset && tail.reserved == 0;
        return layout;
      }
    }
    if (best) continue;
    best = with_one_bit_back(footer, tail.footer_crc, offset);
    if (!best) best = parse_footer(footer, offset);
  }
  return best;
}

std::string make_segment_footer(const SegmentLayout& layout) {
  std::string footer;
  const auto put = [&footer](const auto& value) { footer.append(os::as_text(bytes_of(value))); };
  put(FooterHead{static_cast<uint32_t>(layout.sections.size()),
                 static_cast<uint32_t>(layout.block_crcs.size())});
  for (const auto& [name, section] : layout.sections) {
    StoredSection stored{{}, section.offset, section.size};
    name.copy(stored.name.data(), stored.name.size());
    put(stored);
  }
  for (const uint32_t crc : layout.block_crcs) put(crc);
  const Tail tail{layout.data_size, crc32c(0, os::as_bytes(footer)), 0, kEndMagic};
  put(tail);
  return footer;
}

}  // namespace viridian::recovery
