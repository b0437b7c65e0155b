#include "log/clickhouse_erase.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "clickhouse/literal.h"
#include "log/clickhouse_rows.h"

namespace viridian::clickhouse {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{5};
constexpr milliseconds kLongestPause{250};
/// The longest a pause goes on without a look at the context.
constexpr milliseconds kPauseStep{20};

}  // namespace

std::string log_table(const Client& client) {
  return client.database() + "." + std::string(kLogTable);
}

std::string literals(std::span<const CollectionId> ids) {
  std::vector<std::string> texts;
  texts.reserve(ids.size());
  for (const CollectionId& id : ids) texts.push_back(literal(id));
  return fmt::format("{}", fmt::join(texts, ", "));
}

uint32_t seconds_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

Status pause(const Context& context, milliseconds time) {
  const auto end = Context::Clock::now() + time;
  while (true) {
    VIRIDIAN_TRY_VOID(context.check());
    const auto left = std::chrono::ceil<milliseconds>(end - Context::Clock::now());
    if (left <= milliseconds(0)) return ok_status();
    std::this_thread::sleep_for(std::min(left, kPauseStep));
  }
}

Status erase_rows(const Context& context, Client& client, Node node, const std::string& condition) {
  const std::string table = log_table(client);
  const auto left = [&]() -> Result<uint64_t> {
    VIRIDIAN_TRY(
        const Block block,
        client.select(context, node,
                      fmt::format("SELECT count() AS n FROM {} WHERE {}", table, condition),
                      {{"n", std::vector<uint64_t>()}}));
    if (block.rows() != 1) return Error(Code::data_loss, "ClickHouse gave no count of rows");
    return block.get<std::vector<uint64_t>>(0).front();
  };
  VIRIDIAN_TRY(uint64_t rows, left());
  if (rows == 0) return ok_status();
  VIRIDIAN_TRY_VOID(client.execute(
      context, node, fmt::format("ALTER TABLE {} DELETE WHERE {}", table, condition)));
  for (milliseconds wait = kFirstPause; rows > 0; wait = std::min(wait * 2, kLongestPause)) {
    VIRIDIAN_TRY_VOID(pause(context, wait));
    VIRIDIAN_TRY(rows, left());
  }
  return ok_status();
}

}  // namespace viridian::clickhouse
