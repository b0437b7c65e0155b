#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "codec/api_json.h"
#include "codec/base64.h"

namespace viridian::codec {
namespace {

std::string outcome(std::string_view body, Operation operation = Operation::add) {
  const auto batch = read_records(body, operation);
  if (batch.ok()) return "ok";
  return std::string(code_name(batch.error().code())) + ": " + batch.error().message();
}

RecordBatch read(std::string_view body, Operation operation = Operation::add) {
  auto batch = read_records(body, operation);
  EXPECT_TRUE(batch.ok()) << body << ": " << batch.error().message();
  return batch.ok() ? *std::move(batch) : RecordBatch();
}

const std::string kShape =
    "unprocessable: Failed to deserialize the JSON body into the target type: ";
const std::string kInvalid = "invalid_argument: ";

TEST(Records, ColumnsAreReadAsTheyCome) {
  const RecordBatch batch = read(
      R"({"ids":["a","b"],"embeddings":[[1,2.5],[-0.0,0.1]],"documents":["x",null],
          "uris":null,"metadatas":[{"k":1,"l":[1,2]},null],"other":{"deep":[1,{}]}})");
  RecordBatch expected;
  expected.ids = {"a", "b"};
  expected.embeddings = {2, {1, 2.5f, -0.0f, 0.1f}};
  expected.documents.push_back("x");
  expected.documents.push_back(std::nullopt);
  MetadataColumnsBuilder builder;
  builder.set(0, Metadata{{"k", int64_t{1}}, {"l", std::vector<int64_t>{1, 2}}});
  expected.metadata = builder.finish();
  EXPECT_EQ(batch, expected);
  EXPECT_TRUE(std::signbit(batch.embeddings.values[2]));
}

TEST(Records, EmptyAndPartialBodies) {
  EXPECT_EQ(read(R"({"ids":[],"embeddings":[]})").rows(), 0u);
  EXPECT_EQ(read(R"({"ids":["a"]})", Operation::update).embeddings.rows(), 0u);
  const RecordBatch batch =
      read(R"({"ids":["a","b","c"],"embeddings":[null,[1,2],null]})", Operation::update);
  EXPECT_EQ(batch.embedding(0), nullptr);
  ASSERT_NE(batch.embedding(1), nullptr);
  EXPECT_EQ(batch.embedding(1)[1], 2);
  EXPECT_EQ(read(R"({"ids":["a"],"embeddings":[null]})", Operation::update).embedding(0), nullptr);
}

TEST(Records, WrongShapesAreUnprocessable) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"[]", "invalid type: sequence, expected an object"},
      {"null", "invalid type: null, expected an object"},
      {R"({"embeddings":[]})", "missing field `ids`"},
      {R"({"ids":["a"]})", "missing field `embeddings`"},
      {R"({"ids":["a"],"ids":["a"]})", "duplicate field `ids`"},
      {R"({"ids":null,"embeddings":[]})", "ids: invalid type: null, expected an array of strings"},
      {R"({"ids":[1],"embeddings":[]})", "ids[0]: invalid type: integer `1`, expected a string"},
      {R"({"ids":["a"],"embeddings":null})",
       "embeddings: invalid type: null, expected an array of vectors"},
      {R"({"ids":["a"],"embeddings":[null]})",
       "embeddings[0]: invalid type: null, expected an array of numbers or a base64 string"},
      {R"({"ids":["a","b"],"embeddings":[[1],"AACAPw=="]})",
       "embeddings: rows must be all arrays of numbers or all base64 strings"},
      {R"({"ids":["a"],"embeddings":[["x"]]})",
       "embeddings[0]: invalid type: string \"x\", expected numbers only"},
      {R"({"ids":["a"],"embeddings":[[1]],"documents":[1]})",
       "documents[0]: invalid type: integer `1`, expected a string or null"},
      {R"({"ids":["a"],"embeddings":[[1]],"uris":"x"})",
       "uris: invalid type: string \"x\", expected an array of strings and nulls"},
      {R"({"ids":["a"],"embeddings":[[1]],"metadatas":[1]})",
       "metadatas[0]: invalid type: integer `1`, expected an object or null"},
      {R"({"ids":["a"],"embeddings":[[1]],"metadatas":[{"k":null}]})",
       "metadatas[0].k: invalid type: null, expected a value"},
      {R"({"ids":["a"],"embeddings":[[1]],"metadatas":[{"k":[1,"x"]}]})",
       "metadatas[0].k: expected an array of strings, of booleans, or of numbers"}};
  for (const auto& [body, reason] : cases) EXPECT_EQ(outcome(body), kShape + reason) << body;
}

TEST(Records, BadValuesAreInvalid) {
  const auto with = [](const std::string& embeddings) {
    return outcome(R"({"ids":["a"],"embeddings":)" + embeddings + "}");
  };
  EXPECT_EQ(
      with("[[]]"),
      kInvalid + "Validation error: embeddings: Each embedding must have at least 1 dimension");
  EXPECT_EQ(
      with(R"([""])"),
      kInvalid + "Validation error: embeddings: Each embedding must have at least 1 dimension");
  for (const char* big : {"[[1e300]]", "[[-1e39]]"})
    EXPECT_EQ(with(big), kInvalid +
                             "Validation error: embeddings: Embeddings must not contain NaN "
                             "or Infinity values");
  EXPECT_EQ(with("[[1],[1,2]]"), kInvalid + "Inconsistent dimensions in provided embeddings");
  const std::string lengths =
      kInvalid + "Inconsistent number of IDs, embeddings, documents, URIs and metadatas";
  EXPECT_EQ(with("[[1],[2]]"), lengths);
  for (const char* column : {"documents", "uris", "metadatas"})
    EXPECT_EQ(outcome(R"({"ids":["a"],"embeddings":[[1]],")" + std::string(column) + "\":[]}"),
              lengths);
}

TEST(Records, Base64FaultsAreTheWires) {
  const auto with = [](const std::string& text) {
    return outcome(R"({"ids":["a"],"embeddings":[")" + text + "\"]}");
  };
  EXPECT_EQ(with("!AAA"), kInvalid + "Invalid base64 string: Invalid symbol 33, offset 0.");
  EXPECT_EQ(with("AACAPw"), kInvalid + "Invalid base64 string: Invalid padding");
  EXPECT_EQ(with("AAAA"), kInvalid +
                              "Invalid byte length: 3 bytes cannot be converted to f32 "
                              "values (must be divisible by 4)");
  EXPECT_EQ(with("AADAfw=="), kInvalid + "Non-finite float value at embedding index 0: NaN");
  EXPECT_EQ(with("AACAPwAAgH8="), kInvalid + "Non-finite float value at embedding index 1: inf");
  EXPECT_EQ(with("AACAPw=="), "ok");
  for (const char* bad : {"AACAPx==", "A===", "====", "AA=A", "AACAPw==="})
    EXPECT_TRUE(with(bad).starts_with(kInvalid + "Invalid base64 string: ")) << bad;
}

TEST(Records, ShapeGoesBeforeBase64BeforeTheRest) {
  EXPECT_TRUE(outcome(R"({"ids":["a"],"embeddings":["!"],"documents":[1]})").starts_with(kShape));
  EXPECT_TRUE(outcome(R"({"ids":["a"],"embeddings":["","!"]})").find("base64") !=
              std::string::npos);
  EXPECT_TRUE(outcome(R"({"ids":[],"metadatas":[{"chroma:uri":1,"k":{}}],"embeddings":[[]]})")
                  .starts_with(kShape));
}

TEST(Records, ReservedKeysSetTheirColumnsOrAreRefused) {
  RecordBatch batch = read(R"({"ids":["a","b","c"],"embeddings":[[1],[2],[3]],
      "documents":["own",null,null],
      "metadatas":[{"chroma:document":"x"},{"chroma:document":"inj","chroma:uri":"u","k":1},null]})");
  EXPECT_EQ(batch.documents[0], "own");
  EXPECT_EQ(batch.documents[1], "inj");
  EXPECT_FALSE(batch.documents.has(2));
  EXPECT_EQ(batch.uris.size(), 3u);
  EXPECT_EQ(batch.uris[1], "u");
  EXPECT_EQ(batch.metadata_of(1), (Metadata{{"k", int64_t{1}}}));
  EXPECT_TRUE(batch.metadata_of(0).empty());
  batch = read(R"({"ids":["a"],"embeddings":[[1]],"metadatas":[{"chroma:foo":1}]})");
  EXPECT_TRUE(batch.metadata.empty());
  for (const char* value : {"null", "1", "[]", "true"})
    for (const char* key : {"chroma:document", "chroma:uri"})
      EXPECT_TRUE(
          outcome(std::string(R"({"ids":["a"],"metadatas":[{")") + key + "\":" + value + "}]}",
                  Operation::update)
              .starts_with(kInvalid + "Validation error: metadatas: Invalid metadata at "
                                      "index 0: "))
          << key << value;
}

TEST(Records, SparseVectorsAreRefusedByKind) {
  EXPECT_EQ(outcome(R"({"ids":["a"],"embeddings":[[1]],"metadatas":[{"k":
      {"#type":"sparse_vector","indices":[1],"values":[1]}}]})"),
            "unimplemented: Sparse vector is not supported yet: k");
  EXPECT_TRUE(outcome(R"({"ids":["a"],"embeddings":[[1]],"metadatas":[{"k":
      {"#type":"sparse_vector","indices":[2,1],"values":[1,1]}}]})")
                  .starts_with(kInvalid + "Validation error: metadatas: Invalid metadata at index "
                                          "0: "));
}

TEST(Records, RepeatedMetadataKeysKeepTheLast) {
  const RecordBatch batch =
      read(R"({"ids":["a"],"embeddings":[[1]],"metadatas":[{"k":1,"k":"x"}]})");
  EXPECT_EQ(batch.metadata_of(0), (Metadata{{"k", std::string("x")}}));
}

TEST(Records, BrokenTextIsNoJson) {
  for (const char* body :
       {"", "{", R"({"ids":["a")", R"({"ids":["a"],"embeddings":[[1,)",
        R"({"ids":[],"embeddings":[]} x)", R"({"ids":["a"],"embeddings":[[NaN]]})",
        R"({"ids":[],"embeddings":[],"x":[1,]})"})
    EXPECT_TRUE(outcome(body).starts_with(kInvalid + "Failed to parse the request body as JSON: "))
        << body << " " << outcome(body);
}

RecordBatch random_batch(std::mt19937& random, Operation operation) {
  RecordBatch batch;
  batch.operation = operation;
  const auto rows = static_cast<uint32_t>(random() % 6);
  const uint32_t dim = 1 + static_cast<uint32_t>(random() % 9);
  MetadataColumnsBuilder builder;
  std::vector<uint32_t> vectors;
  uint32_t next = 0;
  const bool documents = random() % 2 == 0;
  for (uint32_t row = 0; row < rows; ++row) {
    batch.ids.push_back("id\n\"" + std::to_string(random()));
    const bool vector = operation != Operation::update || random() % 3 != 0;
    vectors.push_back(vector ? next++ : RecordBatch::kNoEmbedding);
    for (uint32_t i = 0; vector && i < dim; ++i) {
      const float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
      batch.embeddings.values.push_back(std::isfinite(value) ? value : 1);
    }
    if (documents) {
      if (random() % 2 == 0)
        batch.documents.push_back("doc \xC3\xA9");
      else
        batch.documents.push_back(std::nullopt);
    }
    if (random() % 2 == 0)
      builder.set(row, Metadata{{"a", static_cast<int64_t>(random())},
                                {"b", static_cast<double>(random()) / 3},
                                {"c", std::vector<std::string>{"x", "y\t"}},
                                {"d", random() % 2 == 0}});
  }
  if (next > 0) batch.embeddings.dim = dim;
  if (next > 0 && next < rows) batch.embedding_rows = vectors;
  batch.metadata = builder.finish();
  return batch;
}

TEST(Records, WhatTheClientWritesTheServerReads) {
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {
    for (const Operation operation : {Operation::add, Operation::update, Operation::upsert}) {
      const RecordBatch batch = random_batch(random, operation);
      const std::string body = write_records(batch);
      const auto back = read_records(body, operation);
      ASSERT_TRUE(back.ok()) << body << back.error().message();
      ASSERT_EQ(*back, batch) << body;
    }
  }
}

}  // namespace
}  // namespace viridian::codec
