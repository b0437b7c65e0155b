#pragma once
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace viridian::obs {

enum class Level : uint8_t { debug, info, warn, error };
enum class LogFormat : uint8_t { text, json };

/// The setting log.level's word, or null for one it does not know.
std::optional<Level> parse_level(std::string_view text);
/// The setting log.format's word, or null for one it does not know.
std::optional<LogFormat> parse_format(std::string_view text);

/// One value of a log line, under its name.
class Field {
 public:
  Field(std::string_view key, std::string_view value) : key_(key), value_(value), quoted_(true) {}
  Field(std::string_view key, const char* value) : Field(key, std::string_view(value)) {}
  Field(std::string_view key, const std::string& value) : Field(key, std::string_view(value)) {}
  Field(std::string_view key, bool value) : key_(key), value_(value ? "true" : "false") {}
  Field(std::string_view key, double value);
  template <std::integral T>
  Field(std::string_view key, T value) : key_(key), value_(std::to_string(value)) {}

  const std::string& key() const noexcept { return key_; }
  const std::string& value() const noexcept { return value_; }
  /// Text, as opposed to a number or a truth value.
  bool quoted() const noexcept { return quoted_; }

 private:
  std::string key_;
  std::string value_;
  bool quoted_ = false;
};
using Fields = std::initializer_list<Field>;

/// Writes log lines: a constant message that can be searched for, and what varies as fields.
/// Thread-safe; each line reaches the sink whole. The same message of the same module is written
/// at most kLinesPerSecond times a second; the next line that is written says how many were not.
class Logger {
 public:
  using Clock = std::chrono::system_clock;
  using Sink = std::function<void(std::string_view line)>;
  static constexpr uint32_t kLinesPerSecond = 20;

  /// Lines go to stderr, warnings and errors only, until configure() says otherwise.
  Logger();
  /// Lines go to `sink`, called under the logger's lock; `now` gives their time.
  Logger(Sink sink, std::function<Clock::time_point()> now);

  void configure(Level level, LogFormat format);
  bool enabled(Level level) const;
  void log(Level level, std::string_view module, std::string_view message, Fields fields);

 private:
  struct Repeats {
    Clock::time_point since;
    uint32_t written = 0;
    uint64_t withheld = 0;
  };

  Sink sink_;
  std::function<Clock::time_point()> now_;
  mutable std::mutex mutex_;
  Level level_ = Level::warn;
  LogFormat format_ = LogFormat::text;
  /// By module and message. Both are constants of the program, so this stays small.
  std::map<std::string, Repeats, std::less<>> repeats_;
};

/// The logger of the process. Its standard error is one, so its log is; what a program sets here
/// (in main, from log.level and log.format) changes what is seen and nothing else.
Logger& process_logger();

/// Writes to the logger of the process: obs::log(Level::warn, "segment", "open failed",
/// {{"collection", id}, {"error", message}}).
void log(Level level, std::string_view module, std::string_view message, Fields fields = {});

}  // namespace viridian::obs
