#pragma once
#include "viridian/base/context.h"

namespace viridian::python {

/// While it lives, Ctrl-C (SIGINT) cancels a context, and then does what it did before, which is to
/// tell the interpreter. Only in the main thread, where Python handles signals, and only where a
/// handler is installed; elsewhere it does nothing. One at a time.
class Interrupt {
 public:
  explicit Interrupt(Context& context);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

 private:
  void restore() noexcept;

  bool installed_ = false;
};

}  // namespace viridian::python
