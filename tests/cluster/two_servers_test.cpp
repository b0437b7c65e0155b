// The suite of every Api against two servers over one store, each call to a random one, while slots
// change hands.
#include <atomic>
#include <random>

#include "cluster/cluster_rig.h"
#include "cluster/forwarding_api.h"
#include "conformance/api_suite.h"

namespace viridian::conformance {
namespace {

class TwoServers final : public ApiUnderTest, private ForwardingApi {
 public:
  explicit TwoServers(bool allow_reset, uint32_t hands_over_every)
      : hands_over_every_(hands_over_every) {
    engine::Api::Options options;
    options.allow_reset = allow_reset;
    options.max_batch_size = 5461;
    options.in_memory = true;
    const auto find = [this](const Leases::Holder& server) -> Result<std::shared_ptr<Api>> {
      // Neither outlives this object, so nothing has to keep them.
      return std::shared_ptr<Api>(std::shared_ptr<void>(), &server_at(server.url));
    };
    a_ = std::make_unique<RigServer>(store_, "a", find, cluster::Api::Options(), options);
    b_ = std::make_unique<RigServer>(store_, "b", find, cluster::Api::Options(), options);
    for (uint32_t slot = 0; slot < kSlots; ++slot) store_.table.give(slot, slot % 2 ? "a" : "b");
  }
  Api& api() override { return *this; }

 private:
  Api& server_at(const std::string& url) { return url == "http://a" ? a_->api() : b_->api(); }
  Result<Api*> route(const Context&, std::string_view) override {
    const std::lock_guard lock(mutex_);
    if (hands_over_every_ != 0 && ++calls_ % hands_over_every_ == 0) {
      for (uint32_t slot = 0; slot < kSlots; ++slot)
        store_.table.give(slot, random_() % 2 ? "a" : "b");
    }
    return random_() % 2 ? &a_->api() : &b_->api();
  }

  const uint32_t hands_over_every_;
  std::mutex mutex_;
  std::mt19937 random_{20261121};
  uint32_t calls_ = 0;
  SharedStore store_;
  std::unique_ptr<RigServer> a_;
  std::unique_ptr<RigServer> b_;
};

ApiFactory two_servers(const std::string& name, bool allow_reset, uint32_t hands_over_every) {
  return {name, allow_reset, [=]() -> Result<std::unique_ptr<ApiUnderTest>> {
            return std::unique_ptr<ApiUnderTest>(
                std::make_unique<TwoServers>(allow_reset, hands_over_every));
          }};
}

}  // namespace

VIRIDIAN_INSTANTIATE_API_SUITE(TwoServers, two_servers("Settled", false, 0),
                               two_servers("HandingOver", true, 3));
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ApiSnapshotConformance);

}  // namespace viridian::conformance
