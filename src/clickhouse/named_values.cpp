#include "clickhouse/named_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "clickhouse/literal.h"
#include "obs/log.h"
#include "viridian/base/uuid.h"

namespace viridian::clickhouse {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr Node kNode{0, 0};
/// For how long what became of a RENAME is asked, and names that cannot stay are waited for.
constexpr std::chrono::seconds kPatience{15};
constexpr milliseconds kFirstPause{3};
constexpr milliseconds kLongestPause{200};
/// How often two names of one key must be seen before one is put out of the way: a RENAME that is
/// under way shows both for a moment.
constexpr int kSights = 5;

/// Waits longer each time, up to a limit in all.
class Attempts {
 public:
  explicit Attempts(const Context& context) : context_(context) {}
  bool left() const { return steady_clock::now() < end_ && context_.check().ok(); }
  void wait() {
    const auto until = std::min(end_, context_.deadline().value_or(end_));
    std::this_thread::sleep_until(std::min(until, steady_clock::now() + pause_));
    pause_ = std::min(2 * pause_, kLongestPause);
  }

 private:
  const Context& context_;
  const steady_clock::time_point end_ = steady_clock::now() + kPatience;
  milliseconds pause_ = kFirstPause;
};

/// Whether the same question may have another answer soon. The rest is the caller's mistake, or
/// the configuration's.
bool may_pass(Code code) {
  return code != Code::invalid_argument && code != Code::unauthenticated &&
         code != Code::permission_denied && code != Code::cancelled &&
         code != Code::deadline_exceeded && code != Code::failed_precondition;
}

bool plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// What stays comes first.
bool stays_before(const NamedValues::Value& a, const NamedValues::Value& b) {
  return a.version != b.version ? a.version > b.version : a.text < b.text;
}

}  // namespace

std::string encode_name(std::string_view bytes) {
  std::string name;
  for (const char c : bytes) {
    if (plain(c))
      name.push_back(c);
    else
      name += fmt::format("_{:02x}", static_cast<unsigned char>(c));
  }
  return name;
}

std::optional<std::string> decode_name(std::string_view name) {
  std::string bytes;
  while (!name.empty()) {
    if (plain(name.front())) {
      bytes.push_back(name.front());
      name.remove_prefix(1);
      continue;
    }
    constexpr size_t kEscaped = 3;
    unsigned value = 0;
    if (name.front() != '_' || name.size() < kEscaped) return std::nullopt;
    const char* const end = name.data() + kEscaped;
    if (std::from_chars(name.data() + 1, end, value, 16).ptr != end) return std::nullopt;
    bytes.push_back(static_cast<char>(value));
    name.remove_prefix(kEscaped);
  }
  return bytes;
}

NamedValues::NamedValues(Client& client, std::string kind, std::vector<std::string> keys)
    : client_(client), kind_(std::move(kind)), keys_(std::move(keys)) {}

std::string NamedValues::table(std::string_view key, const Value& value) const {
  return fmt::format("{}_{}_{}", key, value.version, encode_name(value.text));
}

std::optional<std::pair<std::string, NamedValues::Value>> NamedValues::parse(
    std::string_view name) const {
  for (const std::string& key : keys_) {
    if (!name.starts_with(key) || name.size() <= key.size() || name[key.size()] != '_') continue;
    const std::string_view rest = name.substr(key.size() + 1);
    Value value;
    const char* const end = rest.data() + rest.size();
    const auto [at, error] = std::from_chars(rest.data(), end, value.version);
    if (error != std::errc() || at == end || *at != '_') continue;
    auto text = decode_name(rest.substr(static_cast<size_t>(at - rest.data()) + 1));
    if (!text) continue;
    value.text = *std::move(text);
    return std::pair(key, std::move(value));
  }
  return std::nullopt;
}

// ---- Reading

Result<NamedValues::Listed> NamedValues::list(const Context& context) {
  const std::string sql =
      fmt::format("SHOW TABLES FROM {} LIKE {}", client_.database(), literal(kind_ + "\\_%"));
  VIRIDIAN_TRY(const Block block,
               client_.select(context, kNode, sql, {Column{"name", StringColumn()}}));
  Listed listed;
  const auto& names = block.get<StringColumn>(0);
  for (size_t row = 0; row < names.size(); ++row)
    if (auto parsed = parse(names[row])) listed[parsed->first].push_back(std::move(parsed->second));
  for (auto& [key, values] : listed) std::sort(values.begin(), values.end(), stays_before);
  return listed;
}

/// A table that is put aside by RENAME, not by DROP: where the other name of the same table is
/// being renamed, a RENAME finds that its own is gone, but a DROP would take the table itself.
void NamedValues::remove_others(const Context& context, const Listed& listed,
                                const Listed& before) {
  for (const auto& [key, values] : listed) {
    const auto known = before.find(key);
    if (known == before.end()) continue;
    for (size_t i = 1; i < values.size(); ++i) {
      const Value& value = values[i];
      if (std::find(known->second.begin(), known->second.end(), value) == known->second.end())
        continue;
      const std::string aside =
          fmt::format("{}.{}", client_.database(),
                      identifier("void_" + encode_name(Uuid::random().to_string())));
      const std::string from =
          fmt::format("{}.{}", client_.database(), identifier(table(key, value)));
      if (!client_.execute(context, kNode, fmt::format("RENAME TABLE {} TO {}", from, aside)).ok())
        continue;
      (void)client_.execute(context, kNode, fmt::format("DROP TABLE IF EXISTS {}", aside));
      obs::log(obs::Level::warn, "clickhouse",
               "a table that a crash amid a RENAME had left was put out of the way",
               {{"table", from}});
    }
  }
}

Result<NamedValues::Values> NamedValues::settle(const Context& context) {
  Attempts attempts(context);
  std::optional<Listed> before;
  for (int sight = 1;; ++sight) {
    auto listed = list(context);
    // A list that was made beside DDL may fail for a table that is gone meanwhile.
    if (!listed.ok() && (listed.error().code() == Code::unavailable ||
                         !may_pass(listed.error().code()) || !attempts.left()))
      return listed.error();
    if (listed.ok()) {
      const bool single = std::all_of(listed->begin(), listed->end(),
                                      [](const auto& entry) { return entry.second.size() == 1; });
      if (single && listed->size() == keys_.size()) {
        Values values;
        for (auto& [key, listed_values] : *listed) values[key] = std::move(listed_values.front());
        return values;
      }
      if (!single && before && sight >= kSights) remove_others(context, *listed, *before);
      if (!attempts.left())
        return Error(Code::unavailable,
                     fmt::format("{} of {} tables {}_... are in the database {} of ClickHouse, or "
                                 "some twice; if this lasts, see which by SHOW TABLES",
                                 listed->size(), keys_.size(), kind_, client_.database()));
      before = *std::move(listed);
    }
    attempts.wait();
    VIRIDIAN_TRY_VOID(context.check());
  }
}

Result<NamedValues::Values> NamedValues::read(const Context& context) {
  std::unique_lock lock(mutex_);
  const uint64_t needed = begun_ + 1;
  for (;;) {
    if (ended_ >= needed) {
      // Whoever asked may have had less time than this caller.
      if (answer_->ok() || (answer_->error().code() != Code::cancelled &&
                            answer_->error().code() != Code::deadline_exceeded))
        return *answer_;
    }
    VIRIDIAN_TRY_VOID(context.check());
    if (!asking_) {
      asking_ = true;
      const uint64_t question = ++begun_;
      lock.unlock();
      auto answer = settle(context);
      lock.lock();
      answer_ = answer;
      ended_ = question;
      asking_ = false;
      answered_.notify_all();
      return answer;
    }
    if (context.deadline())
      answered_.wait_until(lock, *context.deadline());
    else
      answered_.wait(lock);
  }
}

// ---- Changing

Status NamedValues::open(const Context& context, const First& first) {
  if (client_.shards() != 1 || client_.replicas(0) != 1)
    return Error(Code::failed_precondition,
                 "clickhouse::SysDb and clickhouse::Leases work with a single ClickHouse server, "
                 "but clickhouse.url names several; choose postgres::SysDb and postgres::Leases");
  VIRIDIAN_TRY(Listed listed, list_patiently(context));
  if (listed.size() < keys_.size()) {
    const Result<uint64_t> version = first(context);
    if (!version.ok()) {
      // What it went by may have been written by somebody who made the tables meanwhile.
      VIRIDIAN_TRY(listed, list_patiently(context));
      if (listed.size() < keys_.size()) return version.error();
    }
    for (const std::string& key : keys_) {
      if (listed.contains(key)) continue;
      VIRIDIAN_TRY_VOID(client_.execute(
          context, kNode,
          fmt::format("CREATE TABLE IF NOT EXISTS {}.{} (nothing UInt8) ENGINE = Memory",
                      client_.database(), identifier(table(key, {*version, ""})))));
    }
  }
  VIRIDIAN_TRY_VOID(read(context));
  return ok_status();
}

/// A name may be missing for a moment, amid a RENAME.
Result<NamedValues::Listed> NamedValues::list_patiently(const Context& context) {
  Attempts attempts(context);
  Listed listed;
  for (int sight = 0; sight < kSights && listed.size() < keys_.size(); ++sight) {
    if (sight > 0) attempts.wait();
    VIRIDIAN_TRY(listed, list(context));
  }
  return listed;
}

Status NamedValues::rename(const Context& context, std::span<const Swap> swaps) {
  std::string sql = "RENAME TABLE ";
  for (const Swap& swap : swaps) {
    if (&swap != swaps.data()) sql += ", ";
    for (const auto& [value, before] : {std::pair(&swap.from, ""), std::pair(&swap.to, " TO ")})
      sql +=
          fmt::format("{}{}.{}", before, client_.database(), identifier(table(swap.key, *value)));
  }
  return client_.execute(context, kNode, sql);
}

Result<NamedValues::Values> NamedValues::swap(const Context& context, std::span<const Swap> swaps) {
  for (const Swap& swap : swaps) {
    if (encode_name(swap.to.text).size() > kLongestText)
      return Error(
          Code::invalid_argument,
          fmt::format("'{}' is too long for the name of a table; is node.id?", swap.to.text));
  }
  if (swaps.empty() || rename(context, swaps).ok()) return read(context);
  // What does not do for all together may do for each; and who gets no answer asks what is there.
  Attempts attempts(context);
  for (;;) {
    auto values = read(context);
    if (!values.ok() && (!may_pass(values.error().code()) || !attempts.left()))
      return values.error();
    if (values.ok()) {
      std::optional<Error> failed;
      bool tried = false;
      for (const Swap& swap : swaps) {
        if (values->at(swap.key) != swap.from) continue;
        tried = true;
        const Status renamed = rename(context, std::span(&swap, 1));
        if (!renamed.ok()) failed = renamed.error();
      }
      if (!tried) return values;
      if (!failed) return read(context);
      if (!may_pass(failed->code()) || !attempts.left()) return *failed;
    }
    attempts.wait();
  }
}

}  // namespace viridian::clickhouse
