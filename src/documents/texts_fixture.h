#pragma once
#include <algorithm>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "documents/text_cursor.h"
#include "documents/texts.h"
#include "documents/texts_builder.h"

namespace viridian::documents {

using PlainTexts = std::vector<std::string>;

inline std::string random_bytes(std::mt19937& random, size_t bytes) {
  std::string text(bytes, '\0');
  for (char& byte : text) byte = static_cast<char>(random());
  return text;
}

/// Words of a small vocabulary, as prose repeats them.
inline std::string prose(std::mt19937& random, size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    const auto word = std::min(random() % 500, random() % 500);
    text += "word" + std::to_string(word * 7919) + (random() % 9 == 0 ? ". " : " ");
  }
  text.resize(bytes);
  return text;
}

/// Texts of all kinds and, but for few, of less than 3 KiB.
inline PlainTexts mixed_texts(std::mt19937& random, size_t count) {
  PlainTexts texts;
  for (size_t i = 0; i < count; ++i) {
    const size_t bytes = random() % (random() % 4 == 0 ? 3000 : 150);
    switch (random() % 16) {
      case 0:
        texts.emplace_back();
        break;
      case 1:
        texts.emplace_back(1, static_cast<char>(random()));
        break;
      case 2:
        texts.push_back(random_bytes(random, bytes));
        break;
      case 3:
        texts.emplace_back(bytes * 10, 'r');
        break;
      case 4:
        texts.push_back(texts.empty() ? "" : texts[random() % texts.size()]);
        break;
      default:
        texts.push_back(prose(random, bytes));
    }
  }
  return texts;
}

inline Result<std::string> build(const PlainTexts& texts, Effort effort = Effort::thorough) {
  TextsBuilder builder(effort);
  for (const std::string& text : texts) builder.add(text);
  return builder.finish();
}

inline Result<std::shared_ptr<const Texts>> open(std::string bytes) {
  return Texts::open(std::make_shared<postings::MemorySource>(std::move(bytes)));
}

/// Calls f(text, its bytes) for each of `some`, in their order.
template <class F>
Status read_many(const std::shared_ptr<const Texts>& texts, std::span<const uint32_t> some, F&& f) {
  VIRIDIAN_TRY(TextCursor cursor, TextCursor::open(texts));
  for (const uint32_t i : some) {
    VIRIDIAN_TRY(const std::string_view text, cursor.read(i));
    f(i, text);
  }
  return ok_status();
}

}  // namespace viridian::documents
