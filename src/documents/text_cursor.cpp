#include "documents/text_cursor.h"

#include <utility>

#include "documents/run_reader.h"
#include "documents/texts_format.h"

namespace viridian::documents {

struct TextCursor::State {
  std::shared_ptr<const Texts> texts;
  RunReader reader;
  uint32_t next_run = 0;       ///< the run after the one that was read last
  RunReader::Run run = {};     ///< of no text: there is none
  std::string plain = {};      ///< of that run, from its beginning on
  std::string long_text = {};  ///< of several pieces

  Status enter(uint32_t found, uint32_t text);
};

TextCursor::TextCursor(std::unique_ptr<State> state) : state_(std::move(state)) {}
TextCursor::TextCursor(TextCursor&&) noexcept = default;
TextCursor& TextCursor::operator=(TextCursor&&) noexcept = default;
TextCursor::~TextCursor() = default;

Result<TextCursor> TextCursor::open(std::shared_ptr<const Texts> texts) {
  VIRIDIAN_TRY(const RunReader reader, texts->runs());
  return TextCursor(std::make_unique<State>(State{std::move(texts), reader}));
}

/// Makes the run that has the text the current one.
Status TextCursor::State::enter(uint32_t found, uint32_t text) {
  run.contents.count = 0;
  plain.clear();
  RunReader::Run next;
  VIRIDIAN_TRY_VOID(reader.load(found, next));
  if (!next.has(text)) return reader.damaged(next.at);
  run = next;
  next_run = found + 1;
  return ok_status();
}

Result<std::string_view> TextCursor::read(uint32_t text) {
  State& state = *state_;
  if (text >= state.texts->size()) return state.reader.damaged(0);
  const bool again = state.run.contents.count != 0 && state.run.has(text);
  if (!again) {
    const uint32_t found = state.reader.find(text, state.next_run);
    if (state.reader.first_piece(found) != found) {
      state.long_text.clear();
      VIRIDIAN_TRY_VOID(state.texts->read(text, state.long_text));
      return std::string_view(state.long_text);
    }
    VIRIDIAN_TRY_VOID(state.enter(found, text));
  }
  const RunContents& contents = state.run.contents;
  const uint32_t place = text - state.run.first_text;
  const uint32_t begin = contents.begin(place), end = contents.ends[place];
  if (state.plain.size() < end) {
    // Often one text of a run is all that is wanted of it; after a second one more are likely.
    state.plain.clear();
    Status expanded = state.reader.expand(state.run, again ? contents.bytes() : end, state.plain);
    if (!expanded.ok()) {
      state.plain.clear();
      return std::move(expanded).error();
    }
  }
  return std::string_view(state.plain).substr(begin, end - begin);
}

}  // namespace viridian::documents
