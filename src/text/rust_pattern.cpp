#include "text/rust_pattern.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "text/code_point.h"
#include "text/unicode_classes.h"

namespace viridian::text {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Of the characters that could be taken for marked ones, or be in a small class with one.
constexpr uint32_t kFirstAmbiguous = 0xC0000;

/// Each Unicode class takes up to 32 KB and 0.2 ms when RE2 reads it, before it finds out whether
/// the expression is too large.
constexpr size_t kMostClasses = 2000;

/// One pass over the pattern; the output grows as the input is read.
class Translator {
 public:
  Translator(std::string_view pattern, bool marks) : in_(pattern), marks_(marks) {}
  Result<std::string> run();

 private:
  /// What a group's flags change here; the others are RE2's own.
  struct Flags {
    bool verbose = false;
    bool unicode = true;
    bool fold = false;  ///< RE2's own, but marks depend on it
  };
  struct Group {
    Flags outside;
    size_t begin;  ///< where its text begins in out_
  };

  Error error(std::string_view what, size_t at) const {
    return Error(Code::invalid_argument,
                 fmt::format("Regex syntax error: {}, at byte {} of the pattern", what, at));
  }
  Error error(std::string_view what) const { return error(what, at_); }
  Status count_class() {
    if (++classes_ > kMostClasses)
      return error(fmt::format("it has more than {} Unicode classes", kMostClasses));
    return ok_status();
  }
  bool done() const { return at_ >= in_.size(); }
  char peek(size_t ahead = 0) const { return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0'; }
  bool next_is(std::string_view text) const { return in_.substr(at_).starts_with(text); }
  bool take(std::string_view text) {
    if (!next_is(text)) return false;
    at_ += text.size();
    return true;
  }
  size_t white_space() const;
  void skip_comments();
  void atom(size_t begin) {
    atom_ = begin;
    repeated_ = false;
  }

  Status token();
  void character();
  Status open_group();
  Status group_name();
  Status group_flags();
  Status close_group();
  Status quantifier();
  Status counted();
  Status escape(bool in_class);
  Status perl_class(char c, bool in_class);
  Status unicode_property(char c, bool in_class);
  Status hexadecimal(char c, bool in_class);
  Status bracket();
  Status bracket_item();

  void literal(uint32_t value);

  std::string_view in_;
  bool marks_;
  size_t at_ = 0;
  std::string out_;
  Flags flags_;
  std::vector<Group> groups_;
  std::set<std::string, std::less<>> names_;
  std::optional<size_t> atom_;  ///< where in out_ a repetition would begin
  bool repeated_ = false;       ///< the atom has one already
  size_t classes_ = 0;
};

/// Bytes of the white-space character here, or 0.
size_t Translator::white_space() const {
  if (done()) return 0;
  const char c = peek();
  if (c == ' ' || (c >= '\t' && c <= '\r')) return 1;
  // What Unicode calls pattern white space, beyond ASCII.
  if (next_is("\u0085") || next_is("\u200E") || next_is("\u200F") || next_is("\u2028") ||
      next_is("\u2029")) {
    return next_is("\u0085") ? 2 : 3;
  }
  return 0;
}

void Translator::skip_comments() {
  while (flags_.verbose && !done()) {
    if (const size_t length = white_space(); length != 0) {
      at_ += length;
    } else if (peek() == '#') {
      const size_t end = in_.find('\n', at_);
      at_ = end == std::string_view::npos ? in_.size() : end + 1;
    } else {
      return;
    }
  }
}

Status Translator::token() {
  const size_t begin = out_.size();
  switch (const char c = peek(); c) {
    case '(':
      return open_group();
    case ')':
      return close_group();
    case '*':
    case '+':
    case '?':
    case '{':
      return quantifier();
    case '[':
      VIRIDIAN_TRY_VOID(bracket());
      break;
    case '\\':
      VIRIDIAN_TRY_VOID(escape(false));
      break;
    case '|':
      out_.push_back(c);
      ++at_;
      atom_.reset();
      return ok_status();
    case '.':
      if (!flags_.unicode) return error("pattern can match invalid UTF-8");
      [[fallthrough]];
    case '^':
    case '$':
      out_.push_back(c);
      ++at_;
      break;
    default:
      character();
  }
  atom(begin);
  return ok_status();
}

/// One that stands for itself. It may have several bytes; a repetition must take all of them.
void Translator::character() {
  const size_t begin = at_;
  do {
    ++at_;
  } while (!done() && (peek() & 0xC0) == 0x80);
  const CodePoint character = code_point_at(in_, begin);
  if (marks_ && character.bytes == at_ - begin)
    literal(character.value);
  else
    out_ += in_.substr(begin, at_ - begin);
}

Status Translator::open_group() {
  const size_t begin = out_.size();
  ++at_;
  const Group group{flags_, begin};
  if (!take("?")) {
    out_ += "(?:";
  } else if (next_is("=") || next_is("!") || next_is("<=") || next_is("<!")) {
    return error("look-around, including look-ahead and look-behind, is not supported");
  } else if (take("P<") || take("<")) {
    VIRIDIAN_TRY_VOID(group_name());
    out_ += "(?:";
  } else {
    VIRIDIAN_TRY_VOID(group_flags());
    // Flags alone: they hold up to the end of the group around them.
    if (take(")")) {
      atom_.reset();
      return ok_status();
    }
    ++at_;
  }
  groups_.push_back(group);
  atom_.reset();
  return ok_status();
}

Status Translator::group_name() {
  const size_t begin = at_;
  const size_t end = in_.find('>', at_);
  if (end == std::string_view::npos) return error("unclosed capture group name");
  const std::string_view name = in_.substr(begin, end - begin);
  if (name.empty()) return error("empty capture group name");
  for (const char& c : name) {
    const bool first = &c == name.data();
    const bool starts = is_alpha(c) || c == '_' || !is_ascii(c);
    const bool continues = is_digit(c) || c == '.' || c == '[' || c == ']';
    if (!starts && (first || !continues)) return error("invalid capture group character");
  }
  if (!names_.emplace(name).second) return error("duplicate capture group name");
  at_ = end + 1;
  return ok_status();
}

/// From after "(?" to before ")" or ":". Writes the group or flags that RE2 is to see.
Status Translator::group_flags() {
  std::string on, off, seen;
  bool negative = false, dangling = false;
  for (; !done() && peek() != ')' && peek() != ':'; ++at_) {
    const char c = peek();
    if (c == '-') {
      if (negative) return error("flag negation operator repeated");
      negative = dangling = true;
      continue;
    }
    if (std::string_view("imsUux").find(c) == std::string_view::npos) {
      return error("unrecognized flag");
    }
    if (seen.find(c) != std::string::npos) return error("duplicate flag");
    seen.push_back(c);
    dangling = false;
    if (c == 'x')
      flags_.verbose = !negative;
    else if (c == 'u')
      flags_.unicode = !negative;
    else
      (negative ? off : on).push_back(c);
    if (c == 'i') flags_.fold = !negative;
  }
  if (done()) return error("unclosed group");
  if (dangling) return error("dangling flag negation operator");
  const bool alone = peek() == ')';
  if (alone && seen.empty()) return error("repetition operator missing expression");
  const std::string flags = on + (off.empty() ? "" : "-" + off);
  if (!alone)
    out_ += "(?" + flags + ":";
  else if (!flags.empty())
    out_ += "(?" + flags + ")";
  return ok_status();
}

Status Translator::close_group() {
  if (groups_.empty()) return error("unopened group");
  flags_ = groups_.back().outside;
  atom(groups_.back().begin);
  groups_.pop_back();
  out_.push_back(')');
  ++at_;
  return ok_status();
}

Status Translator::quantifier() {
  if (!atom_) return error("repetition operator missing expression");
  // RE2 refuses a repetition of a repetition unless there is a group between.
  if (repeated_) {
    out_.insert(*atom_, "(?:");
    out_.push_back(')');
  }
  if (peek() == '{') {
    VIRIDIAN_TRY_VOID(counted());
  } else {
    out_.push_back(in_[at_++]);
  }
  if (take("?")) out_.push_back('?');
  repeated_ = true;
  return ok_status();
}

/// "{2}", "{2,}", "{2,5}": what else RE2 would take for literal text.
Status Translator::counted() {
  const size_t begin = at_++;
  const size_t end = in_.find('}', at_);
  if (end == std::string_view::npos) return error("unclosed counted repetition", begin);
  std::string count;
  bool comma = false;
  for (; at_ < end; ++at_) {
    const char c = peek();
    if (flags_.verbose && c == ' ') continue;
    if (c == ',' && !comma && !count.empty())
      comma = true;
    else if (!is_digit(c))
      return error("invalid repetition count", begin);
    count.push_back(c);
  }
  if (count.empty()) return error("repetition quantifier expects a valid decimal", begin);
  ++at_;
  out_ += "{" + count + "}";
  return ok_status();
}

Status Translator::escape(bool in_class) {
  const size_t begin = at_++;
  if (done()) return error("incomplete escape sequence", begin);
  const char c = in_[at_++];
  switch (c) {
    case 'd':
    case 'D':
    case 'w':
    case 'W':
    case 's':
    case 'S':
      return perl_class(c, in_class);
    case 'p':
    case 'P':
      return unicode_property(c, in_class);
    case 'x':
    case 'u':
    case 'U':
      return hexadecimal(c, in_class);
    case 'a':
    case 'f':
    case 'n':
    case 'r':
    case 't':
    case 'v':
      out_ += {'\\', c};
      return ok_status();
    case 'A':
    case 'b':
    case 'B':
    case 'z':
      if (in_class) return error("invalid escape sequence in a character class", begin);
      if (next_is("{") && (c == 'b' || c == 'B')) {
        return error("special word boundaries are not supported", begin);
      }
      out_ += {'\\', c};
      return ok_status();
    default:
      break;
  }
  if (is_digit(c)) return error("backreferences are not supported", begin);
  if (is_alpha(c) || c == '<' || c == '>' || !is_ascii(c) || static_cast<unsigned char>(c) < ' ') {
    return error("unrecognized escape sequence", begin);
  }
  out_ += fmt::format("\\x{{{:X}}}", static_cast<unsigned>(c));
  return ok_status();
}

Status Translator::perl_class(char c, bool in_class) {
  std::string items;
  if (flags_.unicode && c != 's' && c != 'S') VIRIDIAN_TRY_VOID(count_class());
  if (!flags_.unicode) {
    if (c == 'D' || c == 'W' || c == 'S') return error("pattern can match invalid UTF-8");
    items = c == 'd' ? "0-9" : c == 'w' ? "0-9A-Za-z_" : R"(\x{9}-\x{D}\x{20})";
  } else if (c == 'd') {
    items = R"(\p{Nd})";
  } else if (c == 'D') {
    items = R"(\P{Nd})";
  } else if (c == 's' || c == 'S') {
    items = c == 's' ? kSpace : kNotSpace;
  } else if (c == 'w') {
    items = kWord;
  } else if (in_class) {
    items = not_word();
  } else {
    items = fmt::format("^{}", kWord);
  }
  out_ += in_class ? items : "[" + items + "]";
  return ok_status();
}

Status Translator::unicode_property(char c, bool in_class) {
  const size_t begin = at_;
  std::string_view name;
  if (take("{")) {
    const size_t end = in_.find('}', at_);
    if (end == std::string_view::npos) return error("unclosed Unicode property", begin);
    name = in_.substr(at_, end - at_);
    at_ = end + 1;
  } else {
    name = in_.substr(at_, 1);
    at_ += name.size();
  }
  if (!flags_.unicode) return error("Unicode not allowed here", begin);
  VIRIDIAN_TRY_VOID(count_class());
  const std::optional<std::string> items = property(name, c == 'P');
  if (!items) return error("Unicode property not found", begin);
  out_ += in_class ? *items : "[" + *items + "]";
  return ok_status();
}

/// \x7F, \u007F, \U0000007F, or any of the three with braces.
Status Translator::hexadecimal(char c, bool in_class) {
  const size_t begin = at_;
  size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
  const bool braced = take("{");
  if (braced) {
    const size_t end = in_.find('}', at_);
    if (end == std::string_view::npos) return error("incomplete escape sequence", begin);
    digits = end - at_;
  }
  uint32_t value = 0;
  if (digits == 0 || digits > 8 || at_ + digits > in_.size()) {
    return error("invalid hexadecimal escape", begin);
  }
  for (size_t i = 0; i < digits; ++i, ++at_) {
    const int digit = hex_value(peek());
    if (digit < 0) return error("invalid hexadecimal digit");
    value = value * 16 + static_cast<uint32_t>(digit);
  }
  if (braced) ++at_;
  if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    return error("hexadecimal literal is not a Unicode scalar value", begin);
  }
  if (!flags_.unicode && value > 0x7F) return error("pattern can match invalid UTF-8", begin);
  if (marks_ && value >= kFirstAmbiguous) return error("it cannot be marked", begin);
  if (in_class)
    out_ += fmt::format("\\x{{{:X}}}", value);
  else
    literal(value);
  return ok_status();
}

void Translator::literal(uint32_t value) {
  const uint32_t mark = marks_ && !flags_.fold && value < 0x10000 ? kMarked : 0;
  out_ += fmt::format("\\x{{{:X}}}", value + mark);
}

Status Translator::bracket() {
  const size_t begin = at_++;
  out_.push_back('[');
  skip_comments();
  if (take("^")) {
    if (!flags_.unicode) return error("pattern can match invalid UTF-8", begin);
    out_.push_back('^');
  }
  skip_comments();
  if (take("]")) out_ += "\\]";
  while (true) {
    skip_comments();
    if (done()) return error("unclosed character class", begin);
    if (take("]")) break;
    VIRIDIAN_TRY_VOID(bracket_item());
  }
  out_.push_back(']');
  return ok_status();
}

Status Translator::bracket_item() {
  if (next_is("&&") || next_is("--") || next_is("~~")) {
    return error("operators in a character class are not supported");
  }
  if (peek() == '\\') return escape(true);
  if (peek() != '[') {
    out_.push_back(in_[at_++]);
    return ok_status();
  }
  const size_t end = in_.find(":]", at_);
  if (!next_is("[:") || end == std::string_view::npos) {
    return error("a character class inside another is not supported (a literal [ is \\[)");
  }
  if (!flags_.unicode && next_is("[:^")) return error("pattern can match invalid UTF-8");
  out_ += in_.substr(at_, end + 2 - at_);
  at_ = end + 2;
  return ok_status();
}

Result<std::string> Translator::run() {
  for (skip_comments(); !done(); skip_comments()) VIRIDIAN_TRY_VOID(token());
  if (!groups_.empty()) return error("unclosed group");
  return std::move(out_);
}

}  // namespace

Result<std::string> to_re2(std::string_view rust_pattern) {
  return Translator(rust_pattern, false).run();
}

Result<std::string> to_marked_re2(std::string_view rust_pattern) {
  // The first bytes of characters from kFirstAmbiguous on.
  if (rust_pattern.find_first_of("\xF3\xF4") != std::string_view::npos)
    return Error(Code::invalid_argument, "Regex syntax error: it cannot be marked");
  return Translator(rust_pattern, true).run();
}

}  // namespace viridian::text
