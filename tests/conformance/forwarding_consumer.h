#pragma once
#include <vector>

#include "viridian/spi/log.h"

namespace viridian::conformance {

/// Passes every call on: for tests to change one of them.
class ForwardingConsumer : public Consumer {
 public:
  explicit ForwardingConsumer(Consumer& inner) : inner_(inner) {}
  Result<std::vector<LogBatch>> read(const Context& context, const CollectionId& id, SeqId after,
                                     size_t limit_bytes) override {
    return inner_.read(context, id, after, limit_bytes);
  }
  Result<SeqId> last(const Context& context, const CollectionId& id) override {
    return inner_.last(context, id);
  }
  Status wait(const Context& context, const CollectionId& id, SeqId after) override {
    return inner_.wait(context, id, after);
  }
  Status trim(const Context& context, const CollectionId& id, SeqId up_to) override {
    return inner_.trim(context, id, up_to);
  }
  bool durable() const noexcept override { return inner_.durable(); }

 private:
  Consumer& inner_;
};

}  // namespace viridian::conformance
