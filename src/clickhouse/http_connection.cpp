#include "clickhouse/http_connection.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace viridian::clickhouse {
namespace {

using Clock = HttpConnection::Clock;

/// Bytes of an error's text that are kept.
constexpr size_t kTextBytes = 64 << 10;
/// How often it is looked whether the caller is still there: a context says nothing by itself.
constexpr std::chrono::milliseconds kTick{20};
constexpr long kBufferBytes = 512L << 10;
/// A machine that answers at all answers sooner.
constexpr long kConnectTimeoutMs = 5000;

struct EasyCleanup {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiCleanup {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListCleanup {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// libcurl's own global state: once for the process, before any thread needs it.
bool curl_ready() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready;
}

bool is_header(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + ('a' - 'A')) : b);
         });
}

Code code_of(CURLcode result) {
  switch (result) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return Code::failed_precondition;
    default:
      return Code::unavailable;
  }
}

}  // namespace

class HttpConnection::Impl {
 public:
  ~Impl() { end(); }
  Status open(const HttpEndpoint& endpoint);
  Status begin(const HttpRequest& request, HttpSink sink);
  Result<bool> run(const Patience& patience, const std::function<bool()>& enough);
  void resume() { curl_easy_pause(easy_.get(), CURLPAUSE_CONT); }

  HttpAnswer answer_;
  uint64_t sent_ = 0;
  bool reusable_ = false;
  Clock::time_point last_used_ = Clock::now();

 private:
  static size_t on_header(char* data, size_t size, size_t count, void* self);
  static size_t on_body(char* data, size_t size, size_t count, void* self);
  static size_t on_upload(char* data, size_t size, size_t count, void* self);
  static int on_rewind(void* self, curl_off_t offset, int origin);
  void header(std::string_view line);
  size_t body(std::string_view bytes);
  Status wait(const Patience& patience);
  Result<bool> finished();
  Error failed(Code code, std::string_view why) const;
  void end();

  std::string address_;
  std::unique_ptr<curl_slist, ListCleanup> headers_;
  std::unique_ptr<CURL, EasyCleanup> easy_;
  std::unique_ptr<CURLM, MultiCleanup> multi_;  // goes first: it holds the connection
  char error_[CURL_ERROR_SIZE] = {};
  HttpSink sink_;
  std::string_view upload_;
  bool repeatable_ = false;
  bool running_ = false;
  bool no_memory_ = false;  ///< for what was to be taken
  Clock::time_point last_byte_;
};

Status HttpConnection::Impl::open(const HttpEndpoint& endpoint) {
  address_ = endpoint.address;
  if (curl_ready()) {
    easy_.reset(curl_easy_init());
    multi_.reset(curl_multi_init());
  }
  if (!easy_ || !multi_) return Error(Code::internal, "libcurl cannot be used on this machine");
  // An empty value takes a header out that libcurl would add: its "Expect" costs a round trip.
  std::vector<std::string> lines = endpoint.headers;
  lines.emplace_back("Expect:");
  lines.emplace_back("Content-Type: application/octet-stream");
  for (const std::string& line : lines) {
    curl_slist* const longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) return Error(Code::resource_exhausted, "no memory for HTTP headers");
    static_cast<void>(headers_.release());
    headers_.reset(longer);
  }
  CURL* const easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // whatever the environment says
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Impl::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Impl::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, &Impl::on_upload);
  curl_easy_setopt(easy, CURLOPT_READDATA, this);
  curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &Impl::on_rewind);
  curl_easy_setopt(easy, CURLOPT_SEEKDATA, this);
  if (!endpoint.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, endpoint.ca_file.c_str());
  return ok_status();
}

Status HttpConnection::Impl::begin(const HttpRequest& request, HttpSink sink) {
  end();
  answer_ = HttpAnswer();
  sent_ = 0;
  reusable_ = false;
  no_memory_ = false;
  error_[0] = '\0';
  sink_ = std::move(sink);
  upload_ = request.body;
  repeatable_ = request.repeatable;
  last_byte_ = Clock::now();
  CURL* const easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_URL, (address_ + "/?" + request.parameters).c_str());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(upload_.size()));
  if (curl_multi_add_handle(multi_.get(), easy) != CURLM_OK)
    return Error(Code::internal, "libcurl does not begin a request");
  running_ = true;
  return ok_status();
}

void HttpConnection::Impl::end() {
  if (running_) curl_multi_remove_handle(multi_.get(), easy_.get());
  running_ = false;
  last_used_ = Clock::now();
}

size_t HttpConnection::Impl::on_header(char* data, size_t size, size_t count, void* self) {
  static_cast<Impl*>(self)->header(std::string_view(data, size * count));
  return size * count;
}

// No exception may pass through libcurl's functions, which are C.
size_t HttpConnection::Impl::on_body(char* data, size_t size, size_t count, void* self) {
  Impl& impl = *static_cast<Impl*>(self);
  try {
    return impl.body(std::string_view(data, size * count));
  } catch (...) {
    impl.no_memory_ = true;
    return 0;
  }
}

size_t HttpConnection::Impl::on_upload(char* data, size_t size, size_t count, void* self) {
  Impl& impl = *static_cast<Impl*>(self);
  const size_t n = std::min(size * count, impl.upload_.size() - impl.sent_);
  if (n > 0) std::memcpy(data, impl.upload_.data() + impl.sent_, n);
  impl.sent_ += n;
  impl.last_byte_ = Clock::now();
  return n;
}

/// Called before a request is sent once more.
int HttpConnection::Impl::on_rewind(void* self, curl_off_t offset, int origin) {
  Impl& impl = *static_cast<Impl*>(self);
  if (!impl.repeatable_ || origin != SEEK_SET || offset != 0) return CURL_SEEKFUNC_FAIL;
  impl.sent_ = 0;
  return CURL_SEEKFUNC_OK;
}

void HttpConnection::Impl::header(std::string_view line) {
  last_byte_ = Clock::now();
  if (line.starts_with("HTTP/")) {  // also of each answer before the last one, such as 100
    answer_ = HttpAnswer();
    return;
  }
  if (is_header(line, "content-length") || is_header(line, "transfer-encoding"))
    answer_.framed = true;
  if (!is_header(line, "x-clickhouse-exception-code")) return;
  const size_t digit = line.find_first_of("0123456789");
  if (digit == std::string_view::npos) return;
  std::from_chars(line.data() + digit, line.data() + line.size(), answer_.exception_code);
}

size_t HttpConnection::Impl::body(std::string_view bytes) {
  if (answer_.status == 0) curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &answer_.status);
  size_t took = bytes.size();
  if (answer_.good()) {
    switch (sink_(bytes)) {
      case Taken::yes:
        break;
      case Taken::later:
        return CURL_WRITEFUNC_PAUSE;
      case Taken::never:
        took = 0;
        break;
    }
  } else if (answer_.text.size() < kTextBytes) {
    answer_.text.append(bytes.substr(0, kTextBytes - answer_.text.size()));
  }
  answer_.bytes += took;
  last_byte_ = Clock::now();  // after the sink, which may have waited
  return took;
}

Error HttpConnection::Impl::failed(Code code, std::string_view why) const {
  return Error(code, fmt::format("ClickHouse at {}: {}", address_, why));
}

/// Waits for the network, no longer than the caller may want to.
Status HttpConnection::Impl::wait(const Patience& patience) {
  if (patience.stopping.load(std::memory_order_relaxed))
    return failed(Code::unavailable, "this process is stopping");
  if (const Status status = patience.context.check(); !status.ok())
    return failed(status.error().code(), status.error().message());
  const Clock::time_point now = Clock::now();
  const Clock::time_point silent = last_byte_ + patience.silence;
  if (now >= silent) {
    return failed(Code::unavailable,
                  fmt::format("no byte for {} ms (clickhouse.timeout_ms); whether it did what was "
                              "asked is not known",
                              patience.silence.count()));
  }
  Clock::time_point until = std::min(silent, now + kTick);
  if (patience.context.deadline()) until = std::min(until, *patience.context.deadline());
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(until - now);
  curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(std::max<int64_t>(timeout.count(), 1)),
                  nullptr);
  return ok_status();
}

Result<bool> HttpConnection::Impl::run(const Patience& patience,
                                       const std::function<bool()>& enough) {
  while (true) {
    int running = 0;
    if (const CURLMcode code = curl_multi_perform(multi_.get(), &running); code != CURLM_OK) {
      end();
      return failed(Code::internal, curl_multi_strerror(code));
    }
    if (running == 0) return finished();
    if (enough()) return false;
    if (Status status = wait(patience); !status.ok()) {
      end();
      return std::move(status).error();
    }
  }
}

Result<bool> HttpConnection::Impl::finished() {
  CURLcode result = CURLE_OK;
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg == CURLMSG_DONE) result = message->data.result;
  }
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &answer_.status);
  end();
  if (no_memory_) {
    return failed(Code::unavailable,
                  "there is no memory here for its answer; whether it did what was asked is not "
                  "known");
  }
  if (result != CURLE_OK) {
    const std::string_view said = error_[0] != '\0' ? error_ : curl_easy_strerror(result);
    return failed(code_of(result), fmt::format("{} (libcurl {})", said, static_cast<int>(result)));
  }
  if (!answer_.framed && answer_.status == 200)
    return failed(Code::unavailable, "the answer does not say where it ends");
  reusable_ = true;
  return true;
}

HttpConnection::HttpConnection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpConnection::~HttpConnection() = default;

Result<std::unique_ptr<HttpConnection>> HttpConnection::create(const HttpEndpoint& endpoint) {
  auto impl = std::make_unique<Impl>();
  VIRIDIAN_TRY_VOID(impl->open(endpoint));
  return std::make_unique<HttpConnection>(std::move(impl));
}

Status HttpConnection::begin(const HttpRequest& request, HttpSink sink) {
  return impl_->begin(request, std::move(sink));
}
Result<bool> HttpConnection::run(const Patience& patience, const std::function<bool()>& enough) {
  return impl_->run(patience, enough);
}
void HttpConnection::resume() { impl_->resume(); }
const HttpAnswer& HttpConnection::answer() const noexcept { return impl_->answer_; }
uint64_t HttpConnection::sent() const noexcept { return impl_->sent_; }
bool HttpConnection::reusable() const noexcept { return impl_->reusable_; }
Clock::time_point HttpConnection::last_used() const noexcept { return impl_->last_used_; }

}  // namespace viridian::clickhouse
