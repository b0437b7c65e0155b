#pragma once
#include <atomic>
#include <vector>

#include "conformance/forwarding_sysdb.h"

namespace viridian::conformance {

/// A test double around any SysDb, whose publish() can fail: before it did anything, or after.
/// Thread-safe.
class FaultySysDb final : public ForwardingSysDb {
 public:
  enum class Fault { none, before, after };
  using ForwardingSysDb::ForwardingSysDb;

  /// From now on publish() fails like this, with `unavailable`.
  void fail_publish(Fault fault) { fault_ = fault; }
  uint64_t published() const { return published_; }

  Status publish(const Context& context, const CollectionId& id,
                 const std::vector<SegmentChange>& changes) override {
    const Fault fault = fault_;
    const Error failure(Code::unavailable, "the test lets publish() fail");
    if (fault == Fault::before) return failure;
    VIRIDIAN_TRY_VOID(inner_.publish(context, id, changes));
    ++published_;
    return fault == Fault::after ? Status(failure) : ok_status();
  }

 private:
  std::atomic<Fault> fault_ = Fault::none;
  std::atomic<uint64_t> published_ = 0;
};

}  // namespace viridian::conformance
