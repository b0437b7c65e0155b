#include "http/test_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace viridian::http {

TestClient::TestClient(uint16_t port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  timeval limit{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    socket_ = -1;
  }
}
TestClient::~TestClient() {
  if (socket_ >= 0) ::close(socket_);
}
TestClient::TestClient(TestClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), pending_(std::move(other.pending_)) {}

bool TestClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

void TestClient::finish_sending() { ::shutdown(socket_, SHUT_WR); }

bool TestClient::receive() {
  char chunk[16 * 1024];
  const ssize_t n = ::recv(socket_, chunk, sizeof chunk, 0);
  if (n <= 0) return false;
  pending_.append(chunk, static_cast<size_t>(n));
  return true;
}

bool TestClient::at_end() { return pending_.empty() && !receive(); }

RawResponse TestClient::read_response(bool has_body) {
  RawResponse response;
  size_t end = 0;
  while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
    if (!receive()) return response;
  }
  const std::string head = pending_.substr(0, end + 2);
  pending_.erase(0, end + 4);
  size_t line = head.find("\r\n") + 2;
  while (line < head.size()) {
    const size_t stop = head.find("\r\n", line);
    const size_t colon = head.find(": ", line);
    std::string name = head.substr(line, colon - line);
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    response.headers[name] = head.substr(colon + 2, stop - colon - 2);
    line = stop + 2;
  }
  const int status = std::atoi(head.c_str() + sizeof "HTTP/1.1");
  const auto length = response.headers.find("content-length");
  if (has_body && length != response.headers.end()) {
    const size_t size = std::stoul(length->second);
    while (pending_.size() < size) {
      if (!receive()) return response;
    }
    response.body = pending_.substr(0, size);
    pending_.erase(0, size);
  }
  response.status = status;
  return response;
}

RawResponse exchange(uint16_t port, std::string_view request) {
  TestClient client(port);
  if (!client.connected() || !client.send(request)) return {};
  return client.read_response();
}

}  // namespace viridian::http
