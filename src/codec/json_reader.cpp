#include "codec/json_reader.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "codec/utf8.h"

namespace viridian::json {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A word with the high bit set in each byte that ends a run of plain string characters: a quote,
/// a backslash, or a control character.
uint64_t special_bytes(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  const auto zero_bytes = [](uint64_t v) { return (v - kOnes) & ~v & kHighs; };
  const uint64_t control = (word - kOnes * 0x20) & ~word & kHighs;
  return zero_bytes(word ^ (kOnes * '"')) | zero_bytes(word ^ (kOnes * '\\')) | control;
}

/// The double nearest to digits * 10^exponent where one rounding is enough to know it.
bool exact_double(uint64_t digits, int exponent, double& value) {
  static constexpr std::array<double, 23> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  if (digits > (uint64_t{1} << 53) || exponent < -22 || exponent > 22) return false;
  const auto whole = static_cast<double>(digits);
  value = exponent < 0 ? whole / kPowers[static_cast<size_t>(-exponent)]
                       : whole * kPowers[static_cast<size_t>(exponent)];
  return true;
}

/// from_chars does not say whether what is out of range is too large or too small.
double parse_double(const char* begin, const char* end) {
  double value = 0;
  const auto parsed = std::from_chars(begin, end, value);
  if (parsed.ec == std::errc::result_out_of_range) {
    value = std::strtod(std::string(begin, end).c_str(), nullptr);
  }
  return value;
}

/// The nearest float. A cast alone is undefined for what lies beyond the largest float, and the
/// shortest text of the largest float lies a little beyond it.
float nearest_float(double value) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  constexpr double kBeyond = 0x1.ffffffp127;  // from here on infinity is nearer
  const double magnitude = std::abs(value);
  if (magnitude <= kLargest) return static_cast<float>(value);
  const float rounded = magnitude < kBeyond ? std::numeric_limits<float>::max()
                                            : std::numeric_limits<float>::infinity();
  return value < 0 ? -rounded : rounded;
}

struct NumberScan {
  uint64_t digits = 0;   // the digits as one integer; wrong where there are more than kDigits
  int64_t count = 0;     // how many digits there are, leading zeros of a fraction included
  int64_t exponent = 0;  // of ten, to be applied to `digits`
  bool floating = false;
  const char* end = nullptr;  // null: not a number
};
constexpr int64_t kDigits = 19;  // so many always fit 64 bits

const char* scan_run(const char* at, const char* end, NumberScan& scan) {
  const char* const begin = at;
  uint64_t digits = scan.digits;
  for (; at != end && is_digit(*at); ++at) digits = digits * 10 + static_cast<uint64_t>(*at - '0');
  scan.digits = digits;
  scan.count += at - begin;
  return at;
}

/// The JSON number grammar, after the sign.
NumberScan scan_digits(const char* at, const char* end) {
  NumberScan scan;
  if (at == end || !is_digit(*at)) return scan;
  if (*at == '0')
    ++at;
  else
    at = scan_run(at, end, scan);
  if (at != end && *at == '.') {
    scan.floating = true;
    const char* const fraction = ++at;
    at = scan_run(at, end, scan);
    if (at == fraction) return scan;
    scan.exponent = fraction - at;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    scan.floating = true;
    ++at;
    const bool negative = at != end && *at == '-';
    if (at != end && (*at == '-' || *at == '+')) ++at;
    if (at == end || !is_digit(*at)) return scan;
    int64_t exponent = 0;
    for (; at != end && is_digit(*at); ++at)
      if (exponent < 100000) exponent = exponent * 10 + (*at - '0');
    scan.exponent += negative ? -exponent : exponent;
  }
  scan.end = at;
  return scan;
}

}  // namespace

Reader::Reader(std::string_view text) : text_(text) {
  if (simdjson::validate_utf8(text.data(), text.size())) return;
  size_t at = 0;
  while (const size_t length = utf8_length(text, at)) at += length;
  fail_at(at, "invalid UTF-8");
}

Error Reader::error() const {
  // Counted as other JSON readers do: column 0 is before the first character of a line.
  const size_t offset = std::min(failed_at_ + 1, text_.size());
  const std::string_view before = text_.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? offset : offset - newline - 1;
  return Error(Code::invalid_argument,
               fmt::format("Failed to parse the request body as JSON: {} at line {} column {}",
                           what_, line, column));
}

bool Reader::fail_at(size_t position, std::string_view what) {
  if (!failed_) {
    failed_ = true;
    failed_at_ = position;
    what_ = what;
  }
  return false;
}

void Reader::skip_space() {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    ++position_;
  }
}

Kind Reader::kind() {
  if (failed_) return Kind::bad;
  skip_space();
  if (end()) {
    fail("EOF while parsing a value");
    return Kind::bad;
  }
  switch (const char c = text_[position_]) {
    case '{':
      return Kind::object;
    case '[':
      return Kind::array;
    case '"':
      return Kind::string;
    case 't':
    case 'f':
      return Kind::boolean;
    case 'n':
      return Kind::null;
    default:
      if (c == '-' || is_digit(c)) return Kind::number;
      fail("expected value");
      return Kind::bad;
  }
}

bool Reader::open(char bracket) {
  if (kind() == Kind::bad) return false;
  if (text_[position_] != bracket) return fail(fmt::format("expected `{}`", bracket));
  if (depth_ == kMaxDepth) return fail("nested too deeply: recursion limit exceeded");
  ++depth_;
  ++position_;
  first_ = true;
  return true;
}

bool Reader::begin_array() { return open('['); }
bool Reader::begin_object() { return open('{'); }

bool Reader::next_element() {
  if (failed_) return false;
  skip_space();
  if (end()) return fail("EOF while parsing a list");
  if (text_[position_] == ']') {
    ++position_;
    --depth_;
    first_ = false;
    return false;
  }
  if (!first_) {
    if (text_[position_] != ',') return fail("expected `,` or `]`");
    ++position_;
  }
  first_ = false;
  return kind() != Kind::bad;
}

bool Reader::next_member(std::string_view& name) {
  if (failed_) return false;
  skip_space();
  if (end()) return fail("EOF while parsing an object");
  if (text_[position_] == '}') {
    ++position_;
    --depth_;
    first_ = false;
    return false;
  }
  if (!first_) {
    if (text_[position_] != ',') return fail("expected `,` or `}`");
    ++position_;
    skip_space();
  }
  first_ = false;
  if (end()) return fail("EOF while parsing an object");
  if (text_[position_] != '"') return fail("key must be a string");
  if (!read_string(name)) return false;
  skip_space();
  if (end()) return fail("EOF while parsing an object");
  if (text_[position_] != ':') return fail("expected `:`");
  ++position_;
  return kind() != Kind::bad;
}

bool Reader::literal(std::string_view word) {
  skip_space();
  if (text_.substr(position_, word.size()) != word) {
    const bool cut = word.substr(0, text_.size() - position_) == text_.substr(position_);
    return fail(cut ? "EOF while parsing a value" : "expected ident");
  }
  position_ += word.size();
  return true;
}

bool Reader::read_null() { return !failed_ && literal("null"); }

bool Reader::read_boolean(bool& value) {
  if (kind() == Kind::bad) return false;
  value = text_[position_] == 't';
  return literal(value ? "true" : "false");
}

bool Reader::scan_number(Number& number) {
  const char* const begin = text_.data() + position_;
  const char* const stop = text_.data() + text_.size();
  const bool negative = begin != stop && *begin == '-';
  const NumberScan scan = scan_digits(begin + (negative ? 1 : 0), stop);
  if (scan.end == nullptr) return fail("invalid number");
  if (!scan.floating && scan.count <= kDigits &&
      scan.digits <= (uint64_t{1} << 63) - (negative ? 0 : 1)) {
    number.form = Number::Form::integer;
    number.integer = static_cast<int64_t>(negative ? 0 - scan.digits : scan.digits);
    number.value = static_cast<double>(number.integer);
    if (negative && scan.digits == 0) number.value = -0.0;
  } else {
    number.form = scan.floating ? Number::Form::floating : Number::Form::big_integer;
    const bool small = scan.exponent >= -22 && scan.exponent <= 22 && scan.count <= kDigits;
    if (small && exact_double(scan.digits, static_cast<int>(scan.exponent), number.value))
      number.value = negative ? -number.value : number.value;
    else
      number.value = parse_double(begin, scan.end);
    if (std::abs(number.value) > std::numeric_limits<double>::max())
      return fail("number out of range");
  }
  position_ = static_cast<size_t>(scan.end - text_.data());
  return true;
}

bool Reader::read_number(Number& number) {
  if (failed_) return false;
  skip_space();
  return scan_number(number);
}

bool Reader::read_floats(FloatBuffer& out, bool& only_numbers) {
  only_numbers = true;
  Number number;
  while (next_element()) {
    if (const char c = text_[position_]; c != '-' && !is_digit(c)) {
      only_numbers = false;
      // The element stays unread and its comma read: as after a first next_element().
      return true;
    }
    if (!scan_number(number)) return false;
    out.push_back(nearest_float(number.value));
  }
  return !failed_;
}

size_t Reader::end_of_plain(size_t from) const {
  size_t at = from;
  for (; at + 8 <= text_.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, text_.data() + at, sizeof word);
    // The lowest marked byte is always a true one; a borrow can mark only bytes above it.
    if (const uint64_t found = special_bytes(word); found != 0)
      return at + static_cast<size_t>(std::countr_zero(found)) / 8;
  }
  while (at < text_.size() && text_[at] != '"' && text_[at] != '\\' &&
         static_cast<unsigned char>(text_[at]) >= 0x20)
    ++at;
  return at;
}

bool Reader::read_hex4(uint32_t& unit) {
  if (text_.size() - position_ < 4) return fail_at(text_.size(), "EOF while parsing a string");
  unit = 0;
  for (size_t i = 0; i < 4; ++i) {
    const char c = text_[position_ + i];
    uint32_t digit = 0;
    if (is_digit(c))
      digit = static_cast<uint32_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = static_cast<uint32_t>(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
      digit = static_cast<uint32_t>(c - 'A' + 10);
    else
      return fail("invalid escape");
    unit = unit * 16 + digit;
  }
  position_ += 4;
  return true;
}

bool Reader::read_escape() {
  if (text_.size() - position_ < 2) return fail_at(text_.size(), "EOF while parsing a string");
  const char c = text_[position_ + 1];
  static constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
  if (const size_t at = kLetters.find(c); at != std::string_view::npos) {
    scratch_.push_back(kMeanings[at]);
    position_ += 2;
    return true;
  }
  if (c != 'u') return fail("invalid escape");
  const size_t begin = position_;
  position_ += 2;
  uint32_t unit = 0;
  if (!read_hex4(unit)) return false;
  if (unit >= 0xD800 && unit <= 0xDFFF) {
    uint32_t low = 0;
    if (unit >= 0xDC00 || text_.substr(position_, 2) != "\\u")
      return fail_at(begin, "lone surrogate in hex escape");
    position_ += 2;
    if (!read_hex4(low)) return false;
    if (low < 0xDC00 || low > 0xDFFF) return fail_at(begin, "lone surrogate in hex escape");
    unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(scratch_, unit);
  return true;
}

bool Reader::read_string(std::string_view& value) {
  if (failed_) return false;
  skip_space();
  if (end() || text_[position_] != '"') return fail("expected a string");
  ++position_;
  bool plain = true;
  for (;;) {
    const size_t stop = end_of_plain(position_);
    if (stop == text_.size()) return fail_at(stop, "EOF while parsing a string");
    const std::string_view run = text_.substr(position_, stop - position_);
    position_ = stop;
    if (text_[stop] == '"') {
      ++position_;
      if (plain)
        value = run;
      else
        value = scratch_.append(run);
      return true;
    }
    if (text_[stop] != '\\') return fail("control character found while parsing a string");
    if (plain) scratch_.clear();
    plain = false;
    scratch_.append(run);
    if (!read_escape()) return false;
  }
}

bool Reader::read_value(Value& value) {
  std::string_view text;
  switch (kind()) {
    case Kind::bad:
      return false;
    case Kind::null:
      value = Value();
      return read_null();
    case Kind::boolean: {
      bool flag = false;
      if (!read_boolean(flag)) return false;
      value = Value(flag);
      return true;
    }
    case Kind::number: {
      Number number;
      if (!read_number(number)) return false;
      if (number.form == Number::Form::integer)
        value = Value(number.integer);
      else
        value = Value(number.value, number.form == Number::Form::big_integer);
      return true;
    }
    case Kind::string:
      if (!read_string(text)) return false;
      value = Value(std::string(text));
      return true;
    case Kind::array: {
      Array elements;
      if (!begin_array()) return false;
      while (next_element())
        if (!read_value(elements.emplace_back())) return false;
      value = Value(std::move(elements));
      return !failed_;
    }
    case Kind::object: {
      Object members;
      if (!begin_object()) return false;
      while (next_member(text))
        if (!read_value(members.emplace_back(text, Value()).second)) return false;
      value = Value(std::move(members));
      return !failed_;
    }
  }
  return false;
}

bool Reader::skip() {
  std::string_view text;
  Number number;
  bool flag = false;
  switch (kind()) {
    case Kind::bad:
      return false;
    case Kind::null:
      return read_null();
    case Kind::boolean:
      return read_boolean(flag);
    case Kind::number:
      return read_number(number);
    case Kind::string:
      return read_string(text);
    case Kind::array:
      if (!begin_array()) return false;
      while (next_element())
        if (!skip()) return false;
      return !failed_;
    case Kind::object:
      if (!begin_object()) return false;
      while (next_member(text))
        if (!skip()) return false;
      return !failed_;
  }
  return false;
}

bool Reader::finish() {
  if (failed_) return false;
  skip_space();
  return end() || fail("trailing characters");
}

}  // namespace viridian::json
