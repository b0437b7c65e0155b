#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/client.h"
#include "clickhouse/named_values.h"
#include "viridian/base/context.h"
#include "viridian/base/result.h"

namespace viridian::clickhouse {

/// The table sysdb_log: bodies that were to lead from one version of the catalogue to the next, and
/// now and then bodies that lead from nothing to a version. Which versions came to be, the caller
/// knows. Thread-safe.
class VersionLog {
 public:
  /// The number of a version, and the id of the change that made it.
  using Version = NamedValues::Value;

  explicit VersionLog(Client& client) : client_(client) {}

  /// The version that a catalogue begins with of which nobody says what its newest version is.
  ///   failed_precondition  there are versions, so it is a restored one: the message says which may
  ///                        be the newest, and how to say so by a table whose name begins `head`
  Result<uint64_t> begin_anew(const Context&, std::string_view head);

  /// Stores what leads from `from` to `to`, before anybody may take `to` for a version that came to
  /// be. After an error it may be there or not; it means nothing by itself.
  Status append(const Context&, const Version& to, const Version& from, const std::string& body);

  /// The bodies that lead from one to the other, oldest first, with the versions that each leads
  /// to.
  ///   out_of_range  some are there no more: begin with a snapshot
  struct Step {
    Version to;
    std::string body;
  };
  Result<std::vector<Step>> steps(const Context&, const Version& from, const Version& to);

  struct Snapshot {
    Version version;
    std::vector<std::string> bodies;  ///< in order
  };
  /// The newest of a version after `after`, up to `last`; unset: there is none.
  Result<std::optional<Snapshot>> snapshot(const Context&, uint64_t after, uint64_t last);
  Status write_snapshot(const Context&, const Snapshot& snapshot);
  /// Removes what is older than the newest snapshot but one: whoever is still reading the newest
  /// but one finds it and what follows it.
  Status trim(const Context&);

 private:
  struct Known {
    Version version;
    std::string id;
    size_t parts = 0;
  };
  /// Whole ones, oldest first.
  Result<std::vector<Known>> snapshots(const Context&, uint64_t after, uint64_t last);
  /// The newest version that certainly came to be, if any, and those after it that may have.
  struct Newest {
    std::optional<Version> certain;
    std::vector<Version> possible;
  };
  Result<Newest> newest(const Context&);
  Status insert(const Context&, uint64_t version, const std::string& change,
                const std::string& before, const std::string& body);

  Client& client_;
};

}  // namespace viridian::clickhouse
