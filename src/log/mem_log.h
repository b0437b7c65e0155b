#pragma once
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "viridian/spi/component.h"
#include "viridian/spi/log.h"

namespace viridian::mem {

/// The log in memory: gone with the process, so "durable" means "taken". For tests, and for
/// collections that need not last.
class Log final : public Component, public Producer, public Consumer {
 public:
  static Result<std::unique_ptr<Log>> create(System&);

  Result<SeqId> append(const Context&, const CollectionId&, SharedBatch batch) override;
  Status start_after(const Context&, const CollectionId&, SeqId after) override;
  Status drop(const Context&, const CollectionId&) override;
  Status retain(const Context&, const std::vector<CollectionId>& known) override;

  Result<std::vector<LogBatch>> read(const Context&, const CollectionId&, SeqId after,
                                     size_t limit_bytes) override;
  Result<SeqId> last(const Context&, const CollectionId&) override;
  Status wait(const Context&, const CollectionId&, SeqId after) override;
  Status trim(const Context&, const CollectionId&, SeqId up_to) override;
  bool durable() const noexcept override { return false; }

 private:
  struct Topic {
    std::deque<LogBatch> batches;
    SeqId trimmed = 0;
    SeqId last = 0;
  };

  std::mutex mutex_;
  std::condition_variable grown_;
  std::unordered_map<CollectionId, Topic> topics_;
};

}  // namespace viridian::mem
