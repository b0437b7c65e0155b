#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clickhouse/client.h"
#include "viridian/base/context.h"
#include "viridian/base/result.h"

namespace viridian::clickhouse {

/// A few small values that several servers change by compare-and-swap. ClickHouse has one thing of
/// which a single racer succeeds, RENAME TABLE; so a value is the name of an empty table,
/// `<key>_<version>_<text>`. Only on one ClickHouse server, the first one. Thread-safe.
///
/// A crash of ClickHouse amid a RENAME may leave both tables. So a value counts only while its
/// table is the key's only one: then nobody can take its predecessor for the value any more. Where
/// there are several, everybody agrees on the one that stays (the highest version, of these the
/// least text) and puts the others out of the way. For this the pair of version and text must never
/// come twice in a key's life, nor the version go back.
class NamedValues {
 public:
  struct Value {
    uint64_t version = 0;
    std::string text;  ///< any bytes, at most kLongestText when encoded
    friend bool operator==(const Value&, const Value&) = default;
  };
  using Values = std::map<std::string, Value, std::less<>>;  // by key
  struct Swap {
    std::string key;
    Value from;
    Value to;
  };
  /// File systems end names at 255 bytes; ClickHouse's metadata files add a few to a table's.
  static constexpr size_t kLongestText = 160;

  /// `kind` begins the names of all tables; a key is the kind itself, or begins "<kind>_".
  NamedValues(Client& client, std::string kind, std::vector<std::string> keys);

  /// Makes what is missing, with no text, beside others that do the same. `first`: asked only if
  /// something is missing; with which version it is made, or why it must not be made.
  ///   failed_precondition  there are several ClickHouse servers
  using First = std::function<Result<uint64_t>(const Context&)>;
  Status open(const Context&, const First& first);

  /// All of them, as they are at some moment between call and answer. Calls at the same time share
  /// one question that began after they came.
  ///   unavailable  one is missing, or ClickHouse does not answer
  Result<Values> read(const Context&);

  /// Replaces each value that is still `from`; answers what is there after that. Waits for a
  /// ClickHouse that does not answer, within limits, to find out what became of it.
  /// An error: some may be replaced, and may yet be.
  Result<Values> swap(const Context&, std::span<const Swap> swaps);

 private:
  /// What was listed: the tables of each key, what stays first.
  using Listed = std::map<std::string, std::vector<Value>, std::less<>>;

  Result<Listed> list(const Context&);
  Result<Listed> list_patiently(const Context&);
  Result<Values> settle(const Context&);
  void remove_others(const Context&, const Listed& listed, const Listed& before);
  std::string table(std::string_view key, const Value& value) const;
  std::optional<std::pair<std::string, Value>> parse(std::string_view name) const;
  Status rename(const Context&, std::span<const Swap> swaps);

  Client& client_;
  const std::string kind_;
  const std::vector<std::string> keys_;

  std::mutex mutex_;
  std::condition_variable answered_;
  uint64_t begun_ = 0;  // questions; guarded by mutex_, as all below
  uint64_t ended_ = 0;  // the last question with an answer
  bool asking_ = false;
  std::optional<Result<Values>> answer_;
};

/// A table's name as part of which any bytes can stand, and back. Letters and digits stay.
std::string encode_name(std::string_view bytes);
std::optional<std::string> decode_name(std::string_view name);

}  // namespace viridian::clickhouse
