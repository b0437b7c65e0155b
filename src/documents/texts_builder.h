#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "viridian/base/result.h"

namespace viridian::documents {

/// What compressing texts may take (decision 26).
enum class Effort : uint8_t {
  quick,     ///< for what is soon to be compressed once more: 250 MB/s, a third more bytes
  thorough,  ///< 30 to 50 MB/s
};

/// Makes a byte string of texts, from which a Texts reads any of them. Short ones are compressed
/// together in runs of about 1 KiB, all with one dictionary made of what recurs in them; what does
/// not become smaller is kept as it is. Not thread-safe.
class TextsBuilder {
 public:
  explicit TextsBuilder(Effort effort = Effort::thorough) : effort_(effort) {}

  /// The next text: they are numbered from 0.
  void add(std::string_view text);
  /// Bytes that it uses: those of the texts, and 8 for each.
  size_t memory() const noexcept { return plain_.capacity() + ends_.capacity() * sizeof(uint64_t); }
  /// All texts that were added, once. The same for the same texts and version of LZ4. Needs memory
  /// for the result and 8 MiB besides.
  ///   invalid_argument  more than 2^24 - 1 texts, or 2^40 bytes
  Result<std::string> finish();

 private:
  Effort effort_;
  std::string plain_;
  std::vector<uint64_t> ends_;  ///< in plain_
};

}  // namespace viridian::documents
