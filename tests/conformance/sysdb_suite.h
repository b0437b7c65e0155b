#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/conformance/sysdb_holder.h"
#include "viridian/spi/sysdb.h"

/// What every SysDb must do. A program that includes this instantiates SysDbConformance with one
/// SysDbMaker per implementation.
namespace viridian {

class SysDbConformance : public testing::TestWithParam<SysDbMaker> {
 protected:
  using Names = std::vector<std::string>;

  SysDb& db() { return holder_->db(); }

  static Collection collection(const std::string& name, const DatabasePath& path = {}) {
    Collection made;
    made.id = Uuid::random();
    made.name = name;
    made.tenant = path.tenant;
    made.database = path.database;
    made.schema.defaults.string_inverted = true;
    return made;
  }
  static Segment segment(const Collection& owner, SegmentScope scope) {
    return {Uuid::random(), owner.id, scope, "test::Segment", 0, {}};
  }
  static SegmentFile file(const std::string& name, SeqId first, SeqId last) {
    return {Uuid::random(), name, 1000 + first, last - first + 1, first, last};
  }
  static SysDbMaker maker() { return GetParam(); }

  Collection stored(const std::string& name, const DatabasePath& path = {}) {
    const Collection made = collection(name, path);
    expect_ok(db().create_collection(ctx_, made, {}));
    return made;
  }
  void make_database(const std::string& tenant, const std::string& database) {
    (void)db().create_tenant(ctx_, tenant);  // may be there already
    const auto made = db().create_database(ctx_, {tenant, database});
    ASSERT_TRUE(made.ok()) << made.error().message();
  }
  template <class T>
  static void expect_ok(const Result<T>& result) {
    EXPECT_TRUE(result.ok()) << result.error().message();
  }
  template <class T>
  static void expect_error(const Result<T>& result, Code code, const std::string& message) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), code) << result.error().message();
    EXPECT_EQ(result.error().message(), message);
  }
  Names database_names(const std::string& tenant, const Page& page = {}) {
    Names names;
    const auto listed = db().list_databases(ctx_, tenant, page);
    expect_ok(listed);
    for (const Database& database : *listed) names.push_back(database.name);
    return names;
  }

  Context ctx_;
  std::unique_ptr<SysDbHolder> holder_ = GetParam().make();
};

TEST_P(SysDbConformance, DefaultsAreThereFromTheStart) {
  for (int round = 0; round < 2; ++round) {
    const auto tenant = db().get_tenant(ctx_, "default_tenant");
    ASSERT_TRUE(tenant.ok());
    EXPECT_EQ(tenant->resource_name, std::nullopt);
    const auto database = db().get_database(ctx_, {});
    ASSERT_TRUE(database.ok());
    EXPECT_EQ(*database, (Database{Uuid(), "default_database", "default_tenant"}));
    EXPECT_TRUE(db().all_collections(ctx_)->empty());
    holder_->reopen();
  }
}

TEST_P(SysDbConformance, TenantsAreKept) {
  expect_error(db().get_tenant(ctx_, "t"), Code::not_found, "Tenant [t] not found");
  expect_ok(db().create_tenant(ctx_, "t"));
  expect_error(db().create_tenant(ctx_, "t"), Code::already_exists, "Tenant [t] already exists");
  expect_ok(db().create_tenant(ctx_, "T"));
  expect_ok(db().set_tenant_resource_name(ctx_, "t", "resource"));
  holder_->reopen();
  EXPECT_EQ(*db().get_tenant(ctx_, "t"), (Tenant{"t", "resource"}));
  EXPECT_EQ(*db().get_tenant(ctx_, "T"), (Tenant{"T", std::nullopt}));
  expect_error(db().set_tenant_resource_name(ctx_, "x", "r"), Code::not_found,
               "Tenant [x] not found");
}

TEST_P(SysDbConformance, DatabasesBelongToTheirTenant) {
  expect_error(db().create_database(ctx_, {"t", "d"}), Code::not_found, "Tenant [t] not found");
  make_database("t", "d");
  make_database("u", "d");
  expect_error(db().create_database(ctx_, {"t", "d"}), Code::already_exists,
               "Database [d] already exists");
  expect_error(db().get_database(ctx_, {"t", "D"}), Code::not_found, "Database [D] not found");
  holder_->reopen();
  const auto one = db().get_database(ctx_, {"t", "d"});
  const auto two = db().get_database(ctx_, {"u", "d"});
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(one->tenant, "t");
  EXPECT_NE(one->id, two->id);
  EXPECT_EQ(database_names("t"), Names{"d"});
}

TEST_P(SysDbConformance, DatabasesAreListedByNameAndPage) {
  for (const char* name : {"b", "a", "B", "\xc3\xa9", "c"}) make_database("t", name);
  EXPECT_EQ(database_names("t"), (Names{"B", "a", "b", "c", "\xc3\xa9"}));
  EXPECT_EQ(database_names("t", {.limit = 2, .offset = 1}), (Names{"a", "b"}));
  EXPECT_EQ(database_names("t", {.limit = std::nullopt, .offset = 3}), (Names{"c", "\xc3\xa9"}));
  EXPECT_EQ(database_names("t", {.limit = 0, .offset = 0}), Names());
  EXPECT_EQ(database_names("t", {.limit = UINT32_MAX, .offset = UINT32_MAX}), Names());
  EXPECT_EQ(database_names("unknown"), Names());
}

TEST_P(SysDbConformance, DeletedDatabaseGivesItsCollectionsIds) {
  make_database("t", "d");
  make_database("t", "other");
  const Collection kept = stored("a", {"t", "other"});
  std::vector<CollectionId> ids;
  for (const char* name : {"a", "b", "c"}) ids.push_back(stored(name, {"t", "d"}).id);
  std::sort(ids.begin(), ids.end());
  auto removed = db().delete_database(ctx_, {"t", "d"});
  ASSERT_TRUE(removed.ok());
  std::sort(removed->begin(), removed->end());
  EXPECT_EQ(*removed, ids);
  expect_error(db().delete_database(ctx_, {"t", "d"}), Code::not_found, "Database [d] not found");
  expect_error(db().get_collection(ctx_, ids[0]), Code::not_found,
               "Collection [" + ids[0].to_string() + "] does not exist");
  EXPECT_EQ(*db().all_collections(ctx_), std::vector{kept.id});
  make_database("t", "d");
  EXPECT_EQ(*db().count_collections(ctx_, {"t", "d"}), 0u);
}

TEST_P(SysDbConformance, DefaultDatabaseIsEmptiedNotRemoved) {
  const Collection made = stored("a");
  const auto removed = db().delete_database(ctx_, {});
  ASSERT_TRUE(removed.ok());
  EXPECT_EQ(*removed, std::vector{made.id});
  EXPECT_TRUE(db().get_database(ctx_, {}).ok());
  EXPECT_EQ(*db().count_collections(ctx_, {}), 0u);
  stored("a");
}

TEST_P(SysDbConformance, CollectionComesBackAsItWasStored) {
  Collection made = collection("docs");
  made.dimension = 384;
  made.metadata =
      Metadata{{"b", true}, {"i", int64_t{-5}}, {"d", 1.0}, {"s", std::string("\xc3\xa9")}};
  made.schema.defaults.vector = VectorIndex{.enabled = true,
                                            .space = Space::cosine,
                                            .embedding_function = {},
                                            .source_key = "#document",
                                            .hnsw = {}};
  made.schema.keys["k"].int_inverted = false;
  Collection plain = collection("plain");
  plain.metadata = Metadata();
  expect_ok(db().create_collection(ctx_, made, {}));
  expect_ok(db().create_collection(ctx_, plain, {}));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(*db().get_collection(ctx_, made.id), made);
    EXPECT_EQ(*db().get_collection(ctx_, DatabasePath(), "docs"), made);
    EXPECT_EQ(*db().get_collection(ctx_, plain.id), plain);
    holder_->reopen();
  }
}

TEST_P(SysDbConformance, CollectionNamesAreUniquePerDatabase) {
  make_database("t", "d");
  const Collection first = stored("a");
  stored("a", {"t", "d"});
  stored("A");
  expect_error(db().create_collection(ctx_, collection("a"), {}), Code::already_exists,
               "Collection [a] already exists");
  Collection same_id = collection("b");
  same_id.id = first.id;
  expect_error(db().create_collection(ctx_, same_id, {}), Code::already_exists,
               "Collection [" + first.id.to_string() + "] already exists");
  EXPECT_EQ(*db().count_collections(ctx_, {}), 2u);
}

TEST_P(SysDbConformance, CollectionNeedsItsDatabase) {
  expect_error(db().create_collection(ctx_, collection("a", {"t", "d"}), {}), Code::not_found,
               "Database [d] does not exist");
  expect_error(db().get_collection(ctx_, {"t", "d"}, "a"), Code::not_found,
               "Collection [a] does not exist");
  EXPECT_TRUE(db().list_collections(ctx_, {"t", "d"}, {})->empty());
  EXPECT_EQ(*db().count_collections(ctx_, {"t", "d"}), 0u);
}

TEST_P(SysDbConformance, CollectionsAreListedByIdAndPage) {
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) ids.push_back(stored("c" + std::to_string(i)).id.to_string());
  std::sort(ids.begin(), ids.end());
  const auto listed = [&](const Page& page) {
    Names found;
    const auto rows = db().list_collections(ctx_, {}, page);
    expect_ok(rows);
    for (const Collection& row : *rows) found.push_back(row.id.to_string());
    return found;
  };
  EXPECT_EQ(listed({}), ids);
  EXPECT_EQ(listed({.limit = 3, .offset = 2}), Names(ids.begin() + 2, ids.begin() + 5));
  EXPECT_EQ(listed({.limit = 0, .offset = 0}), Names());
  EXPECT_EQ(listed({.limit = std::nullopt, .offset = 6}), Names(ids.begin() + 6, ids.end()));
  EXPECT_EQ(listed({.limit = 5, .offset = 100}), Names());
}

TEST_P(SysDbConformance, UpdateChangesOnlyWhatIsSet) {
  Collection expected = stored("a");
  stored("taken");
  EXPECT_EQ(*db().get_collection(ctx_, expected.id), expected);  // fills a cache, if there is one
  const auto change = [&](const CollectionChange& what) {
    const auto changed = db().update_collection(ctx_, expected.id, what);
    ASSERT_TRUE(changed.ok()) << changed.error().message();
    EXPECT_EQ(*changed, expected);
    EXPECT_EQ(*db().get_collection(ctx_, expected.id), expected);
    holder_->reopen();
    EXPECT_EQ(*db().get_collection(ctx_, DatabasePath(), expected.name), expected);
  };
  expected.dimension = 3;
  change({.name = {}, .metadata = {}, .schema = {}, .dimension = std::optional<uint32_t>(3)});
  expected.metadata = Metadata{{"k", int64_t{1}}};
  change({.name = {}, .metadata = expected.metadata, .schema = {}, .dimension = {}});
  expected.schema.keys["k"].string_inverted = false;
  change({.name = {}, .metadata = {}, .schema = expected.schema, .dimension = {}});
  expected.name = "b";
  change({.name = "b", .metadata = {}, .schema = {}, .dimension = {}});
  change({.name = "b", .metadata = {}, .schema = {}, .dimension = {}});
  expected.metadata.reset();
  expected.dimension.reset();
  CollectionChange cleared;
  cleared.metadata.emplace();
  cleared.dimension.emplace();
  change(cleared);
  expect_error(db().get_collection(ctx_, DatabasePath(), "a"), Code::not_found,
               "Collection [a] does not exist");
}

TEST_P(SysDbConformance, RefusedUpdateLeavesNoTrace) {
  const Collection made = stored("a");
  stored("taken");
  CollectionChange change;
  change.name = "taken";
  change.dimension.emplace(9);
  expect_error(db().update_collection(ctx_, made.id, change), Code::already_exists,
               "Collection [taken] already exists");
  EXPECT_EQ(*db().get_collection(ctx_, made.id), made);
  const Uuid unknown = Uuid::random();
  expect_error(db().update_collection(ctx_, unknown, change), Code::not_found,
               "Collection [" + unknown.to_string() + "] does not exist");
}

// A change that was worked out from a row must not undo what happened to the row meanwhile.
TEST_P(SysDbConformance, ChangeIsRefusedWhereTheRowIsAnotherByNow) {
  const Collection made = stored("a");
  CollectionChange change;
  change.name = "b";
  change.only_if = made;
  change.only_if->dimension = 7;
  expect_error(db().update_collection(ctx_, made.id, change), Code::aborted,
               "Collection [" + made.id.to_string() + "] was changed meanwhile: try again");
  EXPECT_EQ(*db().get_collection(ctx_, made.id), made);
  change.only_if = made;
  EXPECT_EQ(db().update_collection(ctx_, made.id, change)->name, "b");
  EXPECT_EQ(db().update_collection(ctx_, made.id, change).error().code(), Code::aborted);
}

TEST_P(SysDbConformance, DeletedCollectionIsGoneWithItsSegments) {
  const Collection made = collection("a");
  Segment first = segment(made, SegmentScope::metadata);
  first.files = {file("x", 1, 5)};
  expect_ok(db().create_collection(ctx_, made, {first}));
  expect_ok(db().get_collection(ctx_, made.id));
  expect_ok(db().delete_collection(ctx_, made.id));
  const std::string gone = "Collection [" + made.id.to_string() + "] does not exist";
  expect_error(db().get_collection(ctx_, made.id), Code::not_found, gone);
  expect_error(db().delete_collection(ctx_, made.id), Code::not_found, gone);
  expect_error(db().list_segments(ctx_, made.id), Code::not_found, gone);
  expect_error(db().publish(ctx_, made.id, {}), Code::not_found, gone);
  expect_ok(db().create_collection(ctx_, made, {first}));  // name, id and segment id are free again
}

TEST_P(SysDbConformance, SegmentsAreStoredWithTheirCollection) {
  const Collection made = collection("a");
  Segment one = segment(made, SegmentScope::vector);
  Segment two = segment(made, SegmentScope::metadata);
  two.sealed = 9;
  two.files = {file("y", 1, 4), file("x", 5, 9)};
  two.files[1].origin = Uuid::random();
  two.garbage_since = 1'700'000'000;
  two.placement = "shard-\xc3\xa9";
  expect_ok(db().create_collection(ctx_, made, {one, two}));
  holder_->reopen();
  EXPECT_EQ(*db().list_segments(ctx_, made.id), (std::vector{one, two}));
  two.sealed = 10;
  expect_ok(db().publish(ctx_, made.id, {{two.id, 10, two.files, two.garbage_since}}));
  EXPECT_EQ(*db().list_segments(ctx_, made.id), (std::vector{one, two}));  // the placement stays
}

TEST_P(SysDbConformance, RefusedSegmentLeavesNoCollection) {
  const Collection first = collection("first");
  const Segment used = segment(first, SegmentScope::vector);
  expect_ok(db().create_collection(ctx_, first, {used}));
  const Collection second = collection("second");
  Segment taken = used;
  taken.collection = second.id;
  const Segment fresh = segment(second, SegmentScope::metadata);
  for (const auto& segments : {std::vector{fresh, taken}, std::vector{used}, {fresh, fresh}}) {
    const Status status = db().create_collection(ctx_, second, segments);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code(), Code::invalid_argument);
  }
  EXPECT_EQ(*db().all_collections(ctx_), std::vector{first.id});
  expect_ok(db().create_collection(ctx_, second, {fresh}));
}

// If half of a publish could be seen, a reader would take the vectors of one moment and the
// metadata of another.
TEST_P(SysDbConformance, PublishIsAllOrNothing) {
  const Collection made = collection("a");
  Segment one = segment(made, SegmentScope::metadata);
  Segment two = segment(made, SegmentScope::vector);
  expect_ok(db().create_collection(ctx_, made, {one, two}));
  one.sealed = two.sealed = 10;
  one.files = {file("m", 1, 10)};
  two.files = {file("v1", 1, 4), file("v2", 5, 10)};
  expect_ok(db().publish(ctx_, made.id, {{one.id, 10, one.files}, {two.id, 10, two.files}}));
  holder_->reopen();
  EXPECT_EQ(*db().list_segments(ctx_, made.id), (std::vector{one, two}));

  expect_error(db().publish(ctx_, made.id, {{one.id, 20, {}}, {two.id, 9, {}}}), Code::aborted,
               "Segment [" + two.id.to_string() + "] is sealed up to 10; it cannot go back to 9");
  const Uuid unknown = Uuid::random();
  expect_error(db().publish(ctx_, made.id, {{one.id, 20, {}}, {unknown, 20, {}}}), Code::not_found,
               "Segment [" + unknown.to_string() + "] of collection [" + made.id.to_string() +
                   "] does not exist");
  EXPECT_EQ(*db().list_segments(ctx_, made.id), (std::vector{one, two}));

  two.files = {file("v3", 1, 10)};  // files may change while the number stays
  expect_ok(db().publish(ctx_, made.id, {{two.id, 10, two.files}}));
  EXPECT_EQ(*db().list_segments(ctx_, made.id), (std::vector{one, two}));
}

// Whoever made them restores a collection: what is in files is not in its log.
TEST_P(SysDbConformance, SegmentsThatAreSealedFromTheStartStaySealed) {
  const Collection made = collection("a");
  Segment one = segment(made, SegmentScope::vector);
  one.sealed = 50;
  one.files = {file("x", 1, 50)};
  one.files[0].origin = Uuid::random();
  expect_ok(db().create_collection(ctx_, made, {one}));
  expect_error(db().publish(ctx_, made.id, {{one.id, 49, {}}}), Code::aborted,
               "Segment [" + one.id.to_string() + "] is sealed up to 50; it cannot go back to 49");
  one.sealed = 60;
  one.files.push_back(file("y", 51, 60));
  expect_ok(db().publish(ctx_, made.id, {{one.id, 60, one.files}}));
  holder_->reopen();
  EXPECT_EQ(*db().list_segments(ctx_, made.id), std::vector{one});
}

TEST_P(SysDbConformance, CollectionsWithOldGarbageAreFound) {
  std::vector<Collection> made;
  std::vector<Segment> segments;
  for (const char* name : {"a", "b", "c"}) {
    made.push_back(collection(name));
    segments.push_back(segment(made.back(), SegmentScope::metadata));
    segments.push_back(segment(made.back(), SegmentScope::vector));
  }
  segments[0].garbage_since = 100;
  for (size_t i = 0; i < 3; ++i)
    expect_ok(db().create_collection(ctx_, made[i], {segments[2 * i], segments[2 * i + 1]}));
  expect_ok(
      db().publish(ctx_, made[1].id, {{segments[2].id, 5, {}, 300}, {segments[3].id, 5, {}, 200}}));
  const auto found = [&](int64_t before) {
    const auto ids = db().collections_with_garbage(ctx_, before);
    expect_ok(ids);
    return *ids;
  };
  std::vector both = {made[0].id, made[1].id};
  std::sort(both.begin(), both.end());
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(found(99), testing::IsEmpty());
    EXPECT_EQ(found(100), std::vector{made[0].id});
    EXPECT_EQ(found(199), std::vector{made[0].id});
    EXPECT_EQ(found(200), both);
    EXPECT_EQ(found(1000), both);
    holder_->reopen();
  }
  expect_ok(db().publish(ctx_, made[0].id, {{segments[0].id, 5, {}, 0}}));
  EXPECT_EQ(found(1000), std::vector{made[1].id});
}

TEST_P(SysDbConformance, SegmentOfAnotherCollectionCannotBePublished) {
  const Collection mine = stored("mine");
  const Collection other = collection("other");
  const Segment theirs = segment(other, SegmentScope::vector);
  expect_ok(db().create_collection(ctx_, other, {theirs}));
  EXPECT_EQ(db().publish(ctx_, mine.id, {{theirs.id, 5, {}}}).error().code(), Code::not_found);
  EXPECT_EQ(*db().list_segments(ctx_, other.id), std::vector{theirs});
}

TEST_P(SysDbConformance, LargeNumbersAreKept) {
  const Collection made = collection("a");
  Segment one = segment(made, SegmentScope::vector);
  one.sealed = UINT64_MAX - 1;
  one.files = {{Uuid::random(), "f", UINT64_MAX, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX}};
  expect_ok(db().create_collection(ctx_, made, {one}));
  EXPECT_EQ(*db().list_segments(ctx_, made.id), std::vector{one});
  EXPECT_EQ(db().publish(ctx_, made.id, {{one.id, 1, {}}}).error().code(), Code::aborted);
  expect_ok(db().publish(ctx_, made.id, {{one.id, UINT64_MAX, {}}}));
}

TEST_P(SysDbConformance, OddNamesAreJustNames) {
  const Names odd = {
      "",   " ", "'; DROP TABLE tenants; --", std::string("a\0b", 3), "a",
      "%",  "_", "\xe4\xb8\xad\xe6\x96\x87",  "\xf0\x9f\x98\x80",     std::string(10000, 'x'),
      "a/b"};
  for (const std::string& name : odd) {
    expect_ok(db().create_tenant(ctx_, name));
    expect_ok(db().create_database(ctx_, {name, name}));
    const Collection made = stored(name, {name, name});
    holder_->reopen();
    EXPECT_EQ(db().get_tenant(ctx_, name)->name, name);
    EXPECT_EQ(*db().get_collection(ctx_, {name, name}, name), made);
  }
  EXPECT_EQ(db().all_collections(ctx_)->size(), odd.size());
  EXPECT_FALSE(db().get_tenant(ctx_, "A").ok());
}

TEST_P(SysDbConformance, ResetIsANewDatabase) {
  make_database("t", "d");
  const Collection made = stored("a", {"t", "d"});
  const Collection other = stored("b");
  expect_ok(db().set_tenant_resource_name(ctx_, "default_tenant", "r"));
  expect_ok(db().get_collection(ctx_, made.id));
  expect_ok(db().reset(ctx_));
  for (int round = 0; round < 2; ++round) {
    EXPECT_FALSE(db().get_tenant(ctx_, "t").ok());
    EXPECT_FALSE(db().get_collection(ctx_, made.id).ok());
    EXPECT_FALSE(db().get_collection(ctx_, other.id).ok());
    EXPECT_TRUE(db().all_collections(ctx_)->empty());
    EXPECT_EQ(*db().get_tenant(ctx_, "default_tenant"), (Tenant{"default_tenant", std::nullopt}));
    EXPECT_EQ(db().get_database(ctx_, {})->id, Uuid());
    EXPECT_EQ(database_names("default_tenant"), Names{"default_database"});
    holder_->reopen();
  }
}

TEST_P(SysDbConformance, CallOutOfTimeChangesNothing) {
  Context late = ctx_;
  late.cancel();
  EXPECT_EQ(db().create_tenant(late, "t").error().code(), Code::cancelled);
  EXPECT_EQ(db().create_collection(late, collection("a"), {}).error().code(), Code::cancelled);
  EXPECT_EQ(db().get_collection(late, Uuid()).error().code(), Code::cancelled);
  EXPECT_FALSE(db().get_tenant(Context(), "t").ok());
}

// One of the writers gets each name, and readers see only rows that were stored.
TEST_P(SysDbConformance, WritersAtOnceAreSerialised) {
  constexpr int kThreads = 8;
  constexpr int kNames = 20;
  std::atomic<int> created = 0;
  std::atomic<int> wrong = 0;
  const Collection shared = stored("shared");
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kNames; ++i) {
        const Status status = db().create_collection(ctx_, collection("c" + std::to_string(i)), {});
        if (status.ok())
          ++created;
        else if (status.error().code() != Code::already_exists)
          ++wrong;
        CollectionChange change;
        change.dimension.emplace(static_cast<uint32_t>(i));
        if (!db().update_collection(ctx_, shared.id, change).ok()) ++wrong;
        const auto row = db().get_collection(ctx_, shared.id);
        if (!row.ok() || row->name != "shared") ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(created, kNames);
  EXPECT_EQ(*db().count_collections(ctx_, {}), uint64_t{kNames} + 1);
  EXPECT_EQ(db().get_collection(ctx_, shared.id)->dimension, uint32_t{kNames - 1});
}

}  // namespace viridian
