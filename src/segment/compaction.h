#pragma once
#include "segment/collection_segments.h"
#include "viridian/spi/leases.h"
#include "viridian/spi/sysdb.h"

namespace viridian::segment {

/// Writes images of what the log has changed, so that the log can let go of it. Only the holder of
/// the collection's lease does: what it applied is there for good, once the log has settled that
/// and the lease was confirmed after it. Thread-safe.
///
/// Whatever becomes of it, and however many processes take themselves for the holder, images that
/// are published are right. A version of a record has one number, that of its last change (or,
/// where an old one was lost and that is not known any more, of the images that bring it back), and
/// one content, whoever writes it; readers take the newest up to the published number, and versions
/// that nobody published yet lie beyond it. A published number never goes back (the SysDb sees to
/// it), and is published after its versions were read back.
class Compaction {
 public:
  struct Peers {
    SysDb& sysdb;
    Consumer& consumer;
    Leases& leases;
    BaseStore& store;
  };
  explicit Compaction(const Peers& peers) : peers_(peers) {}

  /// Makes images of everything that is applied, publishes them and trims the log. With `purge`,
  /// also removes what they replace.
  ///   aborted       another process is the holder
  ///   out_of_range  what was applied turned out void: the collection is to be opened anew
  ///   unavailable   the images could not be seen where they were written
  Status run(const Context&, CollectionSegments& collection, bool purge);
  /// Looks up what others have published meanwhile.
  Status refresh(const Context&, CollectionSegments& collection);

 private:
  struct Job;
  struct Stored;
  Status check_applied(const Context&, const CollectionSegments& collection, SeqId applied);
  Status write(const Job& job, std::span<const Origin::Change> changes);
  Result<Stored> read_back(const Job& job, uint32_t copy);
  Result<std::vector<Origin::Change>> differences(const Job& job, const Stored& stored);
  /// Reads one copy until it is as it should be; its checksum.
  Result<Stored> verify(Job& job, uint32_t copy);
  static void want(Job& job, std::span<const Origin::Change> mended);
  Result<Base> make_base(Job& job, bool& garbage);

  const Peers peers_;
};

}  // namespace viridian::segment
