#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "os/temporary_directory.h"
#include "viridian/viridian.h"

namespace viridian {
namespace {

template <class T>
T value_of(Result<T> result) {
  if (!result.ok()) ADD_FAILURE() << result.error().message();
  return *std::move(result);
}

std::vector<std::string> ids_of(const Rows& rows) {
  std::vector<std::string> ids;
  for (const Row row : rows) ids.emplace_back(row.id);
  return ids;
}

Records three() {
  Records records;
  records.add({.id = "a", .vector = {1, 0}, .document = "one", .metadata = {{"n", 1}}});
  records.add({.id = "b", .vector = {0, 1}, .uri = "file:b", .metadata = {{"n", 2}}});
  records.add({.id = "c", .vector = {1, 1}, .document = "three"});
  return records;
}

using Ids = std::vector<std::string>;

class LibraryTest : public ::testing::Test {
 protected:
  Client client_ = value_of(Client::in_memory());
  CollectionHandle collection_ = value_of(client_.create_collection("things"));
};

TEST_F(LibraryTest, RowsGiveBackWhatWasAdded) {
  ASSERT_TRUE(collection_.add(three()).ok());
  EXPECT_EQ(value_of(collection_.count()), 3U);
  const Rows rows = value_of(collection_.get(
      {.include = {Include::documents, Include::metadatas, Include::uris, Include::embeddings}}));
  ASSERT_EQ(ids_of(rows), (Ids{"a", "b", "c"}));
  EXPECT_EQ(rows[0].document, "one");
  EXPECT_EQ(rows[1].document, std::nullopt);
  EXPECT_EQ(rows[1].uri, "file:b");
  EXPECT_EQ(rows[1].vector[1], 1.0F);
  ASSERT_NE(rows[1].metadata, nullptr);
  EXPECT_EQ(*rows[1].metadata, (Metadata{{"n", int64_t{2}}}));
  EXPECT_EQ(rows[2].metadata, nullptr);
  EXPECT_EQ(rows[2].distance, std::nullopt);
}

TEST_F(LibraryTest, RecordsAreReadByTheirValues) {
  ASSERT_TRUE(collection_.add(three()).ok());
  EXPECT_EQ(ids_of(value_of(collection_.get({.order_by = {{"n", true}}}))), (Ids{"b", "a", "c"}));
  EXPECT_EQ(value_of(collection_.count({.where = R"({"n":{"$gte":2}})"})), 1U);
  const auto facets = value_of(collection_.facets({"n", "m"}, 1));
  ASSERT_EQ(facets.size(), 2U);
  EXPECT_EQ(facets[0], (Facet{{{int64_t{1}, 1}}, 2, 2, 1}));
  EXPECT_EQ(facets[1], Facet());
  const auto extents = value_of(collection_.extents({"n"}, {.ids = Ids{"b", "c"}}));
  ASSERT_EQ(extents.size(), 1U);
  EXPECT_EQ(extents[0], (Extent{int64_t{2}, int64_t{2}, 1}));
}

TEST_F(LibraryTest, QueriesAnswerNearestFirstAndObeyFilters) {
  ASSERT_TRUE(collection_.add(three()).ok());
  const std::vector<float> vector = {0.9F, 0};
  const Rows all = value_of(collection_.query(vector));
  EXPECT_EQ(ids_of(all), (Ids{"a", "c", "b"}));
  EXPECT_LT(*all[0].distance, *all[1].distance);
  EXPECT_EQ(ids_of(value_of(collection_.query(vector, {.where = R"({"n":{"$gt":1}})"}))),
            (Ids{"b"}));
  const Where typed{.op = Where::Op::eq, .key = "n", .operands = {int64_t{1}}, .children = {}};
  EXPECT_EQ(ids_of(value_of(collection_.query(vector, {.where = typed}))), (Ids{"a"}));
  EXPECT_EQ(
      ids_of(value_of(collection_.query(vector, {.where_document = R"({"$contains":"three"})"}))),
      (Ids{"c"}));
  EXPECT_EQ(ids_of(value_of(collection_.query(vector, {.n_results = 1, .recall = 1}))), (Ids{"a"}));
  const Result<Rows> more_than_all = collection_.query(vector, {.recall = 1.1});
  ASSERT_FALSE(more_than_all.ok());
  EXPECT_EQ(more_than_all.error().code(), Code::invalid_argument);
  const auto both = value_of(collection_.query({{1, 0}, {0, 1}}, {.n_results = 1}));
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(ids_of(both[0]), (Ids{"a"}));
  EXPECT_EQ(ids_of(both[1]), (Ids{"b"}));
}

TEST_F(LibraryTest, ExplainSaysWhyARecordIsAmongTheResultsOrNot) {
  ASSERT_TRUE(collection_.add(three()).ok());
  const std::vector<float> vector = {0.9F, 0};
  const Explanation first = value_of(collection_.explain("a", vector));
  EXPECT_EQ(first.outcome, Explanation::Outcome::returned);
  EXPECT_EQ(first.rank, 1U);
  const Explanation left_out =
      value_of(collection_.explain("a", vector, {.where = R"({"n":{"$gt":1}})"}));
  EXPECT_EQ(left_out.outcome, Explanation::Outcome::filtered_out);
  const Explanation last = value_of(collection_.explain("b", vector, {.n_results = 2}));
  EXPECT_EQ(last.outcome, Explanation::Outcome::outranked);
  EXPECT_GT(*last.distance, *last.last_distance);
}

TEST_F(LibraryTest, ExplainShowsPlans) {
  ASSERT_TRUE(collection_.add(three()).ok());
  const std::vector<float> vector = {0.9F, 0};
  const Explanation query = value_of(collection_.explain_query(vector, {.n_results = 2}));
  EXPECT_FALSE(query.outcome.has_value());
  EXPECT_EQ(query.results, 2U);
  ASSERT_FALSE(query.plan.empty());
  EXPECT_EQ(query.plan.back().actual, 2U);
  const Explanation get =
      value_of(collection_.explain_get({.where = R"({"n":{"$gt":1}})", .limit = 5}));
  ASSERT_FALSE(get.plan.empty());
  EXPECT_EQ(get.plan.back().actual, get.results);
  EXPECT_EQ(value_of(collection_.get({.where = R"({"n":{"$gt":1}})", .limit = 5})).size(),
            get.results);
}

TEST_F(LibraryTest, UpdateChangesOnlyWhatIsSet) {
  ASSERT_TRUE(collection_.add(three()).ok());
  Records change;
  change.add({.id = "a", .metadata = {{"n", std::monostate()}, {"m", true}}});
  ASSERT_TRUE(collection_.update(change).ok());
  const Rows rows = value_of(collection_.get({.ids = {{"a"}}}));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].document, "one");
  EXPECT_EQ(*rows[0].metadata, (Metadata{{"m", true}}));
}

TEST_F(LibraryTest, RemoveNeedsAFilterAndSaysHowMany) {
  ASSERT_TRUE(collection_.add(three()).ok());
  const Result<uint64_t> unfiltered = collection_.remove({});
  ASSERT_FALSE(unfiltered.ok());
  EXPECT_EQ(unfiltered.error().code(), Code::invalid_argument);
  EXPECT_EQ(value_of(collection_.remove({.ids = {{"a", "zz"}}})), 1U);
  EXPECT_EQ(ids_of(value_of(collection_.peek())), (Ids{"b", "c"}));
}

TEST_F(LibraryTest, VectorsOfTwoLengthsAreRefusedByName) {
  Records records = three();
  records.add({.id = "odd", .vector = {1, 2, 3}});
  const Status refused = collection_.add(records);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::invalid_argument);
  EXPECT_NE(refused.error().message().find("\"odd\""), std::string::npos);
  EXPECT_EQ(value_of(collection_.count()), 0U);
}

TEST_F(LibraryTest, BadFilterTextIsAnError) {
  const Result<Rows> rows = collection_.get({.where = "{"});
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().code(), Code::invalid_argument);
}

TEST_F(LibraryTest, DatabasesSeparateCollections) {
  ASSERT_TRUE(client_.create_database("other").ok());
  const Client other = value_of(client_.with_database({client_.database().tenant, "other"}));
  EXPECT_TRUE(value_of(other.list_collections()).empty());
  EXPECT_EQ(value_of(client_.list_collections()).size(), 1U);
  const Result<Client> missing = client_.with_database({"nobody", "nothing"});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), Code::not_found);
}

TEST_F(LibraryTest, HandleOutlivesItsClient) {
  { const Client gone = std::move(client_); }
  ASSERT_TRUE(collection_.add(three()).ok());
  EXPECT_EQ(value_of(collection_.count()), 3U);
}

TEST(Library, DirectoryKeepsWhatWasWritten) {
  const os::TemporaryDirectory directory;
  {
    const Client client = value_of(Client::open(directory.path()));
    const CollectionHandle made =
        value_of(client.create_collection("kept", {.space = Space::cosine}));
    ASSERT_TRUE(made.add(three()).ok());
  }
  const Client client = value_of(Client::open(directory.path()));
  const CollectionHandle kept = value_of(client.get_collection("kept"));
  EXPECT_EQ(kept.info().dimension, 2U);
  EXPECT_EQ(ids_of(value_of(kept.query(std::vector<float>{0, 2}, {.n_results = 1}))), (Ids{"b"}));
  EXPECT_EQ(value_of(kept.stats()).records, 3U);
  const Result<Client> second = Client::open(directory.path());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), Code::failed_precondition);
}

TEST(Library, UnknownSettingIsRefusedAndTheNearestNamed) {
  const Result<Client> client = Client::in_memory({.settings = {{"executor.thread", "2"}}});
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().code(), Code::invalid_argument);
  EXPECT_NE(client.error().message().find("executor.threads"), std::string::npos);
}

TEST(LibraryOnDisk, SnapshotsRestoreUnderAnotherName) {
  const os::TemporaryDirectory directory;
  const Client client = value_of(Client::open(directory.path()));
  const CollectionHandle collection = value_of(client.create_collection("things"));
  ASSERT_TRUE(collection.add(three()).ok());
  ASSERT_TRUE(collection.flush().ok());
  ASSERT_TRUE(collection.compact().ok());
  ASSERT_TRUE(collection.close().ok());
  EXPECT_EQ(value_of(client.create_snapshot("s")).records, 3U);
  EXPECT_EQ(value_of(client.list_snapshots()).size(), 1U);
  EXPECT_EQ(value_of(client.verify_snapshot("s")).name, "s");
  RestoreRequest request;
  request.snapshot = "s";
  request.collection = "things";
  request.new_name = "copy";
  EXPECT_EQ(value_of(client.restore_snapshot(request)).size(), 1U);
  EXPECT_EQ(value_of(value_of(client.get_collection("copy")).count()), 3U);
  EXPECT_TRUE(client.delete_snapshot("s").ok());
}

TEST(LibraryOnDisk, ClosedClientsLetGoOfTheDirectory) {
  const os::TemporaryDirectory directory;
  const Client client = value_of(Client::open(directory.path()));
  const CollectionHandle collection = value_of(client.create_collection("things"));
  ASSERT_TRUE(collection.add(three()).ok());
  client.close();
  client.close();
  const Client again = value_of(Client::open(directory.path()));
  EXPECT_EQ(value_of(value_of(again.get_collection("things")).count()), 3U);
  for (const Code code :
       {collection.count().error().code(), collection.stats().error().code(),
        client.get_collection("things").error().code(), client.list_collections().error().code()}) {
    EXPECT_EQ(code_name(code), code_name(Code::failed_precondition));
  }
}

}  // namespace
}  // namespace viridian
