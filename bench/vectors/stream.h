#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vectors/npy.h"
#include "vectors/support.h"
#include "viridian/viridian.h"

namespace viridian::segment {
struct FileIndex;
}

namespace viridian::bench {

/// A set (data.py) as its folder holds it.
struct Set {
  Array base, queries;
  Space space = Space::cosine;
};

/// A live record: its id, and the row of the set whose vector it has.
struct Live {
  uint64_t id = 0;
  size_t row = 0;
};

/// A collection of the embedded library in a directory of its own, sealed and merged by itself as a
/// server's is. Ids are numbers.
class Stream {
 public:
  Stream(const Set& set, std::string directory);

  void write(Operation operation, std::span<const Live> records) const;
  void remove(std::span<const Live> records) const;
  /// Returns when everything is in files and no merge has been due for a while; how long it took.
  double settle() const;

  /// One call for all vectors. `recall` 0: the default.
  std::vector<std::vector<Neighbour>> query(const std::vector<std::vector<float>>& vectors,
                                            uint32_t k, double recall) const;
  void query(std::span<const float> vector, uint32_t k) const;
  std::vector<std::vector<float>> queries() const;
  SegmentStats stats() const { return value_of(collection_.stats()); }

  /// Of all queries, with a recall of 0.99: estimates that walks take in all files together.
  struct Walks {
    size_t indexed_files = 0;
    double estimates = 0;  ///< a query
    size_t apart = 0;      ///< rows that every search looks at
  };
  Walks walks() const;

 private:
  void add_walks(const segment::FileIndex& index, Walks& walks) const;

  const Set& set_;
  std::string directory_;
  Client client_;
  CollectionHandle collection_;
};

/// "drift": a collection turned over `turnovers` times in one of the modes of kDriftModes, measured
/// after each and beside a fresh one.
inline constexpr std::string_view kDriftModes[] = {"readd", "clustered", "upsert", "window"};
void drift(const Set& set, std::string_view mode, size_t turnovers, const std::string& directory);
/// "mixed": queries before, while and after the half of a set is added to the other, and deleted.
void mixed(const Set& set, const std::string& directory);

}  // namespace viridian::bench
