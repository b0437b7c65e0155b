#include "sysdb/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "codec/json_values.h"
#include "component/data_directory.h"
#include "os/faulty_files.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"
#include "sql/checked_vfs.h"
#include "sql/upgrade.h"
#include "sysdb/sqlite_rebuild.h"
#include "sysdb/sqlite_sysdb.h"
#include "sysdb/sysdb_workload.h"

namespace viridian {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

sysdb::CollectionCopy any_copy() {
  sysdb::CollectionCopy copy;
  copy.change = 7;
  Collection& row = copy.collection;
  row.id = Uuid::random();
  row.name = "a \"name\"\n\xc3\xa9";
  row.tenant = "t";
  row.database = std::string("d\0e", 3);
  row.metadata = Metadata{{"b", true}, {"i", INT64_MIN}, {"d", 0.1}, {"whole", 1e300}};
  row.metadata->set("list", std::vector<int64_t>{1, 2});
  row.schema.defaults.string_inverted = true;
  row.schema.keys["k"].int_inverted = false;
  Segment one{Uuid::random(), row.id, SegmentScope::metadata, "x::Y", UINT64_MAX - 1, {}, 1 << 30};
  one.files.push_back({Uuid::random(), "f.meta", UINT64_MAX, 3, 1, INT64_MAX, Uuid::random()});
  one.files.push_back({Uuid::random(), "g.meta", 5, 0, 2, 3, {}});
  copy.segments = {one, {Uuid::random(), row.id, SegmentScope::vector, "z", 0, {}, 0, "shard-2"}};
  return copy;
}

TEST(CatalogueCopy, ComesBackAsItWasWritten) {
  sysdb::CollectionCopy copy = any_copy();
  for (int i = 0; i < 2; ++i) {
    const auto back = sysdb::decode_collection_copy(sysdb::encode_collection_copy(copy));
    ASSERT_TRUE(back.ok()) << back.error().message();
    EXPECT_EQ(*back, copy);
    copy.collection.metadata.reset();
    copy.collection.dimension = 1536;
    copy.segments.clear();
  }
  const sysdb::DatabasesCopy databases{
      9, {{"t", "resource"}, {"", std::nullopt}}, {{Uuid::random(), "d\n", "t"}}};
  const auto back = sysdb::decode_databases_copy(sysdb::encode_databases_copy(databases));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, databases);
}

TEST(CatalogueCopy, EveryFlippedBitAndEveryCutIsFound) {
  const std::string file = sysdb::encode_collection_copy(any_copy());
  const auto expect_found = [](const std::string& damaged, size_t at) {
    const auto read = sysdb::decode_collection_copy(damaged);
    ASSERT_FALSE(read.ok()) << at;
    EXPECT_EQ(read.error().code(), Code::data_loss) << at;
  };
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string damaged = file;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    // Another version would not have this checksum there; a digit for a digit is a version.
    if (damaged[11] != file[11] && damaged[11] >= '0' && damaged[11] <= '9')
      EXPECT_EQ(sysdb::decode_collection_copy(damaged).error().code(), Code::failed_precondition);
    else
      expect_found(damaged, bit);
  }
  for (size_t size = 0; size < file.size(); ++size) expect_found(file.substr(0, size), size);
}

class SysDbFiles : public testing::Test {
 protected:
  using Options = sqlite::SysDb::Options;

  std::unique_ptr<sqlite::SysDb> make(bool read_only = false) {
    return std::make_unique<sqlite::SysDb>(
        files_, directory_,
        Options{.migrations = sql::MigrationMode::apply, .read_only = read_only});
  }
  std::unique_ptr<sqlite::SysDb> started(bool read_only = false) {
    auto db = make(read_only);
    const Status status = db->start(Context());
    EXPECT_TRUE(status.ok()) << status.error().message();
    return db;
  }
  static std::string state(SysDb& db) {
    const auto described = SysDbWorkload::describe(db);
    return described.ok() ? *described : described.error().message();
  }
  Collection stored(SysDb& db, const std::string& name) {
    Collection made;
    made.id = Uuid::random();
    made.name = name;
    made.tenant = kDefaultTenant;
    made.database = kDefaultDatabase;
    const Segment segment{Uuid::random(), made.id, SegmentScope::vector, "x", 3, {}};
    EXPECT_TRUE(db.create_collection(Context(), made, {segment}).ok());
    return made;
  }
  std::string copy_path(const CollectionId& id) const {
    return path_ + "/catalogue/" + sysdb::copy_name(id);
  }
  std::string read_file(const std::string& path) {
    const auto file = real_.open(path, os::OpenMode::read);
    if (!file.ok()) return "";
    std::string bytes((*file)->size().value(), '\0');
    EXPECT_TRUE((*file)->read_at(0, std::as_writable_bytes(std::span(bytes))).ok());
    return bytes;
  }
  void write_file(const std::string& path, std::string_view bytes) {
    ASSERT_TRUE(real_.remove(path).ok());
    const auto file = real_.open(path, os::OpenMode::create);
    ASSERT_TRUE(file.ok() && (*file)->write_at(0, os::as_bytes(bytes)).ok());
  }
  /// Everything in all files, to look for what should be gone.
  std::string all_bytes() {
    std::string all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_))
      if (entry.is_regular_file()) all += read_file(entry.path());
    return all;
  }
  /// Names and bytes of all files.
  std::map<std::string, std::string> listing() {
    std::map<std::string, std::string> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_))
      if (entry.is_regular_file()) all[entry.path()] = read_file(entry.path());
    return all;
  }

  os::TemporaryDirectory temporary_;
  os::RealFiles real_;
  os::FaultyFiles files_{real_, os::FaultyFiles::Syncs::pretended};
  const std::string path_ = temporary_.path() + "/data";
  const std::string file_ = path_ + "/sysdb.sqlite3";
  local::DataDirectory directory_{files_, path_};
  const bool made_ = real_.make_directories(path_).ok();
};

TEST_F(SysDbFiles, CopiesFollowEveryChange) {
  auto db = started();
  const Collection one = stored(*db, "one");
  const auto copy = sysdb::read_collection_copy(real_, copy_path(one.id));
  ASSERT_TRUE(copy.ok()) << copy.error().message();
  EXPECT_EQ(copy->collection, one);
  EXPECT_EQ(copy->segments, *db->list_segments(Context(), one.id));
  ASSERT_TRUE(db->create_database(Context(), {kDefaultTenant, "more"}).ok());
  auto catalogue = sysdb::read_catalogue(real_, path_ + "/catalogue");
  ASSERT_TRUE(catalogue.ok() && catalogue->databases);
  EXPECT_EQ(catalogue->databases->databases.size(), 2u);
  EXPECT_GT(catalogue->databases->change, copy->change);
  ASSERT_TRUE(db->delete_collection(Context(), one.id).ok());
  EXPECT_EQ(sysdb::read_collection_copy(real_, copy_path(one.id)).error().code(), Code::not_found);
}

TEST_F(SysDbFiles, MissingAndDamagedCopiesAreWrittenAnew) {
  CollectionId missing;
  CollectionId damaged;
  CollectionId stray = Uuid::random();
  std::map<std::string, std::string> before;
  {
    auto db = started();
    missing = stored(*db, "missing").id;
    damaged = stored(*db, "damaged").id;
  }
  before = listing();
  ASSERT_TRUE(real_.remove(copy_path(missing)).ok());
  std::string bytes = read_file(copy_path(damaged));
  sysdb::CollectionCopy of_deleted = *sysdb::decode_collection_copy(bytes);
  of_deleted.collection.id = stray;
  bytes[bytes.size() / 2] ^= 1;
  write_file(copy_path(damaged), bytes);
  write_file(copy_path(stray), sysdb::encode_collection_copy(of_deleted));
  started().reset();
  for (const CollectionId& id : {missing, damaged})
    EXPECT_EQ(read_file(copy_path(id)), before[copy_path(id)]);
  EXPECT_FALSE(*real_.exists(copy_path(stray)));
}

// SQLite takes a damaged frame for the end of its log, and all after it for never written.
TEST_F(SysDbFiles, ChangesLostWithTheLogAreNoticed) {
  const SysDbWorkload workload(5, 12);
  const std::string crashed = temporary_.path() + "/crashed";
  std::string whole;
  {
    auto db = started();
    for (const auto& step : workload.steps()) ASSERT_TRUE(step(*db).ok());
    stored(*db, "last");
    whole = state(*db);
    std::filesystem::copy(path_, crashed, std::filesystem::copy_options::recursive);
  }
  const std::string log_path = file_ + "-wal";
  const std::string log = read_file(crashed + "/sysdb.sqlite3-wal");
  ASSERT_GT(log.size(), 10000u);
  std::mt19937 random(2);
  int found = 0;
  for (int i = 0; i < 60; ++i) {
    std::filesystem::remove_all(path_);
    std::filesystem::copy(crashed, path_, std::filesystem::copy_options::recursive);
    std::string flipped = log;
    const size_t at = i < 10 ? random() % 32 : random() % log.size();
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << random() % 8));
    write_file(log_path, flipped);
    auto db = make();
    const Status status = db->start(Context());
    if (status.ok()) {
      EXPECT_EQ(state(*db), whole) << at;
      continue;
    }
    EXPECT_EQ(status.error().code(), Code::data_loss) << status.error().message();
    ++found;
    EXPECT_EQ(read_file(log_path), flipped) << "what is refused is left as it was found";
  }
  EXPECT_GT(found, 30);
}

TEST_F(SysDbFiles, IsRebuiltFromItsCopies) {
  const SysDbWorkload workload(8, 40);
  std::string before;
  {
    auto db = started();
    for (const auto& step : workload.steps()) ASSERT_TRUE(step(*db).ok());
    before = state(*db);
  }
  auto catalogue = sysdb::read_catalogue(real_, path_ + "/catalogue");
  ASSERT_TRUE(catalogue.ok());
  ASSERT_TRUE(real_.remove(file_).ok());
  EXPECT_EQ(make()->start(Context()).error().code(), Code::failed_precondition);
  ASSERT_TRUE(sqlite::rebuild(real_, file_, *catalogue).ok());
  EXPECT_EQ(sqlite::rebuild(real_, file_, *catalogue).error().code(), Code::already_exists);
  EXPECT_EQ(state(*started()), before);
  EXPECT_EQ(state(*started()), before);
  // Without the list of databases, those of the collections are there.
  catalogue->databases.reset();
  ASSERT_TRUE(real_.remove(path_ + "/catalogue/databases.json").ok());
  ASSERT_TRUE(real_.remove(file_).ok());
  ASSERT_TRUE(sqlite::rebuild(real_, file_, *catalogue).ok());
  EXPECT_EQ(started()->all_collections(Context())->size(), catalogue->collections.size());
}

TEST_F(SysDbFiles, WhatWasDeletedIsInNoFile) {
  auto db = started();
  std::vector<CollectionId> ids;
  for (int i = 0; i < 120; ++i) {
    Collection made;
    made.id = Uuid::random();
    made.name = "secretname" + std::to_string(i * 7919 % 120);
    made.tenant = kDefaultTenant;
    made.database = kDefaultDatabase;
    made.metadata = Metadata{{"secretkey", "secretvalue" + std::string(i % 9 * 700u, 'x')}};
    ASSERT_TRUE(db->create_collection(Context(), made, {}).ok());
    ids.push_back(made.id);
  }
  std::mt19937 random(3);
  std::shuffle(ids.begin(), ids.end(), random);
  EXPECT_THAT(all_bytes(), HasSubstr("secretname"));
  for (size_t i = 0; i < 60; ++i) ASSERT_TRUE(db->delete_collection(Context(), ids[i]).ok());
  CollectionChange change;
  for (size_t i = 60; i < 120; ++i) {
    change.name = "plain" + std::to_string(i);
    change.metadata.emplace();
    ASSERT_TRUE(db->update_collection(Context(), ids[i], change).ok());
  }
  EXPECT_THAT(all_bytes(), testing::Not(HasSubstr("secret")));
  // Pages that are written later bring nothing back.
  for (size_t i = 60; i < 120; i += 7) {
    change = CollectionChange();
    change.dimension.emplace(static_cast<uint32_t>(i));
    ASSERT_TRUE(db->update_collection(Context(), ids[i], change).ok());
  }
  const std::string all = all_bytes();
  EXPECT_EQ(all.find("secret"), std::string::npos) << all.substr(all.find("secret"), 60);
  EXPECT_THAT(all, HasSubstr("plain"));
}

TEST_F(SysDbFiles, ReadOnlyFollowsTheWriter) {
  auto writer = started();
  auto reader = started(/*read_only=*/true);
  const SysDbWorkload workload(11, 60);
  for (const auto& step : workload.steps()) {
    ASSERT_TRUE(step(*writer).ok());
    ASSERT_EQ(state(*reader), state(*writer));
  }
  const auto before = listing();
  Collection made;
  made.id = Uuid::random();
  made.tenant = kDefaultTenant;
  made.database = kDefaultDatabase;
  const Context context;
  const CollectionId id = (*writer->all_collections(context)).at(0);
  EXPECT_EQ(reader->create_tenant(context, "x").error().code(), Code::permission_denied);
  EXPECT_EQ(reader->create_database(context, {}).error().code(), Code::permission_denied);
  EXPECT_EQ(reader->create_collection(context, made, {}).error().code(), Code::permission_denied);
  EXPECT_EQ(reader->update_collection(context, id, {}).error().code(), Code::permission_denied);
  EXPECT_EQ(reader->delete_collection(context, id).error().code(), Code::permission_denied);
  EXPECT_EQ(reader->delete_database(context, {}).error().code(), Code::permission_denied);
  EXPECT_EQ(reader->publish(context, id, {}).error().code(), Code::permission_denied);
  EXPECT_EQ(reader->reset(context).error().code(), Code::permission_denied);
  EXPECT_EQ(reader->set_tenant_resource_name(context, kDefaultTenant, "r").error().code(),
            Code::permission_denied);
  const std::string last = state(*writer);
  writer.reset();
  EXPECT_EQ(state(*reader), last);
  EXPECT_EQ(state(*started(/*read_only=*/true)), last);
  reader.reset();
  started().reset();
}

TEST_F(SysDbFiles, ReadOnlyWritesNothing) {
  const std::string crashed = temporary_.path() + "/crashed";
  std::string last;
  {
    auto writer = started();
    stored(*writer, "one");
    last = state(*writer);
    std::filesystem::copy(path_, crashed, std::filesystem::copy_options::recursive);
  }
  std::filesystem::remove_all(path_);
  EXPECT_EQ(make(true)->start(Context()).error().code(), Code::not_found);
  EXPECT_FALSE(std::filesystem::exists(path_));
  std::filesystem::copy(crashed, path_, std::filesystem::copy_options::recursive);
  const auto before = listing();
  EXPECT_EQ(state(*started(/*read_only=*/true)), last);
  EXPECT_EQ(listing(), before);
}

TEST_F(SysDbFiles, AFollowedFileThatIsGoneIsNoMissingCollection) {
  const auto writer = started();
  stored(*writer, "one");
  const auto reader = started(/*read_only=*/true);
  const std::string elsewhere = path_ + ".moved";
  std::filesystem::rename(path_, elsewhere);
  EXPECT_EQ(reader->all_collections(Context()).error().code(), Code::unavailable);
  std::filesystem::rename(elsewhere, path_);
  EXPECT_EQ(state(*reader), state(*writer));
}

// A directory of the first version: no checksums, no numbers of changes, no copies.
TEST_F(SysDbFiles, FirstVersionIsUpgraded) {
  {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(file_.c_str(), &handle), SQLITE_OK);
    sql::Database first(handle, file_, nullptr);
    const auto shipped = sql::embedded_migrations();
    ASSERT_TRUE(sql::migrate(first, "sysdb", shipped.first(1), sql::MigrationMode::apply).ok());
    ASSERT_TRUE(first
                    .execute("INSERT INTO collections VALUES (x'00112233445566778899aabbccddeeff',"
                             " zeroblob(16), 'old', 3, NULL, '" +
                                 codec::write_schema(Schema()) + "')",
                             "test")
                    .ok());
  }
  const auto before = listing();
  {
    const auto reader = started(/*read_only=*/true);
    EXPECT_TRUE(reader->get_collection(Context(), DatabasePath(), "old").ok());
    EXPECT_EQ(reader->collections_with_garbage(Context(), 5)->size(), 0u);
  }
  sqlite::SysDb validating(files_, directory_,
                           {.migrations = sql::MigrationMode::validate, .read_only = false});
  EXPECT_EQ(validating.start(Context()).error().code(), Code::failed_precondition);
  EXPECT_EQ(listing(), before);
  auto db = started();
  const auto row = db->get_collection(Context(), DatabasePath(), "old");
  ASSERT_TRUE(row.ok()) << row.error().message();
  EXPECT_EQ(row->dimension, 3u);
  EXPECT_FALSE(*sql::lacks_checksums(real_, file_));
  EXPECT_TRUE(sysdb::read_collection_copy(real_, copy_path(row->id)).ok());
  EXPECT_EQ(state(*started(/*read_only=*/true)), state(*db));
}

}  // namespace
}  // namespace viridian
