#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/crc32c.h"
#include "log/frame.h"

// Walks any bytes as if they were a log file; a frame that is found whole must be what its own
// header, made anew, says.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace viridian;
  log::Bytes rest(reinterpret_cast<const std::byte*>(data), size);
  while (!rest.empty()) {
    const log::ParsedFrame parsed = log::parse_frame(rest);
    if (parsed.state != log::FrameState::whole) {
      rest = rest.subspan(std::min<size_t>(rest.size(), log::kFrameAlignment));
      continue;
    }
    if (parsed.size > rest.size()) std::abort();
    const log::Bytes payload = rest.subspan(log::kFrameHeaderBytes, parsed.size - 48);
    const log::FrameHeader header =
        log::make_frame_header(parsed.frame, parsed.frame.payload.size(), crc32c(0, payload));
    if (!std::equal(header.begin(), header.end(), rest.begin())) std::abort();
    rest = rest.subspan(parsed.size);
  }
  return 0;
}
