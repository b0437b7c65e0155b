#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "viridian/viridian.h"

namespace viridian::cli {

/// Records from a file, one after the other.
class ImportSource {
 public:
  virtual ~ImportSource() = default;
  /// The next record; null at the end.
  ///   invalid_argument  this record is bad, and calling again goes on after it; the message
  ///                     begins with where it is: "words.jsonl:17: ..."
  ///   data_loss         the file is cut short or unreadable: nothing more can be read
  virtual Result<std::optional<Record>> next() = 0;
  /// Where the record that next() gave last is: "words.jsonl:17".
  virtual std::string where() const = 0;
  /// The part that is read, from 0 to 1; less than 0 where it cannot be told.
  virtual double progress() const = 0;
};

struct ImportFiles {
  std::string file;
  std::string ids;      ///< one id a line; empty: none
  std::string records;  ///< JSONL without embeddings, one line a row; empty: none
};

/// The reader for the file's name: .npy, .fvecs, anything else JSONL.
///   not_found         there is no such file
///   invalid_argument  it is not what its name says, or not of a kind that can be read
Result<std::unique_ptr<ImportSource>> open_source(const ImportFiles& files);

}  // namespace viridian::cli
