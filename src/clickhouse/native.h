#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "clickhouse/block.h"
#include "viridian/base/result.h"

/// ClickHouse's Native format: blocks, one after the other. A block is the number of its columns
/// and of its rows, and each column its name, its type and its values; numbers of that header and
/// lengths of strings are varints, everything else is little-endian.
namespace viridian::clickhouse {

size_t rows_of(const Values& values);
/// Columns of the shape without a row.
Block empty_of(const Shape& shape);
/// Puts the rows of a block with the same columns after those that are there.
void append(Block& block, const Block& more);
/// The type's name in ClickHouse.
std::string_view type_of(const Values& values);

/// The block in Native format, with its column names. Columns must have equal lengths.
///   invalid_argument  they do not, or an array's ends do not ascend to its last value
Result<std::string> encode_native(const Block& block);

/// Bytes that come in pieces.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Bytes not yet skipped, as many as are at hand; waits until there are some. Empty at the end,
  /// and from then on. Valid until the next call.
  virtual std::string_view peek() = 0;
  /// At most peek().size().
  virtual void skip(size_t n) = 0;
};

/// Bytes in memory, which must outlive this.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : rest_(bytes) {}
  std::string_view peek() override { return rest_; }
  void skip(size_t n) override { rest_.remove_prefix(n); }

 private:
  std::string_view rest_;
};

/// What one block may be at most. Memory is taken as bytes arrive, never because a length says so.
struct NativeLimits {
  uint64_t rows = uint64_t{1} << 24;
  uint64_t bytes = uint64_t{2} << 30;
};

/// Reads blocks that must have the columns of a shape: names, order and types. Any other byte
/// where a block begins is an error; so a server's message that follows the data is never taken
/// for data. Use from one thread.
class NativeDecoder {
 public:
  /// Source and shape must outlive the decoder.
  NativeDecoder(ByteSource& source, const Shape& shape, NativeLimits limits = {})
      : source_(source), shape_(shape), limits_(limits) {}

  /// Puts the next block that has rows into `block`, in the place of what it held. False at the
  /// end. After an error what is in `block` is not to be used, nor is the decoder.
  ///   data_loss  the bytes are no such block, end inside it, or it is beyond a limit
  Result<bool> next(Block& block);

  /// What was read of the header of the block at which next() failed: perhaps the beginning of a
  /// message of the server.
  const std::string& header_bytes() const noexcept { return header_; }

 private:
  Result<bool> read_header(uint64_t& rows);
  Status read_column(const Column& expected, size_t index, uint64_t rows, Values& values);
  Result<uint8_t> header_byte();
  Result<uint64_t> header_varint(std::string_view what);
  Status header_text(std::string_view expected, std::string_view what, size_t index);
  Status header_type(const Values& expected, size_t index);
  Result<uint64_t> length();
  Status read_bytes(void* to, size_t n);
  template <class T>
  Status read_array(std::vector<T>& values, uint64_t n);
  Status read_strings(StringColumn& values, uint64_t n);
  Status read_arrays(FloatArrays& values, uint64_t n);
  Status spend(uint64_t bytes);
  Error bad(std::string_view what) const;

  friend struct ColumnReader;
  ByteSource& source_;
  const Shape& shape_;
  NativeLimits limits_;
  uint64_t block_ = 0;   ///< number of the block being read, from 1
  uint64_t budget_ = 0;  ///< bytes that the block may still have
  std::string header_;   ///< of the block being read
  std::string scratch_;  ///< a string that came in several pieces
};

}  // namespace viridian::clickhouse
