#pragma once
#include <bit>
#include <cstdint>

// What the encoder and the decoder of batches agree on; docs/file-formats.md has the whole layout.
namespace viridian::codec {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie");

constexpr uint8_t kBatchVersion = 1;

/// Bits of the third byte: which optional parts follow.
constexpr uint8_t kHasUuidIds = 1;
constexpr uint8_t kHasEmbeddingRows = 2;
constexpr uint8_t kHasDocuments = 4;
constexpr uint8_t kHasUris = 8;
constexpr uint8_t kKnownParts = 15;

}  // namespace viridian::codec
