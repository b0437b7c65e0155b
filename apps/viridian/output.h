#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "viridian/viridian.h"

namespace viridian::cli {

/// Rows under headings, printed in columns. Cells are cut so that a line fits the terminal; into a
/// file or a pipe they are whole.
class Table {
 public:
  /// A heading that begins with '>' stands over right-aligned cells.
  explicit Table(std::vector<std::string> headings);
  void add(std::vector<std::string> cells);
  bool empty() const noexcept { return rows_.empty(); }
  void print() const;

 private:
  std::vector<std::string> headings_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

/// 1234567 as 1,234,567.
std::string with_commas(uint64_t number);
/// 1536 as 1.5 KiB.
std::string as_size(uint64_t bytes);
/// {"a": 1, "b": "x"} as a=1 b=x.
std::string as_text(const Metadata& metadata);
std::string_view space_name(Space space);
/// Text as one line of a table: control characters become spaces.
std::string one_line(std::string_view text);

/// Document, uri and metadata of a record, as far as it has them, as members of a JSON object.
void write_texts_and_metadata(json::Writer& writer, const Row& row);
/// Appends a record as a JSON object.
void write_row(json::Writer& writer, const Row& row);
/// Prints JSON text and a line end to stdout.
void print_json(json::Writer writer);
/// Prints records as a table, or as a JSON array.
void print_rows(const Rows& rows, bool as_json);

}  // namespace viridian::cli
