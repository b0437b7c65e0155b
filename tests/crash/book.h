#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/oracle.h"
#include "viridian/spi/api.h"

namespace viridian::crash {

/// What can be seen of a whole database directory, as text: "database" -> "",
/// "database/collection" -> its metadata, then a line per record in natural order, and
/// "snapshot name" -> "".
using State = std::map<std::string, std::shared_ptr<const std::string>>;

/// What there should be, in the plainest way.
class Book {
 public:
  struct Kept {
    CollectionId id;
    std::optional<Metadata> metadata;
    conformance::Oracle oracle;
  };
  using Collections = std::map<std::string, Kept>;

  Book();

  std::map<std::string, Collections>& databases() { return databases_; }
  const std::map<std::string, Collections>& databases() const { return databases_; }
  /// By name: what the databases held.
  std::map<std::string, std::map<std::string, Collections>>& snapshots() { return snapshots_; }
  const std::map<std::string, std::map<std::string, Collections>>& snapshots() const {
    return snapshots_;
  }

 private:
  std::map<std::string, Collections> databases_;
  std::map<std::string, std::map<std::string, Collections>> snapshots_;
};

std::string text_of(const Book::Kept& kept);

/// The state that a book describes. What `before` says of collections other than `changed` is
/// taken over as it is.
State state_of(const Book& book, const State& before, const std::string& changed);

/// The state that an engine shows. Every collection is read in full.
Result<State> state_of(Api& api);

/// How a state that was found differs from what was acknowledged.
struct Verdict {
  enum class Kind { right, lost, partial, wrong };
  Kind kind = Kind::right;
  std::string reason = {};
};

/// Right: all of `acknowledged`, and of the call that was under way everything or nothing
/// (`complete`: the state with it).
Verdict compare(const State& found, const State& acknowledged, const State& complete);

}  // namespace viridian::crash
