#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <tuple>
#include <vector>

#include "clickhouse/client.h"
#include "log/history.h"
#include "viridian/spi/component.h"
#include "viridian/spi/leases.h"

namespace viridian::clickhouse {

/// One kind of a collection's rows in record_log, as SealHistory asks for them: the seals of one
/// epoch that say the same, or all records of one epoch.
struct EpochRows {
  uint64_t epoch = 0;
  bool seal = false;
  uint64_t prev_epoch = 0;
  SeqId prev_last = 0;
  SeqId last = 0;  ///< the greatest number that ends a batch
};

/// After which number of which epoch another epoch goes on; epoch 0: the history begins there.
struct Seal {
  uint64_t prev_epoch = 0;
  SeqId prev_last = 0;
  friend bool operator==(const Seal&, const Seal&) = default;
};

/// The history that a collection's rows tell. A seal row says after which number of which epoch its
/// own epoch goes on; several of one epoch: the one furthest on. The newest epoch's records are all
/// history.
///   data_loss  a seal that another one names is gone
Result<Extent> extent_of(const CollectionId& collection, std::span<const EpochRows> rows);

/// The history that record_log itself tells, by rows that seal the epochs before them: for one
/// ClickHouse server and no other store. What counts is decided by the leases: whoever takes a
/// collection over finds all rows that were stored while the one before it held the lease, and
/// seals them; what is stored later never counts. So readers may see records that come to nothing:
/// those of an epoch that is over, until its successor seals it.
///
/// What an epoch goes on from is decided once, by the process that has it: a seal that was sent and
/// not heard of may be stored at any later time, and must say what the next attempt says.
class SealHistory final : public Component, public History {
 public:
  static Result<std::unique_ptr<SealHistory>> create(System& system);
  SealHistory(Client& client, viridian::Leases& leases) : client_(client), leases_(leases) {}

  Result<Extent> begin(const Context&, const CollectionId&, uint64_t epoch) override;
  std::vector<Status> commit(const Context&, std::span<const Commit> commits) override;
  Result<Extent> extent(const Context&, const CollectionId&) override;
  Result<std::vector<Last>> lasts(const Context&, std::span<const CollectionId>) override;
  Status start_after(const Context&, const CollectionId&, uint64_t epoch, SeqId after) override;
  Status trim(const Context&, const CollectionId&, SeqId up_to) override;
  Status forget(const Context&, std::span<const CollectionId>) override;

 private:
  struct Found {
    CollectionId collection;
    EpochRows rows;
  };
  Result<std::vector<Found>> find(const Context&, std::span<const CollectionId>);
  /// After the lease was lost: a history of which it is certain what it says of that epoch.
  ///   unavailable  there is none yet
  Result<Extent> sealed_since(const Context&, const CollectionId&, uint64_t epoch);
  Result<std::vector<EpochRows>> rows_of(const Context&, const CollectionId&);
  Status seal(const Context&, const CollectionId&, uint64_t epoch, const Seal& seal);
  /// The one seal that begins `epoch`, whoever asks: the first that was proposed.
  Seal decide(const CollectionId&, uint64_t epoch, const Seal& proposed);
  /// Of that epoch and of those before it no seal will be sent any more.
  void settled(const CollectionId&, uint64_t epoch);

  Client& client_;
  viridian::Leases& leases_;
  std::mutex mutex_;
  /// Seals that were sent and that nobody saw stored, by slot, epoch and collection. Those of a
  /// slot's earlier epochs go when a later one begins. Guarded by mutex_.
  std::map<std::tuple<uint32_t, uint64_t, CollectionId>, Seal> decided_;
};

}  // namespace viridian::clickhouse
