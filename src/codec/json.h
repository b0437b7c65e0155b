#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "viridian/base/result.h"

namespace viridian::json {

/// Objects and arrays inside each other, at most this many. One more is refused.
inline constexpr int kMaxDepth = 127;

class Value;
using Array = std::vector<Value>;
using Member = std::pair<std::string, Value>;
/// Members in the order of the text; a repeated name stays, so that readers can refuse it.
using Object = std::vector<Member>;

/// A JSON value as a tree. An integer that int64 cannot hold is a double, and says so.
class Value {
 public:
  Value() = default;
  explicit Value(bool value) : data_(value) {}
  explicit Value(int64_t value) : data_(value) {}
  explicit Value(double value, bool was_integer = false)
      : data_(value), was_integer_(was_integer) {}
  explicit Value(std::string value) : data_(std::move(value)) {}
  explicit Value(Array value) : data_(std::move(value)) {}
  explicit Value(Object value) : data_(std::move(value)) {}

  bool is_null() const noexcept { return std::holds_alternative<std::monostate>(data_); }
  /// The held value, or null where another kind is held.
  const bool* boolean() const noexcept { return std::get_if<bool>(&data_); }
  const int64_t* integer() const noexcept { return std::get_if<int64_t>(&data_); }
  const double* floating() const noexcept { return std::get_if<double>(&data_); }
  const std::string* string() const noexcept { return std::get_if<std::string>(&data_); }
  const Array* array() const noexcept { return std::get_if<Array>(&data_); }
  const Object* object() const noexcept { return std::get_if<Object>(&data_); }
  /// A double that was written as an integer, but does not fit int64.
  bool is_big_integer() const noexcept { return was_integer_; }
  /// What a reader found, in words: integer `5`, string "x", sequence, map, null.
  std::string describe() const;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> data_;
  bool was_integer_ = false;
};

/// Reads one JSON text.
///   invalid_argument  it is not one (syntax, encoding, depth, trailing text); the message begins
///                     "Failed to parse the request body as JSON: " and ends with line and column
Result<Value> parse(std::string_view text);

/// Writes JSON text piece by piece; puts the commas. Names and strings are UTF-8.
class Writer {
 public:
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  /// The name of the next member. Escaped, so any text will do.
  void key(std::string_view name);

  void null() { token("null"); }
  void boolean(bool value) { token(value ? "true" : "false"); }
  void integer(int64_t value);
  void unsigned_integer(uint64_t value);
  /// The shortest text that reads back as the same double (float); it always shows that it is not
  /// an integer: 1.0, 1e+20. Not finite: null.
  void floating(double value);
  void floating(float value);
  void string(std::string_view value);
  void value(const Value& value);
  /// JSON text as it is.
  void raw(std::string_view json) { token(json); }

  void reserve(size_t bytes) { out_.reserve(bytes); }
  std::string take() && { return std::move(out_); }

 private:
  void separate() {
    if (comma_) out_.push_back(',');
    comma_ = true;
  }
  void open(char bracket);
  void close(char bracket);
  void token(std::string_view text);

  std::string out_;
  bool comma_ = false;
};

/// Appends `text` in quotes, escaped. Bytes that are not UTF-8 become U+FFFD, so that what is
/// written can always be read.
void append_string(std::string& out, std::string_view text);

}  // namespace viridian::json
