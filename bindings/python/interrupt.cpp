#include "python/interrupt.h"

#include <unistd.h>

#include <atomic>

namespace viridian::python {
namespace {

// A signal handler is given nothing but a number, so what it is to do has to lie where it can see
// it. Written by the main thread only, and only while the handler that reads it is not installed.
struct sigaction before {};
std::atomic<Context*> to_cancel{nullptr};

void on_interrupt(int number) {
  if (Context* context = to_cancel.load(std::memory_order_acquire)) context->cancel();
  before.sa_handler(number);
}

bool handled(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler != SIG_DFL &&
         action.sa_handler != SIG_IGN;
}

}  // namespace

Interrupt::Interrupt(Context& context) {
  thread_local const bool main_thread = ::gettid() == ::getpid();
  if (!main_thread || to_cancel.load(std::memory_order_relaxed) != nullptr) return;
  if (::sigaction(SIGINT, nullptr, &before) != 0 || !handled(before)) return;
  struct sigaction ours = before;
  ours.sa_handler = on_interrupt;
  to_cancel.store(&context, std::memory_order_release);
  installed_ = ::sigaction(SIGINT, &ours, nullptr) == 0;
  if (!installed_) to_cancel.store(nullptr, std::memory_order_release);
}

Interrupt::~Interrupt() {
  if (!installed_) return;
  ::sigaction(SIGINT, &before, nullptr);
  to_cancel.store(nullptr, std::memory_order_release);
}

}  // namespace viridian::python
