#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cluster/lease_table.h"
#include "log/mem_log.h"

namespace viridian {

/// One server's end of a log in memory that several share: only the holder of a collection's slot
/// appends to it, and nothing is trimmed, since others have not read it yet.
class FencedLog final : public Producer, public Consumer {
 public:
  FencedLog(mem::Log& shared, LeaseTable& table, std::string server)
      : shared_(shared), table_(table), server_(std::move(server)) {}

  /// Called before each append, with no lock held.
  std::function<void(const CollectionId&)> before_append = {};

  Result<SeqId> append(const Context& context, const CollectionId& collection,
                       SharedBatch batch) override {
    if (before_append) before_append(collection);
    return table_.while_held(slot_of(collection), server_, [&]() -> Result<SeqId> {
      return shared_.append(context, collection, std::move(batch));
    });
  }
  Result<SeqId> append_if(const Context& context, const CollectionId& collection, SharedBatch batch,
                          SeqId last) override {
    if (before_append) before_append(collection);
    return table_.while_held(slot_of(collection), server_, [&]() -> Result<SeqId> {
      VIRIDIAN_TRY(const SeqId now, shared_.last(context, collection));
      if (now != last) return Error(Code::aborted, "the log went on meanwhile");
      return shared_.append(context, collection, std::move(batch));
    });
  }
  Status start_after(const Context& context, const CollectionId& collection, SeqId after) override {
    return shared_.start_after(context, collection, after);
  }
  Status drop(const Context& context, const CollectionId& collection) override {
    return shared_.drop(context, collection);
  }
  Status retain(const Context&, const std::vector<CollectionId>&) override { return ok_status(); }

  Result<std::vector<LogBatch>> read(const Context& context, const CollectionId& collection,
                                     SeqId after, size_t limit_bytes) override {
    return shared_.read(context, collection, after, limit_bytes);
  }
  Result<SeqId> last(const Context& context, const CollectionId& collection) override {
    ++lasts;
    return shared_.last(context, collection);
  }
  Status wait(const Context& context, const CollectionId& collection, SeqId after) override {
    return shared_.wait(context, collection, after);
  }
  Status trim(const Context&, const CollectionId&, SeqId) override { return ok_status(); }
  bool durable() const noexcept override { return true; }

  std::atomic<int> lasts{0};  ///< how often last() was asked

 private:
  mem::Log& shared_;
  LeaseTable& table_;
  const std::string server_;
};

}  // namespace viridian
