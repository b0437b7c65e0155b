#pragma once
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "postings/row_set.h"
#include "postings/source.h"
#include "text/terms_format.h"
#include "viridian/base/result.h"

namespace viridian::text {

/// Where a term occurs in a block: bytes for a PostingCursor.
struct PostingList {
  uint32_t documents = 0;  ///< that have the term
  std::span<const std::byte> bytes;
};

/// The terms of the documents of one block of rows, as TermsBuilder wrote them: who has which term
/// how often, and how long each document is. Only what is looked up is read. Immutable,
/// thread-safe.
class TermsIndex {
 public:
  /// `source` must outlive it, and all lists found in it.
  ///   the source's error, or its damaged(): these are no such bytes
  static Result<TermsIndex> open(const postings::Source& source);

  uint32_t rows() const noexcept { return header_.rows; }
  uint32_t documents() const noexcept { return header_.documents; }
  uint32_t terms() const noexcept { return header_.terms; }
  /// Terms of all documents, repeated ones each time.
  uint64_t total_length() const noexcept { return header_.total_length; }
  /// Of the shortest document that has any terms.
  uint32_t shortest() const noexcept { return header_.shortest; }
  /// A document's terms; 0 where the row has none. The row is one of the block.
  uint32_t length(postings::Row row) const noexcept;

  /// Unset where no document has the term. Errors as open().
  Result<std::optional<PostingList>> find(std::string_view term) const;
  /// For who finds a list to be none.
  Error damaged() const;

  /// Reads everything: that terms ascend, that each list can be read, that the bounds kept of its
  /// blocks hold, and that documents are as long as their terms are many.
  Status check() const;

 private:
  class GroupReader;

  TermsIndex(const postings::Source& source, const TermsHeader& header) noexcept
      : source_(&source), header_(header) {}
  Status locate();
  size_t groups() const noexcept { return groups_.size() / sizeof(TermGroup); }
  TermGroup group(size_t i) const noexcept;
  Result<GroupReader> read_group(size_t i) const;
  Result<size_t> group_of(std::string_view term) const;
  Result<PostingList> read_postings(uint64_t begin, uint32_t documents, uint64_t size) const;

  const postings::Source* source_;
  TermsHeader header_;
  std::span<const std::byte> lengths_;
  std::span<const std::byte> groups_;
  uint64_t dictionary_begin_ = 0;
  uint64_t postings_begin_ = 0;
};

inline uint32_t TermsIndex::length(postings::Row row) const noexcept {
  const std::byte* at = lengths_.data() + size_t{row} * header_.length_bytes;
  if (header_.length_bytes == 1) return static_cast<uint32_t>(*at);
  uint32_t length = 0;
  if (header_.length_bytes == 2)
    std::memcpy(&length, at, 2);
  else
    std::memcpy(&length, at, 4);
  return length;
}

}  // namespace viridian::text
