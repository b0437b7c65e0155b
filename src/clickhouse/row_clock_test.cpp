#include "clickhouse/row_clock.h"

#include <gtest/gtest.h>

namespace viridian::clickhouse {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Times = RowClock::Times;

constexpr seconds kNow{1'800'000'000};

TEST(RowClock, IsTheMachinesUntilAServerSaysMore) {
  RowClock clock;
  EXPECT_EQ(clock.seconds(Times{kNow, hours(5)}), kNow.count());
  clock.learn(static_cast<uint32_t>((kNow - hours(1)).count()), Times{kNow, hours(5)});
  EXPECT_EQ(clock.seconds(Times{kNow, hours(5)}), kNow.count());
}

// A row that goes into a day which is being dropped is lost, acknowledged or not.
TEST(RowClock, OfAMachineThatIsDaysBehindIsThatOfTheServer) {
  RowClock clock;
  const seconds behind = kNow - hours(72);
  clock.learn(static_cast<uint32_t>(kNow.count()), Times{behind, hours(5)});
  EXPECT_EQ(clock.seconds(Times{behind + seconds(10), hours(5) + seconds(10)}), kNow.count() + 10);
  // Somebody sets it back further; then right.
  EXPECT_EQ(clock.seconds(Times{behind - hours(24), hours(6)}), (kNow + hours(1)).count());
  EXPECT_EQ(clock.seconds(Times{kNow + hours(2), hours(6)}), (kNow + hours(2)).count());
}

TEST(RowClock, GoesByTheServerThatIsFurthestOn) {
  RowClock clock;
  clock.learn(static_cast<uint32_t>(kNow.count()), Times{seconds(0), hours(5)});
  clock.learn(static_cast<uint32_t>((kNow - hours(48)).count()), Times{seconds(0), hours(5)});
  EXPECT_EQ(clock.seconds(Times{seconds(0), hours(5)}), kNow.count());
}

}  // namespace
}  // namespace viridian::clickhouse
