// The short form of the crash simulator: ./dev soak crash is the long one.
#include "crash/crash_simulator.h"

#include <gtest/gtest.h>

namespace viridian::crash {
namespace {

TEST(CrashSimulator, NothingAcknowledgedIsLostHoweverThePowerGoes) {
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    const Report report = CrashSimulator({.seed = seed, .calls = 40}, {}).run();
    EXPECT_EQ(report.failures(), 0U) << report.first_failure;
    EXPECT_GT(report.points, 1000U);
  }
}

}  // namespace
}  // namespace viridian::crash
