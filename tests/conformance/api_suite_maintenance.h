#pragma once
#include "conformance/api_fixture.h"

namespace viridian::conformance {

TEST_P(ApiConformance, FlushCompactAndCloseKeepEveryRecord) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {1, 0}, .document = "one"}, {.id = "b", .vector = {0, 1}}});
  EXPECT_OK(api().flush(context_, docs));
  update(docs, {{.id = "a", .document = "two"}});
  remove(docs, by_ids({"b"}));
  EXPECT_OK(api().close_collection(context_, docs));
  EXPECT_EQ(text(docs, "a"), "two");
  EXPECT_OK(api().compact(context_, docs));
  EXPECT_EQ(text(docs, "a"), "two");
  EXPECT_EQ(ids(docs), Ids{"a"});
  EXPECT_OK(api().close_collection(context_, docs));
  EXPECT_OK(api().compact(context_, docs));
  add(docs, {{.id = "c", .vector = {1, 1}}});
  EXPECT_EQ(ids(docs), (Ids{"a", "c"}));
}

TEST_P(ApiConformance, EmptyCollectionsCanBeFlushedCompactedAndClosed) {
  const CollectionRef docs = make();
  EXPECT_OK(api().flush(context_, docs));
  EXPECT_OK(api().compact(context_, docs));
  EXPECT_OK(api().close_collection(context_, docs));
  EXPECT_EQ(count(docs), 0U);
}

TEST_P(ApiConformance, MaintenanceOfACollectionThatIsNotThereIsNotFound) {
  const CollectionRef docs = make();
  CollectionRef elsewhere = docs;
  elsewhere.path.database = "another";
  CollectionRef unknown = docs;
  unknown.id = Uuid::random();
  for (const CollectionRef& ref : {elsewhere, unknown}) {
    EXPECT_FAILS(Code::not_found, "does not exist", api().flush(context_, ref));
    EXPECT_FAILS(Code::not_found, "does not exist", api().compact(context_, ref));
    EXPECT_FAILS(Code::not_found, "does not exist", api().close_collection(context_, ref));
  }
}

/// Snapshots, where the implementation has any.
class ApiSnapshotConformance : public ApiConformance {
 protected:
  SnapshotInfo snapshot(const std::string& name) {
    return must(api().create_snapshot(context_, name));
  }
  static RestoreRequest one(const std::string& snapshot, const std::string& collection,
                            const std::string& new_name) {
    RestoreRequest request;
    request.snapshot = snapshot;
    request.collection = collection;
    request.new_name = new_name;
    return request;
  }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const SnapshotInfo& info : must(api().list_snapshots(context_))) {
      names.push_back(info.name);
    }
    return names;
  }
  CollectionRef restored(const RestoreRequest& request) {
    const auto collections = must(api().restore_snapshot(context_, request));
    EXPECT_EQ(collections.size(), 1U);
    if (collections.empty()) return {};
    return {{collections[0].tenant, collections[0].database}, collections[0].id};
  }
};

TEST_P(ApiSnapshotConformance, RestoredUnderAnotherNameIsWhatWasKept) {
  const CollectionRef docs = make("docs", Space::cosine);
  add(docs, {{.id = "sealed",
              .vector = {1, 0},
              .metadata = Metadata{{"n", 1_i}},
              .document = "one",
              .uri = "file:1"},
             {.id = "gone", .vector = {1, 1}}});
  EXPECT_OK(api().flush(context_, docs));
  remove(docs, by_ids({"gone"}));
  upsert(docs, {{.id = "logged", .vector = {0, 1}, .document = "two"}});
  const RecordColumns before = get(docs);
  const SnapshotInfo info = snapshot("first");
  EXPECT_EQ(info.name, "first");
  EXPECT_EQ(info.collections, 1U);
  EXPECT_EQ(info.records, 2U);
  EXPECT_GT(info.bytes, 0U);
  EXPECT_EQ(info.new_bytes, info.bytes);
  update(docs, {{.id = "sealed", .document = "changed since"}});

  const CollectionRef copy = restored(one("first", "docs", "copy"));
  EXPECT_EQ(get(copy), before);
  const Collection row = stored(copy);
  EXPECT_EQ(row.name, "copy");
  EXPECT_EQ(row.schema, stored(docs).schema);
  EXPECT_EQ(row.dimension, 2U);
  EXPECT_EQ(nearest(copy, {0, 1}, 1), Ids{"logged"});
  // They have nothing to do with each other any more.
  add(copy, {{.id = "new", .vector = {2, 2}}});
  EXPECT_EQ(count(copy), 3U);
  EXPECT_EQ(count(docs), 2U);
  EXPECT_OK(api().compact(context_, copy));
  EXPECT_OK(api().delete_collection(context_, DatabasePath(), "docs"));
  EXPECT_EQ(count(copy), 3U);
  EXPECT_EQ(text(copy, "sealed"), "one");
}

TEST_P(ApiSnapshotConformance, AllIsRestoredIntoWhereItWas) {
  const CollectionRef docs = make("docs");
  add(docs, {{.id = "a", .vector = {1}}});
  const DatabasePath mine{kDefaultTenant, "mine"};
  EXPECT_OK(api().create_database(context_, mine));
  CreateCollection request;
  request.name = "docs";
  const CollectionRef other{mine, must(api().create_collection(context_, mine, request)).id};
  add(other, {{.id = "b", .vector = {1, 2}}});
  make("empty");
  snapshot("all");
  EXPECT_FAILS(Code::already_exists, "docs",
               api().restore_snapshot(context_, all_of_snapshot("all")));
  EXPECT_OK(api().delete_collection(context_, DatabasePath(), "docs"));
  EXPECT_OK(api().delete_collection(context_, DatabasePath(), "empty"));
  EXPECT_OK(api().delete_database(context_, mine));
  EXPECT_EQ(must(api().restore_snapshot(context_, all_of_snapshot("all"))).size(), 3U);
  const Collection back = must(api().get_collection(context_, mine, "docs"));
  EXPECT_EQ(ids({mine, back.id}), Ids{"b"});
  const Collection empty = must(api().get_collection(context_, DatabasePath(), "empty"));
  EXPECT_EQ(count({DatabasePath(), empty.id}), 0U);
}

TEST_P(ApiSnapshotConformance, AnotherDatabaseTakesWhatIsRestored) {
  add(make("docs"), {{.id = "a", .vector = {1}}});
  snapshot("kept");
  RestoreRequest request = all_of_snapshot("kept");
  request.to = DatabasePath{kDefaultTenant, "elsewhere"};
  EXPECT_FAILS(Code::not_found, "elsewhere", api().restore_snapshot(context_, request));
  EXPECT_OK(api().create_database(context_, *request.to));
  const CollectionRef copy = restored(request);
  EXPECT_EQ(copy.path.database, "elsewhere");
  EXPECT_EQ(ids(copy), Ids{"a"});
}

TEST_P(ApiSnapshotConformance, RefusedRestoresLeaveNothing) {
  add(make("docs"), {{.id = "a", .vector = {1}}});
  make("taken");
  snapshot("kept");
  const auto refused = [&](Code code, const std::string& text, RestoreRequest request) {
    EXPECT_FAILS(code, text, api().restore_snapshot(context_, request));
    EXPECT_EQ(must(api().count_collections(context_, DatabasePath())), 2U);
  };
  refused(Code::already_exists, "taken", one("kept", "docs", "taken"));
  refused(Code::not_found, "nothing", one("kept", "nothing", "copy"));
  refused(Code::not_found, "missing", one("missing", "docs", "copy"));
  refused(Code::invalid_argument, "new_name", one("kept", "docs", "?"));
  RestoreRequest rename_all = all_of_snapshot("kept");
  rename_all.new_name = "copy";
  refused(Code::invalid_argument, "new_name", rename_all);
  refused(Code::invalid_argument, "name", all_of_snapshot("../kept"));
}

TEST_P(ApiSnapshotConformance, SnapshotsAreListedVerifiedAndDeletedByName) {
  EXPECT_TRUE(names().empty());
  add(make("docs"), {{.id = "a", .vector = {1}}});
  snapshot("b");
  snapshot("a-1");
  snapshot("a");
  EXPECT_EQ(names(), (Ids{"a", "a-1", "b"}));
  EXPECT_FAILS(Code::already_exists, "[b] already exists", api().create_snapshot(context_, "b"));
  EXPECT_EQ(must(api().verify_snapshot(context_, "b")),
            must(api().list_snapshots(context_)).back());
  EXPECT_OK(api().delete_snapshot(context_, "a"));
  EXPECT_EQ(names(), (Ids{"a-1", "b"}));
  EXPECT_OK(api().verify_snapshot(context_, "b"));
  EXPECT_FAILS(Code::not_found, "[a]", api().delete_snapshot(context_, "a"));
  EXPECT_FAILS(Code::not_found, "[a]", api().verify_snapshot(context_, "a"));
  for (const std::string bad : {"", ".", "..", "../x", "a/b", ".x", "a b", "\xc3\xa4"}) {
    EXPECT_FAILS(Code::invalid_argument, "name", api().create_snapshot(context_, bad));
  }
}

TEST_P(ApiSnapshotConformance, UnchangedDataIsNotKeptTwice) {
  const CollectionRef docs = make("docs");
  add(docs, {{.id = "a", .vector = {1}}, {.id = "b", .vector = {2}}});
  EXPECT_OK(api().flush(context_, docs));
  add(docs, {{.id = "c", .vector = {3}}});
  const SnapshotInfo first = snapshot("first");
  const SnapshotInfo second = snapshot("second");
  EXPECT_EQ(second.bytes, first.bytes);
  EXPECT_EQ(second.new_bytes, 0U);
  add(docs, {{.id = "d", .vector = {4}}});
  const SnapshotInfo third = snapshot("third");
  EXPECT_GT(third.new_bytes, 0U);
  EXPECT_LT(third.new_bytes, third.bytes);
  // What the others need stays when one goes.
  EXPECT_OK(api().delete_snapshot(context_, "first"));
  EXPECT_OK(api().verify_snapshot(context_, "second"));
  EXPECT_EQ(ids(restored(one("third", "docs", "copy"))), (Ids{"a", "b", "c", "d"}));
}

TEST_P(ApiSnapshotConformance, RestoredCollectionsCanBeKeptAgain) {
  const CollectionRef docs = make("docs");
  add(docs, {{.id = "a", .vector = {1}}});
  EXPECT_OK(api().flush(context_, docs));
  add(docs, {{.id = "b", .vector = {2}}});
  snapshot("first");
  const CollectionRef copy = restored(one("first", "docs", "copy"));
  add(copy, {{.id = "c", .vector = {3}}});
  snapshot("second");
  EXPECT_EQ(ids(restored(one("second", "copy", "copy2"))), (Ids{"a", "b", "c"}));
}

}  // namespace viridian::conformance
