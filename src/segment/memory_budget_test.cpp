#include "segment/memory_budget.h"

#include <gtest/gtest.h>

#include <thread>

namespace viridian::segment {
namespace {

using Account = MemoryBudget::Account;

Status nothing() { return ok_status(); }

TEST(MemoryBudget, SharesAreOfThoseThatHaveBytes) {
  MemoryBudget budget(1000);
  Account idle(budget), small(budget), large(budget);
  large.set(900);
  EXPECT_FALSE(large.over_share());
  small.set(200);
  EXPECT_TRUE(budget.over_limit());
  EXPECT_TRUE(large.over_share());
  EXPECT_FALSE(small.over_share());
  large.set(0);
  EXPECT_EQ(budget.total(), 200u);
  {
    Account passing(budget);
    passing.set(5000);
    EXPECT_TRUE(budget.over_limit());
  }
  EXPECT_EQ(budget.total(), 200u);
}

TEST(MemoryBudget, OnlyWhoIsOverItsShareWaits) {
  MemoryBudget budget(1000);
  Account small(budget), large(budget), fresh(budget);
  large.set(2000);
  small.set(100);
  const Context late = Context::with_timeout(std::chrono::milliseconds(-1));
  EXPECT_TRUE(budget.wait_for_room(late, small, 1'000'000, nothing).ok());
  EXPECT_TRUE(budget.wait_for_room(late, fresh, 1'000'000, nothing).ok());
  const Status waited = budget.wait_for_room(late, large, 1, nothing);
  ASSERT_FALSE(waited.ok());
  EXPECT_EQ(waited.error().code(), Code::deadline_exceeded);
}

TEST(MemoryBudget, WaitEndsWhenBytesAreGivenBack) {
  MemoryBudget budget(1000);
  Account large(budget);
  large.set(2000);
  int asked = 0;
  std::thread sealer;
  const Status waited = budget.wait_for_room(Context(), large, 10, [&]() -> Status {
    if (asked++ == 0) sealer = std::thread([&] { large.set(0); });
    return ok_status();
  });
  sealer.join();
  EXPECT_TRUE(waited.ok());
  EXPECT_GE(asked, 1);
}

TEST(MemoryBudget, WaitEndsWhenThereIsNoHelp) {
  MemoryBudget budget(1000);
  Account large(budget);
  large.set(2000);
  const Status waited = budget.wait_for_room(Context(), large, 10, [] {
    return Status(Error(Code::resource_exhausted, "the disk is full"));
  });
  ASSERT_FALSE(waited.ok());
  EXPECT_EQ(waited.error().code(), Code::resource_exhausted);
}

}  // namespace
}  // namespace viridian::segment
