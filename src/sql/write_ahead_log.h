#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

namespace viridian::sql {

inline constexpr size_t kLogHeaderBytes = 32;
inline constexpr size_t kLogFrameHeaderBytes = 24;

/// What the committed transactions of a write-ahead log of SQLite did. The log ends where its
/// checksums no longer fit, as SQLite has it.
struct LoggedPages {
  uint32_t page_size = 0;                                ///< 0: there is no intact log
  std::map<uint32_t, std::span<const std::byte>> pages;  ///< by number, their latest content
  uint32_t database_pages = 0;                           ///< after the last commit; 0: no commit
  size_t end = 0;  ///< behind the last committed frame; 0 where there is no intact log
};
/// The result refers to the bytes of `log`.
LoggedPages read_write_ahead_log(std::span<const std::byte> log);

/// Whether a frame could follow in a log with this header: its salts are the header's.
bool frame_belongs_to(std::span<const std::byte> frame_header,
                      std::span<const std::byte> log_header);

}  // namespace viridian::sql
