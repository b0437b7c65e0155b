#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "clickhouse/native.h"
#include "clickhouse/test_blocks.h"

namespace viridian::clickhouse {
namespace {

/// Bytes in pieces of one size.
class Pieces final : public ByteSource {
 public:
  Pieces(std::string_view bytes, size_t size) : rest_(bytes), size_(size) {}
  std::string_view peek() override { return rest_.substr(0, size_); }
  void skip(size_t n) override { rest_.remove_prefix(n); }

 private:
  std::string_view rest_;
  size_t size_;
};

/// Whatever is taken for blocks is, encoded again, the same number of rows, and comes back the
/// same.
void decode_any(std::string_view bytes, const Shape& shape, size_t piece) {
  Pieces source(bytes, piece);
  NativeDecoder decoder(source, shape, {1 << 16, 1 << 22});
  Block block;
  while (true) {
    const auto more = decoder.next(block);
    if (!more.ok() || !*more) return;
    const auto again = encode_native(block);
    if (!again.ok()) std::abort();
    MemorySource same(*again);
    NativeDecoder second(same, shape);
    Block back;
    const auto found = second.next(back);
    if (!found.ok() || !*found || !same_bits(back, block)) std::abort();
  }
}

}  // namespace
}  // namespace viridian::clickhouse

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace viridian::clickhouse;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t piece = 1 + data[0] / 2;
  Shape shape = every_type();
  if (data[0] % 2 == 1) shape = {{"s", viridian::StringColumn()}, {"v", FloatArrays()}};
  decode_any(bytes, shape, piece);
  return 0;
}
