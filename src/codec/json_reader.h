#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "viridian/base/result.h"
#include "viridian/model/columns.h"

namespace viridian::json {

enum class Kind : uint8_t { null, boolean, number, string, array, object, bad };

/// A number as it was written.
struct Number {
  enum class Form : uint8_t { integer, big_integer, floating };
  Form form = Form::integer;
  int64_t integer = 0;  ///< Form::integer only
  double value = 0;
};

/// Reads a JSON text front to back, value by value, without building anything. A reading function
/// answers false when the text is no JSON; from then on all do, and error() says why.
/// The text must outlive the reader.
class Reader {
 public:
  explicit Reader(std::string_view text);

  /// What comes next; bad where nothing does that could begin a value (and that is an error).
  Kind kind();

  bool begin_array();
  /// Another element follows. False: the array is closed, or failed().
  bool next_element();
  bool begin_object();
  /// Another member follows; `name` holds until the next string is read. False: as above.
  bool next_member(std::string_view& name);

  bool read_null();
  bool read_boolean(bool& value);
  bool read_number(Number& number);
  /// `value` holds until the next string is read.
  bool read_string(std::string_view& value);
  bool read_value(Value& value);
  /// Passes over a value, checking it.
  bool skip();
  /// After '[': reads numbers as floats up to the closing bracket, which it consumes. Stops with
  /// true and `only_numbers` false before an element that is no number. Numbers beyond float
  /// become infinite.
  bool read_floats(FloatBuffer& out, bool& only_numbers);
  /// Nothing may follow the document's value.
  bool finish();

  bool failed() const noexcept { return failed_; }
  Error error() const;

 private:
  void skip_space();
  bool fail(std::string_view what) { return fail_at(position_, what); }
  bool fail_at(size_t position, std::string_view what);
  bool open(char bracket);
  bool literal(std::string_view word);
  bool read_escape();
  bool read_hex4(uint32_t& unit);
  bool scan_number(Number& number);
  size_t end_of_plain(size_t from) const;
  bool end() const noexcept { return position_ >= text_.size(); }

  std::string_view text_;
  size_t position_ = 0;
  int depth_ = 0;
  bool first_ = false;  ///< no comma is due before the next element
  bool failed_ = false;
  size_t failed_at_ = 0;
  std::string what_;
  std::string scratch_;
};

}  // namespace viridian::json
