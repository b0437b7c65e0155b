#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "viridian/base/context.h"
#include "viridian/base/result.h"

namespace viridian {

/// Where servers note that they live and which slots they hold. It decides nothing: LeaseKeeper
/// does, and rests on this only: what a call that succeeded has changed is seen by every read that
/// begins after it, on whatever server; and of several takes of the same lease one succeeds.
/// Thread-safe. Every call may answer `unavailable` or `deadline_exceeded`; a change may have
/// happened then, and may yet happen.
class LeaseStore {
 public:
  virtual ~LeaseStore() = default;

  /// The id is a process's own: a server that starts again has another one. Any text.
  struct Server {
    std::string id;
    std::string url;
    uint64_t beat = 0;  ///< grows as long as the server lives
  };
  struct Lease {
    uint32_t slot = 0;
    uint64_t epoch = 0;
    std::string server;  ///< empty: given up
    friend bool operator==(const Lease&, const Lease&) = default;
  };
  struct State {
    std::vector<Server> servers;
    std::vector<Lease> leases;  ///< by slot; of all slots
  };

  /// Makes what is missing, beside others that do the same: each slot has a lease from then on,
  /// which nobody holds under epoch 0 at first.
  virtual Status open(const Context&) = 0;

  /// Stores a server, or its next beat. Seen by others when it returns: nothing is held back.
  virtual Status beat(const Context&, const Server& server) = 0;

  /// Everything, as it is at some moment between call and answer or, servers and leases each, at
  /// two such moments.
  virtual Result<State> read(const Context&) = 0;
  /// One lease, the same way.
  virtual Result<Lease> read_lease(const Context&, uint32_t slot) = 0;

  /// Makes each of the leases that is still as in `seen` one of `server`, with the next epoch.
  /// Returns the slots for which it was so. After an error some may be taken.
  virtual Result<std::vector<uint32_t>> take(const Context&, const std::string& server,
                                             std::span<const Lease> seen) = 0;

  /// Gives up those of the leases that are still so; they keep their epochs.
  virtual Status release(const Context&, std::span<const Lease> held) = 0;

  /// The server is gone on purpose: read() does not list it any more. Absent: ok.
  virtual Status leave(const Context&, const std::string& server) = 0;

  /// Removes a server that was not heard of for long, if it still is as it was seen; or does
  /// nothing, where the store removes old beats by itself.
  virtual Status forget(const Context&, const Server& seen) = 0;
};

}  // namespace viridian
