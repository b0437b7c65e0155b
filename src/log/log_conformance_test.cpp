#include "conformance/log_suite.h"
#include "log/local_log.h"
#include "log/mem_log.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"

namespace viridian::conformance {
namespace {

class MemLog final : public LogUnderTest {
 public:
  Producer& producer() override { return log_; }
  Consumer& consumer() override { return log_; }
  bool reopen() override { return false; }

 private:
  mem::Log log_;
};

class LocalLog final : public LogUnderTest {
 public:
  explicit LocalLog(const local::Log::Options& options) : options_(options) { reopen(); }
  Producer& producer() override { return *log_; }
  Consumer& consumer() override { return *log_; }
  bool reopen() override {
    log_.reset();
    auto opened = local::Log::open(files_, os::join(directory_.path(), "log"), options_);
    EXPECT_TRUE(opened.ok()) << opened.error().message();
    log_ = *std::move(opened);
    return true;
  }

 private:
  const local::Log::Options options_;
  os::TemporaryDirectory directory_;
  os::RealFiles files_;
  std::unique_ptr<local::Log> log_;
};

LogFactory local_factory(std::string name, const local::Log::Options& options) {
  return {std::move(name), [options] { return std::make_unique<LocalLog>(options); }};
}

INSTANTIATE_TEST_SUITE_P(Mem, LogConformance,
                         testing::Values(LogFactory{"log",
                                                    [] { return std::make_unique<MemLog>(); }}),
                         log_name);
// As it comes; with everything read back from tiny files; with a cache that holds only some.
INSTANTIATE_TEST_SUITE_P(
    Local, LogConformance,
    testing::Values(
        local_factory("as_it_comes", {}),
        local_factory("tiny_files", {.segment_bytes = 2'000, .cache_bytes = 0, .open_files = 1}),
        local_factory("small_cache",
                      {.segment_bytes = 20'000, .cache_bytes = 5'000, .open_files = 2})),
    log_name);

}  // namespace
}  // namespace viridian::conformance
