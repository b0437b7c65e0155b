#pragma once
/// What every Api must do, whoever implements it: include this in one source file of a test
/// program, and name the factories at hand:
///
///   namespace viridian::conformance {
///   VIRIDIAN_INSTANTIATE_API_SUITE(Mem, mem_factory());
///   }
///
/// The tests use the Api interface only, so they run in process and over a connection.
#include "conformance/api_suite_collections.h"
#include "conformance/api_suite_filters.h"
#include "conformance/api_suite_hostile_filters.h"
#include "conformance/api_suite_maintenance.h"
#include "conformance/api_suite_names.h"
#include "conformance/api_suite_plans.h"
#include "conformance/api_suite_reads.h"
#include "conformance/api_suite_values.h"
#include "conformance/api_suite_writes.h"

/// Runs the part of the suite that is about snapshots, for those that offer them.
#define VIRIDIAN_INSTANTIATE_API_SNAPSHOT_SUITE(prefix, ...)                             \
  INSTANTIATE_TEST_SUITE_P(prefix, ApiSnapshotConformance, testing::Values(__VA_ARGS__), \
                           factory_name)

/// Runs all else with these factories (ApiFactory).
#define VIRIDIAN_INSTANTIATE_API_SUITE(prefix, ...)                                             \
  INSTANTIATE_TEST_SUITE_P(prefix, ApiConformance, testing::Values(__VA_ARGS__), factory_name); \
  INSTANTIATE_TEST_SUITE_P(prefix, ApiFilterConformance, testing::Values(__VA_ARGS__),          \
                           factory_name);                                                       \
  INSTANTIATE_TEST_SUITE_P(prefix, ApiPlanConformance, testing::Values(__VA_ARGS__),            \
                           factory_name);                                                       \
  INSTANTIATE_TEST_SUITE_P(prefix, ApiHostileFilterConformance, testing::Values(__VA_ARGS__),   \
                           factory_name);                                                       \
  INSTANTIATE_TEST_SUITE_P(prefix, ApiValueConformance, testing::Values(__VA_ARGS__),           \
                           factory_name);                                                       \
  INSTANTIATE_TEST_SUITE_P(prefix, ApiTextConformance, testing::Values(__VA_ARGS__), factory_name)
