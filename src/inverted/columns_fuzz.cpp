#include "inverted/columns.h"

#include <algorithm>
#include <string>

/// Whatever the bytes, a reader gives errors or rows of the block.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace viridian;
  const auto columns = inverted::Columns::open(std::make_shared<postings::MemorySource>(
      std::string(reinterpret_cast<const char*>(data), size)));
  if (!columns.ok()) return 0;
  for (uint32_t key = 0; key < 4; ++key) {
    for (uint8_t type = 0; type < kMetadataTypes; ++type) {
      const auto column = columns->find(key, static_cast<MetadataType>(type));
      if (!column.ok() || !column->has_value()) continue;
      const uint32_t last = std::min((*column)->values(), 100'000U);
      const auto rows = (*column)->rows({0, last});
      if (rows.ok() && rows->size() > columns->rows()) __builtin_trap();
      if (last > 0 && (*column)->is_text())
        (void)(*column)->text(last - 1);
      else if (last > 0)
        (void)(*column)->number(last - 1);
    }
  }
  return 0;
}
