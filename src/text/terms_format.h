#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

// What the writer and the reader of terms indexes agree on; docs/file-formats.md has the whole
// layout.
namespace viridian::text {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie");

inline constexpr uint32_t kTermsVersion = 1;
/// Terms that share prefixes, the first of them whole.
inline constexpr size_t kTermsPerGroup = 32;
/// Rows of a posting list whose maxima are kept.
inline constexpr uint32_t kPostingsPerBlock = 128;
/// A term that a document has more often counts so often.
inline constexpr uint32_t kMostFrequency = 65535;
/// The sizes of a term's shared and own bytes from which on they are written as numbers.
inline constexpr uint32_t kNibble = 15;

struct TermsHeader {
  uint32_t version = kTermsVersion;
  uint32_t rows = 0;
  uint32_t documents = 0;
  uint32_t terms = 0;
  uint64_t total_length = 0;
  uint32_t shortest = 0;      ///< terms of the shortest document that has any
  uint32_t length_bytes = 1;  ///< of each row's number of terms: 1, 2 or 4
  uint64_t dictionary_bytes = 0;
  uint64_t postings_bytes = 0;
};
static_assert(sizeof(TermsHeader) == 48);

/// Where a group's terms and their posting lists begin.
struct TermGroup {
  uint64_t terms = 0;
  uint64_t postings = 0;
};
static_assert(sizeof(TermGroup) == 16);

/// What is known of a block of a posting list that has several.
struct PostingBlock {
  uint16_t last_row = 0;
  uint16_t max_frequency = 0;
  uint16_t min_length = 0;  ///< of its documents; 65535: at least as much
};
static_assert(sizeof(PostingBlock) == 6);

template <class T>
void append_value(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// LEB128: seven bits a byte, the lowest first.
inline void append_varint(std::string& out, uint32_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>((value & 0x7F) | 0x80));
  out.push_back(static_cast<char>(value));
}

/// Reads front to back; beyond the end all is zero, and ok() false.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool ok() const noexcept { return ok_; }
  std::span<const std::byte> rest() const noexcept { return bytes_; }

  std::span<const std::byte> take(size_t size) noexcept {
    if (size > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const auto taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }
  template <class T>
  T value() noexcept {
    T value{};
    const auto bytes = take(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  uint32_t varint() noexcept {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
      const auto byte = this->value<uint8_t>();
      value |= uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) break;
      if (shift == 28) ok_ = false;
    }
    if (value > UINT32_MAX) ok_ = false;
    return static_cast<uint32_t>(value);
  }

 private:
  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

}  // namespace viridian::text
