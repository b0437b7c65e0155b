#pragma once
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

#include "viridian/viridian.h"

namespace viridian::cli {

/// A text file line by line; "-" is standard input.
class LineReader {
 public:
  static Result<LineReader> open(const std::string& path);
  /// False at the end. Blank lines are passed over; "\r\n" ends a line as "\n" does.
  bool next(std::string& line);
  std::string where() const;
  double progress() const;

 private:
  LineReader(std::string path, std::ifstream stream, uint64_t size)
      : path_(std::move(path)), stream_(std::move(stream)), size_(size) {}

  std::string path_;
  std::ifstream stream_;
  uint64_t size_ = 0;  ///< 0: not known
  uint64_t read_ = 0;
  uint64_t line_ = 0;
};

/// A line of JSONL as a record: {"id": ..., "embedding": [...], "document": ..., "metadata": {...},
/// "uri": ...}, with no other fields. The embedding may be base64 of its float32 bytes. What is
/// null or left out is not set.
Result<Record> read_record(std::string_view line);

}  // namespace viridian::cli
