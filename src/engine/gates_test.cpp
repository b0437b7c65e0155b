#include "engine/gates.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace viridian::engine {
namespace {

constexpr Access kAll[] = {Access::read, Access::write, Access::alter, Access::drop};

Context soon() { return Context::with_timeout(std::chrono::milliseconds(1)); }

TEST(Gates, AccessesGoTogetherAsTheyShould) {
  // Rows: who is inside; columns: who comes. Both in the order of kAll.
  const bool together[4][4] = {{true, true, true, false},
                               {true, true, false, false},
                               {true, false, false, false},
                               {false, false, false, false}};
  const Uuid id = Uuid::random();
  for (size_t inside = 0; inside < 4; ++inside) {
    for (size_t coming = 0; coming < 4; ++coming) {
      Gates gates;
      const auto first = gates.enter(Context(), id, kAll[inside]);
      ASSERT_TRUE(first.ok());
      const auto second = gates.enter(together[inside][coming]
                                          ? Context()
                                          : Context::with_timeout(std::chrono::milliseconds(2)),
                                      id, kAll[coming]);
      EXPECT_EQ(second.ok(), together[inside][coming]) << inside << " " << coming;
      if (!second.ok()) {
        EXPECT_EQ(second.error().code(), Code::deadline_exceeded);
      }
    }
  }
}

TEST(Gates, CollectionsDoNotKnowEachOther) {
  Gates gates;
  const auto first = gates.enter(Context(), Uuid::random(), Access::drop);
  const auto second = gates.enter(Context(), Uuid::random(), Access::drop);
  EXPECT_TRUE(first.ok());
  EXPECT_TRUE(second.ok());
}

TEST(Gates, NothingIsKeptOnceEverybodyLeft) {
  Gates gates;
  const Uuid id = Uuid::random();
  {
    const auto first = gates.enter(Context(), id, Access::write);
    const auto second = gates.enter(Context(), id, Access::write);
    EXPECT_EQ(gates.size(), 1U);
    EXPECT_FALSE(gates.enter(soon(), id, Access::alter).ok());
  }
  EXPECT_EQ(gates.size(), 0U);
}

TEST(Gates, WhoGaveUpBlocksNobody) {
  Gates gates;
  const Uuid id = Uuid::random();
  const auto writer = gates.enter(Context(), id, Access::write);
  EXPECT_FALSE(gates.enter(soon(), id, Access::alter).ok());
  EXPECT_FALSE(gates.enter(soon(), id, Access::drop).ok());
  EXPECT_TRUE(gates.enter(Context(), id, Access::write).ok());
  EXPECT_TRUE(gates.enter(Context(), id, Access::read).ok());
}

TEST(Gates, AlterIsAloneAmongWritersAndNobodyStarves) {
  Gates gates;
  const Uuid id = Uuid::random();
  std::atomic<int> writing = 0;
  std::atomic<int> altering = 0;
  std::atomic<int> clashes = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, alters = t < 3] {
      for (int i = 0; i < 2000; ++i) {
        const auto pass = gates.enter(Context(), id, alters ? Access::alter : Access::write);
        auto& mine = alters ? altering : writing;
        ++mine;
        if (alters ? altering != 1 || writing != 0 : altering != 0) ++clashes;
        --mine;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(clashes, 0);
  EXPECT_EQ(gates.size(), 0U);
}

}  // namespace
}  // namespace viridian::engine
