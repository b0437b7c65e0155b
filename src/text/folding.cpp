#include "text/folding.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "codec/utf8.h"

namespace viridian::text {
namespace {

static_assert(sizeof(utf8proc_int32_t) == sizeof(int32_t));

constexpr std::array<std::array<int32_t, 2>, 8> kAccents = {{{0x0300, 0x036F},
                                                             {0x0591, 0x05C7},
                                                             {0x064B, 0x065F},
                                                             {0x0670, 0x0670},
                                                             {0x1AB0, 0x1AFF},
                                                             {0x1DC0, 0x1DFF},
                                                             {0x20D0, 0x20FF},
                                                             {0xFE20, 0xFE2F}}};

bool is_accent(int32_t c) {
  return std::any_of(kAccents.begin(), kAccents.end(),
                     [&](const auto& range) { return c >= range[0] && c <= range[1]; });
}

}  // namespace

void Folder::fold(std::string_view word, bool fold_case, std::string& out) {
  const int options =
      UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_IGNORE | (fold_case ? UTF8PROC_CASEFOLD : 0);
  out.assign(word);
  if (!decompose(word, options)) return;
  const auto end = code_points_.begin() + static_cast<ptrdiff_t>(count_);
  std::replace(code_points_.begin(), end, 0x2019, int32_t{'\''});
  compose(out);
}

void Folder::strip_accents(std::string& word) {
  if (!decompose(word, UTF8PROC_DECOMPOSE)) return;
  const auto end = code_points_.begin() + static_cast<ptrdiff_t>(count_);
  count_ = static_cast<size_t>(std::remove_if(code_points_.begin(), end, is_accent) -
                               code_points_.begin());
  compose(word);
}

/// False where the word is no UTF-8.
bool Folder::decompose(std::string_view word, int options) {
  while (true) {
    const utf8proc_ssize_t size =
        utf8proc_decompose(reinterpret_cast<const utf8proc_uint8_t*>(word.data()),
                           static_cast<utf8proc_ssize_t>(word.size()), code_points_.data(),
                           static_cast<utf8proc_ssize_t>(code_points_.size()),
                           static_cast<utf8proc_option_t>(options));
    if (size < 0) return false;
    count_ = static_cast<size_t>(size);
    if (count_ <= code_points_.size()) return true;
    code_points_.resize(count_);
  }
}

void Folder::compose(std::string& out) {
  const utf8proc_ssize_t size =
      utf8proc_normalize_utf32(code_points_.data(), static_cast<utf8proc_ssize_t>(count_),
                               static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  out.clear();
  for (utf8proc_ssize_t i = 0; i < size; ++i)
    json::append_utf8(out, static_cast<uint32_t>(code_points_[static_cast<size_t>(i)]));
}

std::string_view utf8_prefix(std::string_view text, size_t bytes) noexcept {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

}  // namespace viridian::text
