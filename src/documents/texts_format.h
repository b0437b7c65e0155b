#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace viridian::documents {

/// How texts lie in their byte string (docs/file-formats.md, "Documents").
inline constexpr uint32_t kTextsVersion = 1;
/// Of one text that has no run of its own, all texts of a run together.
inline constexpr size_t kRunBytes = 1024;
inline constexpr uint32_t kMostTextsOfRun = 256;
/// A longer text is cut into pieces of so many bytes, each in a run of its own.
inline constexpr size_t kPieceBytes = size_t{1} << 20;
/// A reference of LZ4 goes back by less than 64 KiB, and the run itself has to have room in them.
inline constexpr size_t kMostDictionaryBytes = size_t{60} << 10;
/// LZ4 makes a byte of at most this many.
inline constexpr uint64_t kMostExpansion = 255;

struct TextsHeader {
  uint32_t version = kTextsVersion;
  uint32_t texts = 0;
  uint32_t runs = 0;
  uint32_t dictionary_bytes = 0;
};
static_assert(sizeof(TextsHeader) == 16);

/// The directory has one per run, and one more for their end.
struct RunEntry {
  static constexpr uint32_t kTextBits = 24;
  static constexpr uint32_t kMostTexts = (uint32_t{1} << kTextBits) - 1;
  static constexpr uint64_t kMostBytes = (uint64_t{1} << (64 - kTextBits)) - 1;

  uint64_t begin = 0;       ///< where the run begins among the runs
  uint32_t first_text = 0;  ///< the first text that has bytes in it

  uint64_t packed() const { return uint64_t{first_text} << (64 - kTextBits) | begin; }
  static RunEntry unpack(uint64_t packed) {
    return {packed & kMostBytes, static_cast<uint32_t>(packed >> (64 - kTextBits))};
  }
};

/// A run's bytes, taken apart.
struct RunContents {
  std::array<uint32_t, kMostTextsOfRun> ends;  ///< of its texts, uncompressed
  uint32_t count = 0;                          ///< of its texts
  std::span<const std::byte> payload;

  uint32_t bytes() const { return ends[count - 1]; }
  uint32_t begin(uint32_t text) const { return text == 0 ? 0 : ends[text - 1]; }
};

/// Seven bits a byte, the lowest first, bit 7 in all but the last.
void append_length(uint32_t length, std::string& out);

/// False: `bytes` is no run of `count` texts.
bool parse_run(std::span<const std::byte> bytes, uint32_t count, RunContents& out);

}  // namespace viridian::documents
