#pragma once
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "sysdb/mem_sysdb.h"
#include "viridian/spi/sysdb.h"

namespace viridian {

/// Changes to a SysDb, each of which succeeds where those before it did. The same for a seed, ids
/// included, so that they can be done to several SysDbs and in parts.
class SysDbWorkload {
 public:
  using Step = std::function<Status(SysDb&)>;

  SysDbWorkload(uint32_t seed, size_t count) : random_(seed) {
    while (steps_.size() < count) add();
  }
  const std::vector<Step>& steps() const { return steps_; }

  /// The state after the first `count` steps.
  std::string after(size_t count) const {
    mem::SysDb oracle;
    for (size_t i = 0; i < count; ++i) (void)steps_[i](oracle);
    return *describe(oracle);
  }

  /// Everything that a SysDb holds, as text. Ids of databases are random, so they are left out.
  static Result<std::string> describe(SysDb& db) {
    const Context context;
    std::string all;
    for (const char* name : {kDefaultTenant, "t", "u"}) {
      const auto tenant = db.get_tenant(context, name);
      if (!tenant.ok() && tenant.error().code() != Code::not_found) return tenant.error();
      if (!tenant.ok()) continue;
      all += "tenant " + tenant->name + " " + tenant->resource_name.value_or("-") + "\n";
      VIRIDIAN_TRY(const auto databases, db.list_databases(context, name, {}));
      for (const Database& database : databases) all += " database " + database.name + "\n";
    }
    VIRIDIAN_TRY(const auto ids, db.all_collections(context));
    for (const CollectionId& id : ids) {
      VIRIDIAN_TRY(const Collection row, db.get_collection(context, id));
      VIRIDIAN_TRY(const auto segments, db.list_segments(context, id));
      all += describe(row, segments);
    }
    return all;
  }

  static std::string describe(const Collection& row, const std::vector<Segment>& segments) {
    std::string text = "collection " + row.id.to_string() + " " + row.tenant + "/" + row.database +
                       "/" + row.name + " " + std::to_string(row.dimension.value_or(0));
    if (row.metadata)
      for (const auto& [key, value] : *row.metadata) text += " " + key;
    for (const Segment& segment : segments) {
      text += " [" + segment.id.to_string() + " " + std::to_string(segment.sealed) + " " +
              std::to_string(segment.garbage_since);
      for (const SegmentFile& file : segment.files)
        text +=
            " " + file.name + ":" + std::to_string(file.last_seq) + ":" + file.origin.to_string();
      text += "]";
    }
    return text + "\n";
  }

 private:
  struct Known {
    CollectionId id;
    SegmentId segment;
    SeqId sealed = 0;
  };

  uint32_t number(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
  Uuid id() {
    Uuid made;
    for (uint8_t& byte : made.bytes) byte = static_cast<uint8_t>(random_());
    return made;
  }
  std::string fresh(const char* what) { return what + std::to_string(++names_); }
  DatabasePath path() {
    return databases_.empty() || number(2) == 0
               ? DatabasePath()
               : DatabasePath{"t", databases_[number(static_cast<uint32_t>(databases_.size()))]};
  }

  void add() {
    switch (steps_.empty() ? 0 : number(12)) {
      case 0:
        if (has_tenant_) return;
        has_tenant_ = true;
        return step([](SysDb& db) { return db.create_tenant(Context(), "t"); });
      case 1:
        return step([name = fresh("r")](SysDb& db) {
          return db.set_tenant_resource_name(Context(), "t", name);
        });
      case 2: {
        databases_.push_back(fresh("d"));
        return step([name = databases_.back()](SysDb& db) -> Status {
          VIRIDIAN_TRY_VOID(db.create_database(Context(), {"t", name}));
          return ok_status();
        });
      }
      case 3:
        return remove_one();
      case 4:
      case 5:
      case 6:
        return create();
      case 7:
        return update();
      default:
        return publish();
    }
  }

  void step(Step made) { steps_.push_back(std::move(made)); }

  void create() {
    Collection row;
    row.id = id();
    row.name = fresh("c");
    // Not in a database that may be deleted: its collections are known here.
    row.tenant = kDefaultTenant;
    row.database = kDefaultDatabase;
    row.metadata = Metadata{{fresh("k"), std::string(number(3000), 'm')}};
    const Segment segment{id(), row.id, SegmentScope::vector, "test::Segment", 0, {}};
    collections_.push_back({row.id, segment.id});
    step([row, segment](SysDb& db) { return db.create_collection(Context(), row, {segment}); });
  }

  void update() {
    if (collections_.empty()) return;
    const Known& known = collections_[number(static_cast<uint32_t>(collections_.size()))];
    CollectionChange change;
    if (number(2) == 0) change.name = fresh("n");
    if (number(2) == 0) change.metadata.emplace(Metadata{{fresh("k"), int64_t{1}}});
    change.dimension.emplace(number(1000));
    step([id = known.id, change](SysDb& db) -> Status {
      VIRIDIAN_TRY_VOID(db.update_collection(Context(), id, change));
      return ok_status();
    });
  }

  void publish() {
    if (collections_.empty()) return;
    Known& known = collections_[number(static_cast<uint32_t>(collections_.size()))];
    known.sealed += number(5);
    SegmentChange change{known.segment, known.sealed, {}, number(3)};
    for (uint32_t i = number(4); i > 0; --i)
      change.files.push_back({id(), fresh("f"), number(9), number(9), 1, known.sealed, id()});
    step([id = known.id, change](SysDb& db) { return db.publish(Context(), id, {change}); });
  }

  void remove_one() {
    if (!databases_.empty() && number(3) == 0) {
      step([name = databases_.back()](SysDb& db) -> Status {
        VIRIDIAN_TRY_VOID(db.delete_database(Context(), {"t", name}));
        return ok_status();
      });
      return databases_.pop_back();
    }
    if (collections_.empty()) return;
    const size_t which = number(static_cast<uint32_t>(collections_.size()));
    step([id = collections_[which].id](SysDb& db) { return db.delete_collection(Context(), id); });
    collections_.erase(collections_.begin() + static_cast<ptrdiff_t>(which));
  }

  std::mt19937 random_;
  std::vector<Step> steps_;
  std::vector<Known> collections_;
  std::vector<std::string> databases_;
  bool has_tenant_ = false;
  int names_ = 0;
};

}  // namespace viridian
