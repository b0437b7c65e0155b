#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "documents/texts_format.h"
#include "postings/source.h"
#include "viridian/base/result.h"

namespace viridian::documents {

/// Finds and decompresses runs of texts, for the time of one call: directory and dictionary have
/// been read. Nothing that the bytes say is believed without a look.
class RunReader {
 public:
  static Result<RunReader> begin(const postings::Source& source, const TextsHeader& header);

  /// A run that has been read, but not decompressed.
  struct Run {
    uint64_t at = 0;  ///< in the source
    uint32_t first_text = 0;
    RunContents contents;

    bool has(uint32_t text) const {
      return text >= first_text && text - first_text < contents.count;
    }
  };

  /// The last run that may have bytes of `text`. `likely` is looked at first.
  uint32_t find(uint32_t text, uint32_t likely) const;
  /// The first run that has bytes of the same text as `run`, if that is a piece; otherwise `run`.
  uint32_t first_piece(uint32_t run) const;
  /// `out` is large, so callers that read many runs keep one.
  Status load(uint32_t run, Run& out) const;
  /// Appends the first `bytes` of the texts of a run; where that fails, what `out` has more than
  /// before is anything.
  Status expand(const Run& run, uint32_t bytes, std::string& out) const;

  Error damaged(uint64_t at) const { return source_->damaged(at, "it has no such texts"); }

 private:
  RunReader(const postings::Source& source, const TextsHeader& header)
      : source_(&source), header_(header) {}
  RunEntry entry(uint32_t run) const;

  const postings::Source* source_;
  TextsHeader header_;
  uint64_t runs_begin_ = 0;
  std::span<const std::byte> directory_, dictionary_;
};

}  // namespace viridian::documents
