#pragma once
#include <bit>
#include <cstring>
#include <random>
#include <string>

#include "clickhouse/block.h"

namespace viridian::clickhouse {

/// One column of each type.
inline Shape every_type() {
  return {{"u8", std::vector<uint8_t>()},
          {"u16", std::vector<uint16_t>()},
          {"u32", std::vector<uint32_t>()},
          {"u64", std::vector<uint64_t>()},
          {"uuid", std::vector<Uuid>()},
          {"s", StringColumn()},
          {"v", FloatArrays()},
          {"t", Times()}};
}

/// Random values, floats of any bits among them.
inline Block random_block(std::mt19937_64& random, size_t rows) {
  Block block{every_type()};
  for (size_t i = 0; i < rows; ++i) {
    block.get<std::vector<uint8_t>>(0).push_back(static_cast<uint8_t>(random()));
    block.get<std::vector<uint16_t>>(1).push_back(static_cast<uint16_t>(random()));
    block.get<std::vector<uint32_t>>(2).push_back(static_cast<uint32_t>(random()));
    block.get<std::vector<uint64_t>>(3).push_back(random());
    Uuid uuid;
    for (uint8_t& byte : uuid.bytes) byte = static_cast<uint8_t>(random());
    block.get<std::vector<Uuid>>(4).push_back(uuid);
    std::string text(random() % 300, ' ');
    for (char& c : text) c = static_cast<char>(random());
    block.get<StringColumn>(5).push_back(text);
    auto& arrays = block.get<FloatArrays>(6);
    for (uint64_t n = random() % 9; n > 0; --n)
      arrays.values.push_back(std::bit_cast<float>(static_cast<uint32_t>(random())));
    arrays.ends.push_back(arrays.values.size());
    block.get<Times>(7).seconds.push_back(static_cast<uint32_t>(random()));
  }
  return block;
}

/// As ==, but floats by their bits: a NaN is itself, and -0 is not 0.
inline bool same_bits(const Block& a, const Block& b) {
  if (a.columns.size() != b.columns.size()) return false;
  for (size_t i = 0; i < a.columns.size(); ++i) {
    if (a.columns[i].name != b.columns[i].name) return false;
    const auto* const x = std::get_if<FloatArrays>(&a.columns[i].values);
    const auto* const y = std::get_if<FloatArrays>(&b.columns[i].values);
    if (x == nullptr || y == nullptr) {
      if (a.columns[i].values != b.columns[i].values) return false;
    } else if (x->ends != y->ends || x->values.size() != y->values.size() ||
               (!x->values.empty() && std::memcmp(x->values.data(), y->values.data(),
                                                  x->values.size() * sizeof(float)) != 0)) {
      return false;
    }
  }
  return true;
}

}  // namespace viridian::clickhouse
