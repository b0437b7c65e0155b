#include "text/terms_builder.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "base/hash.h"
#include "postings/row_list.h"
#include "text/terms_format.h"

namespace viridian::text {

using postings::Row;

struct TermsBuilder::Dictionary {
  std::string groups, terms, postings;
};

namespace {

/// Adds a term behind the one before it in the dictionary: what they share, in number, and the
/// rest.
void append_term(std::string_view before, std::string_view term, std::string& out) {
  const auto differ = std::mismatch(before.begin(), before.end(), term.begin(), term.end());
  const auto shared = static_cast<uint32_t>(differ.first - before.begin());
  const auto own = static_cast<uint32_t>(term.size()) - shared;
  out.push_back(static_cast<char>(std::min(shared, kNibble) << 4 | std::min(own, kNibble)));
  if (shared >= kNibble) append_varint(out, shared - kNibble);
  if (own >= kNibble) append_varint(out, own - kNibble);
  out.append(term.substr(shared));
}

/// Adds values side by side, of so many bits each, the lowest first.
void append_packed(std::span<const uint32_t> values, uint32_t bits, std::string& out) {
  uint64_t word = 0;
  uint32_t used = 0;
  for (const uint32_t value : values) {
    word |= uint64_t{value} << used;
    for (used += bits; used >= 8; used -= 8, word >>= 8) out.push_back(static_cast<char>(word));
  }
  if (used > 0) out.push_back(static_cast<char>(word));
}

uint32_t max_frequency(auto block) {
  uint32_t most = 0;
  for (const auto& posting : block) most = std::max<uint32_t>(most, posting.frequency);
  return most;
}

}  // namespace

size_t TermsBuilder::Hash::operator()(std::string_view text) const noexcept { return hash64(text); }

void TermsBuilder::add(Row row, std::string_view document) {
  VIRIDIAN_ASSERT(row >= lengths_.size());
  uint32_t length = 0;
  tokenizer_.start(document);
  for (Term term; length < UINT32_MAX && tokenizer_.next(term); ++length) {
    auto at = terms_.find(term.text);
    if (at == terms_.end()) at = terms_.try_emplace(std::string(term.text)).first;
    std::vector<Posting>& list = at->second;
    if (list.empty() || list.back().row != row) list.push_back({row, 0});
    if (list.back().frequency < kMostFrequency) ++list.back().frequency;
  }
  lengths_.resize(row);
  lengths_.push_back(length);
  ++documents_;
}

std::string TermsBuilder::finish(uint32_t rows) && {
  VIRIDIAN_ASSERT(rows >= lengths_.size() && rows <= postings::kBlockRows);
  const Dictionary dictionary = write_terms();
  TermsHeader header;
  header.rows = rows;
  header.documents = documents_;
  header.terms = static_cast<uint32_t>(terms_.size());
  uint32_t longest = 0;
  for (const uint32_t length : lengths_) {
    header.total_length += length;
    longest = std::max(longest, length);
    if (length != 0 && (header.shortest == 0 || length < header.shortest)) header.shortest = length;
  }
  header.length_bytes = longest < 256 ? 1 : longest < 65536 ? 2 : 4;
  header.dictionary_bytes = dictionary.terms.size();
  header.postings_bytes = dictionary.postings.size();
  std::string out;
  append_value(out, header);
  out += lengths(rows, header.length_bytes);
  out += dictionary.groups;
  out += dictionary.terms;
  out += dictionary.postings;
  return out;
}

TermsBuilder::Dictionary TermsBuilder::write_terms() const {
  using Entry = decltype(terms_)::value_type;
  std::vector<const Entry*> sorted;
  sorted.reserve(terms_.size());
  for (const Entry& entry : terms_) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](const Entry* a, const Entry* b) { return a->first < b->first; });
  Dictionary dictionary;
  std::string_view before;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i % kTermsPerGroup == 0) {
      before = {};
      append_value(dictionary.groups,
                   TermGroup{dictionary.terms.size(), dictionary.postings.size()});
    }
    const auto& [term, list] = *sorted[i];
    append_term(before, term, dictionary.terms);
    before = term;
    const size_t begin = dictionary.postings.size();
    append_postings(list, dictionary.postings);
    append_varint(dictionary.terms, static_cast<uint32_t>(list.size()));
    append_varint(dictionary.terms, static_cast<uint32_t>(dictionary.postings.size() - begin));
  }
  return dictionary;
}

void TermsBuilder::append_postings(const std::vector<Posting>& list, std::string& out) const {
  const std::span<const Posting> all(list);
  if (all.size() <= kPostingsPerBlock) {
    append_value(out, all.back().row);
    append_varint(out, max_frequency(all));
    return append_block(all, 0, out);
  }
  for (size_t at = 0; at < all.size(); at += kPostingsPerBlock) {
    const auto block = all.subspan(at, std::min<size_t>(kPostingsPerBlock, all.size() - at));
    uint32_t shortest = UINT16_MAX;
    for (const Posting& posting : block) shortest = std::min(shortest, lengths_[posting.row]);
    append_value(out, PostingBlock{block.back().row, static_cast<uint16_t>(max_frequency(block)),
                                   static_cast<uint16_t>(shortest)});
  }
  uint32_t first = 0;
  for (size_t at = 0; at < all.size(); at += kPostingsPerBlock) {
    const auto block = all.subspan(at, std::min<size_t>(kPostingsPerBlock, all.size() - at));
    append_block(block, first, out);
    first = uint32_t{block.back().row} + 1;
  }
}

/// Rows but the last, which is known, counted from `first`; then frequencies less one.
void TermsBuilder::append_block(std::span<const Posting> block, uint32_t first,
                                std::string& out) const {
  std::vector<Row> rows;
  std::vector<uint32_t> frequencies;
  for (const Posting& posting : block) {
    rows.push_back(static_cast<Row>(posting.row - first));
    frequencies.push_back(posting.frequency - 1U);
  }
  const uint32_t last = rows.back();
  rows.pop_back();
  postings::append_list(rows, last, out);
  const auto bits = static_cast<uint32_t>(std::bit_width(max_frequency(block) - 1));
  append_packed(frequencies, bits, out);
}

/// Of `bytes` each; in all a multiple of 8 bytes, so that what follows is aligned.
std::string TermsBuilder::lengths(uint32_t rows, uint32_t bytes) const {
  std::string out(size_t{rows} * bytes, '\0');
  for (size_t row = 0; row < lengths_.size(); ++row)
    std::memcpy(out.data() + row * bytes, &lengths_[row], bytes);
  out.resize((out.size() + 7) / 8 * 8);
  return out;
}

}  // namespace viridian::text
