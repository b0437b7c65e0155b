#include "text/terms_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "text/posting_cursor.h"
#include "text/tokenizer.h"

namespace viridian::text {

using postings::Row;

/// Reads the terms of a group front to back.
class TermsIndex::GroupReader {
 public:
  GroupReader(std::span<const std::byte> bytes, uint64_t postings, size_t terms)
      : reader_(bytes), postings_(postings), left_(terms) {}

  /// False at the end, and where it is damaged: then ok() is false, too.
  [[nodiscard]] bool next() {
    if (left_ == 0 || !ok_) return false;
    postings_ += postings_size_;
    const auto sizes = reader_.value<uint8_t>();
    uint32_t shared = sizes >> 4, own = sizes & 15;
    if (shared == kNibble) shared += std::min<uint32_t>(reader_.varint(), UINT16_MAX);
    if (own == kNibble) own += std::min<uint32_t>(reader_.varint(), UINT16_MAX);
    const auto bytes = reader_.take(own);
    documents_ = reader_.varint();
    postings_size_ = reader_.varint();
    ok_ = reader_.ok() && shared <= term_.size() && shared + own <= Tokenizer::kMostTermBytes;
    if (!ok_) return false;
    term_.resize(shared);
    term_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    --left_;
    return true;
  }

  bool ok() const noexcept { return ok_; }
  bool all_read() const noexcept { return left_ == 0 && reader_.rest().empty(); }
  const std::string& term() const noexcept { return term_; }
  uint32_t documents() const noexcept { return documents_; }
  uint64_t postings() const noexcept { return postings_; }
  uint32_t postings_size() const noexcept { return postings_size_; }

 private:
  ByteReader reader_;
  uint64_t postings_;
  size_t left_;
  bool ok_ = true;
  std::string term_;
  uint32_t documents_ = 0;
  uint32_t postings_size_ = 0;
};

Result<TermsIndex> TermsIndex::open(const postings::Source& source) {
  VIRIDIAN_TRY(const auto bytes, source.read(0, sizeof(TermsHeader)));
  TermsHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.version != kTermsVersion)
    return source.damaged(0, fmt::format("version {} of a terms index", header.version));
  const uint32_t width = header.length_bytes;
  if (header.rows > postings::kBlockRows || header.documents > header.rows ||
      (width != 1 && width != 2 && width != 4)) {
    return source.damaged(0, "no header of a terms index");
  }
  TermsIndex index(source, header);
  VIRIDIAN_TRY_VOID(index.locate());
  return index;
}

Status TermsIndex::locate() {
  const uint64_t lengths = uint64_t{header_.rows} * header_.length_bytes;
  const uint64_t groups = (uint64_t{header_.terms} + kTermsPerGroup - 1) / kTermsPerGroup;
  const uint64_t groups_begin = sizeof(TermsHeader) + (lengths + 7) / 8 * 8;
  dictionary_begin_ = groups_begin + groups * sizeof(TermGroup);
  postings_begin_ = dictionary_begin_ + header_.dictionary_bytes;
  const uint64_t size = source_->size();
  if (dictionary_begin_ > size || header_.dictionary_bytes > size - dictionary_begin_ ||
      header_.postings_bytes != size - postings_begin_) {
    return source_->damaged(0, "parts of a terms index of another size");
  }
  VIRIDIAN_TRY(lengths_, source_->read(sizeof(TermsHeader), lengths));
  VIRIDIAN_TRY(groups_, source_->read(groups_begin, groups * sizeof(TermGroup)));
  return ok_status();
}

TermGroup TermsIndex::group(size_t i) const noexcept {
  if (i == groups()) return {header_.dictionary_bytes, header_.postings_bytes};
  TermGroup group;
  std::memcpy(&group, groups_.data() + i * sizeof group, sizeof group);
  return group;
}

Result<TermsIndex::GroupReader> TermsIndex::read_group(size_t i) const {
  const TermGroup here = group(i), next = group(i + 1);
  if (here.terms > next.terms || next.terms > header_.dictionary_bytes)
    return source_->damaged(dictionary_begin_, "groups of terms do not ascend");
  VIRIDIAN_TRY(const auto bytes,
               source_->read(dictionary_begin_ + here.terms, next.terms - here.terms));
  const size_t terms = std::min(kTermsPerGroup, header_.terms - i * kTermsPerGroup);
  return GroupReader(bytes, here.postings, terms);
}

/// The last group whose first term is not behind `term`, or the first group.
Result<size_t> TermsIndex::group_of(std::string_view term) const {
  size_t first = 0;
  for (size_t count = groups() - 1; count > 0;) {
    const size_t half = (count + 1) / 2;
    VIRIDIAN_TRY(GroupReader reader, read_group(first + half));
    if (!reader.next()) return source_->damaged(dictionary_begin_, "a group without terms");
    if (reader.term() <= term) {
      first += half;
      count -= half;
    } else {
      count = half - 1;
    }
  }
  return first;
}

Result<std::optional<PostingList>> TermsIndex::find(std::string_view term) const {
  if (groups() == 0) return std::nullopt;
  VIRIDIAN_TRY(const size_t group, group_of(term));
  VIRIDIAN_TRY(GroupReader reader, read_group(group));
  while (reader.next()) {
    if (reader.term() < term) continue;
    if (reader.term() != term) return std::nullopt;
    VIRIDIAN_TRY(PostingList list,
                 read_postings(reader.postings(), reader.documents(), reader.postings_size()));
    return std::optional(list);
  }
  if (!reader.ok()) return source_->damaged(dictionary_begin_, "a group of terms");
  return std::nullopt;
}

Result<PostingList> TermsIndex::read_postings(uint64_t begin, uint32_t documents,
                                              uint64_t size) const {
  if (begin > header_.postings_bytes || size > header_.postings_bytes - begin ||
      documents > header_.rows) {
    return source_->damaged(postings_begin_, "a term's rows are elsewhere");
  }
  VIRIDIAN_TRY(const auto bytes, source_->read(postings_begin_ + begin, size));
  return PostingList{documents, bytes};
}

Error TermsIndex::damaged() const {
  return source_->damaged(postings_begin_, "a term's rows cannot be read");
}

Status TermsIndex::check() const {
  std::vector<uint64_t> lengths(header_.rows);
  std::string before;
  uint64_t postings_end = 0;
  for (size_t i = 0; i < groups(); ++i) {
    VIRIDIAN_TRY(GroupReader reader, read_group(i));
    while (reader.next()) {
      if (reader.term() <= before || reader.postings() != postings_end)
        return source_->damaged(dictionary_begin_, "terms do not ascend");
      before = reader.term();
      postings_end += reader.postings_size();
      VIRIDIAN_TRY(const PostingList list,
                   read_postings(reader.postings(), reader.documents(), reader.postings_size()));
      PostingCursor cursor;
      if (!cursor.open(*this, list)) return damaged();
      for (const PostingCursor::Block& block : cursor.blocks()) {
        cursor.skip_to(block.first);
        if (!cursor.load()) return damaged();
        for (size_t at = 0; at < cursor.rows().size(); ++at) {
          const Row row = cursor.rows()[at];
          if (length(row) < block.min_length) return damaged();
          lengths[row] += cursor.frequency(at);
        }
      }
    }
    if (!reader.all_read()) return source_->damaged(dictionary_begin_, "a group of terms");
  }
  uint64_t total = 0;
  for (uint32_t row = 0; row < header_.rows; ++row) {
    const uint32_t length = this->length(static_cast<Row>(row));
    total += length;
    if (lengths[row] != length && lengths[row] < kMostFrequency)
      return source_->damaged(sizeof(TermsHeader), "a document of another length than its terms");
  }
  if (total != header_.total_length || postings_end != header_.postings_bytes)
    return source_->damaged(0, "sums of a terms index");
  return ok_status();
}

}  // namespace viridian::text
