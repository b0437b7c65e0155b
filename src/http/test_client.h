#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace viridian::http {

/// An answer as a test sees it. Header names in lower case.
struct RawResponse {
  int status = 0;  ///< 0: the connection ended first
  std::map<std::string, std::string> headers;
  std::string body;
};

/// A blocking TCP client that sends exactly what it is told. Reads give up after 20 seconds.
class TestClient {
 public:
  explicit TestClient(uint16_t port);
  ~TestClient();
  TestClient(TestClient&& other) noexcept;
  TestClient& operator=(TestClient&&) = delete;
  TestClient(const TestClient&) = delete;

  bool connected() const { return socket_ >= 0; }
  bool send(std::string_view bytes);
  void finish_sending();
  /// The next answer; `has_body` false for the answer to a HEAD.
  RawResponse read_response(bool has_body = true);
  /// True once the server has closed and nothing is left to read.
  bool at_end();

 private:
  bool receive();

  int socket_ = -1;
  std::string pending_;
};

/// One request on a connection of its own.
RawResponse exchange(uint16_t port, std::string_view request);

}  // namespace viridian::http
