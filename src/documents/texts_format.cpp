#include "documents/texts_format.h"

namespace viridian::documents {
namespace {

/// False: there is no such number, or it is more than a run may have.
bool take_length(std::span<const std::byte>& bytes, uint32_t& length) {
  uint32_t value = 0;
  for (uint32_t shift = 0; shift < 28 && !bytes.empty(); shift += 7) {
    const auto byte = std::to_integer<uint32_t>(bytes.front());
    bytes = bytes.subspan(1);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      length = value;
      return value <= kPieceBytes;
    }
  }
  return false;
}

}  // namespace

void append_length(uint32_t length, std::string& out) {
  for (; length >= 0x80; length >>= 7) out += static_cast<char>(0x80 | (length & 0x7f));
  out += static_cast<char>(length);
}

bool parse_run(std::span<const std::byte> bytes, uint32_t count, RunContents& out) {
  if (count == 0 || count > kMostTextsOfRun) return false;
  uint32_t end = 0;
  for (uint32_t text = 0; text < count; ++text) {
    uint32_t length = 0;
    if (!take_length(bytes, length)) return false;
    end += length;
    out.ends[text] = end;
  }
  out.count = count;
  out.payload = bytes;
  return end <= kPieceBytes && end <= kMostExpansion * bytes.size();
}

}  // namespace viridian::documents
