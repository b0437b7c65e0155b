#include "os/copy_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

namespace viridian::os {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

Status copy_bytes(const File& source, const std::string& from, File& target) {
  VIRIDIAN_TRY(const uint64_t size, source.size());
  std::vector<std::byte> piece(std::min<uint64_t>(size, kPieceBytes));
  for (uint64_t offset = 0; offset < size; offset += piece.size()) {
    piece.resize(std::min<uint64_t>(size - offset, kPieceBytes));
    VIRIDIAN_TRY(const size_t got, source.read_at(offset, piece));
    if (got < piece.size()) {
      return Error(Code::aborted,
                   fmt::format("{} became shorter than {} bytes while it was copied", from, size));
    }
    VIRIDIAN_TRY_VOID(target.write_at(offset, piece));
  }
  return target.sync();
}

}  // namespace

Status copy_file(Files& files, const std::string& from, const std::string& to) {
  VIRIDIAN_TRY(const auto source, files.open(from, OpenMode::read));
  VIRIDIAN_TRY(auto target, files.open(to, OpenMode::create));
  Status copied = copy_bytes(*source, from, *target);
  if (copied.ok()) return copied;
  target.reset();
  (void)files.remove(to);  // the copy's error is the one to tell
  return copied;
}

}  // namespace viridian::os
