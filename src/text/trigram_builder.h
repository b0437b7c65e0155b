#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "postings/row_set.h"

namespace viridian::text {

/// Builds the bytes of a TrigramIndex. The same documents give the same bytes. Not thread-safe.
class TrigramBuilder {
 public:
  TrigramBuilder();
  ~TrigramBuilder();

  /// `document` is UTF-8. Rows ascend, each at most once; those without a document are left out.
  void add(postings::Row row, std::string_view document);

  /// About as many bytes as are held: 2 to 4 for each trigram of each row, 28 for each trigram, 2
  /// KiB for each pair of first bytes, and 6 MiB. finish() takes what it returns besides.
  size_t memory() const noexcept { return memory_; }

  /// The index of a block of `rows`, more than the last row that was added. The builder is empty
  /// again.
  std::string finish(uint32_t rows);

 private:
  /// Of a trigram: its number, in the order of appearance, and the row that it was last found in,
  /// plus 1. All 0: it has not been found.
  struct Seen {
    uint32_t number;
    uint32_t mark;
  };
  /// Of the trigrams with two first bytes in common, by the third one.
  using Block = std::array<Seen, 256>;
  /// Found trigrams up to `end` are of this row.
  struct Run {
    postings::Row row;
    size_t end;
  };
  struct Layout;

  void take(uint32_t prefix, unsigned char last, postings::Row row);
  void add_trigram(uint32_t prefix, unsigned char last);
  void sort_found();
  std::vector<uint32_t> lay_out(Layout& layout) const;
  void clear();

  std::vector<std::unique_ptr<Block>> seen_;      ///< by the first two bytes
  std::vector<std::vector<postings::Row>> rows_;  ///< by number
  std::unique_ptr<uint32_t[]> found_;             ///< numbers, not yet in rows_
  size_t found_count_ = 0;
  std::vector<Run> runs_;
  std::unique_ptr<postings::Row[]> sorted_;  ///< for sort_found()
  size_t memory_ = 0;
};

}  // namespace viridian::text
