#include "segment/clickhouse_images.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "conformance/clickhouse_client.h"
#include "conformance/clickhouse_server.h"

namespace viridian::clickhouse {
namespace {

using conformance::ClickHouseClient;
using segment::Place;

CollectionId in_slot(uint8_t slot) {
  CollectionId id = Uuid::random();
  id.bytes.back() = slot;
  return id;
}

// A replica that is frozen lets a load wait for the whole timeout.
TEST(ClickHouseImages, LoadsBeginWithAReplicaThatAnsweredLast) {
  SKIP_WITHOUT_CLICKHOUSE();
  ClickHouseServer& server = *ClickHouseServer::shared();
  Settings settings = server.settings();
  settings.set("clickhouse.url", fmt::format("{},http://localhost:{},{}", server.url(),
                                             server.port(), ClickHouseServer::url_of_nobody()));
  ClickHouseClient client(settings);
  const Images images(client.client(), 1);
  // Collections share the replicas out, of which the third one has not answered at the start.
  std::set<uint32_t> firsts;
  for (uint8_t slot = 0; slot < 6; ++slot) firsts.insert(images.copy_for({in_slot(slot), 0}, 0));
  EXPECT_EQ(firsts, (std::set<uint32_t>{0, 1}));
  for (uint8_t slot = 0; slot < 6; ++slot) {
    const Place place{in_slot(slot), 0};
    std::set<uint32_t> tried;
    for (uint32_t attempt = 0; attempt < 3; ++attempt)
      tried.insert(images.copy_for(place, attempt));
    EXPECT_EQ(tried, (std::set<uint32_t>{0, 1})) << "one may lack something";
    // And if both do, for good, the third one may be back.
    for (uint32_t attempt = 6; attempt < 9; ++attempt)
      tried.insert(images.copy_for(place, attempt));
    EXPECT_TRUE(tried.contains(2));
  }
}

// As the images of a few records with large documents are.
TEST(ClickHouseImages, MoreThanAnInsertTakesIsWrittenInSeveral) {
  SKIP_WITHOUT_CLICKHOUSE();
  ClickHouseClient client(ClickHouseServer::shared()->settings());
  Images images(client.client(), 1);
  const Place place{Uuid::random(), 0};
  constexpr uint64_t kRows = 5;
  const size_t size = Client::kBlockBytes / 3;
  segment::Images written;
  for (uint64_t row = 0; row < kRows; ++row) {
    written.offsets.push_back(row);
    written.seqs.push_back(row + 1);
    written.deleted.push_back(0);
    written.flags.push_back(segment::Images::kHasVector | segment::Images::kHasDocument);
    written.ids.push_back("id" + std::to_string(row));
    written.vectors.insert(written.vectors.end(), row + 1, static_cast<float>(row));
    written.vector_ends.push_back(written.vectors.size());
    written.metadata.push_back("");
    written.documents.push_back(std::string(size, static_cast<char>('a' + row)));
    written.uris.push_back("uri" + std::to_string(row));
  }
  const Status done = images.write(Context(), place, std::move(written));
  ASSERT_TRUE(done.ok()) << done.error().message();
  std::set<uint64_t> seen;
  const auto take = [&](segment::Images& found) {
    for (size_t i = 0; i < found.rows(); ++i) {
      const uint64_t row = found.offsets[i];
      seen.insert(row);
      EXPECT_EQ(found.seqs[i], row + 1);
      EXPECT_EQ(found.ids[i], "id" + std::to_string(row));
      EXPECT_EQ(found.uris[i], "uri" + std::to_string(row));
      EXPECT_EQ(found.documents[i].size(), size);
      EXPECT_EQ(found.documents[i].front(), static_cast<char>('a' + row));
      const uint64_t begin = i == 0 ? 0 : found.vector_ends[i - 1];
      EXPECT_EQ(found.vector_ends[i] - begin, row + 1);
      EXPECT_EQ(found.vectors[begin], static_cast<float>(row));
    }
    return ok_status();
  };
  const Status loaded = images.load(Context(), place, 0, {0, kRows}, kRows, take);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_EQ(seen.size(), kRows);
}

}  // namespace
}  // namespace viridian::clickhouse
