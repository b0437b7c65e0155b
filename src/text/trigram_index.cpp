#include "text/trigram_index.h"

#include <algorithm>
#include <utility>

#include "text/trigram_format.h"

namespace viridian::text {
namespace {

using postings::RowSet;

/// Looking at one document takes about as long as reading so many rows of a list.
constexpr uint32_t kRowsPerDocument = 256;
/// Of the trigrams of a long text so many are looked up, evenly spread, ...
constexpr size_t kMostLookedUp = 128;
/// ... and the rows of so many of them read: those which the rarest leave have nearly always all.
constexpr size_t kMostRead = 16;

unsigned char byte_at(std::string_view text, size_t at) {
  return static_cast<unsigned char>(text[at]);
}

/// Documents are UTF-8, so that none holds it.
bool has_terminator(std::string_view text) {
  return text.find(static_cast<char>(kTerminator)) != std::string_view::npos;
}

/// The trigrams of a text of three bytes or more, ascending, each once.
std::vector<Trigram> trigrams_of(std::string_view text) {
  const size_t all = text.size() - 2;
  const size_t count = std::min(all, kMostLookedUp);
  std::vector<Trigram> trigrams;
  trigrams.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const size_t at = i * all / count;
    trigrams.push_back(trigram(byte_at(text, at), byte_at(text, at + 1), byte_at(text, at + 2)));
  }
  std::sort(trigrams.begin(), trigrams.end());
  trigrams.erase(std::unique(trigrams.begin(), trigrams.end()), trigrams.end());
  return trigrams;
}

}  // namespace

/// Rows that have any of some trigrams.
struct TrigramIndex::Wanted {
  std::vector<Posting> postings;
  uint64_t count = 0;  ///< of rows, where a row counts once per trigram

  void add(const Posting& posting) {
    if (posting.count == 0) return;
    postings.push_back(posting);
    count += posting.count;
  }
};

Result<TrigramIndex> TrigramIndex::open(std::shared_ptr<const postings::Source> source) {
  VIRIDIAN_TRY(TrigramDictionary dictionary, TrigramDictionary::open(std::move(source)));
  return TrigramIndex(std::move(dictionary));
}

Result<std::vector<TrigramIndex::Wanted>> TrigramIndex::look_up(std::span<const AnyOf> each) const {
  std::vector<Wanted> wanted(each.size());
  for (size_t i = 0; i < each.size(); ++i) {
    for (const Trigram trigram : each[i]) {
      VIRIDIAN_TRY(const Posting posting, dictionary_.find(trigram));
      wanted[i].add(posting);
    }
  }
  return wanted;
}

Result<std::vector<TrigramIndex::Wanted>> TrigramIndex::look_up(std::string_view text) const {
  if (text.size() < 3) {
    // Thanks to the terminators, these bytes begin a trigram wherever they are.
    const Trigram first =
        trigram(byte_at(text, 0), text.size() > 1 ? byte_at(text, 1) : uint8_t{0}, 0);
    const Trigram last = first | (text.size() > 1 ? 0xFF : 0xFFFF);
    VIRIDIAN_TRY(const std::vector<Posting> found, dictionary_.range(first, last));
    std::vector<Wanted> wanted(1);
    for (const Posting& posting : found) wanted[0].add(posting);
    return wanted;
  }
  std::vector<Wanted> wanted;
  for (const Trigram trigram : trigrams_of(text)) {
    VIRIDIAN_TRY(const Posting posting, dictionary_.find(trigram));
    wanted.emplace_back().add(posting);
    if (posting.count == 0) break;
  }
  return wanted;
}

Result<Candidates> TrigramIndex::intersect(std::vector<Wanted> wanted, const RowSet* among) const {
  std::sort(wanted.begin(), wanted.end(),
            [](const Wanted& a, const Wanted& b) { return a.count < b.count; });
  Candidates left{among != nullptr ? RowSet() : RowSet::first(rows()), true};
  if (among != nullptr) left.rows.unite(*among);
  bool limited = among != nullptr;
  size_t read = 0;
  for (const Wanted& next : wanted) {
    if (left.rows.empty()) break;
    if (next.count == 0) {
      left.rows = {};
    } else if (read == kMostRead ||
               (limited && left.rows.size() <= next.count / kRowsPerDocument)) {
      left.exact = false;
      break;
    } else {
      VIRIDIAN_TRY(RowSet having, dictionary_.rows_of_any(next.postings));
      if (limited)
        left.rows.intersect(having);
      else
        left.rows = std::move(having);
      limited = true;
      ++read;
    }
  }
  if (left.rows.empty()) left.exact = true;
  return left;
}

Result<Candidates> TrigramIndex::containing(std::string_view text, const RowSet* among) const {
  if (has_terminator(text)) return Candidates{{}, true};
  if (text.empty()) return intersect({}, among);
  VIRIDIAN_TRY(std::vector<Wanted> wanted, look_up(text));
  VIRIDIAN_TRY(Candidates found, intersect(std::move(wanted), among));
  if (text.size() > 3 && !found.rows.empty()) found.exact = false;
  return found;
}

Result<uint32_t> TrigramIndex::at_most(std::string_view text) const {
  if (text.empty()) return rows();
  if (has_terminator(text)) return uint32_t{0};
  VIRIDIAN_TRY(const std::vector<Wanted> wanted, look_up(text));
  uint64_t most = rows();
  for (const Wanted& one : wanted) most = std::min(most, one.count);
  return static_cast<uint32_t>(most);
}

Result<Candidates> TrigramIndex::having(std::span<const AnyOf> each, const RowSet* among) const {
  VIRIDIAN_TRY(std::vector<Wanted> wanted, look_up(each));
  return intersect(std::move(wanted), among);
}

}  // namespace viridian::text
