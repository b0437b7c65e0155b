#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "component/thread_pool.h"
#include "config/keys.h"
#include "http/api_client.h"
#include "http/scripted_api.h"
#include "http/server.h"
#include "os/temporary_directory.h"

namespace viridian::http {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

/// A key, and a certificate that it signed itself.
struct Identity {
  Owned<EVP_PKEY> key;
  Owned<X509> certificate;
};

constexpr long kDay = 24L * 3600;

/// `names` as OpenSSL writes them: "IP:127.0.0.1,DNS:localhost". Valid from a day ago.
Identity make_identity(const char* names, long valid_for = kDay) {
  Identity made{Owned<EVP_PKEY>(EVP_EC_gen("P-256")), Owned<X509>(X509_new())};
  X509* const certificate = made.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), valid_for);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  const Owned<X509_EXTENSION> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names));
  X509_add_ext(certificate, extension.get(), -1);
  EXPECT_GT(X509_sign(certificate, made.key.get(), EVP_sha256()), 0);
  return made;
}

std::string pem(const Identity& identity) {
  BIO* const bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, identity.certificate.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string found(text, static_cast<size_t>(size));
  BIO_free(bio);
  return found;
}

/// Ends TLS before a server that speaks none.
class TlsProxy {
 public:
  TlsProxy(uint16_t server, const Identity& identity)
      : server_(server), context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate(context_.get(), identity.certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), identity.key.get());
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept(); });
  }
  ~TlsProxy() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    close_connections();
    for (std::thread& thread : threads_) thread.join();
    for (const int socket : open_) ::close(socket);
    ::close(listener_);
  }
  TlsProxy(const TlsProxy&) = delete;
  TlsProxy& operator=(const TlsProxy&) = delete;

  uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  void close_connections() {
    const std::scoped_lock lock(mutex_);
    for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
  }
  /// What clients have sent.
  std::string seen() const {
    const std::scoped_lock lock(mutex_);
    return seen_;
  }

 private:
  static sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  void accept() {
    while (true) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      const std::scoped_lock lock(mutex_);
      open_.push_back(socket);
      threads_.emplace_back([this, socket] { serve(socket); });
    }
  }
  void serve(int client) {
    // OpenSSL's own sockets raise it. Only for this thread: the client's are not to.
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    const Owned<SSL> ssl(SSL_new(context_.get()));
    SSL_set_fd(ssl.get(), client);
    if (SSL_accept(ssl.get()) == 1) {
      ++connections_;
      const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_in address = loopback(server_);
      if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        exchange(*ssl, client, server);
      }
      ::close(server);
    }
    ::shutdown(client, SHUT_RDWR);
  }
  void exchange(SSL& ssl, int client, int server) {
    char buffer[16384];
    while (true) {
      pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      if (SSL_pending(&ssl) == 0) ::poll(both, 2, -1);
      if (both[1].revents != 0) {
        const ssize_t n = ::recv(server, buffer, sizeof buffer, 0);
        if (n <= 0 || SSL_write(&ssl, buffer, static_cast<int>(n)) <= 0) return;
      }
      if (both[0].revents != 0 || SSL_pending(&ssl) > 0) {
        const int n = SSL_read(&ssl, buffer, sizeof buffer);
        if (n <= 0) return;
        const std::scoped_lock lock(mutex_);
        seen_.append(buffer, static_cast<size_t>(n));
        if (::send(server, buffer, static_cast<size_t>(n), MSG_NOSIGNAL) != n) return;
      }
    }
  }

  const uint16_t server_;
  const Owned<SSL_CTX> context_;
  const int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  mutable std::mutex mutex_;
  std::list<int> open_;
  std::string seen_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

class ClientTls : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(pool_.start(Context()).ok());
    server_ = std::make_unique<Server>(api_, pool_, metrics_, TransportOptions(), "");
    const Status started = server_->start(Context());
    ASSERT_TRUE(started.ok()) << started.error().message();
  }
  void TearDown() override {
    proxy_.reset();
    server_->stop();
    pool_.stop();
  }
  /// The certificate that the proxy shows is trusted unless a test says otherwise.
  void start_proxy(const Identity& identity) {
    proxy_ = std::make_unique<TlsProxy>(server_->port(), identity);
    settings_.set("client.ca_file", written("ca.pem", pem(identity)));
  }
  std::string written(const std::string& name, const std::string& text) const {
    const std::string path = directory_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  Result<std::unique_ptr<ApiClient>> client(const std::string& host = "127.0.0.1") {
    VIRIDIAN_TRY(const ServerUrl url,
                 parse_server_url("https://" + host + ":" + std::to_string(proxy_->port())));
    VIRIDIAN_TRY(ClientOptions options, client_options(settings_, url));
    return std::make_unique<ApiClient>(url, std::move(options));
  }
  Result<int64_t> ask(const std::string& host = "127.0.0.1") {
    VIRIDIAN_TRY(const auto client, this->client(host));
    return client->heartbeat(Context());
  }

  ScriptedApi api_;
  ThreadPool pool_{2, 64};
  obs::Metrics metrics_;
  std::unique_ptr<Server> server_;
  os::TemporaryDirectory directory_;
  Settings settings_ = config::defaults();
  std::unique_ptr<TlsProxy> proxy_;
};

TEST_F(ClientTls, ACertificateThatIsTrustedIsEnough) {
  start_proxy(make_identity("IP:127.0.0.1,DNS:localhost"));
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const auto answer = ask(host);
    EXPECT_TRUE(answer.ok()) << host << ": " << answer.error().message();
  }
}

TEST_F(ClientTls, ACertificateOfNobodyKnownIsRefused) {
  start_proxy(make_identity("IP:127.0.0.1"));
  settings_.set("client.ca_file", "");
  const auto answer = ask();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), Code::failed_precondition);
  EXPECT_THAT(answer.error().message(), HasSubstr("nobody vouches for it"));
  settings_.set("client.ca_file", written("other.pem", pem(make_identity("IP:127.0.0.1"))));
  EXPECT_FALSE(ask().ok());
  EXPECT_EQ(proxy_->seen(), "");
}

TEST_F(ClientTls, ACallToAPeerThatIsNotTrustedDidNotHappen) {
  start_proxy(make_identity("DNS:example.org"));
  const auto url = parse_server_url("https://127.0.0.1:" + std::to_string(proxy_->port()));
  ASSERT_TRUE(url.ok());
  auto options = client_options(settings_, *url);
  ASSERT_TRUE(options.ok()) << options.error().message();
  ApiClient client(*url, *std::move(options), ApiClient::Peer{"b", {}});
  const auto answer = client.get_tenant(Context(), "t");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), Code::aborted);
}

TEST_F(ClientTls, ACertificateForAnotherNameIsRefused) {
  start_proxy(make_identity("DNS:example.org,IP:127.0.0.2"));
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const auto answer = ask(host);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code(), Code::failed_precondition);
    EXPECT_THAT(answer.error().message(), HasSubstr("it is for another name"));
  }
  EXPECT_EQ(proxy_->seen(), "");
}

TEST_F(ClientTls, ACertificateThatHasExpiredIsRefused) {
  start_proxy(make_identity("IP:127.0.0.1", -3600));
  const auto answer = ask();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), Code::failed_precondition);
  EXPECT_THAT(answer.error().message(), HasSubstr("it has expired"));
}

TEST_F(ClientTls, AnyCertificateDoesWhereNoneIsVerified) {
  start_proxy(make_identity("DNS:example.org", -3600));
  settings_.set("client.ca_file", "");
  settings_.set("client.verify", "false");
  const auto answer = ask();
  EXPECT_TRUE(answer.ok()) << answer.error().message();
}

TEST_F(ClientTls, ManyCallsUseOneConnectionAndOneThatEndedIsReplaced) {
  start_proxy(make_identity("IP:127.0.0.1"));
  const auto client = this->client();
  ASSERT_TRUE(client.ok()) << client.error().message();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE((*client)->heartbeat(Context()).ok());
  EXPECT_EQ(proxy_->connections(), 1);
  proxy_->close_connections();
  const auto again = (*client)->heartbeat(Context());
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(proxy_->connections(), 2);
}

TEST_F(ClientTls, LargeBodiesTravelBothWays) {
  start_proxy(make_identity("IP:127.0.0.1"));
  const auto client = this->client();
  ASSERT_TRUE(client.ok()) << client.error().message();
  RecordBatch batch;
  batch.ids = {"a"};
  batch.embeddings.dim = 1;
  batch.embeddings.values = {1.0F};
  batch.documents.push_back(std::string(4 << 20, 'x'));
  const auto written = (*client)->write(Context(), {{}, Uuid::random()}, batch);
  ASSERT_TRUE(written.ok()) << written.error().message();
  EXPECT_EQ(written->last, 42u);
  api_.failure = Error(Code::not_found, std::string(4 << 20, 'y'));
  const auto refused = (*client)->get_tenant(Context(), "t");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message().size(), size_t{4} << 20);
}

TEST_F(ClientTls, HeadersOfOnesOwnAreSent) {
  start_proxy(make_identity("IP:127.0.0.1"));
  settings_.set("client.headers", "Authorization: Bearer abc\nx-chroma-token:  d \n");
  const auto answer = ask();
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  EXPECT_THAT(proxy_->seen(), HasSubstr("\r\nAuthorization: Bearer abc\r\nx-chroma-token: d\r\n"));
}

TEST_F(ClientTls, WhatSpeaksNoTlsIsSaidToSpeakNone) {
  const auto url = parse_server_url("https://127.0.0.1:" + std::to_string(server_->port()));
  ASSERT_TRUE(url.ok());
  auto options = client_options(settings_, *url);
  ASSERT_TRUE(options.ok()) << options.error().message();
  ApiClient client(*url, *std::move(options));
  const auto answer = client.heartbeat(Context());
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), Code::unavailable);
  EXPECT_THAT(answer.error().message(), HasSubstr("does not speak TLS"));
}

TEST_F(ClientTls, AFileWithoutCertificatesIsRefused) {
  start_proxy(make_identity("IP:127.0.0.1"));
  settings_.set("client.ca_file", written("empty.pem", ""));
  const auto client = this->client();
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().code(), Code::invalid_argument);
}

TEST(ClientHeaders, WhatCouldBeReadAsAnotherHeaderIsRefused) {
  for (const char* bad : {"no colon", ": no name", "a b: c", "a\r: b", "a: b\rc: d", "a: b\x01",
                          "Content-Length: 5", "transfer-encoding: chunked"}) {
    const auto headers = parse_headers(bad);
    ASSERT_FALSE(headers.ok()) << bad;
    EXPECT_EQ(headers.error().code(), Code::invalid_argument);
  }
  const auto secret = parse_headers("authorization: hidden\x7f");
  ASSERT_FALSE(secret.ok());
  EXPECT_THAT(secret.error().message(), Not(HasSubstr("hidden")));
  const auto good = parse_headers("\na: b: c\n\nd:\n");
  ASSERT_TRUE(good.ok()) << good.error().message();
  EXPECT_EQ(*good, (Headers{{"a", "b: c"}, {"d", ""}}));
}

TEST(ServerUrls, AnAddressHasASchemeAHostAPortAndAPrefix) {
  const auto plain = parse_server_url("http://example.org");
  ASSERT_TRUE(plain.ok());
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->port, 80);
  const auto tls = parse_server_url("https://[::1]:8443/a/b/");
  ASSERT_TRUE(tls.ok());
  EXPECT_TRUE(tls->tls);
  EXPECT_EQ(tls->host, "::1");
  EXPECT_EQ(tls->authority(), "[::1]:8443");
  EXPECT_EQ(tls->prefix, "/a/b");
  EXPECT_EQ(parse_server_url("https://example.org/x")->port, 443);
  for (const char* bad : {"ftp://a", "https://", "https://a/b c", "https://a/b\r\nc: d",
                          "https://a/b?c", "https://user:secret@a"}) {
    const auto url = parse_server_url(bad);
    ASSERT_FALSE(url.ok()) << bad;
    EXPECT_THAT(url.error().message(), Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace viridian::http
