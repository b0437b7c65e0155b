#include "obs/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <ctime>
#include <iterator>
#include <utility>

namespace viridian::obs {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warn", "error"};

// Control characters would let a value forge a line of its own.
void append_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out.append("\\n");
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

bool is_plain(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || c == '"' || c == '\\' || c == '=') return false;
  }
  return !text.empty();
}

std::string format_time(Logger::Clock::time_point time) {
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = static_cast<std::time_t>(milliseconds / 1000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), milliseconds % 1000);
}

std::string text_line(Logger::Clock::time_point time, Level level, std::string_view module,
                      std::string_view message, Fields fields, uint64_t withheld) {
  std::string line = fmt::format("{} {:<5} {}: {}", format_time(time),
                                 kLevelNames[static_cast<size_t>(level)], module, message);
  for (const Field& field : fields) {
    line.append(" ").append(field.key()).push_back('=');
    if (is_plain(field.value())) {
      line.append(field.value());
    } else {
      append_quoted(line, field.value());
    }
  }
  if (withheld != 0) fmt::format_to(std::back_inserter(line), " withheld={}", withheld);
  line.push_back('\n');
  return line;
}

std::string json_line(Logger::Clock::time_point time, Level level, std::string_view module,
                      std::string_view message, Fields fields, uint64_t withheld) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","module":)", format_time(time),
                                 kLevelNames[static_cast<size_t>(level)]);
  append_quoted(line, module);
  line.append(R"(,"message":)");
  append_quoted(line, message);
  for (const Field& field : fields) {
    line.push_back(',');
    append_quoted(line, field.key());
    line.push_back(':');
    if (field.quoted()) {
      append_quoted(line, field.value());
    } else {
      line.append(field.value());
    }
  }
  if (withheld != 0) fmt::format_to(std::back_inserter(line), R"(,"withheld":{})", withheld);
  line.append("}\n");
  return line;
}

// One write() per line: lines of several processes on one terminal do not mix. What cannot be
// written (a closed pipe, a full disk) has nowhere to be reported.
void write_stderr(std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written <= 0) return;
    line.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

std::optional<Level> parse_level(std::string_view text) {
  for (size_t i = 0; i < kLevelNames.size(); ++i) {
    if (text == kLevelNames[i]) return static_cast<Level>(i);
  }
  return std::nullopt;
}

std::optional<LogFormat> parse_format(std::string_view text) {
  if (text == "text") return LogFormat::text;
  if (text == "json") return LogFormat::json;
  return std::nullopt;
}

// JSON has no word for what is not a number.
Field::Field(std::string_view key, double value)
    : key_(key), value_(fmt::format("{}", value)), quoted_(!std::isfinite(value)) {}

Logger::Logger() : Logger(write_stderr, [] { return Clock::now(); }) {}

Logger::Logger(Sink sink, std::function<Clock::time_point()> now)
    : sink_(std::move(sink)), now_(std::move(now)) {}

void Logger::configure(Level level, LogFormat format) {
  const std::lock_guard lock(mutex_);
  level_ = level;
  format_ = format;
}

bool Logger::enabled(Level level) const {
  const std::lock_guard lock(mutex_);
  return level >= level_;
}

void Logger::log(Level level, std::string_view module, std::string_view message, Fields fields) {
  const std::lock_guard lock(mutex_);
  if (level < level_) return;
  const Clock::time_point now = now_();
  Repeats& repeats = repeats_[fmt::format("{}:{}", module, message)];
  if (now - repeats.since >= std::chrono::seconds(1) || now < repeats.since) {
    repeats.since = now;
    repeats.written = 0;
  }
  if (repeats.written == kLinesPerSecond) {
    ++repeats.withheld;
    return;
  }
  ++repeats.written;
  const uint64_t withheld = std::exchange(repeats.withheld, 0);
  const auto format = format_ == LogFormat::json ? json_line : text_line;
  sink_(format(now, level, module, message, fields, withheld));
}

Logger& process_logger() {
  static Logger logger;
  return logger;
}

void log(Level level, std::string_view module, std::string_view message, Fields fields) {
  process_logger().log(level, module, message, fields);
}

}  // namespace viridian::obs
