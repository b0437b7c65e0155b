#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "codec/json_values.h"

/// Any bytes as a filter: nothing crashes, and what is accepted reads back equal.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace viridian;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto where = codec::read_where(text); where.ok()) {
    const auto again = codec::read_where(codec::write_where(*where));
    if (!again.ok() || *again != *where) std::abort();
  }
  if (const auto where = codec::read_where_document(text); where.ok()) {
    const auto again = codec::read_where_document(codec::write_where_document(*where));
    if (!again.ok() || *again != *where) std::abort();
  }
  return 0;
}
