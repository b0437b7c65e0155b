#include "cluster/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <thread>

#include "cluster/cluster_rig.h"
#include "cluster/forwarding_api.h"
#include "conformance/api_fixture.h"
#include "http/scripted_api.h"

namespace viridian::cluster {
namespace {

using conformance::batch_of;
using conformance::by_ids;
using conformance::by_where;
using conformance::delete_of;
using conformance::eq;
using conformance::must;
using conformance::Row;
using conformance::operator""_i;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Another server: answers with fixed values, or as `outcome` says, and notes what it was asked.
class Peer final : public ForwardingApi {
 public:
  std::function<Status(std::string_view call)> outcome;
  std::vector<std::string> calls;
  bool all_forwarded = true;
  http::ScriptedApi scripted;

 protected:
  Result<viridian::Api*> route(const Context& context, std::string_view call) override {
    calls.emplace_back(call);
    all_forwarded = all_forwarded && context.forwarded();
    if (outcome) VIRIDIAN_TRY_VOID(outcome(call));
    return &scripted;
  }
};

/// What a peer's Api says where no answer came.
Error no_answer() {
  return {Code::cancelled, "the server closed the connection before it had answered"};
}

/// Server "a" under test, with scripted servers beside it.
class ClusterApi : public testing::Test {
 protected:
  void SetUp() override {
    make_server({});
    for (const char* id : {"b", "c"}) {
      store_.table.join(id, std::string("http://") + id);
      peers_[std::string("http://") + id] = std::make_shared<Peer>();
    }
    store_.table.give_all("a");
  }

  void make_server(Api::Options options) {
    options.pause = [this](std::chrono::milliseconds) {
      ++pauses_;
      if (on_pause_) on_pause_();
    };
    server_ = std::make_unique<RigServer>(
        store_, "a",
        [this](const Leases::Holder& server) -> Result<std::shared_ptr<viridian::Api>> {
          ++made_[server.url];
          const auto found = peers_.find(server.url);
          if (found == peers_.end()) return Error(Code::invalid_argument, "no such address");
          return std::shared_ptr<viridian::Api>(found->second);
        },
        std::move(options));
  }

  Api& api() { return server_->api(); }
  Peer& peer(const std::string& id) { return *peers_.at("http://" + id); }
  uint32_t slot(const CollectionRef& ref) { return slot_of(ref.id); }
  CollectionRef make(const std::string& name) {
    CreateCollection request;
    request.name = name;
    return {DatabasePath(), must(api().create_collection(context_, {}, request)).id};
  }
  Result<WriteResult> add(const CollectionRef& ref, const std::string& id) {
    return api().write(context_, ref, batch_of(Operation::add, {Row{.id = id, .vector = {1, 2}}}));
  }
  uint64_t count(const CollectionRef& ref) {
    return must(api().count(context_, ref, ReadLevel::index_and_wal));
  }

  SharedStore store_;
  std::map<std::string, std::shared_ptr<Peer>> peers_;
  std::map<std::string, int> made_;
  std::function<void()> on_pause_;
  int pauses_ = 0;
  std::unique_ptr<RigServer> server_;
  const Context context_;
};

TEST_F(ClusterApi, OwnCollectionsAreWrittenHere) {
  const CollectionRef docs = make("docs");
  EXPECT_EQ(must(add(docs, "x")).last, 1U);
  EXPECT_EQ(count(docs), 1U);
  EXPECT_THAT(made_, IsEmpty());
}

TEST_F(ClusterApi, CallsThatDecideByStateGoToTheHolder) {
  const CollectionRef docs = make("docs");
  store_.table.give(slot(docs), "b");
  EXPECT_EQ(must(add(docs, "x")).last, 42U);
  EXPECT_EQ(must(api().delete_records(context_, docs, delete_of(by_ids({"x"})))).last, 44U);
  EXPECT_OK(api().modify_collection(context_, docs, {}));
  EXPECT_OK(api().flush(context_, docs));
  EXPECT_OK(api().compact(context_, docs));
  EXPECT_OK(api().delete_collection(context_, {}, "docs"));
  EXPECT_THAT(peer("b").calls, ElementsAre("write", "delete_records", "modify_collection", "flush",
                                           "compact", "delete_collection"));
  EXPECT_TRUE(peer("b").all_forwarded);
  EXPECT_EQ(made_["http://b"], 1);  // its connections are used again
  EXPECT_EQ(pauses_, 0);
  EXPECT_THAT(server_->metrics().expose(),
              HasSubstr("viridian_cluster_forwards_total{outcome=\"answered\"} 6"));
}

TEST_F(ClusterApi, ReadsAreAnsweredHereWhoeverWrites) {
  const CollectionRef docs = make("docs");
  must(add(docs, "x"));
  store_.table.give(slot(docs), "b");
  EXPECT_EQ(count(docs), 1U);
  EXPECT_EQ(must(api().get(context_, docs, {})).records.ids.size(), 1U);
  QueryRequest query;
  query.vectors.dim = 2;
  query.vectors.values = {1, 2};
  query.n_queries = 1;
  EXPECT_EQ(must(api().query(context_, docs, query)).records[0].ids.size(), 1U);
  EXPECT_EQ(must(api().explain(context_, docs, {query, "x"})).rank, 1U);
  EXPECT_EQ(must(api().list_collections(context_, {}, {})).size(), 1U);
  EXPECT_OK(api().close_collection(context_, docs));
  EXPECT_THAT(peer("b").calls, IsEmpty());
}

TEST_F(ClusterApi, WhatWasSentOnIsNotSentOnAgain) {
  const CollectionRef docs = make("docs");
  store_.table.give(slot(docs), "b");
  const Context forwarded = context_.as_forwarded();
  EXPECT_FAILS(
      Code::aborted, "held by \"b\"",
      api().write(forwarded, docs, batch_of(Operation::add, {Row{.id = "x", .vector = {1}}})));
  EXPECT_FAILS(Code::aborted, "held by", api().flush(forwarded, docs));
  EXPECT_FAILS(Code::aborted, "held by", api().delete_collection(forwarded, {}, "docs"));
  EXPECT_THAT(peer("b").calls, IsEmpty());
  store_.table.give(slot(docs), "a");
  EXPECT_OK(
      api().write(forwarded, docs, batch_of(Operation::add, {Row{.id = "x", .vector = {1}}})));
}

TEST_F(ClusterApi, ATakeOverDuringAForwardIsFollowed) {
  const CollectionRef docs = make("docs");
  store_.table.give(slot(docs), "b");
  peer("b").outcome = [&](std::string_view) -> Status {
    store_.table.leave("b");  // it dies with the request
    return no_answer();
  };
  on_pause_ = [&] {
    if (pauses_ == 3) store_.table.give(slot(docs), "a");
  };
  EXPECT_EQ(must(add(docs, "x")).last, 1U);
  EXPECT_EQ(pauses_, 3);
  EXPECT_THAT(peer("b").calls, ElementsAre("write"));
}

TEST_F(ClusterApi, AServerThatIsNotTheHolderAnyMoreIsAskedNoFurther) {
  const CollectionRef docs = make("docs");
  store_.table.give(slot(docs), "b");
  peer("b").outcome = [&](std::string_view) -> Status {
    store_.table.give(slot(docs), "c");
    return Error(Code::aborted, "the slot is held by \"c\"");
  };
  EXPECT_EQ(must(add(docs, "x")).last, 42U);
  EXPECT_THAT(peer("b").calls, ElementsAre("write"));
  EXPECT_THAT(peer("c").calls, ElementsAre("write"));
}

TEST_F(ClusterApi, ALeaseLostDuringAWriteIsNoticedByTheLogAndFollowed) {
  const CollectionRef docs = make("docs");
  must(add(docs, "x"));
  server_->log().before_append = [&](const CollectionId&) { store_.table.give(slot(docs), "b"); };
  EXPECT_EQ(must(add(docs, "y")).last, 42U);
  EXPECT_THAT(peer("b").calls, ElementsAre("write"));
  EXPECT_EQ(count(docs), 1U);
}

TEST_F(ClusterApi, RepetitionsEndWithThePatience) {
  Api::Options impatient;
  impatient.patience = std::chrono::milliseconds(0);
  make_server(impatient);
  const CollectionRef docs = make("docs");
  store_.table.give(slot(docs), "b");
  peer("b").outcome = [](std::string_view) -> Status { return Error(Code::aborted, "not mine"); };
  EXPECT_FAILS(Code::unavailable, "server b at http://b: not mine", add(docs, "x"));
  EXPECT_THAT(peer("b").calls, ElementsAre("write"));
}

// A compaction may take longer than the patience before its holder is gone.
TEST_F(ClusterApi, ThePatienceBeginsWithTheFirstFailure) {
  Api::Options options;
  options.patience = std::chrono::milliseconds(500);
  make_server(options);
  const CollectionRef docs = make("docs");
  store_.table.give(slot(docs), "b");
  peer("b").outcome = [&](std::string_view) -> Status {
    std::this_thread::sleep_for(options.patience + std::chrono::milliseconds(1));
    store_.table.give(slot(docs), "a");
    return Error(Code::aborted, "the slot is held by \"a\"");
  };
  EXPECT_OK(api().compact(context_, docs));
  EXPECT_EQ(pauses_, 1);
}

// The holder may have deleted ten records before it died. Ten others are not to follow them.
TEST_F(ClusterApi, ADeletionThatChoosesIsNotRepeatedUnlessItCannotHaveHappened) {
  const CollectionRef docs = make("docs");
  DeleteRequest some = delete_of(by_where(eq("k", 1_i)));
  DeleteRequest limited = delete_of(by_ids({"x", "y"}));
  limited.limit = 1;
  for (const DeleteRequest& request : {some, limited}) {
    store_.table.give(slot(docs), "b");
    peer("b").calls.clear();
    peer("b").outcome = [&](std::string_view) -> Status {
      store_.table.give(slot(docs), "c");
      return no_answer();
    };
    EXPECT_FAILS(Code::unavailable, "not known", api().delete_records(context_, docs, request));
    EXPECT_THAT(peer("c").calls, IsEmpty());
    store_.table.give(slot(docs), "b");
    peer("b").outcome = [&](std::string_view) -> Status {
      store_.table.give(slot(docs), "c");
      return Error(Code::aborted, "cannot connect");
    };
    EXPECT_OK(api().delete_records(context_, docs, request));
    EXPECT_THAT(peer("c").calls, ElementsAre("delete_records"));
    peer("c").calls.clear();
  }
  store_.table.give(slot(docs), "b");
  peer("b").outcome = [&](std::string_view) -> Status {
    store_.table.give(slot(docs), "c");
    return no_answer();
  };
  EXPECT_OK(api().delete_records(context_, docs, delete_of(by_ids({"x"}))));
  EXPECT_THAT(peer("c").calls, ElementsAre("delete_records"));
}

TEST_F(ClusterApi, RepetitionsEndWithTheDeadline) {
  const CollectionRef docs = make("docs");
  store_.table.leave("a");
  store_.table.join("a", "http://a");  // nobody holds anything
  const Context brief = Context::with_timeout(std::chrono::milliseconds(20));
  EXPECT_FAILS(Code::deadline_exceeded, "",
               api().write(brief, docs, batch_of(Operation::add, {Row{.id = "x", .vector = {1}}})));
  EXPECT_GT(pauses_, 0);
}

TEST_F(ClusterApi, WhatTheHolderDecidedComesBackAsItIs) {
  const CollectionRef docs = make("docs");
  store_.table.give(slot(docs), "b");
  for (const Code code : {Code::not_found, Code::invalid_argument, Code::resource_exhausted,
                          Code::deadline_exceeded, Code::data_loss, Code::unavailable}) {
    peer("b").outcome = [&](std::string_view) -> Status { return Error(code, "its own words"); };
    EXPECT_FAILS(code, "its own words", add(docs, "x"));
  }
  EXPECT_EQ(peer("b").calls.size(), 6U);
  EXPECT_EQ(pauses_, 0);
}

TEST_F(ClusterApi, WhatThisServerDecidedIsTheAnswer) {
  const CollectionRef docs = make("docs");
  EXPECT_OK(store_.sysdb.delete_collection(context_, docs.id));
  EXPECT_FAILS(Code::not_found, "does not exist", add(docs, "x"));
  EXPECT_EQ(pauses_, 0);
}

TEST_F(ClusterApi, ADeletionWhoseAnswerWasLostIsDone) {
  const CollectionRef docs = make("docs");
  store_.table.give(slot(docs), "b");
  peer("b").outcome = [&](std::string_view) -> Status {
    store_.table.give(slot(docs), "a");
    EXPECT_OK(store_.sysdb.delete_collection(context_, docs.id));
    return no_answer();
  };
  EXPECT_OK(api().delete_collection(context_, {}, "docs"));
  EXPECT_FAILS(Code::not_found, "docs", api().delete_collection(context_, {}, "docs"));
}

// The name is another collection's by the time that the deletion is repeated.
TEST_F(ClusterApi, ADeletionWhoseAnswerWasLostLeavesTheNextCollectionOfThatName) {
  const CollectionRef docs = make("docs");
  std::optional<CollectionRef> next;
  store_.table.give(slot(docs), "b");
  peer("b").outcome = [&](std::string_view) -> Status {
    store_.table.give_all("a");
    EXPECT_OK(store_.sysdb.delete_collection(context_, docs.id));
    next = make("docs");
    return no_answer();
  };
  EXPECT_OK(api().delete_collection(context_, {}, "docs"));
  EXPECT_EQ(must(api().get_collection(context_, {}, "docs")).id, next->id);
}

// It has another name by then: it is not gone, and nobody asked for that one to be deleted.
TEST_F(ClusterApi, ADeletionWhoseAnswerWasLostIsNotDoneWhereTheCollectionWasRenamed) {
  for (const bool noticed_by_the_next : {false, true}) {
    const CollectionRef docs = make("docs");
    const auto rename = [&] {
      CollectionChange change;
      change.name = "kept-" + std::to_string(noticed_by_the_next);
      EXPECT_OK(store_.sysdb.update_collection(context_, docs.id, change));
    };
    store_.table.give(slot(docs), "b");
    peer("b").outcome = [&](std::string_view) -> Status {
      store_.table.give(slot(docs), "c");
      if (!noticed_by_the_next) rename();
      return no_answer();
    };
    peer("c").outcome = [&](std::string_view) -> Status {
      rename();
      return Error(Code::not_found, "there is no such collection");
    };
    EXPECT_FAILS(Code::not_found, "docs", api().delete_collection(context_, {}, "docs"));
    EXPECT_EQ(peer("c").calls.size(), noticed_by_the_next ? 1U : 0U);
    EXPECT_OK(api().get_collection_by_id(context_, docs));
  }
}

TEST_F(ClusterApi, OneHolderThatCannotBeToldDoesNotKeepTheOthersFromHearing) {
  Api::Options options;
  options.ttl = std::chrono::milliseconds(200);
  make_server(options);
  const DatabasePath path{kDefaultTenant, "gone"};
  EXPECT_OK(api().create_database(context_, path));
  for (int i = 0; i < 8; ++i) {
    CreateCollection request;
    request.name = "docs-" + std::to_string(i);
    must(api().create_collection(context_, path, request));
  }
  // They are told in the order of their ids: only the last one's holder listens.
  const std::vector<Collection> all = must(api().list_collections(context_, path, {}));
  const uint32_t last = slot_of(all.back().id);
  store_.table.give_all("b");
  store_.table.give(last, "c");
  peer("b").outcome = [](std::string_view) -> Status { return no_answer(); };
  const auto begin = Context::Clock::now();
  EXPECT_FAILS(Code::unavailable, "the database is deleted", api().delete_database(context_, path));
  EXPECT_LT(Context::Clock::now() - begin, std::chrono::seconds(2));
  const auto of_c = std::count_if(all.begin(), all.end(), [&](const Collection& collection) {
    return slot_of(collection.id) == last;
  });
  EXPECT_EQ(static_cast<std::ptrdiff_t>(peer("c").calls.size()), of_c);
}

TEST_F(ClusterApi, HoldersHearOfADeletedDatabaseBeforeItsCallerDoes) {
  const DatabasePath path{kDefaultTenant, "gone"};
  EXPECT_OK(api().create_database(context_, path));
  CreateCollection request;
  request.name = "theirs";
  const CollectionId theirs = must(api().create_collection(context_, path, request)).id;
  store_.table.give(slot_of(theirs), "b");
  int failures = 3;
  peer("b").outcome = [&](std::string_view) -> Status {
    if (failures-- > 0) return no_answer();
    return ok_status();
  };
  EXPECT_OK(api().delete_database(context_, path));
  EXPECT_THAT(peer("b").calls, ElementsAre("close_collection", "close_collection",
                                           "close_collection", "close_collection"));
  EXPECT_TRUE(peer("b").all_forwarded);
  EXPECT_EQ(peer("b").scripted.last_ref.id, theirs);
  EXPECT_FAILS(Code::not_found, "gone", api().get_database(context_, path));
}

TEST_F(ClusterApi, TheHolderThatIsToldForgetsOnlyWhatIsGone) {
  const CollectionRef docs = make("docs");
  must(add(docs, "x"));
  const Context forwarded = context_.as_forwarded();
  EXPECT_FAILS(Code::failed_precondition, "was not deleted",
               api().close_collection(forwarded, docs));
  EXPECT_EQ(count(docs), 1U);
  EXPECT_OK(store_.sysdb.delete_collection(context_, docs.id));
  EXPECT_OK(api().close_collection(forwarded, docs));
  EXPECT_OK(api().close_collection(forwarded, docs));
  store_.table.give(slot(docs), "b");
  EXPECT_FAILS(Code::aborted, "held by", api().close_collection(forwarded, docs));
}

TEST_F(ClusterApi, EveryServerThatLivesIsReset) {
  engine::Api::Options allowed;
  allowed.allow_reset = true;
  RigServer resettable(
      store_, "d",
      [this](const Leases::Holder& server) -> Result<std::shared_ptr<viridian::Api>> {
        return std::shared_ptr<viridian::Api>(peers_.at(server.url));
      },
      {.pause = [](std::chrono::milliseconds) {}}, allowed);
  store_.table.leave("a");
  peer("b").outcome = [&](std::string_view) -> Status {
    store_.table.leave("b");
    return Error(Code::aborted, "cannot connect");
  };
  EXPECT_OK(resettable.api().reset(context_));
  EXPECT_THAT(peer("b").calls, ElementsAre("reset"));
  EXPECT_THAT(peer("c").calls, ElementsAre("reset"));
  EXPECT_OK(resettable.api().reset(context_.as_forwarded()));
  EXPECT_EQ(peer("c").calls.size(), 1U);
}

TEST_F(ClusterApi, AnAddressThatIsNoneIsLikeAServerThatIsGone) {
  store_.table.join("odd", "not a url");
  const CollectionRef docs = make("docs");
  store_.table.give(slot(docs), "odd");
  on_pause_ = [&] { store_.table.give(slot(docs), "a"); };
  EXPECT_EQ(must(add(docs, "x")).last, 1U);
}

TEST_F(ClusterApi, ServersAreListedWithTheirSlots) {
  store_.table.give(7, "b");
  const std::vector<ServerInfo> list = must(api().servers(context_));
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].id, "a");
  EXPECT_TRUE(list[0].self);
  EXPECT_EQ(list[0].slots, kSlots - 1);
  EXPECT_EQ(list[1].url, "http://b");
  EXPECT_EQ(list[1].slots, 1U);
}

TEST_F(ClusterApi, AServerThatCannotSayThatItLivesIsNotWell) {
  EXPECT_THAT(api().health(context_), IsEmpty());
  server_->leases().own_silence = std::chrono::hours(1);
  const std::vector<HealthFinding> findings = api().health(context_);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_FALSE(findings[0].serving);
  EXPECT_THAT(findings[0].what, HasSubstr("leases"));
}

}  // namespace
}  // namespace viridian::cluster
