#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "postings/source.h"
#include "text/trigram_index.h"

/// The input up to its first line break is a text, the rest an index. Whatever is found there is
/// refused, or rows of the block.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using viridian::postings::Row;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t split = input.find('\n');
  if (split == std::string_view::npos) return 0;
  const std::string_view text = input.substr(0, split);
  const auto index =
      viridian::text::TrigramIndex::open(std::make_shared<const viridian::postings::MemorySource>(
          std::string(input.substr(split + 1))));
  if (!index.ok()) return 0;
  const auto found = index->containing(text);
  if (!found.ok()) return 0;
  found->rows.for_each([&](Row row) {
    if (row >= index->rows()) __builtin_trap();
  });
  const auto most = index->at_most(text);
  if (!most.ok() || *most > index->rows()) __builtin_trap();
  return 0;
}
