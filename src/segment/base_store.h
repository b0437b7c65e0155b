#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/model/columns.h"
#include "viridian/model/ids.h"

namespace viridian::segment {

/// Where the images of a collection are.
struct Place {
  CollectionId collection;
  uint32_t shard = 0;
};

/// Which versions of which records there are.
struct Versions {
  std::vector<Offset> offsets;
  std::vector<SeqId> seqs;
  std::vector<uint8_t> deleted;  ///< 1: the record is gone from that number on
};

/// Versions of records with all that they hold: row i is the record at offsets[i] as it is from log
/// record seqs[i] on. Every row of a collection with these two numbers equal is equal to it.
struct Images : Versions {
  static constexpr uint8_t kHasVector = 1;
  static constexpr uint8_t kHasDocument = 2;
  static constexpr uint8_t kHasMetadata = 8;
  static constexpr uint8_t kHasUri = 16;

  std::vector<uint8_t> flags;
  StringColumn ids;
  /// Row i's vector is vectors[vector_ends[i - 1]..vector_ends[i]).
  std::vector<uint64_t> vector_ends;
  std::vector<float> vectors;
  StringColumn metadata;  ///< as of encode_metadata()
  StringColumn documents, uris;

  size_t rows() const noexcept { return offsets.size(); }
};

/// Offsets from begin to end - 1.
struct OffsetRange {
  Offset begin = 0;
  Offset end = 0;
};

/// Keeps versions of records for all servers. It never says whether they are all there: whoever
/// wrote them publishes, in the SysDb, what they must come to (Base). Thread-safe.
class BaseStore {
 public:
  virtual ~BaseStore() = default;

  /// How many copies of a shard can be read. Not all of them may be complete.
  virtual uint32_t copies(const Place&) const = 0;
  /// Which copy a load is to read from in its n-th attempt, from 0 on: where one is behind, another
  /// one is not.
  virtual uint32_t copy_for(const Place& place, uint32_t attempt) const {
    return attempt % std::max(1u, copies(place));
  }
  /// On how many of them images must have been seen before they are published.
  virtual uint32_t safe_copies(const Place&) const = 0;

  /// All versions in a range of offsets with numbers up to `at`, in any order, perhaps twice.
  /// `take` may take them apart.
  virtual Status load(const Context&, const Place&, uint32_t copy, OffsetRange, SeqId at,
                      const std::function<Status(Images&)>& take) = 0;
  /// As load(), of all offsets, without what the records hold.
  virtual Status versions(const Context&, const Place&, uint32_t copy, SeqId at,
                          const std::function<Status(Versions&)>& take) = 0;
  /// Adds versions. After an error some of them may be there. Adding one twice changes nothing.
  virtual Status write(const Context&, const Place&, Images images) = 0;
  /// Removes all versions up to `at` but the newest of each record that lives at `at`; what they
  /// held is gone on return.
  virtual Status purge(const Context&, const Place&, SeqId at) = 0;
  /// Removes everything of these collections.
  virtual Status forget(const Context&, const std::vector<CollectionId>&) = 0;
  /// Collections of which there is anything.
  virtual Result<std::vector<CollectionId>> collections(const Context&) = 0;
};

}  // namespace viridian::segment
