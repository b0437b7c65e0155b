#pragma once
#include <random>
#include <set>
#include <string>

#include "viridian/base/uuid.h"
#include "viridian/model/record_batch.h"

// Random batches with everything that a batch can hold; for property tests.
namespace viridian::conformance {

inline std::string random_text(std::mt19937_64& random, size_t limit) {
  std::string text(random() % (limit + 1), '\0');
  for (char& c : text) c = static_cast<char>(random() % 4 == 0 ? random() : 'a' + random() % 26);
  return text;
}

inline float random_float(std::mt19937_64& random) {
  return std::uniform_real_distribution<float>(-10, 10)(random);
}

template <class Make>
auto random_array(std::mt19937_64& random, Make make) {
  std::vector<decltype(make())> values;
  for (size_t left = random() % 4; left > 0; --left) values.push_back(make());
  return values;
}

inline MetadataValue random_value(std::mt19937_64& random) {
  const auto boolean = [&] { return random() % 2 == 0; };
  const auto integer = [&] { return static_cast<int64_t>(random()); };
  const auto floating = [&] { return static_cast<double>(random_float(random)); };
  const auto text = [&] { return random_text(random, 10); };
  switch (static_cast<MetadataType>(random() % kMetadataTypes)) {
    case MetadataType::null:
      return std::monostate();
    case MetadataType::boolean:
      return boolean();
    case MetadataType::integer:
      return integer();
    case MetadataType::floating:
      return floating();
    case MetadataType::string:
      return text();
    case MetadataType::booleans:
      return random_array(random, boolean);
    case MetadataType::integers:
      return random_array(random, integer);
    case MetadataType::floatings:
      return random_array(random, floating);
    case MetadataType::strings:
      return random_array(random, text);
  }
  return std::monostate();
}

inline std::string random_id(std::mt19937_64& random) {
  if (random() % 3 == 0) return random_text(random, 40);
  Uuid id;
  for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random());
  return id.to_string();
}

inline void random_embeddings(std::mt19937_64& random, RecordBatch& batch) {
  const auto dim = static_cast<uint32_t>(1 + random() % 9);
  const bool all = random() % 2 == 0;
  uint32_t next = 0;
  for (size_t row = 0; row < batch.rows(); ++row) {
    const bool has = all || random() % 2 == 0;
    if (!all) batch.embedding_rows.push_back(has ? next : RecordBatch::kNoEmbedding);
    if (!has) continue;
    ++next;
    for (uint32_t i = 0; i < dim; ++i) batch.embeddings.values.push_back(random_float(random));
  }
  if (next > 0) batch.embeddings.dim = dim;
}

inline NullableStringColumn random_column(std::mt19937_64& random, size_t rows) {
  NullableStringColumn column;
  for (size_t row = 0; row < rows; ++row) {
    const std::string text = random_text(random, 20);
    if (random() % 3 == 0)
      column.push_back(std::nullopt);
    else
      column.push_back(text);
  }
  return column;
}

/// A batch that keeps all rules of RecordBatch, of 1 to `rows_max` rows.
inline RecordBatch random_batch(std::mt19937_64& random, size_t rows_max) {
  RecordBatch batch;
  batch.operation = static_cast<Operation>(random() % 4);
  const size_t rows = 1 + random() % rows_max;
  for (size_t row = 0; row < rows; ++row) batch.ids.push_back(random_id(random));
  if (batch.operation == Operation::remove) return batch;
  if (random() % 4 != 0) random_embeddings(random, batch);
  if (random() % 2 == 0) batch.documents = random_column(random, rows);
  if (random() % 3 == 0) batch.uris = random_column(random, rows);
  MetadataColumnsBuilder builder;
  for (uint32_t row = 0; row < rows; ++row) {
    std::set<std::string> keys;
    for (size_t left = random() % 5; left > 0; --left) {
      const std::string key = "key" + std::to_string(random() % 4);
      if (keys.insert(key).second) builder.set(row, key, random_value(random));
    }
  }
  batch.metadata = builder.finish();
  return batch;
}

}  // namespace viridian::conformance
