#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "crash/book.h"
#include "engine/random_requests.h"

namespace viridian::crash {

/// One call of a client: what it does to the engine, and what it must come to.
struct Step {
  std::string what;     ///< for people
  std::string changed;  ///< key of the collection whose records or metadata it changes; may be ""
  std::string target;   ///< key that the collection had before
  std::function<Status(Api&)> run;
  std::function<void(Book&)> note;  ///< after run(), whether or not it was told of success
};

/// Random calls over a small world: a few databases, a few collections, the same ids again and
/// again, and now and then files sealed, merged, closed.
class Workload {
 public:
  /// Names that it gives are numbered from `first_name` on. Besides the usual mix, this share of
  /// the calls drops a collection.
  explicit Workload(uint64_t seed, int first_name = 1, int drop_percent = 0)
      : random_(static_cast<uint32_t>(seed)), next_name_(first_name), drop_percent_(drop_percent) {}

  /// A call that makes sense now. Collections whose key `avoid` names are left alone, and with ""
  /// none is.
  Step next(const Book& book, const std::string& avoid = "");
  /// A write to one of the collections there are.
  std::optional<Step> write(const Book& book, const std::string& avoid = "");
  int pick(int n) { return random_.pick(n); }

 private:
  struct Target {
    std::string database, name;
    CollectionRef ref;
    std::string key() const { return database + "/" + name; }
  };
  std::optional<Target> pick_collection(const Book& book, const std::string& avoid);
  std::string pick_database(const Book& book);
  Step create_collection(const Book& book);
  Step create_database();
  Step delete_database(const Book& book, const std::string& avoid);
  Step remove(const Book& book, const Target& target);
  Step modify(const Target& target);
  Step delete_collection(const Target& target);
  Step upkeep(const Target& target);
  Step snapshot(const Book& book);
  Step restore(const std::string& snapshot, const Book::Collections& held);

  conformance::RandomRequests random_;
  int next_name_;
  int drop_percent_;
};

}  // namespace viridian::crash
