#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "documents/texts.h"

namespace viridian::documents {

/// Reads texts one after the other. A run that was decompressed is kept for the texts beside it.
/// For one thread.
class TextCursor {
 public:
  ///   data_loss  the source is damaged
  static Result<TextCursor> open(std::shared_ptr<const Texts> texts);
  TextCursor(TextCursor&&) noexcept;
  TextCursor& operator=(TextCursor&&) noexcept;
  ~TextCursor();

  /// A text, which lives until the next call.
  ///   data_loss  the source is damaged, or has no such text
  Result<std::string_view> read(uint32_t text);

 private:
  struct State;
  explicit TextCursor(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace viridian::documents
