#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "conformance/segments_holder.h"
#include "property/segment_workload.h"

namespace viridian::conformance {
namespace {

struct Parameters {
  SegmentsHolder::Kind kind;
  uint64_t seed;
};

/// A server that shares everything but its memory with others, and the lease with all of them.
struct Server {
  std::unique_ptr<SingleLeases> leases;
  std::unique_ptr<segment::Manager> manager;
};

class CachedProperty : public testing::TestWithParam<Parameters> {
 protected:
  static constexpr size_t kServers = 3;

  CachedProperty() {
    holder_.options().seal_bytes = 4096;  // caches make files of what is written
    holder_.options().merge_bytes_per_second = uint64_t{1} << 30;
    for (size_t i = 0; i < kServers; ++i) servers_.push_back(start());
  }

  Server start() {
    Server made;
    made.leases = std::make_unique<SingleLeases>(holder_.lease());
    made.manager = holder_.cache(*made.leases);
    EXPECT_TRUE(made.manager->start(context_).ok());
    return made;
  }
  Server& any() { return servers_[static_cast<size_t>(generator_.below(kServers))]; }

  void write() {
    RecordBatch batch = generator_.batch();
    oracle_.apply(batch);
    holder_.append(id_, std::move(batch));
  }
  /// The server that was first here may go on believing that it is the holder.
  void take_over() { any().leases->take(); }
  /// Succeeds for the holder only. Now and then the SysDb fails, before or after.
  void compact() {
    Server& server = any();
    const int fault = generator_.below(4);
    if (fault == 0) holder_.sysdb().fail_publish(FaultySysDb::Fault::before);
    if (fault == 1) holder_.sysdb().fail_publish(FaultySysDb::Fault::after);
    const Status done = generator_.below(3) == 0 ? server.manager->compact(context_, id_)
                                                 : server.manager->seal(context_, id_);
    holder_.sysdb().fail_publish(FaultySysDb::Fault::none);
    if (done.ok()) return;
    const Code code = done.error().code();
    EXPECT_TRUE(code == Code::aborted || (fault < 2 && code == Code::unavailable))
        << done.error().message();
  }
  void check(Server& server) {
    const auto last = holder_.log().last(context_, id_);
    ASSERT_TRUE(last.ok());
    const auto view = server.manager->pin(context_, id_, *last);
    ASSERT_TRUE(view.ok()) << view.error().message();
    Check(**view, oracle_, Space::l2).everything(generator_);
  }

  Context context_;
  SegmentsHolder holder_{GetParam().kind};
  Generator generator_{GetParam().seed};
  CollectionId id_ = holder_.make_collection();
  SegmentOracle oracle_;
  std::vector<Server> servers_;
};

// Servers that write in turn, lose the lease without noticing, fail in the middle of a compaction,
// drop what they cached and start anew: each always answers as a map would.
TEST_P(CachedProperty, EveryServerAnswersAsAMapWould) {
  for (int step = 0; step < 150; ++step) {
    const int choice = generator_.below(20);
    if (choice < 8) {
      write();
    } else if (choice < 12) {
      compact();
    } else if (choice < 14) {
      take_over();
    } else if (choice == 14) {
      ASSERT_TRUE(any().manager->close(context_, id_).ok());
    } else if (choice == 15) {
      Server& server = any();
      server.manager.reset();
      server = start();
    } else {
      check(any());
    }
    if (HasFatalFailure() || HasNonfatalFailure()) FAIL() << "at step " << step;
  }
  for (Server& server : servers_) check(server);
}

std::vector<Parameters> parameters() {
  std::vector<Parameters> all;
  for (uint64_t seed = 0; seed < 20; ++seed) all.push_back({SegmentsHolder::Kind::cached, seed});
  if (ClickHouseServer::missing().empty())
    for (uint64_t seed = 0; seed < 3; ++seed)
      all.push_back({SegmentsHolder::Kind::clickhouse, seed});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Seeds, CachedProperty, testing::ValuesIn(parameters()),
                         [](const auto& made) {
                           return SegmentsHolder::name_of(made.param.kind) +
                                  std::to_string(made.param.seed);
                         });

}  // namespace
}  // namespace viridian::conformance
