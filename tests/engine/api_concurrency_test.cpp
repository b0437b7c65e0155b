// Writers, readers and deleters at once. Run it under ThreadSanitizer too.
#include <array>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "conformance/api_fixture.h"
#include "engine/test_system.h"

namespace viridian::conformance {
namespace {

constexpr int kWriters = 8;
constexpr int kBatches = 25;
constexpr int kGroup = 5;

class ApiConcurrency : public testing::Test {
 protected:
  void SetUp() override {
    system_ = must(make_mem_api());
    ASSERT_TRUE(system_);
    docs_ = make("docs");
  }

  Api& api() { return system_->api(); }
  CollectionRef make(const std::string& name) {
    CreateCollection request;
    request.name = name;
    return {DatabasePath(), must(api().create_collection(context_, DatabasePath(), request)).id};
  }
  /// A batch whose records share a tag.
  static RecordBatch tagged(const std::string& tag, Operation operation = Operation::add) {
    std::vector<Row> rows;
    for (int i = 0; i < kGroup; ++i) {
      rows.push_back({.id = tag + "." + std::to_string(i),
                      .vector = {static_cast<float>(i), 1},
                      .metadata = Metadata{{"tag", tag}, {"all", true}}});
    }
    return batch_of(operation, rows);
  }
  uint64_t tagged_count(const std::string& tag) {
    GetRequest request;
    request.selection = by_where(eq("tag", tag));
    request.include = {};
    return must(api().get(context_, docs_, request)).records.ids.size();
  }

  const Context context_;
  std::unique_ptr<TestSystem> system_;
  CollectionRef docs_;
};

template <class F>
std::vector<std::thread> threads(int n, F work) {
  std::vector<std::thread> started;
  for (int i = 0; i < n; ++i) started.emplace_back(work, i);
  return started;
}
void join(std::vector<std::thread>& started) {
  for (std::thread& thread : started) thread.join();
}

TEST_F(ApiConcurrency, WritersReadTheirOwnWritesAndReadersSeeWholeBatches) {
  std::atomic<int> running = kWriters;
  auto writers = threads(kWriters, [&](int writer) {
    for (int i = 0; i < kBatches; ++i) {
      const std::string tag = std::to_string(writer) + "-" + std::to_string(i);
      EXPECT_OK(api().write(context_, docs_, tagged(tag)));
      EXPECT_EQ(tagged_count(tag), static_cast<uint64_t>(kGroup));
    }
    --running;
  });
  auto readers = threads(2, [&](int) {
    uint64_t before = 0;
    while (running > 0) {
      const uint64_t now = must(api().count(context_, docs_, ReadLevel::index_and_wal));
      EXPECT_EQ(now % kGroup, 0U) << "part of a batch";
      EXPECT_GE(now, before);
      before = now;
      std::map<std::string, int> groups;
      for (const auto& metadata : must(api().get(context_, docs_, get_all())).records.metadatas)
        ++groups[std::get<std::string>(*metadata->find("tag"))];
      for (const auto& [tag, size] : groups) EXPECT_EQ(size, kGroup) << tag;
      (void)must(api().query(context_, docs_, query_of({{0, 1}}, 20)));
    }
  });
  join(writers);
  join(readers);
  EXPECT_EQ(must(api().count(context_, docs_, ReadLevel::index_and_wal)),
            uint64_t{kWriters} * kBatches * kGroup);
}

// Selection and removal are one step: what is deleted by a filter matched it when it was deleted.
TEST_F(ApiConcurrency, DeleteByFilterIsAtomicAgainstUpserts) {
  // Upserts move all of a group between "red" and "blue"; deletes of "red" then remove all of a
  // group or none of it, and nothing that is "blue" ever goes.
  const auto painted = [](const std::string& colour) {
    std::vector<Row> rows;
    for (int i = 0; i < kGroup; ++i) {
      rows.push_back(
          {.id = std::to_string(i), .vector = {1, 2}, .metadata = Metadata{{"colour", colour}}});
    }
    return batch_of(Operation::upsert, rows);
  };
  std::atomic<int> running = 2;
  std::atomic<uint64_t> reds = 0;
  std::atomic<uint64_t> deleted = 0;
  auto writers = threads(2, [&](int) {
    for (int i = 0; i < 100; ++i) {
      EXPECT_OK(api().write(context_, docs_, painted("red")));
      ++reds;
      EXPECT_OK(api().write(context_, docs_, painted("blue")));
    }
    --running;
  });
  auto deleters = threads(2, [&](int) {
    while (running > 0) {
      const uint64_t gone =
          must(api().delete_records(context_, docs_, delete_of(by_where(eq("colour", "red")))))
              .deleted;
      EXPECT_TRUE(gone == 0 || gone == kGroup) << gone;
      deleted += gone;
    }
  });
  join(writers);
  join(deleters);
  EXPECT_LE(deleted, reds * kGroup);
  // The last write painted everything blue, and blue is never deleted.
  EXPECT_EQ(must(api().count(context_, docs_, ReadLevel::index_and_wal)),
            static_cast<uint64_t>(kGroup));
}

TEST_F(ApiConcurrency, OneDimensionWinsAmongFirstWriters) {
  for (int round = 0; round < 10; ++round) {
    const CollectionRef fresh = make("fresh" + std::to_string(round));
    std::atomic<int> accepted = 0;
    auto writers = threads(4, [&](int writer) {
      const std::vector<float> vector(static_cast<size_t>(writer + 1), 1.0F);
      const auto wrote =
          api().write(context_, fresh,
                      batch_of(Operation::add, {{.id = std::to_string(writer), .vector = vector}}));
      accepted += wrote.ok();
      if (!wrote.ok()) {
        EXPECT_THAT(wrote.error().message(), testing::HasSubstr("dimension"));
      }
    });
    join(writers);
    EXPECT_EQ(accepted, 1);
    EXPECT_EQ(must(api().count(context_, fresh, ReadLevel::index_and_wal)), 1U);
  }
}

TEST_F(ApiConcurrency, OneOfManyCreatorsWins) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> created = 0;
    std::array<Uuid, 4> got{};
    auto creators = threads(4, [&](int i) {
      CreateCollection request;
      request.name = "race" + std::to_string(round);
      request.get_or_create = i % 2 == 0;
      const auto made = api().create_collection(context_, DatabasePath(), request);
      if (made.ok()) got[static_cast<size_t>(i)] = made->id;
      if (!made.ok()) {
        EXPECT_EQ(made.error().code(), Code::already_exists);
      }
      created += made.ok();
    });
    join(creators);
    EXPECT_GE(created, 2);
    std::set<Uuid> distinct(got.begin(), got.end());
    distinct.erase(Uuid());
    EXPECT_EQ(distinct.size(), 1U);
  }
}

TEST_F(ApiConcurrency, DroppedCollectionGivesNotFoundToWhoeverIsAtIt) {
  for (int round = 0; round < 20; ++round) {
    const std::string name = "doomed" + std::to_string(round);
    const CollectionRef doomed = make(name);
    auto users = threads(4, [&](int user) {
      for (int i = 0; i < 100; ++i) {
        const std::string tag = std::to_string(user) + "-" + std::to_string(i);
        const auto wrote = api().write(context_, doomed, tagged(tag));
        const auto read = api().query(context_, doomed, query_of({{0, 1}}));
        if (!read.ok()) {
          EXPECT_EQ(read.error().code(), Code::not_found) << read.error().message();
        }
        if (wrote.ok()) continue;
        EXPECT_EQ(wrote.error().code(), Code::not_found) << wrote.error().message();
        break;
      }
    });
    EXPECT_OK(api().delete_collection(context_, DatabasePath(), name));
    join(users);
    const auto gone = api().count(context_, doomed, ReadLevel::index_and_wal);
    ASSERT_FALSE(gone.ok());
    EXPECT_EQ(gone.error().code(), Code::not_found);
  }
}

/// On disk, where a drop removes what others are reading and writing.
class ApiConcurrencyOnDisk : public ApiConcurrency {
 protected:
  void SetUp() override {
    system_ = must(make_local_api(directory_.path()));
    ASSERT_TRUE(system_);
  }
  void TearDown() override { system_.reset(); }

 private:
  const TemporaryDirectory directory_;
};

TEST_F(ApiConcurrencyOnDisk, UpkeepOfADroppedCollectionIsNotFound) {
  for (int round = 0; round < 30; ++round) {
    const std::string name = "doomed" + std::to_string(round);
    const CollectionRef doomed = make(name);
    EXPECT_OK(api().write(context_, doomed, tagged("first")));
    auto users = threads(3, [&](int user) {
      for (int i = 0;; ++i) {
        const std::string tag = std::to_string(user) + "-" + std::to_string(i);
        Status done = user == 2 ? api().close_collection(context_, doomed) : ok_status();
        if (const auto wrote = api().write(context_, doomed, tagged(tag)); !wrote.ok())
          done = wrote.error();
        if (done.ok())
          done = user == 0 ? api().flush(context_, doomed) : api().compact(context_, doomed);
        if (done.ok()) continue;
        EXPECT_EQ(done.error().code(), Code::not_found) << done.error().message();
        return;
      }
    });
    for (int i = 0; i < round % 4; ++i) EXPECT_OK(api().compact(context_, doomed));
    EXPECT_OK(api().delete_collection(context_, DatabasePath(), name));
    join(users);
  }
}

TEST_F(ApiConcurrency, KeysNotedAtOnceAreAllInTheSchema) {
  EXPECT_OK(api().write(context_, docs_, tagged("first")));
  auto writers = threads(kWriters, [&](int writer) {
    const std::string key = "key" + std::to_string(writer);
    EXPECT_OK(
        api().write(context_, docs_,
                    batch_of(Operation::add,
                             {{.id = key, .vector = {1, 2}, .metadata = Metadata{{key, true}}}})));
  });
  join(writers);
  const Collection collection = must(api().get_collection_by_id(context_, docs_));
  for (int i = 0; i < kWriters; ++i)
    EXPECT_EQ(collection.schema.keys.count("key" + std::to_string(i)), 1U);
}

}  // namespace
}  // namespace viridian::conformance
