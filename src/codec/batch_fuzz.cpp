#include <cstdint>
#include <cstdlib>

#include "codec/batch_codec.h"

// Whatever decodes must encode to bytes that decode to the same bytes again: nothing that the
// decoder lets through is lost or invented on the way.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace viridian;
  const auto batch =
      codec::decode_batch(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!batch.ok()) return 0;
  const std::string bytes = codec::encode_batch(*batch);
  const auto again = codec::decode_batch(bytes);
  if (!again.ok() || codec::encode_batch(*again) != bytes) std::abort();
  return 0;
}
