#include "log/frame.h"

#include <bit>
#include <cstring>
#include <limits>

#include "base/assert.h"
#include "base/crc32c.h"

namespace viridian::log {
namespace {

constexpr uint32_t kMagic = 0x474c4456;  // "VDLG"
constexpr uint8_t kBatchVersion = 1;
constexpr uint8_t kMarkVersion = 2;

struct Layout {
  uint32_t magic;
  uint8_t version;
  uint8_t flags;
  uint16_t reserved;
  uint32_t payload_size;
  uint32_t records;
  uint64_t first_seq;
  uint64_t durable_seq;
  uint64_t salt;
  uint32_t payload_crc;
  uint32_t header_crc;  // of all bytes before it
};
static_assert(sizeof(Layout) == kFrameHeaderBytes && offsetof(Layout, header_crc) == 44);
static_assert(std::endian::native == std::endian::little);

uint32_t header_crc(Bytes header) { return crc32c(0, header.first(offsetof(Layout, header_crc))); }

bool plausible(const Layout& header) {
  if (header.version == kMarkVersion) {
    return header.flags == 0 && header.reserved == 0 && header.payload_size == 0 &&
           header.records == 0 && header.durable_seq > 0 &&
           header.first_seq == header.durable_seq + 1;
  }
  return header.flags == 0 && header.reserved == 0 && header.payload_size <= kPayloadBytesMax &&
         header.records > 0 && header.first_seq > 0 && header.durable_seq < header.first_seq &&
         header.first_seq <= std::numeric_limits<uint64_t>::max() - header.records;
}

}  // namespace

ParsedFrame parse_frame(Bytes bytes) {
  ParsedFrame parsed;
  if (bytes.size() < kFrameHeaderBytes) {
    parsed.state = FrameState::cut_short;
    return parsed;
  }
  Layout header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kMagic || header_crc(bytes) != header.header_crc) return parsed;
  if (header.version != kBatchVersion && header.version != kMarkVersion) {
    parsed.state = FrameState::unknown_version;
    return parsed;
  }
  if (!plausible(header)) return parsed;
  const uint64_t padded = padded_size(header.payload_size);
  parsed.size = kFrameHeaderBytes + padded;
  parsed.frame = {header.first_seq, header.durable_seq, header.records, header.salt, {}};
  if (parsed.size > bytes.size()) {
    parsed.state = FrameState::cut_short;
    return parsed;
  }
  const Bytes payload = bytes.subspan(kFrameHeaderBytes, padded);
  if (crc32c(0, payload) != header.payload_crc) return parsed;
  parsed.state = FrameState::whole;
  parsed.frame.payload = payload.first(header.payload_size);
  return parsed;
}

FrameHeader make_frame_header(const Frame& frame, uint64_t payload_size, uint32_t payload_crc) {
  VIRIDIAN_ASSERT(payload_size <= kPayloadBytesMax);
  const Layout layout = {
      .magic = kMagic,
      .version = frame.is_mark() ? kMarkVersion : kBatchVersion,
      .flags = 0,
      .reserved = 0,
      .payload_size = static_cast<uint32_t>(payload_size),
      .records = frame.records,
      .first_seq = frame.first_seq,
      .durable_seq = frame.durable_seq,
      .salt = frame.salt,
      .payload_crc = payload_crc,
      .header_crc = 0,
  };
  FrameHeader header;
  std::memcpy(header.data(), &layout, sizeof layout);
  const uint32_t crc = header_crc(header);
  std::memcpy(header.data() + offsetof(Layout, header_crc), &crc, sizeof crc);
  return header;
}

FrameHeader make_mark(SeqId durable_seq, uint64_t salt) {
  return make_frame_header({durable_seq + 1, durable_seq, 0, salt, {}}, 0, crc32c(0, {}));
}

}  // namespace viridian::log
