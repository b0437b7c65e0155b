#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/crc32c.h"
#include "codec/batch_codec.h"
#include "log/frame.h"

namespace viridian::log {
namespace {

/// Walks any bytes as if they were a log file; a frame that is found whole must be what its own
/// header, made anew, says.
void walk(Bytes rest) {
  while (!rest.empty()) {
    const ParsedFrame parsed = parse_frame(rest);
    if (parsed.state != FrameState::whole) {
      rest = rest.subspan(std::min<size_t>(rest.size(), kFrameAlignment));
      continue;
    }
    if (parsed.size > rest.size()) std::abort();
    const Bytes payload = rest.subspan(kFrameHeaderBytes, parsed.size - kFrameHeaderBytes);
    const FrameHeader header =
        make_frame_header(parsed.frame, parsed.frame.payload.size(), crc32c(0, payload));
    if (!std::equal(header.begin(), header.end(), rest.begin())) std::abort();
    rest = rest.subspan(parsed.size);
  }
}

/// A sound frame around any payload, which random bytes would hardly ever become: it must be found
/// whole, its payload must decode or be refused, and with one byte changed it must not be whole.
void enclose(Bytes payload, uint32_t where, uint8_t change) {
  Frame frame;
  frame.first_seq = uint64_t{where} + 1;
  frame.records = 1 + change;
  std::vector<std::byte> bytes(kFrameHeaderBytes + padded_size(payload.size()));
  if (!payload.empty()) std::memcpy(&bytes[kFrameHeaderBytes], payload.data(), payload.size());
  const FrameHeader header =
      make_frame_header(frame, payload.size(), crc32c(0, Bytes(bytes).subspan(kFrameHeaderBytes)));
  std::copy(header.begin(), header.end(), bytes.begin());
  const ParsedFrame parsed = parse_frame(bytes);
  if (payload.empty() ? parsed.state == FrameState::cut_short : parsed.state != FrameState::whole)
    std::abort();
  if (parsed.state == FrameState::whole)
    (void)codec::decode_batch(os::as_text(parsed.frame.payload));
  if (change == 0) return;
  bytes[where % bytes.size()] ^= std::byte{change};
  if (parse_frame(bytes).state == FrameState::whole) std::abort();
  walk(bytes);
}

}  // namespace
}  // namespace viridian::log

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const viridian::log::Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  viridian::log::walk(bytes);
  if (size < 5) return 0;
  uint32_t where = 0;
  std::memcpy(&where, data, sizeof where);
  viridian::log::enclose(bytes.subspan(5), where, data[4]);
  return 0;
}
