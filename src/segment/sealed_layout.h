#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "segment/sealed_file.h"

// The frame of a sealed file as it lies on disk (docs/file-formats.md), for its reader and writer
// and for whoever looks for what damage has left of it.
namespace viridian::segment {

inline constexpr std::array<char, 8> kSealedMagic = {'V', 'I', 'R', 'I', 'D', 'S', 'E', 'G'};
inline constexpr std::array<char, 8> kSealedEndMagic = {'V', 'I', 'R', 'I', 'D', 'E', 'N', 'D'};
/// Sections start at multiples of it. A block's size is a multiple of it.
inline constexpr uint64_t kSectionAlignment = 64;
static_assert(SealedFile::kBlockBytes % kSectionAlignment == 0);

struct StoredHeader {
  std::array<char, 8> magic;
  uint32_t version;
  uint32_t kind;
  std::array<uint8_t, 16> file;
  std::array<uint8_t, 16> collection;
  std::array<uint8_t, 12> reserved;
  uint32_t crc;  ///< of what is before it; so in every format version
};
struct FooterHead {
  uint32_t sections;
  uint32_t blocks;
};
struct StoredSection {
  std::array<char, 16> name;
  uint64_t offset, size;
};
struct StoredTail {
  uint64_t footer_offset;
  uint32_t footer_crc;
  uint32_t reserved;
  std::array<char, 8> magic;
};
static_assert(sizeof(StoredHeader) == 64 && sizeof(FooterHead) == 8);
static_assert(sizeof(StoredSection) == 32 && sizeof(StoredTail) == 24);

template <class T>
os::Bytes bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

/// `bytes` must hold a T at `offset`.
template <class T>
T load(os::Bytes bytes, uint64_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// The blocks that cover this many bytes, the last one perhaps in part.
constexpr uint64_t blocks_of(uint64_t data_size) {
  return (data_size + SealedFile::kBlockBytes - 1) / SealedFile::kBlockBytes;
}
constexpr uint64_t aligned_section(uint64_t offset) {
  return (offset + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
}
/// 64 bits wide, so that no number of sections that is read overflows.
constexpr uint64_t footer_bytes(uint32_t sections, uint64_t blocks) {
  return sizeof(FooterHead) + sections * uint64_t{sizeof(StoredSection)} +
         blocks * sizeof(uint32_t);
}

StoredHeader make_header(const FileIdentity& identity, uint32_t version);
/// It begins as a sealed file of any version does, and its checksum is right.
bool is_sound(const StoredHeader& header);

/// Section i of a footer that is long enough to hold it.
NamedSection section_in(os::Bytes footer, uint32_t i);
/// The blocks' checksums in a footer that is long enough to hold them.
std::vector<uint32_t> block_crcs_in(os::Bytes footer, const FooterHead& head);
/// Footer and tail of a file whose blocks end at `data_size`.
std::string encode_end(std::span<const NamedSection> sections, std::span<const uint32_t> block_crcs,
                       uint64_t data_size);

}  // namespace viridian::segment
