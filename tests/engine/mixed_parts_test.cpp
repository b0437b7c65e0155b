#include <gtest/gtest.h>

#include "engine/test_system.h"
#include "viridian/spi/api.h"

namespace viridian::conformance {
namespace {

// Segments in memory used to trim whatever log they stood on, also one that was the only durable
// copy: the records were gone after a restart.
TEST(MixedParts, SegmentsInMemoryOverALogOnDiskLoseNothing) {
  const TemporaryDirectory directory;
  Settings settings = local_settings(directory.path());
  settings.set("segment_manager", "mem::SegmentManager");
  auto system = TestSystem::start(settings);
  ASSERT_TRUE(system.ok()) << system.error().message();
  const Context context;
  Api* api = &(*system)->api();
  CreateCollection request;
  request.name = "kept";
  const auto created = api->create_collection(context, DatabasePath(), request);
  ASSERT_TRUE(created.ok()) << created.error().message();
  RecordBatch batch;
  batch.ids = {"a", "b"};
  batch.embeddings = {1, {1.0F, 2.0F}};
  const CollectionRef ref{DatabasePath(), created->id};
  ASSERT_TRUE(api->write(context, ref, batch).ok());
  const auto before = api->count(context, ref, ReadLevel::index_and_wal);
  ASSERT_TRUE(before.ok()) << before.error().message();
  EXPECT_EQ(*before, 2U);
  const Status reopened = (*system)->reopen();
  ASSERT_TRUE(reopened.ok()) << reopened.error().message();
  const auto after = (*system)->api().count(context, ref, ReadLevel::index_and_wal);
  ASSERT_TRUE(after.ok()) << after.error().message();
  EXPECT_EQ(*after, 2U);
}

}  // namespace
}  // namespace viridian::conformance
