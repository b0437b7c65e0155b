#include "sql/write_ahead_log.h"

#include <algorithm>
#include <bit>

namespace viridian::sql {
namespace {

// https://www.sqlite.org/fileformat2.html#the_write_ahead_log
constexpr uint32_t kMagic = 0x377f0682;  // its last bit: checksums are of big-endian numbers
constexpr size_t kSaltsInHeader = 16;
constexpr size_t kSaltsInFrame = 8;
constexpr size_t kSaltBytes = 8;

uint32_t big_endian(std::span<const std::byte> bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint32_t>(bytes[at + i]);
  return value;
}

uint32_t little_endian(std::span<const std::byte> bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 4; i > 0; --i) value = value << 8 | static_cast<uint32_t>(bytes[at + i - 1]);
  return value;
}

class Checksum {
 public:
  explicit Checksum(bool of_big_endian) : big_(of_big_endian) {}
  void add(std::span<const std::byte> bytes) {
    for (size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      first_ += number(bytes, at) + second_;
      second_ += number(bytes, at + 4) + first_;
    }
  }
  bool is(std::span<const std::byte> stored) const {
    return big_endian(stored, 0) == first_ && big_endian(stored, 4) == second_;
  }

 private:
  uint32_t number(std::span<const std::byte> bytes, size_t at) const {
    return big_ ? big_endian(bytes, at) : little_endian(bytes, at);
  }
  bool big_;
  uint32_t first_ = 0;
  uint32_t second_ = 0;
};

}  // namespace

LoggedPages read_write_ahead_log(std::span<const std::byte> log) {
  LoggedPages logged;
  if (log.size() < kLogHeaderBytes || (big_endian(log, 0) & ~uint32_t{1}) != kMagic) return logged;
  Checksum checksum((big_endian(log, 0) & 1) != 0);
  checksum.add(log.first(24));
  const uint32_t page_size = big_endian(log, 8);
  if (!checksum.is(log.subspan(24, 8)) || page_size < 512 || page_size > 65536 ||
      !std::has_single_bit(page_size))
    return logged;
  logged.page_size = page_size;
  logged.end = kLogHeaderBytes;
  std::map<uint32_t, std::span<const std::byte>> uncommitted;
  const size_t frame_bytes = kLogFrameHeaderBytes + page_size;
  for (size_t at = kLogHeaderBytes; at + frame_bytes <= log.size(); at += frame_bytes) {
    const std::span<const std::byte> frame = log.subspan(at, frame_bytes);
    const std::span<const std::byte> page = frame.subspan(kLogFrameHeaderBytes);
    if (!frame_belongs_to(frame, log)) break;
    checksum.add(frame.first(8));
    checksum.add(page);
    const uint32_t number = big_endian(frame, 0);
    if (number == 0 || !checksum.is(frame.subspan(16, 8))) break;
    uncommitted[number] = page;
    const uint32_t size_after_commit = big_endian(frame, 4);
    if (size_after_commit == 0) continue;
    for (const auto& [committed, content] : uncommitted) logged.pages[committed] = content;
    uncommitted.clear();
    logged.database_pages = size_after_commit;
    logged.end = at + frame_bytes;
  }
  return logged;
}

bool frame_belongs_to(std::span<const std::byte> frame_header,
                      std::span<const std::byte> log_header) {
  if (frame_header.size() < kLogFrameHeaderBytes || log_header.size() < kLogHeaderBytes)
    return false;
  return std::ranges::equal(frame_header.subspan(kSaltsInFrame, kSaltBytes),
                            log_header.subspan(kSaltsInHeader, kSaltBytes));
}

}  // namespace viridian::sql
