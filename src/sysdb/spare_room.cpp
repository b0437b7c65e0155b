#include "sysdb/spare_room.h"

namespace viridian::sqlite {

void SpareRoom::take() {
  if (held_) return;
  const auto file = files_.open(path_, os::OpenMode::open_create);
  held_ = file.ok() && (*file)->reserve(kBytes).ok();
}

bool SpareRoom::give_up() {
  // Also what an earlier process held: a directory may be opened on a disk that is full already.
  const bool there = files_.exists(path_).value_or(false);
  held_ = false;
  return there && files_.remove(path_).ok();
}

}  // namespace viridian::sqlite
