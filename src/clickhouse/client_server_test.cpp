#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <new>
#include <random>
#include <thread>

#include "clickhouse/client.h"
#include "clickhouse/literal.h"
#include "clickhouse/native.h"
#include "clickhouse/test_blocks.h"
#include "clickhouse/test_client.h"
#include "tests/conformance/clickhouse_server.h"

namespace viridian::clickhouse {
namespace {

/// A client with a database of its own on the program's server.
class ClientServer : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_CLICKHOUSE();
    client_ = TestClient::start(ClickHouseServer::shared()->settings());
  }
  void TearDown() override {
    if (client_) execute("DROP DATABASE " + database());
  }
  const std::string& database() const { return client_->database(); }
  /// A table with one column of each type, in the order in which rows were inserted.
  void make_table() {
    execute("CREATE TABLE " + database() +
            ".every (u8 UInt8, u16 UInt16, u32 UInt32, u64 UInt64, uuid UUID, s String,"
            " v Array(Float32), t DateTime) ENGINE = Memory");
  }
  void execute(const std::string& sql) {
    const Status status = client_->execute(context_, {}, sql);
    EXPECT_TRUE(status.ok()) << status.error().message();
  }
  void insert(std::string_view table, const Block& block) {
    const Status status = client_->insert(context_, {}, table, block);
    EXPECT_TRUE(status.ok()) << status.error().message();
  }
  Result<Block> read_back() {
    return client_->select(context_, {},
                           "SELECT u8, u16, u32, u64, uuid, s, v, t FROM " + database() + ".every",
                           every_type());
  }

  Context context_;
  TestClient client_;
};

TEST_F(ClientServer, EveryTypeComesBackBitForBit) {
  make_table();
  std::mt19937_64 random(1);
  for (const size_t rows : {size_t{1}, size_t{3}, size_t{1000}}) {
    const Block block = random_block(random, rows);
    execute("TRUNCATE TABLE " + database() + ".every");
    insert("every", block);
    const auto back = read_back();
    ASSERT_TRUE(back.ok()) << back.error().message();
    EXPECT_TRUE(same_bits(block, *back)) << rows;
  }
}

// More than what is taken before there is a thread for the network.
TEST_F(ClientServer, StreamThatCannotBeTakenEndsAndNothingElse) {
  const auto stream = [&] {
    return client_->stream(context_, {}, "SELECT number FROM system.numbers LIMIT 20000000",
                           {{"number", std::vector<uint64_t>()}},
                           [](Block&) -> Status { throw std::bad_alloc(); });
  };
  EXPECT_THROW((void)stream(), std::bad_alloc);
  EXPECT_TRUE(
      client_->select(context_, {}, "SELECT toUInt8(1) AS n", {{"n", std::vector<uint8_t>()}})
          .ok());
}

TEST_F(ClientServer, NoRowsAreNoRows) {
  make_table();
  insert("every", Block{every_type()});
  const auto back = read_back();
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(back->rows(), 0U);
  EXPECT_EQ(back->columns, every_type());
}

TEST_F(ClientServer, AFullBlockIsInsertedAndOneRowMoreIsRefused) {
  make_table();
  std::mt19937_64 random(2);
  Block block = random_block(random, 0);
  auto& numbers = block.get<std::vector<uint64_t>>(3);
  block.columns = {{"u64", std::move(numbers)}};
  for (uint64_t i = 0; i < Client::kBlockRows; ++i)
    block.get<std::vector<uint64_t>>(0).push_back(i * i);
  insert("every", block);
  const auto back = client_->select(
      context_, {}, "SELECT u64 FROM " + database() + ".every ORDER BY u64", block.columns);
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(*back, block);
  block.get<std::vector<uint64_t>>(0).push_back(1);
  EXPECT_EQ(client_->insert(context_, {}, "every", block).error().code(), Code::invalid_argument);
}

TEST_F(ClientServer, FloatsKeepTheirBits) {
  execute("CREATE TABLE " + database() + ".f (v Array(Float32)) ENGINE = Memory");
  FloatArrays arrays;
  for (const uint32_t bits : {0x80000000U, 0x7F800000U, 0xFF800000U, 0x7FC00000U, 0x7FC12345U,
                              0xFFFFFFFFU, 0x00000001U, 0x7F7FFFFFU})
    arrays.values.push_back(std::bit_cast<float>(bits));
  arrays.ends = {0, 3, 3, 8};
  const Block block{{{"v", arrays}}};
  insert("f", block);
  const auto back =
      client_->select(context_, {}, "SELECT v FROM " + database() + ".f", block.columns);
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_TRUE(same_bits(block, *back));
}

TEST_F(ClientServer, AnyBytesCanBeStoredAndWrittenAsLiterals) {
  execute("CREATE TABLE " + database() + ".s (n UInt8, s String) ENGINE = Memory");
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const StringColumn strings = {"",
                                std::string_view("\0", 1),
                                all,
                                "' OR 1 = 1 --",
                                "\\",
                                "\\'",
                                "\"`; DROP TABLE s; --",
                                "\xFF\xFE\xC0",
                                "é%20\n\t",
                                "{a:b}?",
                                std::string(1 << 20, 'x')};
  Block block{{{"n", std::vector<uint8_t>()}, {"s", strings}}};
  for (size_t i = 0; i < strings.size(); ++i)
    block.get<std::vector<uint8_t>>(0).push_back(static_cast<uint8_t>(i));
  insert("s", block);
  // A statement is at most 256 KiB long, so the last one cannot be asked for.
  for (size_t i = 0; i + 1 < strings.size(); ++i) {
    const auto found = client_->select(
        context_, {}, "SELECT n, s FROM " + database() + ".s WHERE s = " + literal(strings[i]),
        block.columns);
    ASSERT_TRUE(found.ok()) << i << ": " << found.error().message();
    ASSERT_EQ(found->rows(), 1U) << i;
    EXPECT_EQ(found->get<std::vector<uint8_t>>(0)[0], i);
    EXPECT_EQ(found->get<StringColumn>(1)[0], strings[i]);
  }
  const auto longest = client_->select(
      context_, {}, "SELECT n, s FROM " + database() + ".s WHERE length(s) > 1000", block.columns);
  ASSERT_TRUE(longest.ok()) << longest.error().message();
  ASSERT_EQ(longest->rows(), 1U);
  EXPECT_EQ(longest->get<StringColumn>(1)[0], strings[strings.size() - 1]);
}

TEST_F(ClientServer, UuidLiteralsFindTheirRows) {
  make_table();
  std::mt19937_64 random(3);
  const Block block = random_block(random, 20);
  insert("every", block);
  const Uuid wanted = block.get<std::vector<Uuid>>(4)[7];
  const auto found = client_->select(context_, {},
                                     "SELECT uuid, toString(uuid) AS text FROM " + database() +
                                         ".every WHERE uuid = " + literal(wanted),
                                     {{"uuid", std::vector<Uuid>()}, {"text", StringColumn()}});
  ASSERT_TRUE(found.ok()) << found.error().message();
  ASSERT_EQ(found->rows(), 1U);
  EXPECT_EQ(found->get<std::vector<Uuid>>(0)[0], wanted);
  EXPECT_EQ(found->get<StringColumn>(1)[0], wanted.to_string());
}

TEST_F(ClientServer, OddNamesAreIdentifiers) {
  const std::string name = "a `b`\\ 'c\" -- d";
  execute("CREATE TABLE " + database() + ".odd (" + identifier(name) + " UInt8) ENGINE = Memory");
  const Block block{{{name, std::vector<uint8_t>{7}}}};
  insert("odd", block);
  const auto back = client_->select(
      context_, {}, "SELECT " + identifier(name) + " FROM " + database() + ".odd", block.columns);
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(*back, block);
}

TEST_F(ClientServer, AStreamHandsOnEveryRowOnce) {
  constexpr uint64_t kRows = 3'000'000;
  uint64_t rows = 0;
  uint64_t sum = 0;
  size_t blocks = 0;
  const Status status = client_->stream(
      context_, {}, "SELECT number FROM system.numbers LIMIT " + std::to_string(kRows),
      {{"number", std::vector<uint64_t>()}}, [&](Block& block) {
        for (const uint64_t number : block.get<std::vector<uint64_t>>(0)) sum += number;
        rows += block.rows();
        ++blocks;
        return ok_status();
      });
  ASSERT_TRUE(status.ok()) << status.error().message();
  EXPECT_EQ(rows, kRows);
  EXPECT_EQ(sum, kRows * (kRows - 1) / 2);
  EXPECT_GT(blocks, 2U);
}

TEST_F(ClientServer, AStreamEndsWithItsTakersError) {
  const Status status =
      client_->stream(context_, {}, "SELECT number FROM system.numbers LIMIT 5000000",
                      {{"number", std::vector<uint64_t>()}},
                      [](Block&) -> Status { return Error(Code::resource_exhausted, "enough"); });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message(), "enough");
  execute("SELECT 1");
}

/// How many queries with this mark run on the server, itself left out.
uint64_t running(Client& client, const std::string& mark) {
  const auto found =
      client.select(Context(), {},
                    "SELECT count() AS n FROM system.processes WHERE query LIKE " +
                        literal("%" + mark + "%") + " AND query NOT LIKE '%system.processes%'",
                    {{"n", std::vector<uint64_t>()}});
  return found.ok() ? found->get<std::vector<uint64_t>>(0)[0] : 0;
}

TEST_F(ClientServer, ACancelledStreamEndsOnTheServerToo) {
  if (ClickHouseServer::engine()) GTEST_SKIP() << "the engine alone runs one query after the other";
  const std::string mark = "mark" + Uuid::random().to_string();
  Context context;
  bool ran = false;
  const Status status =
      client_->stream(context, {}, "SELECT number FROM system.numbers WHERE '" + mark + "' != ''",
                      {{"number", std::vector<uint64_t>()}}, [&](Block&) {
                        ran = running(*client_, mark) == 1;
                        context.cancel();
                        return ok_status();
                      });
  ASSERT_FALSE(status.ok());
  EXPECT_TRUE(ran);
  EXPECT_EQ(status.error().code(), Code::cancelled);
  while (running(*client_, mark) > 0) std::this_thread::yield();
}

TEST_F(ClientServer, ADeadlineEndsASlowQuery) {
  if (ClickHouseServer::engine()) GTEST_SKIP() << "the engine alone cannot be interrupted";
  const Context context = Context::with_timeout(std::chrono::milliseconds(100));
  const auto slow =
      client_->select(context, {}, "SELECT sleep(3) AS z", {{"z", std::vector<uint8_t>()}});
  ASSERT_FALSE(slow.ok());
  EXPECT_EQ(slow.error().code(), Code::deadline_exceeded) << slow.error().message();
}

TEST_F(ClientServer, ErrorsAreWhatTheCallerDoesNext) {
  struct Case {
    std::string sql;
    Code code;
    int number;
  };
  const std::string table = database() + ".record_log";
  const Case cases[] = {
      {"SELECT 1 FROM " + database() + ".nothing", Code::not_found, 60},
      {"SELECT 1 FROM nowhere_at_all.nothing", Code::not_found, 81},
      {"SELECT nothing FROM " + table, Code::not_found, 47},
      {"THIS IS NO STATEMENT", Code::invalid_argument, 62},
      {"CREATE TABLE " + table + " (a UInt8) ENGINE = Memory", Code::already_exists, 57},
      {"CREATE DATABASE " + database(), Code::already_exists, 82},
      {"SELECT nonsense(1)", Code::invalid_argument, 46},
  };
  for (const Case& is : cases) {
    const Status status = client_->execute(context_, {}, is.sql);
    ASSERT_FALSE(status.ok()) << is.sql;
    EXPECT_EQ(status.error().code(), is.code) << status.error().message();
    EXPECT_EQ(server_code(status.error()), is.number) << status.error().message();
  }
}

TEST_F(ClientServer, AnErrorInTheMiddleOfAStreamIsTheServersError) {
  uint64_t rows = 0;
  const Status status = client_->stream(
      context_, {},
      "SELECT number, throwIf(number = 2000000) AS z FROM system.numbers LIMIT 3000000",
      {{"number", std::vector<uint64_t>()}, {"z", std::vector<uint8_t>()}}, [&](Block& block) {
        rows += block.rows();
        return ok_status();
      });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(server_code(status.error()), 395) << status.error().message();
  EXPECT_LE(rows, 2'000'000U);
}

TEST_F(ClientServer, AResultOfAnotherShapeIsRefused) {
  const Shape number = {{"n", std::vector<uint64_t>()}};
  for (const char* sql :
       {"SELECT 1 AS n", "SELECT toUInt64(1) AS m", "SELECT toUInt64(1) AS n, 2 AS m"}) {
    const auto found = client_->select(context_, {}, sql, number);
    ASSERT_FALSE(found.ok()) << sql;
    EXPECT_EQ(found.error().code(), Code::data_loss) << found.error().message();
  }
}

TEST_F(ClientServer, ManyThreadsShareTheConnections) {
  make_table();
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 24; ++thread) {
    threads.emplace_back([this, thread] {
      for (uint64_t i = 0; i < 5; ++i) {
        const Block block{{{"u64", std::vector<uint64_t>{thread * 5 + i}}}};
        insert("every", block);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto sum = client_->select(
      context_, {}, "SELECT count() AS n, sum(u64) AS s FROM " + database() + ".every",
      {{"n", std::vector<uint64_t>()}, {"s", std::vector<uint64_t>()}});
  ASSERT_TRUE(sum.ok()) << sum.error().message();
  EXPECT_EQ(sum->get<std::vector<uint64_t>>(0)[0], 120U);
  EXPECT_EQ(sum->get<std::vector<uint64_t>>(1)[0], 119U * 120 / 2);
}

TEST_F(ClientServer, AReplicaThatIsAwayAtTheStartIsPreparedWhenItIsFirstUsed) {
  ClickHouseServer second;
  second.kill();
  Settings settings = second.settings();
  settings.set("clickhouse.url", ClickHouseServer::shared()->url() + "," + second.url());
  const TestClient both = TestClient::start(settings);
  ASSERT_EQ(both->replicas(0), 2U);
  const Node away{0, 1};
  EXPECT_EQ(both->execute(context_, away, "SELECT 1").error().code(), Code::unavailable);
  EXPECT_FALSE(both->knows(away, "max_threads"));
  second.start();
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < 6; ++i) {
    threads.emplace_back([&both, away, i] {
      const Block row{{{"version", std::vector<uint64_t>{i}}}};
      const Status status = both->insert(Context(), away, "sysdb_log", row);
      EXPECT_TRUE(status.ok()) << status.error().message();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(both->knows(away, "max_threads"));
  EXPECT_TRUE(both->execute(context_, {}, "DROP DATABASE " + both->database()).ok());
}

TEST_F(ClientServer, AServerThatIsStartedAgainIsUsedAgain) {
  ClickHouseServer own;
  const TestClient client = TestClient::start(own.settings());
  const Block row{{{"version", std::vector<uint64_t>{1}}}};
  ASSERT_TRUE(client->insert(context_, {}, "sysdb_log", row).ok());
  own.kill();
  EXPECT_EQ(client->insert(context_, {}, "sysdb_log", row).error().code(), Code::unavailable);
  own.start();
  const Status again = client->insert(context_, {}, "sysdb_log", row);
  EXPECT_TRUE(again.ok()) << again.error().message();
}

TEST_F(ClientServer, AFrozenServerIsGivenUpAndUsedAgainOnceItGoesOn) {
  ClickHouseServer own;
  Settings settings = own.settings();
  settings.set("clickhouse.timeout_ms", "300");
  const TestClient client = TestClient::start(settings);
  own.freeze();
  EXPECT_EQ(client->execute(context_, {}, "SELECT 1").error().code(), Code::unavailable);
  own.thaw();
  // It may still be busy with what it missed, on a machine that is.
  Status status = client->execute(context_, {}, "SELECT 1");
  for (int i = 0; !status.ok() && i < 20; ++i) status = client->execute(context_, {}, "SELECT 1");
  EXPECT_TRUE(status.ok()) << status.error().message();
}

}  // namespace
}  // namespace viridian::clickhouse
