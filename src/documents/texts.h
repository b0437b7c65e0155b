#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "postings/source.h"
#include "viridian/base/result.h"

namespace viridian::documents {

class RunReader;
struct TextsHeader;

/// The texts that a TextsBuilder made a byte string of. Of the source only what is needed is read:
/// directory, dictionary, and the runs of the texts that are asked for. Nothing is kept in memory,
/// and decompression has no state: any number of threads may read at once.
///
/// Where calls fail the source is damaged: they return its error, or its damaged() for bytes that
/// are sound but wrong, or that have no such text. Memory is only taken as bytes are found that
/// need it: 255 times these at most.
class Texts {
 public:
  /// Reads the first 16 bytes.
  static Result<std::shared_ptr<const Texts>> open(std::shared_ptr<const postings::Source> source);
  /// For open().
  Texts(std::shared_ptr<const postings::Source> source, const TextsHeader& header);
  ~Texts();

  uint32_t size() const noexcept;
  /// Bytes of a text; nothing is decompressed.
  Result<uint64_t> length(uint32_t text) const;
  /// Appends a text to `out`, which stays as it was where that fails.
  Status read(uint32_t text, std::string& out) const;
  /// For TextCursor.
  Result<RunReader> runs() const;
  /// What the directory and the dictionary take at the beginning of such bytes: without them no
  /// text can be read. `bytes` has at least 16.
  static uint64_t head_bytes(std::span<const std::byte> bytes);

 private:
  std::shared_ptr<const postings::Source> source_;
  std::unique_ptr<const TextsHeader> header_;
};

}  // namespace viridian::documents
