#include "python/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace viridian::python {
namespace {

// A signal handler is given nothing but a number, so what it is to do has to lie where it can see
// it. Written by the main thread only.
struct sigaction before {};
std::atomic<Context*> to_cancel{nullptr};

bool handled(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler != SIG_DFL &&
         action.sa_handler != SIG_IGN;
}

void on_interrupt(int number) {
  if (Context* context = to_cancel.load(std::memory_order_acquire)) context->cancel();
  if (handled(before)) before.sa_handler(number);
}

}  // namespace

Interrupt::Interrupt(Context& context) {
  thread_local const bool main_thread = ::gettid() == ::getpid();
  if (!main_thread || to_cancel.load(std::memory_order_relaxed) != nullptr) return;
  // What was there the last time is there still, nearly always: asking costs as much as setting.
  if (!handled(before)) ::sigaction(SIGINT, nullptr, &before);
  if (!handled(before)) return;
  struct sigaction ours {};
  ours.sa_handler = on_interrupt;
  ::sigemptyset(&ours.sa_mask);
  to_cancel.store(&context, std::memory_order_release);
  if (::sigaction(SIGINT, &ours, &before) != 0) {
    to_cancel.store(nullptr, std::memory_order_release);
    return;
  }
  installed_ = true;
  if (!handled(before)) restore();
}

Interrupt::~Interrupt() {
  if (installed_) restore();
}

void Interrupt::restore() noexcept {
  ::sigaction(SIGINT, &before, nullptr);
  to_cancel.store(nullptr, std::memory_order_release);
  installed_ = false;
}

}  // namespace viridian::python
