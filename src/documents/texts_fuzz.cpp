#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "documents/text_cursor.h"
#include "documents/texts.h"
#include "documents/texts_builder.h"

namespace viridian::documents {
namespace {

std::shared_ptr<const Texts> open(std::string bytes) {
  auto texts = Texts::open(std::make_shared<postings::MemorySource>(std::move(bytes)));
  return texts.ok() ? *texts : nullptr;
}

/// Any bytes may be read as texts: what one call takes for a text has the length that another says.
void read_any(std::string bytes) {
  const auto texts = open(std::move(bytes));
  if (!texts) return;
  for (uint32_t i = 0; i < std::min(texts->size(), uint32_t{1000}); ++i) {
    std::string text;
    if (!texts->read(i, text).ok()) continue;
    if (const auto length = texts->length(i); !length.ok() || *length != text.size())
      __builtin_trap();
  }
  // With what was read before it, a text of wrong bytes may be another one.
  if (auto cursor = TextCursor::open(texts); cursor.ok())
    for (uint32_t i = 0; i < texts->size() && i < 1000; ++i) (void)cursor->read(i);
}

/// The input cut at its line breaks comes back as it was.
void build_any(std::string_view input) {
  TextsBuilder builder;
  std::vector<std::string_view> plain;
  for (size_t begin = 0; begin <= input.size();) {
    const size_t end = std::min(input.find('\n', begin), input.size());
    plain.push_back(input.substr(begin, end - begin));
    builder.add(plain.back());
    begin = end + 1;
  }
  auto bytes = builder.finish();
  if (!bytes.ok()) __builtin_trap();
  const auto texts = open(*std::move(bytes));
  if (!texts || texts->size() != plain.size()) __builtin_trap();
  for (uint32_t i = 0; i < plain.size(); ++i) {
    std::string text;
    if (!texts->read(i, text).ok() || text != plain[i]) __builtin_trap();
  }
}

}  // namespace
}  // namespace viridian::documents

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  viridian::documents::read_any(std::string(input));
  viridian::documents::build_any(input);
  return 0;
}
