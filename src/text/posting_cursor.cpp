#include "text/posting_cursor.h"

#include <algorithm>
#include <bit>

#include "postings/row_list.h"

namespace viridian::text {

using postings::Row;

namespace {

size_t block_bytes(const PostingCursor::Block& block) {
  const auto span = static_cast<uint32_t>(block.last - block.first);
  const auto bits = static_cast<uint32_t>(std::bit_width(block.max_frequency - 1));
  return postings::list_bytes(block.postings - 1, span) + (size_t{block.postings} * bits + 7) / 8;
}

}  // namespace

bool PostingCursor::open(const TermsIndex& index, const PostingList& list) {
  bytes_ = list.bytes;
  blocks_.clear();
  block_ = 0;
  loaded_ = kNone;
  ByteReader reader(list.bytes);
  if (list.documents > kPostingsPerBlock) {
    if (!open_blocks(index.rows(), list.documents)) return false;
  } else {
    Block only;
    only.last = reader.value<Row>();
    only.postings = list.documents;
    only.max_frequency = reader.varint();
    only.min_length = index.shortest();
    only.begin = list.bytes.size() - reader.rest().size();
    if (!reader.ok() || only.max_frequency > kMostFrequency) return false;
    blocks_.push_back(only);
  }
  uint32_t first = 0;
  size_t begin = blocks_.front().begin;
  for (Block& block : blocks_) {
    if (block.last < first || block.last >= index.rows() || block.max_frequency == 0) return false;
    if (block.postings == 0 || block.postings > block.last - first + 1) return false;
    block.first = static_cast<Row>(first);
    block.begin = begin;
    begin += block_bytes(block);
    first = uint32_t{block.last} + 1;
  }
  return begin == list.bytes.size();
}

bool PostingCursor::open_blocks(uint32_t rows, uint32_t documents) {
  if (documents > rows) return false;
  const size_t count = (documents + kPostingsPerBlock - 1) / kPostingsPerBlock;
  if (bytes_.size() < count * sizeof(PostingBlock)) return false;
  ByteReader reader(bytes_);
  blocks_.reserve(count);
  for (uint32_t left = documents; left > 0;) {
    const auto kept = reader.value<PostingBlock>();
    Block block;
    block.last = kept.last_row;
    block.postings = std::min(left, kPostingsPerBlock);
    block.max_frequency = kept.max_frequency;
    block.min_length = kept.min_length;
    block.begin = count * sizeof(PostingBlock);
    blocks_.push_back(block);
    left -= block.postings;
  }
  return true;
}

bool PostingCursor::read_block() {
  const Block& block = blocks_[block_];
  const auto bytes = bytes_.subspan(block.begin);
  const auto span = static_cast<uint32_t>(block.last - block.first);
  loaded_ = kNone;
  rows_.clear();
  if (!postings::read_list(bytes, block.postings - 1, span, rows_)) return false;
  for (Row& row : rows_) row = static_cast<Row>(row + block.first);
  rows_.push_back(block.last);
  if (!read_frequencies(bytes.subspan(postings::list_bytes(block.postings - 1, span)), block))
    return false;
  loaded_ = block_;
  return true;
}

bool PostingCursor::read_frequencies(std::span<const std::byte> bytes, const Block& block) {
  const auto bits = static_cast<uint32_t>(std::bit_width(block.max_frequency - 1));
  if (bits == 0) {
    frequencies_.fill(1);
    return true;
  }
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  uint64_t word = 0;
  uint32_t held = 0;
  size_t at = 0;
  uint32_t most = 0;
  for (uint32_t i = 0; i < block.postings; ++i) {
    for (; held < bits; held += 8) word |= static_cast<uint64_t>(bytes[at++]) << held;
    const auto frequency = static_cast<uint32_t>(word & mask) + 1;
    word >>= bits;
    held -= bits;
    most = std::max(most, frequency);
    frequencies_[i] = static_cast<uint16_t>(frequency);
  }
  // A frequency above the kept bound would make a search pass over what it should find.
  return most <= block.max_frequency;
}

}  // namespace viridian::text
