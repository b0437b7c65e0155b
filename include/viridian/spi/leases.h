#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/model/ids.h"
#include "viridian/model/requests.h"

namespace viridian {

/// Collections are dealt out to servers by slot. The number is part of what is stored: it cannot
/// change.
inline constexpr uint32_t kSlots = 64;
/// The slot of a collection, the same on every machine. Ids are random.
inline uint32_t slot_of(const CollectionId& collection) noexcept {
  return collection.bytes.back() % kSlots;
}

/// Which of several servers appends to which collections. A slot has one holder at a time, under an
/// epoch that grows with every change of hands. Nothing rests on clocks but certain(): a holder
/// that does not know yet that it is none any more is refused by the log.
///
/// The servers that live share the slots out by rendezvous hashing; who is to have a slot takes it
/// when its holder gave it up, or was not heard of for the time to live of a lease. Thread-safe.
class Leases {
 public:
  static constexpr std::string_view kSetting = "leases";
  virtual ~Leases() = default;

  struct Holder {
    std::string server;
    std::string url;
    bool self = false;
  };
  /// Who has the collection's slot, as far as is known here: it may have changed.
  ///   unavailable  nobody; a server is about to take it
  virtual Result<Holder> holder(const Context&, const CollectionId&) = 0;

  /// The epoch under which this process holds the collection's slot.
  ///   aborted  it does not hold it
  virtual Result<uint64_t> epoch(const Context&, const CollectionId&) = 0;

  /// A write to the collection begins: from before epoch() is asked for it until end_write() the
  /// slot is not given up in order, only taken over. What is begun and refused by epoch() ends too.
  virtual void begin_write(const CollectionId&) noexcept {}
  virtual void end_write(const CollectionId&) noexcept {}

  /// Asks the store whether this process still holds the slot under that epoch. Ok: whoever takes
  /// the slot later does so after all that was stored before this call.
  ///   aborted      it does not
  ///   unavailable  the store does not say
  virtual Status confirm(const Context&, const CollectionId&, uint64_t epoch) = 0;

  /// The epoch under which the collection's slot was taken last, by whomever, as the store says
  /// now. Whoever takes it later does so after all that was stored before this call.
  ///   unavailable  the store does not say
  virtual Result<uint64_t> newest_epoch(const Context&, const CollectionId&) {
    return Error(Code::unavailable, "these leases know only their own epochs");
  }

  /// Whether nobody else can have taken the slot from this process by now, going by the clock's
  /// rate: then what this process knows of the collection under that epoch is up to date. Quick.
  virtual bool certain(const CollectionId&, uint64_t epoch) const noexcept = 0;

  /// All that were heard of within the time to live of a lease, this one included, by id.
  virtual std::vector<ServerInfo> servers() const = 0;

  /// Ends an epoch that this process holds, and goes on under a later one, without waiting:
  /// whatever is stored under the old one and does not count yet never will.
  ///   aborted      this process does not hold the slot under that epoch
  ///   unavailable  the store does not say; the epoch may have ended
  virtual Status renew(const Context&, const CollectionId&, uint64_t epoch) = 0;

  /// Takes a slot, whoever has it: for operators and tests. The epoch of one that this process
  /// holds stays.
  virtual Status take(const Context&, uint32_t slot) = 0;
};

}  // namespace viridian
