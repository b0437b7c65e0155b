#include "model/validation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace viridian {
namespace {

std::string message_of(const Status& status) {
  return status.ok() ? "ok" : status.error().message();
}

RecordBatch batch_of(Operation operation, size_t rows) {
  RecordBatch batch;
  batch.operation = operation;
  for (size_t i = 0; i < rows; ++i) {
    batch.ids.push_back("id" + std::to_string(i));
    batch.embeddings.values.insert(batch.embeddings.values.end(), {1.0f, static_cast<float>(i)});
  }
  batch.embeddings.dim = rows > 0 ? 2 : 0;
  return batch;
}

void set_metadata(RecordBatch& batch, uint32_t row, const Metadata& metadata) {
  MetadataColumnsBuilder builder;
  builder.set(row, metadata);
  batch.metadata = builder.finish();
}

TEST(Names, AcceptedOnesFollowTheRule) {
  for (const std::string name :
       {"abc", "a.b", "A-1_z", "aaa+bbb", "SPEC_CASE", "1.2.3", "1.2.3.4.5", "a:b"}) {
    const bool expected = name != "a:b";
    EXPECT_EQ(validate_collection_name(name).ok(), expected) << name;
  }
  EXPECT_TRUE(validate_database_name(std::string(512, 'x')).ok());
}

TEST(Names, RefusedOnesSayWhy) {
  const std::string rule =
      "Expected a name containing 3-512 characters from [a-zA-Z0-9._-], starting and ending with a "
      "character in [a-zA-Z0-9]. Got: ";
  for (const std::string name : {"", "ab", "-abc", "abc_", "a b c", "abc\xC3\xA9", ".ab", "ab/c"})
    EXPECT_EQ(message_of(validate_database_name(name)), rule + name);
  EXPECT_EQ(message_of(validate_database_name(std::string(513, 'x'))),
            rule + std::string(513, 'x'));
  EXPECT_EQ(message_of(validate_collection_name("aaa+bb")), rule + "bb");
  EXPECT_EQ(message_of(validate_collection_name("a+bbb")), rule + "a");
  EXPECT_EQ(message_of(validate_collection_name("abc..d")),
            "Expected a name that does not contains two consecutive periods (..). Got abc..d");
  EXPECT_EQ(message_of(validate_collection_name("1.2.3.4")),
            "Expected a name that is not a valid ip address. Got 1.2.3.4");
  EXPECT_EQ(message_of(validate_collection_name("a+b+c")),
            "Expected a name to contain at most one topology:  Got 2 `+` characters.");
  EXPECT_FALSE(validate_collection_name(std::string(300, 'x') + "+" + std::string(212, 'y')).ok());
  EXPECT_TRUE(validate_collection_name(std::string(299, 'x') + "+" + std::string(212, 'y')).ok());
}

TEST(Names, TenantsNeedThreeCharactersOfAnyKind) {
  EXPECT_TRUE(validate_tenant_name("a /").ok());
  EXPECT_TRUE(validate_tenant_name("\xC3\xA9\xC3\xA9\xC3\xA9").ok());
  EXPECT_FALSE(validate_tenant_name("\xC3\xA9\xC3\xA9").ok());
  EXPECT_EQ(message_of(validate_tenant_name("ab")),
            "Validation error: name: Validation error: length [{\"value\": String(\"ab\"), "
            "\"min\": Number(3)}]");
}

TEST(Batches, WholeOnesPass) {
  for (const Operation operation : {Operation::add, Operation::update, Operation::upsert}) {
    EXPECT_TRUE(validate_batch(batch_of(operation, 0)).ok());
    RecordBatch batch = batch_of(operation, 2);
    set_metadata(batch, 1, {{"k", MetadataValue(int64_t{1})}, {"dotted.key x", true}});
    batch.documents.push_back("d");
    batch.documents.push_back(std::nullopt);
    EXPECT_EQ(message_of(validate_batch(batch)), "ok");
  }
  RecordBatch ids_only;
  ids_only.operation = Operation::remove;
  ids_only.ids.push_back("a");
  EXPECT_TRUE(validate_batch(ids_only).ok());
}

TEST(Batches, ColumnsOfOtherLengthsAreRefused) {
  const std::string text = "Inconsistent number of IDs, embeddings, documents, URIs and metadatas";
  RecordBatch batch = batch_of(Operation::add, 2);
  batch.documents.push_back("only one");
  EXPECT_EQ(message_of(validate_batch(batch)), text);
  batch = batch_of(Operation::add, 2);
  batch.ids.push_back("third");
  EXPECT_EQ(message_of(validate_batch(batch)), text);
  batch = batch_of(Operation::add, 2);
  batch.embeddings.values.pop_back();
  EXPECT_EQ(message_of(validate_batch(batch)), text);
  batch = batch_of(Operation::remove, 2);
  EXPECT_EQ(message_of(validate_batch(batch)), text);
  batch = batch_of(Operation::update, 2);
  batch.embedding_rows = {0};
  EXPECT_EQ(message_of(validate_batch(batch)), text);
}

TEST(Batches, EmbeddingRowsMustFitTheVectors) {
  RecordBatch batch = batch_of(Operation::update, 2);
  batch.ids.push_back("id2");
  batch.embedding_rows = {0, RecordBatch::kNoEmbedding, 1};
  EXPECT_TRUE(validate_batch(batch).ok());
  for (const std::vector<uint32_t>& rows :
       {std::vector<uint32_t>{1, RecordBatch::kNoEmbedding, 0},
        {0, RecordBatch::kNoEmbedding, RecordBatch::kNoEmbedding},
        {0, 1, 2},
        {0, 0, 1}}) {
    batch.embedding_rows = rows;
    EXPECT_FALSE(validate_batch(batch).ok());
  }
}

TEST(Batches, VectorsMustBePresentFiniteAndNotTooLong) {
  RecordBatch batch = batch_of(Operation::update, 1);
  batch.embeddings = {};
  EXPECT_TRUE(validate_batch(batch).ok());
  batch.operation = Operation::upsert;
  EXPECT_EQ(message_of(validate_batch(batch)),
            "Validation error: embeddings: record 0 has no embedding, which upsert needs");
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    batch = batch_of(Operation::update, 1);
    batch.embeddings.values[1] = bad;
    EXPECT_EQ(message_of(validate_batch(batch)),
              "Validation error: embeddings: Embeddings must not contain NaN or Infinity values");
  }
  batch = batch_of(Operation::add, 1);
  batch.embeddings.dim = kMaxDimension;
  batch.embeddings.values.assign(kMaxDimension, 1);
  EXPECT_TRUE(validate_batch(batch).ok());
  batch.embeddings.dim = kMaxDimension + 1;
  batch.embeddings.values.push_back(1);
  EXPECT_NE(message_of(validate_batch(batch)).find("at most 16384 dimensions, got 16385"),
            std::string::npos);
}

TEST(Batches, EmptyIdsAreRefused) {
  RecordBatch batch = batch_of(Operation::add, 1);
  batch.ids = {""};
  EXPECT_EQ(message_of(validate_batch(batch)), "Empty ID, ID must have at least one character");
}

TEST(Batches, MetadataKeysAndValuesAreChecked) {
  const auto refused = [](const Metadata& metadata, Operation operation = Operation::add) {
    RecordBatch batch = batch_of(operation, 3);
    set_metadata(batch, 2, metadata);
    return message_of(validate_batch(batch));
  };
  const std::string prefix = "Validation error: metadatas: Invalid metadata at index 2: ";
  EXPECT_EQ(refused({{"", true}}), prefix + "Metadata key cannot be empty");
  EXPECT_EQ(refused({{"#k", true}}), prefix + "Metadata key cannot start with '#' or '$': #k");
  EXPECT_EQ(refused({{"$k", true}}), prefix + "Metadata key cannot start with '#' or '$': $k");
  EXPECT_NE(refused({{"chroma:document", true}}), "ok");
  EXPECT_NE(refused({{"k", NAN}}), "ok");
  EXPECT_NE(refused({{"k", std::vector<double>{1, INFINITY}}}), "ok");
  EXPECT_NE(refused({{"k", MetadataValue()}}), "ok");
  EXPECT_EQ(refused({{"k", MetadataValue()}}, Operation::update), "ok");
  EXPECT_EQ(refused({{"k", MetadataValue()}}, Operation::upsert), "ok");
}

TEST(Batches, MetadataColumnsMustFitTheBatch) {
  RecordBatch batch = batch_of(Operation::add, 2);
  set_metadata(batch, 2, {{"k", true}});
  EXPECT_FALSE(validate_batch(batch).ok());
  set_metadata(batch, 1, {{"k", true}});
  EXPECT_TRUE(validate_batch(batch).ok());
  batch.metadata[0].rows = {1, 1};
  EXPECT_FALSE(validate_batch(batch).ok());
  batch.metadata[0].rows = {0, 1};
  EXPECT_FALSE(validate_batch(batch).ok());
}

TEST(CollectionMetadata, IsNotEmptyFlatAndWithoutReservedKeys) {
  EXPECT_EQ(message_of(validate_collection_metadata({})), "Metadata cannot be empty");
  EXPECT_TRUE(validate_collection_metadata({{"a", true}, {"chroma:x", int64_t{1}}}).ok());
  EXPECT_EQ(message_of(validate_collection_metadata({{"", true}})), "Metadata key cannot be empty");
  EXPECT_EQ(message_of(validate_collection_metadata({{"#k", true}})),
            "Metadata key cannot start with '#' or '$': #k");
  EXPECT_FALSE(validate_collection_metadata({{"a", std::vector<bool>{true}}}).ok());
  EXPECT_FALSE(validate_collection_metadata({{"a", NAN}}).ok());
  EXPECT_FALSE(validate_collection_metadata({{"a", MetadataValue()}}).ok());
  EXPECT_TRUE(validate_collection_metadata({{"a", MetadataValue()}}, true).ok());
}

}  // namespace
}  // namespace viridian
