#pragma once
#include <span>
#include <string>
#include <string_view>

#include "viridian/base/result.h"
#include "viridian/model/columns.h"

namespace viridian::codec {

/// Floats as base64 of their little-endian bytes: standard alphabet, padded.
std::string encode_floats(std::span<const float> values);
/// Appends the floats that `text` stands for; returns how many.
///   invalid_argument  not base64, not whole floats, or not finite ("... at embedding index i")
Result<size_t> decode_floats(std::string_view text, FloatBuffer& out);

}  // namespace viridian::codec
