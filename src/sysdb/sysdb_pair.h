#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "sysdb/mem_sysdb.h"
#include "tests/conformance/sysdb_holder.h"

namespace viridian {

/// Does the same random calls to mem::SysDb and to another one; small ranges of names, so that they
/// meet often.
class SysDbPair {
 public:
  SysDbPair(uint32_t seed, std::unique_ptr<SysDbHolder> tested)
      : random_(seed), tested_(std::move(tested)) {}

  void step() {
    switch (number(17)) {
      case 0:
        return same([&, n = name()](SysDb& db) { return db.create_tenant(ctx_, n); });
      case 1:
        return same([&, n = name()](SysDb& db) { return db.get_tenant(ctx_, n); });
      case 2:
        return same([&, n = name(), r = name()](SysDb& db) {
          return db.set_tenant_resource_name(ctx_, n, r);
        });
      case 3:
        return create_database();
      case 4:
        return same([&, p = path()](SysDb& db) { return db.list_collections(ctx_, p, page_); });
      case 5:
        return delete_database();
      case 6:
      case 7:
        return create_collection();
      case 8:
        return same(
            [&, p = path(), n = name()](SysDb& db) { return db.get_collection(ctx_, p, n); });
      case 9:
        return same([&, i = id()](SysDb& db) { return db.get_collection(ctx_, i); });
      case 10:
        return same([&, p = path()](SysDb& db) { return db.count_collections(ctx_, p); });
      case 11:
      case 12:
        return update_collection();
      case 13:
        if (number(3) != 0) return;
        return same([&, i = id()](SysDb& db) { return db.delete_collection(ctx_, i); });
      case 14:
        return publish();
      case 15:
        same([&, b = number(4)](SysDb& db) { return db.collections_with_garbage(ctx_, b); });
        return same([&, i = id()](SysDb& db) { return db.list_segments(ctx_, i); });
      default:
        if (number(40) == 0) tested_->reopen();
        if (number(200) == 0) same([&](SysDb& db) { return db.reset(ctx_); });
        page_ = {.limit = number(2) == 0 ? std::nullopt : std::optional(number(5)),
                 .offset = number(4)};
    }
  }

  void compare_all() {
    same([&](SysDb& db) { return db.all_collections(ctx_); });
    for (const CollectionId& known : ids_) {
      same([&](SysDb& db) { return db.get_collection(ctx_, known); });
      same([&](SysDb& db) { return db.list_segments(ctx_, known); });
    }
  }

  /// mem::SysDb is maps and loops; where the two differ, one of them breaks the contract.
  static void compare(const std::function<std::unique_ptr<SysDbHolder>()>& make, uint32_t seeds,
                      int steps) {
    for (uint32_t seed = 1; seed <= seeds; ++seed) {
      SCOPED_TRACE(seed);
      SysDbPair pair(seed, make());
      for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) pair.step();
      pair.compare_all();
      if (testing::Test::HasFailure()) return;
    }
  }

 private:
  uint32_t number(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
  std::string name() {
    constexpr const char* kNames[] = {"a", "b", "A", "\xc3\xa9", ""};
    return kNames[number(5)];
  }
  DatabasePath path() { return number(3) == 0 ? DatabasePath{name(), name()} : DatabasePath(); }
  CollectionId id() {
    return ids_.empty() || number(10) == 0 ? Uuid()
                                           : ids_[number(static_cast<uint32_t>(ids_.size()))];
  }
  std::optional<Metadata> metadata() {
    if (number(3) == 0) return std::nullopt;
    Metadata made;
    if (number(2) == 0) made.set(name() + "k", int64_t{number(100)});
    if (number(2) == 0) made.set("f", 0.1 * number(100));
    if (number(2) == 0) made.set("s", name());
    return made;
  }

  /// Both answer the same, value or error. Databases' ids are random, so they are not compared.
  template <class Call>
  void same(const Call& call) {
    const auto expected = call(mem_);
    const auto got = call(tested_->db());
    ASSERT_EQ(got.ok(), expected.ok());
    if (!expected.ok()) {
      EXPECT_EQ(got.error().code(), expected.error().code());
      EXPECT_EQ(got.error().message(), expected.error().message());
    } else if constexpr (!std::is_void_v<typename decltype(expected)::value_type>) {
      EXPECT_TRUE(*got == *expected);
    }
  }

  void create_database() {
    const DatabasePath where = path();
    same([&](SysDb& db) -> Result<std::string> {
      VIRIDIAN_TRY(const Database made, db.create_database(ctx_, where));
      return made.tenant + "/" + made.name;
    });
    same([&](SysDb& db) -> Result<std::vector<std::string>> {
      VIRIDIAN_TRY(const auto listed, db.list_databases(ctx_, where.tenant, page_));
      std::vector<std::string> names;
      for (const Database& database : listed) names.push_back(database.name);
      return names;
    });
  }

  void delete_database() {
    if (number(5) != 0) return;
    const DatabasePath where = path();
    same([&](SysDb& db) -> Result<std::vector<CollectionId>> {
      VIRIDIAN_TRY(auto removed, db.delete_database(ctx_, where));
      std::sort(removed.begin(), removed.end());
      return removed;
    });
  }

  void create_collection() {
    const DatabasePath where = path();
    Collection made{Uuid::random(), name(), where.tenant, where.database, {}, metadata(), {}};
    if (number(20) == 0) made.id = id();
    if (number(2) == 0) made.dimension = number(4096);
    std::vector<Segment> segments;
    for (uint32_t i = 0; i < number(4); ++i)
      segments.push_back({Uuid::random(),
                          made.id,
                          SegmentScope::vector,
                          name(),
                          number(5),
                          {},
                          number(4),
                          name()});
    ids_.push_back(made.id);
    for (const Segment& segment : segments) segments_.push_back({made.id, segment.id});
    same([&](SysDb& db) { return db.create_collection(ctx_, made, segments); });
  }

  void update_collection() {
    CollectionChange change;
    if (number(2) == 0) change.name = name();
    if (number(2) == 0) change.metadata = metadata();
    if (number(2) == 0) change.dimension.emplace(number(4096));
    if (number(4) == 0) {
      change.schema.emplace();
      change.schema->defaults.bool_inverted = number(2) == 0;
    }
    const CollectionId changed = id();
    if (number(3) == 0) {
      const auto row = mem_.get_collection(ctx_, changed);
      if (row.ok()) change.only_if = *row;
      if (row.ok() && number(2) == 0) change.only_if->dimension = 4096;
    }
    same([&](SysDb& db) { return db.update_collection(ctx_, changed, change); });
  }

  void publish() {
    if (segments_.empty()) return;
    std::vector<SegmentChange> changes;
    const auto [owner, first] = segments_[number(static_cast<uint32_t>(segments_.size()))];
    for (const auto& [collection, segment] : segments_) {
      if (collection != owner && number(50) != 0) continue;
      const SeqId sealed = number(30);
      changes.push_back({segment, sealed, {}, number(3)});
      for (uint32_t i = 0; i < number(3); ++i)
        changes.back().files.push_back(
            {Uuid::random(), name(), number(9), number(9), 1, sealed, number(2) ? id() : Uuid()});
    }
    same([&, id = owner](SysDb& db) { return db.publish(ctx_, id, changes); });
  }

  std::mt19937 random_;
  Context ctx_;
  mem::SysDb mem_;
  std::unique_ptr<SysDbHolder> tested_;
  Page page_;
  std::vector<CollectionId> ids_;
  std::vector<std::pair<CollectionId, SegmentId>> segments_;
};

}  // namespace viridian
