#include "http/tls.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <utility>

namespace viridian::http {
namespace {

/// Where systems keep the certificates that they trust, if not where OpenSSL was built to look:
/// it may have come from another system, within a wheel.
constexpr std::array kSystemBundles = {
    "/etc/ssl/certs/ca-certificates.crt",  // Debian, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",    // Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",              // openSUSE
    "/etc/ssl/cert.pem",                   // BSD
};

// OpenSSL's own sockets would raise SIGPIPE, which ends a process that has a library in it.
int send_bytes(BIO* bio, const char* data, int size) {
  const int socket = static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio)));
  BIO_clear_retry_flags(bio);
  const ssize_t n = ::send(socket, data, static_cast<size_t>(size), MSG_NOSIGNAL);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(n);
}

int receive_bytes(BIO* bio, char* data, int size) {
  const int socket = static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio)));
  BIO_clear_retry_flags(bio);
  const ssize_t n = ::recv(socket, data, static_cast<size_t>(size), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(n);
}

long control(BIO* /*bio*/, int command, long /*number*/, void* /*data*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

struct FreeMethod {
  void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
};
using Method = std::unique_ptr<BIO_METHOD, FreeMethod>;

Method make_method() {
  Method method(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket"));
  if (!method || BIO_meth_set_write(method.get(), &send_bytes) != 1 ||
      BIO_meth_set_read(method.get(), &receive_bytes) != 1 ||
      BIO_meth_set_ctrl(method.get(), &control) != 1) {
    return nullptr;
  }
  return method;
}

Error no_memory() { return Error(Code::resource_exhausted, "OpenSSL has no memory for TLS"); }

/// Trusts what the system trusts. SSL_CERT_FILE and SSL_CERT_DIR say otherwise, as for OpenSSL.
void trust_system(SSL_CTX* context) {
  SSL_CTX_set_default_verify_paths(context);
  std::error_code ignored;  // "cannot tell" is treated as "not there"
  if (std::filesystem::exists(X509_get_default_cert_file(), ignored) ||
      std::filesystem::exists(X509_get_default_cert_dir(), ignored)) {
    return;
  }
  for (const char* bundle : kSystemBundles) {
    if (SSL_CTX_load_verify_file(context, bundle) == 1) return;
  }
}

Status trust(SSL_CTX* context, const TlsOptions& options) {
  if (!options.verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    return ok_status();
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (options.ca_file.empty()) {
    trust_system(context);
    return ok_status();
  }
  // A server's own certificate may be named too, and then is enough.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  std::error_code ignored;
  const bool directory = std::filesystem::is_directory(options.ca_file, ignored);
  const int loaded = directory ? SSL_CTX_load_verify_dir(context, options.ca_file.c_str())
                               : SSL_CTX_load_verify_file(context, options.ca_file.c_str());
  if (loaded == 1) return ok_status();
  return Error(Code::invalid_argument,
               fmt::format("client.ca_file: there is no certificate in {}", options.ca_file));
}

std::string why_untrusted(long reason) {
  switch (reason) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "it is for another name";
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "it has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "it is not valid yet; is the clock of this machine right?";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "nobody vouches for it whom this client trusts; client.ca_file names a file of "
             "certificates to trust";
    default:
      return X509_verify_cert_error_string(reason);
  }
}

/// Has the certificate checked against an address or a name, and names wanted names to the server.
bool expect_host(SSL* ssl, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  const bool is_address = ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
                          ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
  X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl);
  if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size()) == 1 &&
         SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void TlsSession::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

Result<std::shared_ptr<const TlsContext>> TlsContext::create(const TlsOptions& options) {
  Handle context(SSL_CTX_new(TLS_client_method()));
  if (!context) return no_memory();
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // Each call sends one record at most, so what it says it sent is what it sent.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  constexpr std::array<unsigned char, 9> kProtocol = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  if (SSL_CTX_set_alpn_protos(context.get(), kProtocol.data(), kProtocol.size()) != 0) {
    return no_memory();
  }
  VIRIDIAN_TRY_VOID(trust(context.get(), options));
  return std::shared_ptr<const TlsContext>(std::make_shared<TlsContext>(std::move(context)));
}

Result<std::unique_ptr<TlsSession>> TlsContext::session(int socket, const std::string& host,
                                                        const std::string& where) const {
  static const Method method = make_method();
  TlsSession::Handle ssl(SSL_new(context_.get()));
  BIO* const bio = method ? BIO_new(method.get()) : nullptr;
  if (!ssl || bio == nullptr) {
    BIO_free(bio);
    return no_memory();
  }
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(socket)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);  // takes it
  if (!expect_host(ssl.get(), host)) {
    return Error(Code::invalid_argument, fmt::format("\"{}\" cannot be a server's name", host));
  }
  SSL_set_connect_state(ssl.get());
  return std::make_unique<TlsSession>(std::move(ssl), where);
}

TlsSession::~TlsSession() {
  // So that the server need not ask itself whether something was cut off. Not waited for.
  if (shaken_ && !spent_) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

Result<Transfer> TlsSession::handshake() {
  ERR_clear_error();
  Result<Transfer> outcome = this->outcome(SSL_do_handshake(ssl_.get()), 0);
  shaken_ = outcome.ok() && outcome->wait == 0;
  return outcome;
}

Result<Transfer> TlsSession::send(std::string_view bytes) {
  ERR_clear_error();
  size_t sent = 0;
  const int returned = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent);
  return outcome(returned, sent);
}

Result<Transfer> TlsSession::receive(std::span<char> room) {
  ERR_clear_error();
  size_t received = 0;
  const int returned = SSL_read_ex(ssl_.get(), room.data(), room.size(), &received);
  return outcome(returned, received);
}

bool TlsSession::quiet() {
  // What can be read may be TLS's own, such as tickets for later connections.
  ERR_clear_error();
  char byte = 0;
  size_t seen = 0;
  const int returned = SSL_peek_ex(ssl_.get(), &byte, 1, &seen);
  const Result<Transfer> found = outcome(returned, seen);
  return found.ok() && found->bytes == 0 && found->wait == POLLIN;
}

Result<Transfer> TlsSession::outcome(int returned, size_t bytes) {
  if (returned == 1) return Transfer{bytes, 0};
  const int reason = SSL_get_error(ssl_.get(), returned);
  switch (reason) {
    case SSL_ERROR_WANT_READ:
      return Transfer{0, POLLIN};
    case SSL_ERROR_WANT_WRITE:
      return Transfer{0, POLLOUT};
    case SSL_ERROR_ZERO_RETURN:
      if (shaken_) return Transfer{};
      break;
    default:
      break;
  }
  spent_ = true;
  return failure(reason);
}

Error TlsSession::failure(int reason) const {
  if (const long untrusted = SSL_get_verify_result(ssl_.get());
      !shaken_ && untrusted != X509_V_OK) {
    return Error(Code::failed_precondition, fmt::format("the certificate of {} is not trusted: {}",
                                                        where_, why_untrusted(untrusted)));
  }
  const unsigned long error = ERR_peek_error();
  if (reason == SSL_ERROR_SSL && ERR_GET_LIB(error) == ERR_LIB_SSL &&
      (ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER ||
       ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST)) {
    return Error(Code::unavailable, fmt::format("{} does not speak TLS", where_));
  }
  const char* const said = error == 0 ? nullptr : ERR_reason_error_string(error);
  return Error(Code::unavailable, fmt::format("the TLS connection to {} {}: {}", where_,
                                              shaken_ ? "broke" : "could not be made",
                                              said == nullptr ? "the server closed it" : said));
}

}  // namespace viridian::http
