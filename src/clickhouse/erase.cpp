#include "clickhouse/erase.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "clickhouse/literal.h"
#include "clickhouse/pause.h"

namespace viridian::clickhouse {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{5};
constexpr milliseconds kLongestPause{250};
/// A replica that does not say anything within this is away.
constexpr milliseconds kAnswer{3'000};
/// A mutation that was asked for this long ago is known to every replica that keeps up.
constexpr milliseconds kKnown{3'000};

using Numbers = std::vector<uint64_t>;

class Erasure {
 public:
  Erasure(const Context& context, Client& client, uint32_t shard, std::string_view table,
          const std::string& condition)
      : context_(context),
        client_(client),
        shard_(shard),
        table_(table),
        name_(fmt::format("{}.{}", client.database(), table)),
        condition_(condition) {}

  Status run() {
    const auto until = Context::Clock::now() + kEraseTime;
    for (milliseconds wait = kFirstPause;; wait = std::min(wait * 2, kLongestPause)) {
      // Even while a replica is away the others are to begin.
      const Status looked = look();
      if (shows_) VIRIDIAN_TRY_VOID(ask_for_it(*shows_));
      VIRIDIAN_TRY_VOID(looked);
      if (!shows_) return ok_status();
      if (Context::Clock::now() >= until) return not_done();
      const Status paused = pause(context_, wait);
      if (paused.ok()) continue;
      return paused.error().code() == Code::cancelled ? paused.error() : not_done();
    }
  }

 private:
  /// Which replica shows rows, if one does.
  Status look() {
    shows_.reset();
    Status outcome = ok_status();
    const bool several = client_.replicas(shard_) > 1;
    for (const Node& node : client_.order(shard_)) {
      const Status answers = several ? answer(node) : ok_status();
      const auto rows = answers.ok() ? count(node, name_, condition_) : answers.error();
      if (!rows.ok()) {
        outcome =
            Error(rows.error().code(),
                  fmt::format("what is deleted from {} is gone once every replica says so: {}",
                              name_, rows.error().message()));
      } else if (*rows > 0) {
        shows_ = node;
        rows_ = *rows;
      }
    }
    return outcome;
  }

  /// One that is frozen is not to take the time that a long question has.
  Status answer(Node node) {
    const auto block =
        client_.select(context_.no_later_than(Context::Clock::now() + kAnswer), node,
                       "SELECT toUInt8(1) AS one", {{"one", std::vector<uint8_t>()}});
    if (block.ok()) return ok_status();
    if (block.error().code() == Code::cancelled) return block.error();
    return Error(Code::unavailable, block.error().message());
  }

  Result<uint64_t> count(Node node, const std::string& table, const std::string& condition) {
    VIRIDIAN_TRY(const Block block,
                 client_.select(
                     context_, node,
                     fmt::format("SELECT count() AS rows_left FROM {} WHERE {}", table, condition),
                     {{"rows_left", Numbers()}}));
    if (block.rows() != 1) return Error(Code::data_loss, "ClickHouse gave no count of rows");
    return block.get<Numbers>(0).front();
  }

  std::string of_this_table() const {
    return fmt::format("concat('`', database, '`') = {} AND table = {}",
                       literal(client_.database()), literal(table_));
  }

  /// Rows that came after a mutation was begun are not its own: it is done, and they are there.
  Status ask_for_it(Node node) {
    const auto now = Context::Clock::now();
    if (asked_ && now - *asked_ < kKnown) return ok_status();
    if (asked_) {
      VIRIDIAN_TRY(const uint64_t under_way,
                   count(node, "system.mutations", of_this_table() + " AND is_done = 0"));
      if (under_way > 0) return ok_status();
    }
    asked_ = now;
    return client_.execute(context_, node,
                           fmt::format("ALTER TABLE {} DELETE WHERE {}", name_, condition_));
  }

  Error not_done() {
    return Error(Code::unavailable,
                 fmt::format("{} rows that are to be deleted from {} are still there on {}: {}",
                             rows_, name_, client_.address(*shows_), reason()));
  }

  /// Why mutations fail, in ClickHouse's words. Old versions do not tell.
  std::string reason() {
    const Context context = Context::with_timeout(kAnswer);
    const auto told = client_.select(
        context, *shows_,
        "SELECT name FROM system.columns WHERE database = 'system' AND table = 'mutations' AND "
        "name = 'latest_fail_reason'",
        {{"name", StringColumn()}});
    if (told.ok() && told->rows() == 1) {
      const auto failed = client_.select(
          context, *shows_,
          fmt::format("SELECT latest_fail_reason AS r FROM system.mutations WHERE {} AND is_done = "
                      "0 AND latest_fail_reason != '' LIMIT 1",
                      of_this_table()),
          {{"r", StringColumn()}});
      if (failed.ok() && failed->rows() == 1) return std::string(failed->get<StringColumn>(0)[0]);
    }
    return "the mutation goes on, system.mutations and the log of that server say how";
  }

  const Context& context_;
  Client& client_;
  const uint32_t shard_;
  const std::string table_;
  const std::string name_;  ///< of the table, with the database
  const std::string& condition_;
  std::optional<Node> shows_;
  uint64_t rows_ = 0;
  std::optional<Context::Clock::time_point> asked_;
};

}  // namespace

Status erase_rows(const Context& context, Client& client, uint32_t shard, std::string_view table,
                  const std::string& condition) {
  return Erasure(context, client, shard, table, condition).run();
}

}  // namespace viridian::clickhouse
