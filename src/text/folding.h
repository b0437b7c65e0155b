#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace viridian::text {

/// Rewrites words so that what readers take for the same word has the same bytes. Keeps memory from
/// one call to the next, so not thread-safe.
class Folder {
 public:
  /// Normal form KC (Unicode TR 15), without characters that are not seen, and if `fold_case` with
  /// full case folding (Unicode 3.13, toCasefold). Typographic apostrophes become plain ones.
  /// `word` is UTF-8; `out` is replaced.
  void fold(std::string_view word, bool fold_case, std::string& out);
  /// Leaves out accents: Unicode's blocks of combining diacritical marks, and the points of Hebrew
  /// and Arabic. Marks that stand for sounds (kana, the scripts of India) stay.
  void strip_accents(std::string& word);

 private:
  bool decompose(std::string_view word, int options);
  void compose(std::string& out);

  std::vector<int32_t> code_points_;  ///< the first count_ are in use
  size_t count_ = 0;
};

/// Cuts it to at most so many bytes, between characters. The text is UTF-8.
std::string_view utf8_prefix(std::string_view text, size_t bytes) noexcept;

}  // namespace viridian::text
