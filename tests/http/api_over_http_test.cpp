// The suite of every Api, through a real server and a real client over the loopback interface. The
// engine stands on the plainest parts: what is tested is the way there and back.
#include "component/thread_pool.h"
#include "conformance/api_suite.h"
#include "engine/api.h"
#include "engine/naive_parts.h"
#include "http/api_client.h"
#include "http/server.h"
#include "sysdb/mem_sysdb.h"

namespace viridian::conformance {
namespace {

class ServedApi final : public ApiUnderTest {
 public:
  static Result<std::unique_ptr<ApiUnderTest>> make(bool allow_reset) {
    auto made = std::make_unique<ServedApi>(allow_reset);
    VIRIDIAN_TRY_VOID(made->start());
    return std::unique_ptr<ApiUnderTest>(std::move(made));
  }
  explicit ServedApi(bool allow_reset)
      : engine_({sysdb_, log_, log_, segments_},
                {.allow_reset = allow_reset, .max_batch_size = 5461, .cpus = 2}) {}
  ~ServedApi() override {
    client_.reset();
    server_.stop();
    pool_.stop();
  }
  Api& api() override { return *client_; }

 private:
  Status start() {
    VIRIDIAN_TRY_VOID(pool_.start(Context()));
    VIRIDIAN_TRY_VOID(server_.start(Context()));
    VIRIDIAN_TRY(http::ServerUrl url, http::parse_server_url(server_.url()));
    client_ = std::make_unique<http::ApiClient>(std::move(url), std::chrono::seconds(20));
    return ok_status();
  }

  mem::SysDb sysdb_;
  NaiveLog log_;
  NaiveSegments segments_{sysdb_, log_};
  engine::Api engine_;
  ThreadPool pool_{2, 4096};
  obs::Metrics metrics_;
  http::Server server_{engine_, pool_, metrics_, {}, ""};
  std::unique_ptr<http::ApiClient> client_;
};

ApiFactory served_factory(bool allow_reset) {
  return {allow_reset ? "WithReset" : "WithoutReset", allow_reset,
          [=] { return ServedApi::make(allow_reset); }};
}

}  // namespace

VIRIDIAN_INSTANTIATE_API_SUITE(OverHttp, served_factory(false), served_factory(true));

}  // namespace viridian::conformance
