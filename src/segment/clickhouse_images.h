#pragma once
#include <string>

#include "clickhouse/client.h"
#include "segment/base_store.h"

namespace viridian::clickhouse {

/// Images of records in the table `records`, of which every shard has one.
class Images final : public segment::BaseStore {
 public:
  /// `safe_copies`: replicas on which images must be seen before they are published.
  Images(Client& client, uint32_t safe_copies) : client_(client), safe_copies_(safe_copies) {}

  uint32_t copies(const segment::Place&) const override;
  /// Collections begin with different ones, and pass by those that did not answer last.
  uint32_t copy_for(const segment::Place&, uint32_t attempt) const override;
  uint32_t safe_copies(const segment::Place&) const override;
  Status load(const Context&, const segment::Place&, uint32_t copy, segment::OffsetRange, SeqId at,
              const std::function<Status(segment::Images&)>& take) override;
  Status versions(const Context&, const segment::Place&, uint32_t copy, SeqId at,
                  const std::function<Status(segment::Versions&)>& take) override;
  Status write(const Context&, const segment::Place&, segment::Images images) override;
  Status purge(const Context&, const segment::Place&, SeqId at) override;
  Status forget(const Context&, const std::vector<CollectionId>&) override;
  Result<std::vector<CollectionId>> collections(const Context&) override;

 private:
  std::string table() const;
  /// On one replica after the other, until one does it.
  template <class Work>
  Status on_some_replica(uint32_t shard, Work&& work);
  Status check(const segment::Place& place) const;

  Client& client_;
  const uint32_t safe_copies_;
};

}  // namespace viridian::clickhouse
