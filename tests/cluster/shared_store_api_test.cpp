// The suite of every Api against two whole servers over a real ClickHouse, put together by class
// name as the programs do it, each call to a random one. What one is not the holder for goes to the
// other one over HTTP.
#include <mutex>
#include <random>

#include "cluster/forwarding_api.h"
#include "conformance/api_suite.h"
#include "conformance/clickhouse_server.h"
#include "conformance/postgres_server.h"
#include "http/server.h"
#include "http/transport.h"
#include "library/builtins.h"

namespace viridian::conformance {
namespace {

/// One server of the program.
class WholeServer {
 public:
  static Result<std::unique_ptr<WholeServer>> start(const Settings& settings) {
    // Servers tell each other their ports before they listen: another program may be quicker.
    Result<std::unique_ptr<WholeServer>> started = start_once(settings);
    for (int again = 0; again < 5 && !started && is_taken(started.error()); ++again)
      started = start_once(settings);
    return started;
  }
  explicit WholeServer(Settings settings) : system_(builtins(), std::move(settings)) {}
  ~WholeServer() { system_.stop(); }
  WholeServer(const WholeServer&) = delete;
  WholeServer& operator=(const WholeServer&) = delete;
  Api& api() { return *api_; }

 private:
  static bool is_taken(const Error& error) { return error.code() == Code::failed_precondition; }
  static Result<std::unique_ptr<WholeServer>> start_once(Settings settings) {
    VIRIDIAN_TRY(const uint16_t port, http::free_port("127.0.0.1"));
    settings.set("server.port", std::to_string(port));
    settings.set("executor.threads", "4");
    auto made = std::make_unique<WholeServer>(std::move(settings));
    VIRIDIAN_TRY_VOID(made->system_.require<http::Server>());
    VIRIDIAN_TRY(made->api_, made->system_.require<Api>());
    VIRIDIAN_TRY_VOID(made->system_.start(Context::with_timeout(std::chrono::minutes(1))));
    return made;
  }

  System system_;
  Api* api_ = nullptr;
};

class TwoWholeServers final : public ApiUnderTest, private ForwardingApi {
 public:
  static Result<std::unique_ptr<ApiUnderTest>> make(const Settings& settings) {
    auto made = std::make_unique<TwoWholeServers>();
    for (auto& server : made->servers_) {
      VIRIDIAN_TRY(server, WholeServer::start(settings));
    }
    return std::unique_ptr<ApiUnderTest>(std::move(made));
  }
  Api& api() override { return *this; }

 private:
  Result<Api*> route(const Context&, std::string_view) override {
    const std::lock_guard lock(mutex_);
    return &servers_[random_() % 2]->api();
  }

  std::mutex mutex_;
  std::mt19937 random_{20261121};
  std::unique_ptr<WholeServer> servers_[2];
};

ApiFactory shared(const std::string& name, bool allow_reset, bool postgres) {
  return {
      name, allow_reset, [=]() -> Result<std::unique_ptr<ApiUnderTest>> {
        ClickHouseServer* const store = ClickHouseServer::shared();
        Settings settings = store->settings();
        const std::string catalogue =
            postgres ? PostgresServer::shared()->new_database() : std::string();
        VIRIDIAN_TRY_VOID(apply_settings(settings, clickhouse_settings(store->url(), catalogue)));
        settings.set("allow_reset", allow_reset ? "true" : "false");
        // No part of this is about servers that are late, as they are on a busy machine.
        settings.set("lease.ttl_ms", "60000");
        return TwoWholeServers::make(settings);
      }};
}

std::vector<ApiFactory> factories() {
  std::vector<ApiFactory> list;
  if (!ClickHouseServer::missing().empty()) return list;
  list.push_back(shared("ClickHouseWithReset", true, false));
  if (PostgresServer::missing().empty()) list.push_back(shared("Postgres", false, true));
  return list;
}

/// Says why there is nothing to see.
TEST(SharedStoreApi, HasWhatItNeeds) {
  SKIP_WITHOUT_CLICKHOUSE();
  SKIP_WITHOUT_POSTGRES();
}

/// What a server says that others would not reach.
std::string refusal_of(std::initializer_list<std::pair<std::string, std::string>> with) {
  auto loaded = config::load({});
  if (!loaded) return loaded.error().message();
  Settings settings = std::move(loaded->settings);
  auto applied = apply_settings(settings, clickhouse_settings("http://127.0.0.1:1", ""));
  if (!applied) return applied.error().message();
  for (const auto& [key, value] : with) settings.set(key, value);
  System system(builtins(), std::move(settings));
  const auto made = system.require<Api>();
  return made ? "" : made.error().message();
}

TEST(SharedStoreApi, AddressesWithoutMeaningForOthersAreRefused) {
  EXPECT_THAT(refusal_of({{"server.host", "0.0.0.0"}}), testing::HasSubstr("set node.url"));
  EXPECT_THAT(refusal_of({{"server.port", "0"}}), testing::HasSubstr("set node.url"));
}

INSTANTIATE_TEST_SUITE_P(SharedStore, ApiConformance, testing::ValuesIn(factories()), factory_name);
INSTANTIATE_TEST_SUITE_P(SharedStore, ApiFilterConformance, testing::ValuesIn(factories()),
                         factory_name);
INSTANTIATE_TEST_SUITE_P(SharedStore, ApiHostileFilterConformance, testing::ValuesIn(factories()),
                         factory_name);
INSTANTIATE_TEST_SUITE_P(SharedStore, ApiPlanConformance, testing::ValuesIn(factories()),
                         factory_name);
INSTANTIATE_TEST_SUITE_P(SharedStore, ApiTextConformance, testing::ValuesIn(factories()),
                         factory_name);
INSTANTIATE_TEST_SUITE_P(SharedStore, ApiValueConformance, testing::ValuesIn(factories()),
                         factory_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ApiConformance);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ApiFilterConformance);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ApiHostileFilterConformance);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ApiPlanConformance);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ApiTextConformance);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ApiValueConformance);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ApiSnapshotConformance);

}  // namespace
}  // namespace viridian::conformance
