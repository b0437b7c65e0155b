#include "text/trigram_dictionary.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "postings/row_list.h"

namespace viridian::text {
namespace {

using postings::Row;
using postings::RowBits;
using postings::RowSet;
using trigram_format::kPageTrigrams;

constexpr Trigram kMostTrigrams = 1U << 24;

/// Reads one number from the front of `bytes`.
std::optional<uint32_t> take_leb128(std::span<const std::byte>& bytes) {
  uint32_t value = 0;
  for (uint32_t i = 0; i < bytes.size() && i < 4; ++i) {
    const auto byte = std::to_integer<uint32_t>(bytes[i]);
    value |= (byte & 0x7F) << (7 * i);
    if (byte >= 0x80) continue;
    bytes = bytes.subspan(i + 1);
    return value;
  }
  return std::nullopt;
}

}  // namespace

TrigramDictionary::TrigramDictionary(std::shared_ptr<const postings::Source> source,
                                     const Header& header)
    : source_(std::move(source)), header_(header) {
  entries_begin_ = sizeof header + uint64_t{page_count()} * sizeof(Page);
  lists_begin_ = entries_begin_ + header.entry_bytes;
}

Result<TrigramDictionary> TrigramDictionary::open(std::shared_ptr<const postings::Source> source) {
  VIRIDIAN_TRY(const auto bytes, source->read(0, sizeof(Header)));
  Header header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.version > trigram_format::kVersion)
    return Error(
        Code::failed_precondition,
        "an index of documents is of version " + std::to_string(header.version) +
            ", which this program does not know; use the one that wrote it, or a newer one");
  if (header.version == 0) return source->damaged(0, "there is no trigram index");
  if (header.rows > postings::kBlockRows || header.trigrams > kMostTrigrams)
    return source->damaged(4, "more rows or trigrams than there can be");
  TrigramDictionary dictionary(std::move(source), header);
  const postings::Source& read = *dictionary.source_;
  if (dictionary.lists_begin_ > read.size()) return read.damaged(8, "more trigrams than bytes");
  VIRIDIAN_TRY(dictionary.pages_,
               read.read(sizeof header, dictionary.entries_begin_ - sizeof header));
  return dictionary;
}

uint32_t TrigramDictionary::page_count() const {
  return (header_.trigrams + kPageTrigrams - 1) / kPageTrigrams;
}

TrigramDictionary::Page TrigramDictionary::page(uint32_t number) const {
  Page page{};
  std::memcpy(&page, pages_.data() + size_t{number} * sizeof page, sizeof page);
  return page;
}

/// The last page that does not begin after the trigram; the first one where all do.
uint32_t TrigramDictionary::page_of(Trigram trigram) const {
  uint32_t low = 0;
  for (uint32_t high = page_count(); high - low > 1;) {
    const uint32_t middle = low + (high - low) / 2;
    (page(middle).first <= trigram ? low : high) = middle;
  }
  return low;
}

/// Calls f(trigram, posting) for those of a page, ascending, while it returns true. Whether it
/// always did.
template <class F>
Result<bool> TrigramDictionary::for_each_in(uint32_t number, F&& f) const {
  const Page begin = page(number);
  const bool is_last = number + 1 == page_count();
  const uint32_t end = is_last ? header_.entry_bytes : page(number + 1).entries_begin;
  const uint64_t at = entries_begin_ + begin.entries_begin;
  if (begin.entries_begin > end || end > header_.entry_bytes)
    return source_->damaged(at, "trigrams in no order");
  VIRIDIAN_TRY(std::span<const std::byte> entries, source_->read(at, end - begin.entries_begin));
  const uint64_t list_bytes = source_->size() - lists_begin_;
  uint64_t list = begin.lists_begin;
  Trigram trigram = begin.first;
  const uint32_t count = std::min(kPageTrigrams, header_.trigrams - number * kPageTrigrams);
  for (uint32_t i = 0; i < count; ++i) {
    const auto step = take_leb128(entries);
    const auto rows = take_leb128(entries);
    if (!step || !rows || (*step == 0) != (i == 0) || *rows == 0 || *rows > header_.rows)
      return source_->damaged(at, "a trigram that is none");
    trigram += *step;
    const uint64_t size =
        postings::list_bytes(trigram_format::listed(*rows, header_.rows), header_.rows);
    if (trigram >= kMostTrigrams || list > list_bytes || size > list_bytes - list)
      return source_->damaged(at, "a trigram's rows are not there");
    if (!f(trigram, Posting{*rows, lists_begin_ + list})) return false;
    list += size;
  }
  return true;
}

Result<Posting> TrigramDictionary::find(Trigram trigram) const {
  VIRIDIAN_TRY(const std::vector<Posting> found, range(trigram, trigram));
  return found.empty() ? Posting{} : found.front();
}

Result<std::vector<Posting>> TrigramDictionary::range(Trigram first, Trigram last) const {
  std::vector<Posting> found;
  bool more = true;
  for (uint32_t number = page_of(first); more && number < page_count(); ++number) {
    VIRIDIAN_TRY(more, for_each_in(number, [&](Trigram trigram, const Posting& posting) {
                   if (trigram >= first && trigram <= last) found.push_back(posting);
                   return trigram < last;
                 }));
  }
  return found;
}

Result<std::span<const std::byte>> TrigramDictionary::list_of(const Posting& posting) const {
  const uint32_t rows = header_.rows;
  return source_->read(posting.begin,
                       postings::list_bytes(trigram_format::listed(posting.count, rows), rows));
}

Result<RowSet> TrigramDictionary::rows_of(const Posting& posting) const {
  const uint32_t rows = header_.rows;
  const uint32_t listed = trigram_format::listed(posting.count, rows);
  VIRIDIAN_TRY(const auto bytes, list_of(posting));
  RowSet set;
  bool good = false;
  if (listed <= RowSet::kMostListed) {
    std::vector<Row> list;
    good = postings::read_list(bytes, listed, rows, list);
    set = RowSet::of(std::move(list));
  } else {
    auto bits = std::make_unique<RowBits>();
    good = postings::read_list(bytes, listed, rows, *bits);
    set = RowSet::of(std::move(bits));
  }
  if (!good || set.size() != listed)
    return source_->damaged(posting.begin, "a trigram's rows are none");
  if (trigram_format::lists_others(posting.count, rows)) set.complement(rows);
  return set;
}

Status TrigramDictionary::add_rows(const Posting& posting, RowBits& bits) const {
  const uint32_t rows = header_.rows;
  if (trigram_format::lists_others(posting.count, rows)) {
    VIRIDIAN_TRY(const RowSet set, rows_of(posting));
    set.add_to(bits.data());
    return ok_status();
  }
  VIRIDIAN_TRY(const auto bytes, list_of(posting));
  if (!postings::read_list(bytes, posting.count, rows, bits))
    return source_->damaged(posting.begin, "a trigram's rows are none");
  return ok_status();
}

Result<RowSet> TrigramDictionary::rows_of_any(std::span<const Posting> postings) const {
  if (postings.size() == 1) return rows_of(postings.front());
  auto bits = std::make_unique<RowBits>();
  for (const Posting& posting : postings) VIRIDIAN_TRY_VOID(add_rows(posting, *bits));
  return RowSet::of(std::move(bits));
}

}  // namespace viridian::text
