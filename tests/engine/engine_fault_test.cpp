// The engine on parts that can be looked into and made to fail.
#include <thread>

#include "conformance/api_fixture.h"
#include "engine/api.h"
#include "engine/naive_parts.h"
#include "sysdb/mem_sysdb.h"

namespace viridian::conformance {
namespace {

class EngineFaults : public testing::Test {
 protected:
  EngineFaults() { docs_ = make("docs"); }

  CollectionRef make(const std::string& name) {
    CreateCollection request;
    request.name = name;
    return {DatabasePath(), must(api_.create_collection(context_, DatabasePath(), request)).id};
  }
  Result<WriteResult> add(const CollectionRef& ref, const std::vector<Row>& rows) {
    return api_.write(context_, ref, batch_of(Operation::add, rows));
  }
  Collection stored(const CollectionRef& ref) {
    return must(api_.get_collection_by_id(context_, ref));
  }

  const Context context_;
  mem::SysDb sysdb_;
  NaiveLog log_;
  NaiveSegments segments_{sysdb_, log_};
  engine::Api api_{{sysdb_, log_, log_, segments_}, {true, 5461, 2}};
  CollectionRef docs_;
};

TEST_F(EngineFaults, RefusedAppendLeavesDimensionAndSchemaAsTheyWere) {
  const Collection before = stored(docs_);
  log_.before_append = [] { return Error(Code::resource_exhausted, "disk full"); };
  const std::vector<Row> rows{{.id = "a", .vector = {1, 2, 3}, .metadata = Metadata{{"new", 1_i}}}};
  EXPECT_FAILS(Code::resource_exhausted, "disk full", add(docs_, rows));
  EXPECT_EQ(stored(docs_), before);
  log_.before_append = [] { return ok_status(); };
  EXPECT_OK(add(docs_, {{.id = "a", .vector = {1, 2}}}));
  EXPECT_EQ(stored(docs_).dimension, 2U);
}

// What a crash between fixing the dimension and the append leaves.
TEST_F(EngineFaults, DimensionWithoutAnyRecordGivesWay) {
  CollectionChange change;
  change.dimension = 7U;
  EXPECT_OK(sysdb_.update_collection(context_, docs_.id, change));
  EXPECT_OK(add(docs_, {{.id = "a", .vector = {1, 2}}}));
  EXPECT_EQ(stored(docs_).dimension, 2U);
  EXPECT_FAILS(Code::invalid_argument, "dimension of 2, got 7",
               add(docs_, {{.id = "b", .vector = {1, 2, 3, 4, 5, 6, 7}}}));
}

TEST_F(EngineFaults, WritesWithoutEffectAreNotLogged) {
  EXPECT_EQ(must(add(docs_, {})).last, 0U);
  EXPECT_EQ(
      must(api_.write(context_, docs_, batch_of(Operation::update, {{.id = "a", .vector = {1}}})))
          .last,
      0U);
  EXPECT_EQ(must(api_.delete_records(context_, docs_, delete_of(by_ids({"a"})))).last, 0U);
  EXPECT_EQ(log_.size(), 0U);
  EXPECT_EQ(must(add(docs_, {{.id = "a", .vector = {1, 2}}, {.id = "b", .vector = {1, 2}}})).last,
            2U);
  EXPECT_EQ(must(api_.delete_records(context_, docs_, delete_of(by_ids({"z"})))).last, 2U);
  const DeleteRequest request = delete_of(by_ids({"z", "b", "a", "b"}));
  const auto removed = must(api_.delete_records(context_, docs_, request));
  EXPECT_EQ(removed.deleted, 2U);
  EXPECT_EQ(removed.last, 4U);
  // A repetition finds nothing, and its number is that of a state without what was deleted.
  const auto repeated = must(api_.delete_records(context_, docs_, request));
  EXPECT_EQ(repeated.deleted, 0U);
  EXPECT_EQ(repeated.last, 4U);
}

// A removal that was seen may be one that comes to nothing, which no append finds out.
TEST_F(EngineFaults, DeletionFindsNothingOnlyInWhatCounts) {
  EXPECT_OK(add(docs_, {{.id = "a", .vector = {1, 2}}}));
  int asked = 0;
  log_.settled = [&](SeqId last) { return ++asked == 1 ? last - 1 : last; };
  EXPECT_EQ(must(api_.delete_records(context_, docs_, delete_of(by_ids({"z"})))).last, 1U);
  EXPECT_EQ(asked, 2);
  log_.settled = [](SeqId last) { return last - 1; };
  EXPECT_FAILS(Code::aborted, "do not count",
               api_.delete_records(context_, docs_, delete_of(by_ids({"z"}))));
}

TEST_F(EngineFaults, QueriesTakeRecallFromTheRequestAndBreadthFromTheConfigurationOfThatTime) {
  EXPECT_OK(add(docs_, {{.id = "a", .vector = {1, 2}}}));
  std::vector<std::pair<double, uint32_t>> asked;
  segments_.reaches = [&](const VectorQuery& query, Offset) {
    asked.emplace_back(query.recall, query.breadth);
    return true;
  };
  QueryRequest request = query_of({{1, 2}});
  EXPECT_OK(api_.query(context_, docs_, request));
  ModifyCollection change;
  change.configuration.emplace().hnsw.emplace().parameters.ef_search = 300;
  EXPECT_OK(api_.modify_collection(context_, docs_, change));
  request.recall_target = 0.5;
  EXPECT_OK(api_.query(context_, docs_, request));
  change.configuration->hnsw->parameters.ef_search = std::numeric_limits<uint64_t>::max();
  EXPECT_OK(api_.modify_collection(context_, docs_, change));
  request.recall_target = 1;
  EXPECT_OK(api_.query(context_, docs_, request));
  EXPECT_EQ(asked, (std::vector<std::pair<double, uint32_t>>{
                       {0.99, 0}, {0.5, 300}, {1, std::numeric_limits<uint32_t>::max()}}));
}

TEST_F(EngineFaults, ExplainTellsWhatAnExactSearchWouldHaveFound) {
  using Outcome = Explanation::Outcome;
  std::vector<Row> rows;
  for (int i = 0; i < 9; ++i)
    rows.push_back({.id = std::to_string(i), .vector = {static_cast<float>(i), 0}});
  EXPECT_OK(add(docs_, rows));
  const auto explain = [&](const std::string& id, uint32_t n_results) {
    Explanation explanation =
        must(api_.explain(context_, docs_, {query_of({{0, 0}}, n_results), id}));
    explanation.plan.clear();
    return explanation;
  };
  const OffsetSet all = must(must(segments_.pin(context_, docs_.id, 9))->metadata().all(context_));
  std::vector<Offset> missed = all.slice(0, 3);
  segments_.reaches = [&](const VectorQuery& query, Offset offset) {
    return query.recall == 1 || std::find(missed.begin(), missed.end(), offset) == missed.end();
  };
  EXPECT_EQ(explain("1", 2), (Explanation{Outcome::not_reached, 2, 1.0F, 2, 16.0F, Searched{}}));
  // Not among the exact results either, but nearer than what was found.
  EXPECT_EQ(explain("2", 2), (Explanation{Outcome::not_reached, 3, 4.0F, 2, 16.0F, Searched{}}));
  EXPECT_EQ(explain("5", 2), (Explanation{Outcome::outranked, {}, 25.0F, 2, 16.0F, Searched{}}));
  missed = all.slice(8, 1);  // nor is it returned where fewer are than could be
  EXPECT_EQ(explain("8", 9), (Explanation{Outcome::not_reached, 9, 64.0F, 8, 49.0F, Searched{}}));
}

TEST_F(EngineFaults, NoRecordIsExplainedAmongThoseOfAGet) {
  ExplainRequest request{{}, "1"};
  request.get.emplace();
  EXPECT_FAILS(Code::invalid_argument, "there is no query vector",
               api_.explain(context_, docs_, request));
}

TEST_F(EngineFaults, DroppedCollectionsLeaveNoLog) {
  EXPECT_OK(add(docs_, {{.id = "a", .vector = {1, 2}}}));
  EXPECT_OK(api_.delete_collection(context_, DatabasePath(), "docs"));
  EXPECT_EQ(log_.size(), 0U);
  const DatabasePath path{"default_tenant", "mine"};
  EXPECT_OK(api_.create_database(context_, path));
  CreateCollection request;
  request.name = "docs";
  const CollectionRef mine{path, must(api_.create_collection(context_, path, request)).id};
  EXPECT_OK(add(mine, {{.id = "a", .vector = {1, 2}}}));
  EXPECT_OK(api_.delete_database(context_, path));
  EXPECT_EQ(log_.size(), 0U);
  EXPECT_OK(add(make("again"), {{.id = "a", .vector = {1, 2}}}));
  EXPECT_OK(api_.reset(context_));
  EXPECT_EQ(log_.size(), 0U);
}

// The append was let in, the SysDb then forgets the collection: the drop waits for the append.
TEST_F(EngineFaults, DropWaitsForTheAppendThatIsUnderWay) {
  EXPECT_OK(add(docs_, {{.id = "a", .vector = {1, 2}}}));
  std::thread dropper;
  log_.before_append = [&] {
    if (!dropper.joinable()) {
      dropper =
          std::thread([&] { EXPECT_OK(api_.delete_collection(context_, DatabasePath(), "docs")); });
    }
    return ok_status();
  };
  EXPECT_OK(add(docs_, {{.id = "b", .vector = {1, 2}}}));
  dropper.join();
  EXPECT_EQ(log_.size(), 0U);
}

TEST_F(EngineFaults, OneCollectionsFailureIsItsOwn) {
  const CollectionRef other = make("other");
  log_.before_append = [] { return Error(Code::data_loss, "this log is damaged"); };
  EXPECT_FAILS(Code::data_loss, "damaged", add(docs_, {{.id = "a", .vector = {1, 2}}}));
  log_.before_append = [] { return ok_status(); };
  EXPECT_OK(add(other, {{.id = "a", .vector = {1, 2}}}));
  EXPECT_EQ(must(api_.count(context_, other, ReadLevel::index_and_wal)), 1U);
}

TEST_F(EngineFaults, ReadOnlyRefusesWhateverWouldChangeSomething) {
  EXPECT_OK(add(docs_, {{.id = "a", .vector = {1, 2}}}));
  engine::Api api({sysdb_, log_, log_, segments_}, {true, 1, 1, true, nullptr, ""});
  const auto refused = [](const auto& result) {
    EXPECT_FAILS(Code::permission_denied, "reading only", result);
  };
  const DatabasePath path;
  CreateCollection request;
  request.name = "new";
  ModifyCollection rename;
  rename.name = "renamed";
  refused(api.reset(context_));
  refused(api.create_tenant(context_, "tenant"));
  refused(api.update_tenant(context_, kDefaultTenant, "resource"));
  refused(api.create_database(context_, {kDefaultTenant, "database"}));
  refused(api.delete_database(context_, path));
  refused(api.create_collection(context_, path, request));
  refused(api.modify_collection(context_, docs_, rename));
  refused(api.delete_collection(context_, path, "docs"));
  refused(api.write(context_, docs_, batch_of(Operation::add, {{.id = "b", .vector = {1, 2}}})));
  refused(api.delete_records(context_, docs_, delete_of(by_ids({"a"}))));
  refused(api.flush(context_, docs_));
  refused(api.compact(context_, docs_));
  refused(api.create_snapshot(context_, "s"));
  refused(api.restore_snapshot(context_, all_of_snapshot("s")));
  refused(api.delete_snapshot(context_, "s"));
  EXPECT_EQ(must(api.count(context_, docs_, ReadLevel::index_and_wal)), 1U);
  request = {};
  request.name = "docs";
  request.get_or_create = true;
  EXPECT_EQ(must(api.create_collection(context_, path, request)).id, docs_.id);
  EXPECT_OK(api.close_collection(context_, docs_));
}

TEST_F(EngineFaults, LogsOfForgottenCollectionsGoAtTheStart) {
  const CollectionRef forgotten = make("forgotten");
  EXPECT_OK(add(docs_, {{.id = "a", .vector = {1, 2}}}));
  EXPECT_OK(add(forgotten, {{.id = "a", .vector = {1, 2}}}));
  EXPECT_OK(sysdb_.delete_collection(context_, forgotten.id));
  engine::Api reader({sysdb_, log_, log_, segments_}, {false, 1, 1, true, nullptr, ""});
  EXPECT_OK(reader.start(context_));
  EXPECT_EQ(log_.size(), 2U);
  EXPECT_OK(api_.start(context_));
  EXPECT_EQ(log_.size(), 1U);
}

TEST_F(EngineFaults, ExpiredCallsWriteNothing) {
  EXPECT_OK(add(docs_, {{.id = "a", .vector = {1, 2}}}));
  const Context expired = Context::with_timeout(std::chrono::milliseconds(0));
  EXPECT_FAILS(
      Code::deadline_exceeded, "",
      api_.write(expired, docs_, batch_of(Operation::add, {{.id = "b", .vector = {1, 2}}})));
  EXPECT_EQ(must(api_.count(context_, docs_, ReadLevel::index_and_wal)), 1U);
}

}  // namespace
}  // namespace viridian::conformance
