#include "text/trigram_builder.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/assert.h"
#include "postings/row_list.h"
#include "text/trigram_format.h"

namespace viridian::text {
namespace {

using postings::Row;
using trigram_format::Header;
using trigram_format::kPageTrigrams;
using trigram_format::Page;

constexpr uint32_t kPrefixes = 65536;
/// So many are sorted at a time: enough to add several rows to a list at once, even where the texts
/// have most of all trigrams, few enough to stay in a processor's cache.
constexpr size_t kMostFound = size_t{1} << 20;
constexpr size_t kBytesAtOnce = size_t{1} << 16;
constexpr size_t kBytesPerTrigram = sizeof(std::vector<Row>) + sizeof(uint32_t);

void append_leb128(std::string& out, uint32_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

template <class T>
void append_raw(std::string& out, std::span<const T> values) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

std::vector<Row> without(std::span<const Row> list, uint32_t rows) {
  std::vector<Row> others;
  others.reserve(rows - list.size());
  size_t at = 0;
  for (uint32_t row = 0; row < rows; ++row) {
    if (at < list.size() && list[at] == row)
      ++at;
    else
      others.push_back(static_cast<Row>(row));
  }
  return others;
}

}  // namespace

/// Where everything will lie, known from the lists' lengths.
struct TrigramBuilder::Layout {
  explicit Layout(uint32_t block_rows) : rows(block_rows) {}

  void add(Trigram trigram, uint32_t count) {
    if (trigrams++ % kPageTrigrams == 0) {
      pages.push_back({trigram, static_cast<uint32_t>(entries.size()), list_bytes});
      last = trigram;
    }
    append_leb128(entries, trigram - last);
    append_leb128(entries, count);
    last = trigram;
    list_bytes += postings::list_bytes(trigram_format::listed(count, rows), rows);
  }

  uint32_t rows;
  uint32_t trigrams = 0;
  Trigram last = 0;
  std::vector<Page> pages;
  std::string entries;
  uint64_t list_bytes = 0;
};

TrigramBuilder::TrigramBuilder() { clear(); }
TrigramBuilder::~TrigramBuilder() = default;

void TrigramBuilder::clear() {
  seen_.clear();
  seen_.resize(kPrefixes);
  rows_ = {};
  found_count_ = 0;
  runs_.clear();
  memory_ = kPrefixes * sizeof seen_[0];
  if (found_) memory_ += kMostFound * (sizeof found_[0] + sizeof sorted_[0]);
}

void TrigramBuilder::add(Row row, std::string_view document) {
  if (document.empty()) return;
  if (!found_) {
    found_ = std::make_unique_for_overwrite<uint32_t[]>(kMostFound);
    sorted_ = std::make_unique_for_overwrite<Row[]>(kMostFound);
    memory_ += kMostFound * (sizeof found_[0] + sizeof sorted_[0]);
  }
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(document[i]); };
  const auto make_room = [&] {
    if (kMostFound - found_count_ > kBytesAtOnce) return;
    runs_.push_back({row, found_count_});
    sort_found();
  };
  uint32_t prefix =
      document.size() > 1 ? uint32_t{byte(0)} << 8 | byte(1) : uint32_t{byte(0)} << 8 | kTerminator;
  for (size_t begin = 2; begin < document.size(); begin += kBytesAtOnce) {
    make_room();
    const size_t end = std::min(document.size(), begin + kBytesAtOnce);
    for (size_t i = begin; i < end; ++i) {
      const unsigned char next = byte(i);
      take(prefix, next, row);
      prefix = (prefix << 8 | next) & 0xFFFF;
    }
  }
  make_room();
  take(prefix, kTerminator, row);
  if (document.size() > 1) take((prefix << 8 | kTerminator) & 0xFFFF, kTerminator, row);
  runs_.push_back({row, found_count_});
}

inline void TrigramBuilder::take(uint32_t prefix, unsigned char last, Row row) {
  if (!seen_[prefix] || (*seen_[prefix])[last].mark == 0) [[unlikely]]
    add_trigram(prefix, last);
  Seen& seen = (*seen_[prefix])[last];
  // Whether a trigram is new in its document is anybody's guess, so a branch would be slow.
  found_[found_count_] = seen.number;
  found_count_ += seen.mark != row + 1U ? 1 : 0;
  seen.mark = row + 1U;
}

void TrigramBuilder::add_trigram(uint32_t prefix, unsigned char last) {
  if (!seen_[prefix]) {
    seen_[prefix] = std::make_unique<Block>();
    memory_ += sizeof(Block);
  }
  (*seen_[prefix])[last].number = static_cast<uint32_t>(rows_.size());
  rows_.emplace_back();
  memory_ += kBytesPerTrigram;
}

/// Moves what was found to rows_, by a counting sort.
void TrigramBuilder::sort_found() {
  std::vector<uint32_t> ends(rows_.size());
  for (size_t i = 0; i < found_count_; ++i) ++ends[found_[i]];
  uint32_t before = 0;
  for (uint32_t& end : ends) before += std::exchange(end, before);
  size_t at = 0;
  for (const Run& run : runs_)
    for (; at < run.end; ++at) sorted_[ends[found_[at]]++] = run.row;
  uint32_t begin = 0;
  for (size_t number = 0; number < ends.size(); ++number) {
    const uint32_t end = ends[number];
    if (begin == end) continue;
    std::vector<Row>& list = rows_[number];
    const size_t capacity = list.capacity();
    list.insert(list.end(), &sorted_[begin], &sorted_[begin] + (end - begin));
    memory_ += (list.capacity() - capacity) * sizeof(Row);
    begin = end;
  }
  found_count_ = 0;
  runs_.clear();
}

/// The numbers of all trigrams, by ascending trigram.
std::vector<uint32_t> TrigramBuilder::lay_out(Layout& layout) const {
  std::vector<uint32_t> order;
  order.reserve(rows_.size());
  for (uint32_t prefix = 0; prefix < kPrefixes; ++prefix) {
    if (!seen_[prefix]) continue;
    for (uint32_t last = 0; last < 256; ++last) {
      const Seen& seen = (*seen_[prefix])[last];
      if (seen.mark == 0) continue;
      layout.add(prefix << 8 | last, static_cast<uint32_t>(rows_[seen.number].size()));
      order.push_back(seen.number);
    }
  }
  return order;
}

std::string TrigramBuilder::finish(uint32_t rows) {
  VIRIDIAN_ASSERT(rows <= postings::kBlockRows);
  sort_found();
  Layout layout(rows);
  const std::vector<uint32_t> order = lay_out(layout);
  const Header header{trigram_format::kVersion, rows, layout.trigrams,
                      static_cast<uint32_t>(layout.entries.size())};
  std::string out;
  out.reserve(sizeof header + layout.pages.size() * sizeof(Page) + layout.entries.size() +
              layout.list_bytes);
  append_raw(out, std::span(&header, 1));
  append_raw(out, std::span<const Page>(layout.pages));
  out += layout.entries;
  for (const uint32_t number : order) {
    const std::vector<Row> list = std::exchange(rows_[number], {});
    if (trigram_format::lists_others(static_cast<uint32_t>(list.size()), rows))
      postings::append_list(without(list, rows), rows, out);
    else
      postings::append_list(list, rows, out);
  }
  clear();
  return out;
}

}  // namespace viridian::text
