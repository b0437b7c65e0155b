// The engine where other processes change what it works on.
#include "cluster/cluster_rig.h"
#include "conformance/api_fixture.h"
#include "conformance/forwarding_sysdb.h"

namespace viridian {
namespace {

using conformance::all_of;
using conformance::batch_of;
using conformance::by_ids;
using conformance::by_where;
using conformance::delete_of;
using conformance::eq;
using conformance::ForwardingSysDb;
using conformance::must;
using conformance::query_of;
using conformance::Row;
using conformance::operator""_i;

/// Shows what is old to readers that allow for it: no collection at all, or rows from before the
/// first vector.
class OldRows final : public ForwardingSysDb {
 public:
  using ForwardingSysDb::ForwardingSysDb;
  bool none = false;

  Result<Collection> get_collection(const Context& context, const DatabasePath& path,
                                    const std::string& name) override {
    return aged(context, ForwardingSysDb::get_collection(context, path, name));
  }
  Result<Collection> get_collection(const Context& context, const CollectionId& id) override {
    return aged(context, ForwardingSysDb::get_collection(context, id));
  }

 private:
  Result<Collection> aged(const Context& context, Result<Collection> row) const {
    if (context.age().count() == 0 || !row.ok()) return row;
    if (none) return Error(Code::not_found, "not there yet");
    row->dimension.reset();
    return row;
  }
};

cluster::MakePeer no_peers() {
  return [](const Leases::Holder&) -> Result<std::shared_ptr<Api>> {
    return Error(Code::unavailable, "there are no peers");
  };
}

class EngineSharing : public testing::Test {
 protected:
  void SetUp() override { store_.table.give_all("a"); }

  engine::Api& a() { return a_.engine(); }
  engine::Api& b() { return b_.engine(); }

  CollectionRef make() {
    CreateCollection request;
    request.name = "docs";
    return {DatabasePath(), must(a().create_collection(context_, {}, request)).id};
  }
  SeqId add(engine::Api& engine, const CollectionRef& ref, const std::vector<Row>& rows) {
    return must(engine.write(context_, ref, batch_of(Operation::upsert, rows))).last;
  }
  uint64_t count(engine::Api& engine, const CollectionRef& ref, const Context& context) {
    return must(engine.count(context, ref, ReadLevel::index_and_wal));
  }
  Context with(std::chrono::milliseconds age, uint64_t at_least = 0) {
    return context_.with_freshness({age, at_least});
  }
  /// Has server a lose its slots to b, and get them back, around `change`, `times` times: each time
  /// when it is about to append.
  void interrupt(int times, std::function<void()> change) {
    a_.log().before_append = [this, left = times,
                              change = std::move(change)](const CollectionId&) mutable {
      if (left-- <= 0) return;
      store_.table.give_all("b");
      change();
      store_.table.give_all("a");
    };
  }

  const Context context_;
  SharedStore store_;
  OldRows old_rows_{store_.sysdb};
  RigServer a_{store_, "a", no_peers(), {}};
  RigServer b_{store_, "b", no_peers(), {}, {}, &old_rows_};
};

TEST_F(EngineSharing, ADeletionIsDecidedAnewWhereTheLogWentOn) {
  const CollectionRef docs = make();
  add(a(), docs,
      {{.id = "x", .vector = {1}, .metadata = Metadata{{"k", 1_i}}},
       {.id = "y", .vector = {2}, .metadata = Metadata{{"k", 2_i}}}});
  interrupt(1, [&] {
    add(b(), docs,
        {{.id = "x", .vector = {1}, .metadata = Metadata{{"k", 3_i}}},
         {.id = "z", .vector = {3}, .metadata = Metadata{{"k", 1_i}}}});
  });
  const auto deleted = must(a().delete_records(context_, docs, delete_of(by_where(eq("k", 1_i)))));
  EXPECT_EQ(deleted.deleted, 1U);
  const auto left = must(a().get(context_, docs, {})).records.ids;
  EXPECT_EQ(conformance::strings(left), (std::vector<std::string>{"x", "y"}));
}

TEST_F(EngineSharing, DecidingEndsWhereOthersKeepWriting) {
  const CollectionRef docs = make();
  add(a(), docs, {{.id = "x", .vector = {1}}});
  interrupt(1000, [&] { add(b(), docs, {{.id = "y", .vector = {2}}}); });
  EXPECT_FAILS(Code::aborted, "", a().delete_records(context_, docs, delete_of(by_ids({"x"}))));
  EXPECT_EQ(count(a(), docs, context_), 2U);
}

TEST_F(EngineSharing, TheFirstVectorElsewhereDecidesTheDimension) {
  const CollectionRef docs = make();
  interrupt(1, [&] { add(b(), docs, {{.id = "y", .vector = {1, 2, 3}}}); });
  // b finds a dimension without any record, takes it back and sets its own.
  EXPECT_FAILS(
      Code::invalid_argument, "dimension of 3, got 2",
      a().write(context_, docs, batch_of(Operation::add, {Row{.id = "x", .vector = {1, 2}}})));
  EXPECT_EQ(must(a().get_collection(context_, {}, "docs")).dimension, 3U);
  EXPECT_EQ(count(a(), docs, context_), 1U);
}

TEST_F(EngineSharing, AddsNoteKeysByWhatIsThereWhenTheyAreAppended) {
  const CollectionRef docs = make();
  add(a(), docs, {{.id = "x", .vector = {1}}});
  // While a decides, x is there, so its key would not come to be; when it appends, x is gone.
  interrupt(1, [&] { must(b().delete_records(context_, docs, delete_of(by_ids({"x"})))); });
  EXPECT_OK(
      a().write(context_, docs,
                batch_of(Operation::add,
                         {Row{.id = "x", .vector = {1}, .metadata = Metadata{{"fresh", 7_i}}}})));
  const Collection row = must(a().get_collection(context_, {}, "docs"));
  EXPECT_TRUE(row.schema.keys.contains("fresh"));
}

TEST_F(EngineSharing, ChangesOfARowBesideEachOtherAreBothKept) {
  const CollectionRef docs = make();
  ModifyCollection request;
  request.metadata = Metadata{{"note", std::string("a")}};
  EXPECT_OK(a().modify_collection(context_, docs, request));
  ModifyCollection rename;
  rename.name = "papers";
  EXPECT_OK(b().modify_collection(with(Context::kAnyAge), docs, rename));
  EXPECT_EQ(must(a().get_collection(context_, {}, "papers")).metadata, request.metadata);
}

TEST_F(EngineSharing, ReadsAreAsFreshAsTheyWant) {
  const CollectionRef docs = make();
  add(a(), docs, {{.id = "x", .vector = {1}}});
  EXPECT_EQ(count(b(), docs, context_), 1U);
  const SeqId second = add(a(), docs, {{.id = "y", .vector = {1}}});
  const int asked = b_.log().lasts;
  EXPECT_EQ(count(b(), docs, with(Context::kAnyAge)), 1U);
  EXPECT_EQ(b_.log().lasts, asked);
  EXPECT_EQ(count(b(), docs, with(Context::kAnyAge, second)), 2U);
  EXPECT_EQ(b_.log().lasts, asked);
  add(a(), docs, {{.id = "z", .vector = {1}}});
  EXPECT_EQ(count(b(), docs, with(std::chrono::milliseconds(0), second)), 3U);
  EXPECT_GT(b_.log().lasts, asked);
  EXPECT_FAILS(Code::unavailable, "ends before record",
               b().count(with(Context::kAnyAge, second + 100), docs, ReadLevel::index_only));
}

TEST_F(EngineSharing, TheSettingDecidesForReadsThatSayNothing) {
  engine::Api::Options eventual;
  eventual.freshness.age = Context::kAnyAge;
  RigServer c(store_, "c", no_peers(), {}, eventual);
  const CollectionRef docs = make();
  add(a(), docs, {{.id = "x", .vector = {1}}});
  EXPECT_EQ(count(c.engine(), docs, with(std::chrono::milliseconds(0))), 1U);
  add(a(), docs, {{.id = "y", .vector = {1}}});
  EXPECT_EQ(count(c.engine(), docs, context_), 1U);
  store_.table.give_all("c");
  // What changes something looks at everything all the same.
  EXPECT_EQ(must(c.engine().delete_records(context_, docs, delete_of(by_ids({"x", "y"})))).deleted,
            2U);
}

TEST_F(EngineSharing, WhatIsNotThereIsLookedForAgain) {
  const CollectionRef docs = make();
  add(a(), docs, {{.id = "x", .vector = {1}}});
  old_rows_.none = true;
  const Context any = with(Context::kAnyAge);
  EXPECT_OK(b().get_collection(any, {}, "docs"));
  EXPECT_OK(b().get_collection_by_id(any, docs));
  EXPECT_OK(b().count(any, docs, ReadLevel::index_and_wal));
}

TEST_F(EngineSharing, RecordsThatAreNewerThanTheRowAreFound) {
  const CollectionRef docs = make();
  const SeqId last = add(a(), docs, {{.id = "x", .vector = {1, 2}}});
  const auto found = must(b().query(with(Context::kAnyAge, last), docs, query_of({{1, 2}}, 10)));
  EXPECT_EQ(conformance::strings(found.records.at(0).ids), std::vector<std::string>{"x"});
}

}  // namespace
}  // namespace viridian
