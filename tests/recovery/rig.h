#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "component/thread_pool.h"
#include "engine/test_system.h"
#include "os/real_files.h"
#include "recovery/check.h"
#include "recovery/repair.h"

/// A data directory made by a random workload, copies of it to damage, and what has to be in it.
namespace viridian::recovery_test {

struct StoredRecord {
  std::vector<float> vector;
  std::optional<std::string> document, uri;
  std::optional<Metadata> metadata;
  friend bool operator==(const StoredRecord&, const StoredRecord&) = default;
};
using Contents = std::map<std::string, StoredRecord>;  ///< by id
/// By the collections' names.
using Database = std::map<std::string, Contents>;

struct WorkloadOptions {
  uint32_t seed = 1;
  int collections = 3;
  int seals = 3;
  int rounds = 6;  ///< writes between two seals
  int rows = 12;   ///< of a write, at most
  int dimension = 8;
  bool leave_tail = true;  ///< records that are only in the log
  bool snapshot = false;
};

/// Fills a new directory, closes it, and returns what it holds.
Database make_directory(const std::string& path, const WorkloadOptions& options);

/// Everything in a directory, read through the engine; or the error of the first thing that could
/// not be read. What could be read before it is in `partly`.
Result<Database> read_all(const std::string& path, Database* partly = nullptr);

/// Writes a record into each collection and reads it again.
Status write_everywhere(const std::string& path);

void copy_directory(const std::string& from, const std::string& to);
/// Regular files with something in them, except the lock; paths below the directory, ascending.
std::vector<std::string> files_in(const std::string& path);
std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& content);

/// Files and threads for check and repair.
class Tools {
 public:
  Tools() { EXPECT_TRUE(pool_.start(Context()).ok()); }
  ~Tools() { pool_.stop(); }
  Result<recovery::Report> check(const std::string& path) {
    return recovery::check(Context(), files_, pool_, {path, {}, {}});
  }
  Result<recovery::Repair> repair(const std::string& path) {
    return recovery::repair(Context(), files_, pool_, {path, {}});
  }

 private:
  os::RealFiles files_;
  ThreadPool pool_{2, 64};
};

/// Ids that a repair says are lost.
std::vector<std::string> lost_ids(const recovery::Repair& repair);

}  // namespace viridian::recovery_test
