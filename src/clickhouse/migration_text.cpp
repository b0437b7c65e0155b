#include "clickhouse/migration_text.h"

#include <fmt/format.h>

#include "clickhouse/literal.h"

namespace viridian::clickhouse {
namespace {

constexpr std::string_view kStep = "-- step:";
constexpr std::string_view kCheck = "-- check:";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// Takes the first word off.
std::string_view word(std::string_view& text) {
  text = trimmed(text);
  const std::string_view first = text.substr(0, text.find(' '));
  text = trimmed(text.substr(first.size()));
  return first;
}

/// The path in ZooKeeper holds the database, so that several can share one cluster.
std::string engine(std::string_view words, const MigrationTarget& target) {
  const std::string_view kind = word(words);
  const std::string_view table = word(words);
  const std::string_view argument = words;
  if (!target.replicated)
    return argument.empty() ? std::string(kind) : fmt::format("{}({})", kind, argument);
  const std::string path =
      fmt::format("/clickhouse/tables/{{shard}}/{}/{}", target.database, table);
  return fmt::format("Replicated{}({}, '{{replica}}'{}{})", kind, literal(path),
                     argument.empty() ? "" : ", ", argument);
}

std::string durable(const MigrationTarget& target) {
  std::string settings;
  for (const std::string_view setting : {"fsync_after_insert", "fsync_part_directory"})
    if (target.knows(setting)) settings += fmt::format(", {} = 1", setting);
  return settings;
}

Result<std::string> replacement(std::string_view words, const MigrationTarget& target) {
  std::string_view rest = words;
  const std::string_view what = word(rest);
  if (what == "database") return identifier(target.database);
  if (what == "name") return literal(target.database);
  if (what == "engine") return engine(rest, target);
  // Servers learned about codecs of columns and about this setting at about the same time.
  if (what == "uncompressed")
    return std::string(target.knows("allow_suspicious_codecs") ? " CODEC(NONE)" : "");
  if (what == "durable") return durable(target);
  return Error(Code::internal, fmt::format("a migration says {{{}}}, which means nothing", words));
}

Result<std::string> replaced(std::string_view text, const MigrationTarget& target) {
  std::string done;
  while (true) {
    const size_t open = text.find('{');
    done += text.substr(0, open);
    if (open == std::string_view::npos) return done;
    const size_t close = text.find('}', open);
    if (close == std::string_view::npos)
      return Error(Code::internal, "a migration has a brace that is not closed");
    VIRIDIAN_TRY(const std::string by,
                 replacement(text.substr(open + 1, close - open - 1), target));
    done += by;
    text.remove_prefix(close + 1);
  }
}

/// Which lines belong to what, before words are replaced.
std::vector<MigrationStep> split(std::string_view text) {
  enum class In { comment, check, statement };
  In in = In::comment;
  std::vector<MigrationStep> steps;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.starts_with(kStep)) {
      steps.push_back({std::string(trimmed(line.substr(kStep.size()))), {}, {}});
      in = In::check;
    } else if (steps.empty()) {
      continue;
    } else if (in == In::check && line.starts_with("--")) {
      const size_t mark = line.starts_with(kCheck) ? kCheck.size() : 2;
      steps.back().check += fmt::format(" {}", trimmed(line.substr(mark)));
    } else if (trimmed(line).empty()) {
      in = In::comment;
    } else if (!line.starts_with("--")) {
      in = In::statement;
      steps.back().statement += fmt::format("{}\n", line);
    }
  }
  return steps;
}

}  // namespace

Result<std::vector<MigrationStep>> migration_steps(std::string_view text,
                                                   const MigrationTarget& target) {
  std::vector<MigrationStep> steps = split(text);
  for (MigrationStep& step : steps) {
    VIRIDIAN_TRY(const std::string check, replaced(trimmed(step.check), target));
    VIRIDIAN_TRY(const std::string statement, replaced(trimmed(step.statement), target));
    step.check = check;
    step.statement = statement;
    if (step.name.empty() || step.check.empty() || step.statement.empty())
      return Error(
          Code::internal,
          fmt::format("step {} of a migration lacks its name, check or statement", step.name));
  }
  return steps;
}

}  // namespace viridian::clickhouse
