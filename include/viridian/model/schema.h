#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace viridian {

/// How near two vectors are; smaller is nearer.
///   l2      sum of squared differences (not its root)
///   cosine  1 - cosine of the angle; 1 where either vector is zero
///   ip      1 - dot product; may be negative
enum class Space : uint8_t { l2 = 0, cosine = 1, ip = 2 };

/// Parameters of an HNSW index, as Chroma's clients set them. What is not set keeps its default
/// (create) or its value (modify).
struct HnswParameters {
  std::optional<uint64_t> ef_construction;
  std::optional<uint64_t> max_neighbors;
  std::optional<uint64_t> ef_search;
  std::optional<uint64_t> num_threads;
  std::optional<uint64_t> batch_size;
  std::optional<uint64_t> sync_threshold;
  std::optional<double> resize_factor;
  friend bool operator==(const HnswParameters&, const HnswParameters&) = default;
};

/// The `configuration` of a create or modify request.
struct ConfigurationRequest {
  struct Hnsw {
    std::optional<Space> space;
    HnswParameters parameters;
    friend bool operator==(const Hnsw&, const Hnsw&) = default;
  };
  /// SPANN is accepted and served by this node's own index; only the space is taken over.
  struct Spann {
    std::optional<Space> space;
    friend bool operator==(const Spann&, const Spann&) = default;
  };
  std::optional<Hnsw> hnsw;
  std::optional<Spann> spann;
  /// The client's embedding-function descriptor: JSON text, kept as it is.
  std::optional<std::string> embedding_function;
  friend bool operator==(const ConfigurationRequest&, const ConfigurationRequest&) = default;
};

struct VectorIndex {
  bool enabled = false;
  std::optional<Space> space;
  std::optional<std::string> embedding_function;  ///< JSON text
  std::optional<std::string> source_key;
  std::optional<HnswParameters> hnsw;
  bool spann = false;  ///< the request named SPANN; gone once the schema is filled in
  friend bool operator==(const VectorIndex&, const VectorIndex&) = default;
};

struct SparseVectorIndex {
  bool enabled = false;
  std::optional<std::string> embedding_function;  ///< JSON text
  std::optional<std::string> source_key;
  std::optional<bool> bm25;
  friend bool operator==(const SparseVectorIndex&, const SparseVectorIndex&) = default;
};

/// Which indexes a key, or every key by default, has per value type. Unset: not mentioned.
struct ValueTypes {
  std::optional<bool> full_text;
  std::optional<bool> string_inverted;
  std::optional<bool> int_inverted;
  std::optional<bool> float_inverted;
  std::optional<bool> bool_inverted;
  std::optional<VectorIndex> vector;
  std::optional<SparseVectorIndex> sparse_vector;
  friend bool operator==(const ValueTypes&, const ValueTypes&) = default;
};

/// The indexes of a collection: defaults, and the keys that differ from them or were seen.
struct Schema {
  static constexpr const char* kDocument = "#document";
  static constexpr const char* kEmbedding = "#embedding";

  ValueTypes defaults;
  std::map<std::string, ValueTypes> keys;
  std::optional<std::string> cmek;  ///< JSON text, echoed
  friend bool operator==(const Schema&, const Schema&) = default;
};

}  // namespace viridian
