#include "viridian/output.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "codec/json_values.h"

namespace viridian::cli {
namespace {

constexpr size_t kNoLimit = 1U << 30;
constexpr size_t kNarrowest = 40;

size_t terminal_width() {
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return kNoLimit;
  return std::max<size_t>(size.ws_col, kNarrowest);
}

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

// Code points: near enough to columns for a table.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string cut(std::string_view text, size_t width) {
  if (width_of(text) <= width) return std::string(text);
  size_t end = 0;
  for (size_t seen = 0; end < text.size(); ++end) {
    if (starts_character(text[end]) && seen++ == width - 1) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string pad(const std::string& cell, size_t width, bool right) {
  const std::string space(width - std::min(width, width_of(cell)), ' ');
  return right ? space + cell : cell + space;
}

}  // namespace

Table::Table(std::vector<std::string> headings) : headings_(std::move(headings)) {
  for (std::string& heading : headings_) {
    const bool right = heading.starts_with('>');
    if (right) heading.erase(0, 1);
    right_.push_back(right);
  }
}

void Table::add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

void Table::print() const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < headings_.size(); ++i) {
    widths.push_back(width_of(headings_[i]));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  // The widest column gives way until the line fits.
  const size_t limit = terminal_width();
  const auto total = [&] {
    size_t sum = 2 * (widths.size() - 1);
    for (const size_t width : widths) sum += width;
    return sum;
  };
  while (total() > limit) {
    size_t& widest = *std::max_element(widths.begin(), widths.end());
    if (widest <= 8) break;
    --widest;
  }
  const auto print_line = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (i != 0) line += "  ";
      line += pad(cut(cells[i], widths[i]), widths[i], right_[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  };
  print_line(headings_);
  for (const auto& row : rows_) print_line(row);
}

std::string with_commas(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t end = digits.size(); end > 3; end -= 3) digits.insert(end - 3, 1, ',');
  return digits;
}

std::string as_size(uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string one_line(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return line;
}

std::string as_text(const Metadata& metadata) {
  std::string text;
  for (const auto& [key, value] : metadata) {
    if (!text.empty()) text += ' ';
    Metadata one;
    one.set("", value);
    // Strings as they are, everything else as its JSON.
    const auto* string = std::get_if<std::string>(&value);
    const std::string json = codec::write_metadata(one);
    const size_t colon = json.find(':');
    text += key + "=" + (string ? *string : json.substr(colon + 1, json.size() - colon - 2));
  }
  return one_line(text);
}

std::string_view space_name(Space space) {
  switch (space) {
    case Space::l2:
      return "l2";
    case Space::cosine:
      return "cosine";
    case Space::ip:
      return "ip";
  }
  return "";
}

void write_texts_and_metadata(json::Writer& writer, const Row& row) {
  if (row.document) {
    writer.key("document");
    writer.string(*row.document);
  }
  if (row.uri) {
    writer.key("uri");
    writer.string(*row.uri);
  }
  if (row.metadata != nullptr) {
    writer.key("metadata");
    writer.raw(codec::write_metadata(*row.metadata));
  }
}

void write_row(json::Writer& writer, const Row& row) {
  writer.begin_object();
  writer.key("id");
  writer.string(row.id);
  if (row.distance) {
    writer.key("distance");
    writer.floating(*row.distance);
  }
  write_texts_and_metadata(writer, row);
  if (!row.vector.empty()) {
    writer.key("embedding");
    writer.begin_array();
    for (const float number : row.vector) writer.floating(number);
    writer.end_array();
  }
  writer.end_object();
}

void print_json(json::Writer writer) { fmt::print("{}\n", std::move(writer).take()); }

void print_rows(const Rows& rows, bool as_json) {
  if (as_json) {
    json::Writer writer;
    writer.begin_array();
    for (const Row row : rows) write_row(writer, row);
    writer.end_array();
    print_json(std::move(writer));
    return;
  }
  if (rows.empty()) {
    fmt::print("no records\n");
    return;
  }
  const bool distances = rows[0].distance.has_value();
  const bool vectors = !rows[0].vector.empty();
  std::vector<std::string> headings = {"id"};
  if (distances) headings.emplace_back(">distance");
  headings.insert(headings.end(), {"document", "metadata"});
  if (vectors) headings.emplace_back("vector");
  Table table(std::move(headings));
  for (const Row row : rows) {
    std::vector<std::string> cells = {one_line(row.id)};
    if (distances) cells.push_back(fmt::format("{:.5f}", row.distance.value_or(0)));
    cells.push_back(one_line(row.document.value_or("")));
    cells.push_back(row.metadata != nullptr ? as_text(*row.metadata) : "");
    if (vectors) cells.push_back(fmt::format("[{}]", fmt::join(row.vector, ", ")));
    table.add(std::move(cells));
  }
  table.print();
}

}  // namespace viridian::cli
