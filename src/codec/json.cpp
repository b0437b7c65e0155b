#include "codec/json.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "codec/json_reader.h"
#include "codec/utf8.h"

namespace viridian::json {
namespace {

template <class Float>
void append_floating(std::string& out, Float value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 32> buffer;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  const std::string_view text(buffer.data(), static_cast<size_t>(written.ptr - buffer.data()));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

template <class Integer>
void append_integer(std::string& out, Integer value) {
  std::array<char, 24> buffer;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  out.append(buffer.data(), written.ptr);
}

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
      return;
  }
}

}  // namespace

std::string Value::describe() const {
  if (is_null()) return "null";
  if (const bool* flag = boolean()) return fmt::format("boolean `{}`", *flag);
  if (const int64_t* number = integer()) return fmt::format("integer `{}`", *number);
  if (const double* number = floating())
    return fmt::format("{} `{}`", was_integer_ ? "integer" : "floating point", *number);
  if (const std::string* text = string()) {
    std::string quoted;
    append_string(quoted, text->size() <= 64 ? *text : text->substr(0, 64) + "...");
    return "string " + quoted;
  }
  return array() != nullptr ? "sequence" : "map";
}

Result<Value> parse(std::string_view text) {
  Reader reader(text);
  Value value;
  if (!reader.read_value(value) || !reader.finish()) return reader.error();
  return value;
}

void append_string(std::string& out, std::string_view text) {
  out.push_back('"');
  size_t done = 0;
  size_t at = 0;
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
      ++at;
      continue;
    }
    const size_t length = byte < 0x80 ? 0 : utf8_length(text, at);
    if (length > 0) {
      at += length;
      continue;
    }
    out.append(text, done, at - done);
    if (byte < 0x80)
      append_escape(out, text[at]);
    else
      append_utf8(out, 0xFFFD);
    done = ++at;
  }
  out.append(text, done, at - done);
  out.push_back('"');
}

void Writer::open(char bracket) {
  separate();
  out_.push_back(bracket);
  comma_ = false;
}

void Writer::close(char bracket) {
  out_.push_back(bracket);
  comma_ = true;
}

void Writer::token(std::string_view text) {
  separate();
  out_.append(text);
}

void Writer::key(std::string_view name) {
  separate();
  append_string(out_, name);
  out_.push_back(':');
  comma_ = false;
}

void Writer::integer(int64_t value) {
  separate();
  append_integer(out_, value);
}

void Writer::unsigned_integer(uint64_t value) {
  separate();
  append_integer(out_, value);
}

void Writer::floating(double value) {
  separate();
  append_floating(out_, value);
}

void Writer::floating(float value) {
  separate();
  append_floating(out_, value);
}

void Writer::string(std::string_view value) {
  separate();
  append_string(out_, value);
}

void Writer::value(const Value& value) {
  if (const bool* flag = value.boolean()) {
    boolean(*flag);
  } else if (const int64_t* number = value.integer()) {
    integer(*number);
  } else if (const double* real = value.floating()) {
    floating(*real);
  } else if (const std::string* text = value.string()) {
    string(*text);
  } else if (const Array* elements = value.array()) {
    begin_array();
    for (const Value& element : *elements) this->value(element);
    end_array();
  } else if (const Object* members = value.object()) {
    begin_object();
    for (const auto& [name, member] : *members) {
      key(name);
      this->value(member);
    }
    end_object();
  } else {
    null();
  }
}

}  // namespace viridian::json
