#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "clickhouse/client.h"
#include "clickhouse/test_client.h"
#include "os/temporary_directory.h"
#include "tests/conformance/clickhouse_server.h"

namespace viridian::clickhouse {
namespace {

/// A server with a certificate that it made itself.
class ClientTls : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_CLICKHOUSE();
    if (ClickHouseServer::engine()) GTEST_SKIP() << "the engine alone has no TLS";
    const std::string make =
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
        " -addext subjectAltName=IP:127.0.0.1 -keyout " +
        directory_.path() + "/key -out " + certificate_ + " >/dev/null 2>&1";
    if (std::system(make.c_str()) != 0) GTEST_SKIP() << "the program openssl is not installed";
    const std::string port = std::to_string(ClickHouseServer::free_port());
    server_ = std::make_unique<ClickHouseServer>(
        "<https_port>" + port + "</https_port><openSSL><server><certificateFile>" + certificate_ +
        "</certificateFile><privateKeyFile>" + directory_.path() +
        "/key</privateKeyFile><verificationMode>none</verificationMode></server></openSSL>");
    settings_ = server_->settings();
    settings_.set("clickhouse.url", "https://127.0.0.1:" + port);
  }

  os::TemporaryDirectory directory_;
  std::string certificate_ = directory_.path() + "/certificate";
  std::unique_ptr<ClickHouseServer> server_;
  Settings settings_;
};

TEST_F(ClientTls, ACertificateThatIsTrustedIsEnough) {
  settings_.set("clickhouse.ca_file", certificate_);
  const TestClient client = TestClient::start(settings_);
  const auto one = client->select(Context(), {}, "SELECT 1 AS a", {{"a", std::vector<uint8_t>()}});
  ASSERT_TRUE(one.ok()) << one.error().message();
  EXPECT_EQ(one->rows(), 1U);
}

TEST_F(ClientTls, ACertificateOfNobodyKnownIsRefused) {
  const TestClient client = TestClient::make(settings_);
  const Status status = client.system().start(Context());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::failed_precondition) << status.error().message();
}

}  // namespace
}  // namespace viridian::clickhouse
