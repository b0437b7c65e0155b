#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "log/wait.h"
#include "viridian/base/context.h"
#include "viridian/base/uuid.h"

namespace viridian::log {

/// Asks one question at a time about each thing, for all that want the answer: who comes while one
/// is under way waits for the next, so that every answer was asked for after its caller came.
/// Thread-safe.
template <class T>
class SharedQuestion {
 public:
  using Ask = std::function<Result<T>(const Context&)>;

  /// `ask` is called here, or was by another caller, with that one's context: where this fails for
  /// the other's sake, it is asked again.
  ///   deadline_exceeded, cancelled  the context's
  ///   and as `ask`
  Result<T> answer(const Context& context, const Uuid& about, const Ask& ask) {
    std::unique_lock lock(mutex_);
    while (true) {
      Asking& asking = asking_[about];
      if (!asking.next) return lead(context, about, ask, lock);
      const std::shared_ptr<Round> round = asking.next;
      VIRIDIAN_TRY_VOID(wait_until(context, changed_, lock, [&] { return round->over; }));
      if (round->answer) return *round->answer;
    }
  }

 private:
  struct Round {
    bool over = false;
    std::optional<Result<T>> answer;  ///< unset: whoever was to ask went away
  };
  struct Asking {
    std::shared_ptr<Round> now, next;
  };

  Result<T> lead(const Context& context, const Uuid& about, const Ask& ask,
                 std::unique_lock<std::mutex>& lock) {
    const auto round = std::make_shared<Round>();
    asking_[about].next = round;
    Status waited =
        wait_until(context, changed_, lock, [&] { return asking_[about].now == nullptr; });
    asking_[about].next = nullptr;
    if (!waited.ok()) {
      end(about, *round);
      return std::move(waited).error();
    }
    asking_[about].now = round;
    // Also where asking throws.
    struct Over {
      SharedQuestion& question;
      const Uuid& about;
      Round& round;
      std::unique_lock<std::mutex>& lock;
      ~Over() {
        if (!lock.owns_lock()) lock.lock();
        question.asking_[about].now = nullptr;
        question.end(about, round);
      }
    } over{*this, about, *round, lock};
    lock.unlock();
    Result<T> answer = ask(context);
    lock.lock();
    // What ended the asker's context says nothing to the others.
    if (answer.ok() || context.check().ok()) round->answer = answer;
    return answer;
  }

  void end(const Uuid& about, Round& round) {
    round.over = true;
    const auto found = asking_.find(about);
    if (found != asking_.end() && !found->second.now && !found->second.next) asking_.erase(found);
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<Uuid, Asking> asking_;
};

}  // namespace viridian::log
