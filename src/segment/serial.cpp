#include "segment/serial.h"

namespace viridian::segment {

Result<Serial::Hold> Serial::acquire(const Context& context) {
  std::unique_lock lock(mutex_);
  VIRIDIAN_TRY_VOID(wait_until(context, free_, lock, [this] { return !held_; }));
  held_ = true;
  return Hold(*this);
}

void Serial::release() {
  {
    std::lock_guard lock(mutex_);
    held_ = false;
  }
  free_.notify_one();
}

}  // namespace viridian::segment
