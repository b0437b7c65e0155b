#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "postings/row_set.h"
#include "text/tokenizer.h"

namespace viridian::text {

/// Makes the terms index (terms_index.h) of the documents of one block of rows. The same documents
/// give the same bytes. Not thread-safe.
class TermsBuilder {
 public:
  /// The tokenizer must outlive it, and is used by nobody else meanwhile.
  explicit TermsBuilder(Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  /// Adds a row's document. Rows ascend, each once; those without a document are passed over.
  void add(postings::Row row, std::string_view document);

  /// The index's bytes. `rows` are those of the block, with and without documents. Then it is over.
  std::string finish(uint32_t rows) &&;

 private:
  struct Posting {
    postings::Row row = 0;
    uint16_t frequency = 0;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept;
  };
  struct Dictionary;

  Dictionary write_terms() const;
  void append_postings(const std::vector<Posting>& list, std::string& out) const;
  void append_block(std::span<const Posting> block, uint32_t first, std::string& out) const;
  std::string lengths(uint32_t rows, uint32_t bytes) const;

  Tokenizer& tokenizer_;
  std::unordered_map<std::string, std::vector<Posting>, Hash, std::equal_to<>> terms_;
  std::vector<uint32_t> lengths_;  ///< per row, in terms
  uint32_t documents_ = 0;
};

}  // namespace viridian::text
