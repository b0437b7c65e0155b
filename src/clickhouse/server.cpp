#include "clickhouse/server.h"

#include <fmt/format.h>

#include "clickhouse/address.h"
#include "clickhouse/errors.h"
#include "clickhouse/literal.h"

namespace viridian::clickhouse {
namespace {

/// Beyond it a result is to be streamed.
constexpr size_t kWholeBytes = size_t{256} << 20;
/// UNKNOWN_SETTING: the server is not the one any more that was asked what it knows.
constexpr int kUnknownSetting = 115;
/// Threads of the server for one stream: more make it no faster and cost it memory.
constexpr std::string_view kStreamThreads = "4";
/// How long a caller that went away is kept for telling the server so.
constexpr std::chrono::milliseconds kKillTimeout{250};

std::vector<double> seconds_bounds() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
}

}  // namespace

std::string_view Server::name_of(Kind kind) noexcept {
  switch (kind) {
    case Kind::select:
      return "select";
    case Kind::stream:
      return "stream";
    case Kind::insert:
      return "insert";
    case Kind::execute:
      return "execute";
  }
  return "";
}

Server::Server(Options options, obs::Metrics& metrics, const std::atomic<bool>& stopping)
    : options_(std::move(options)),
      stopping_(stopping),
      metrics_(metrics),
      sent_(metrics.counter("viridian_clickhouse_sent_bytes_total",
                            "Bytes of request bodies sent to ClickHouse.",
                            {{"server", address()}})),
      received_(metrics.counter("viridian_clickhouse_received_bytes_total",
                                "Bytes of answers' bodies received from ClickHouse.",
                                {{"server", address()}})),
      pool_(options_.endpoint, options_.connections) {
  for (size_t i = 0; i < kKinds; ++i) {
    const obs::Metrics::Labels labels = {{"server", address()},
                                         {"kind", std::string(name_of(static_cast<Kind>(i)))}};
    kinds_[i] = {&metrics.counter("viridian_clickhouse_requests_total",
                                  "Requests made of ClickHouse.", labels),
                 &metrics.histogram("viridian_clickhouse_request_seconds",
                                    "Time of requests to ClickHouse.", labels, seconds_bounds())};
  }
}

Measure Server::measure(Kind kind) {
  const KindMetrics& of_kind = kinds_[static_cast<size_t>(kind)];
  return Measure(metrics_, address(), *of_kind.requests, *of_kind.seconds);
}

Status Server::discover(const Context& context) {
  auto settings = std::make_shared<Settings>();
  const Shape names = {{"name", StringColumn()}};
  for (const std::string_view table : {"settings", "merge_tree_settings"}) {
    VIRIDIAN_TRY(const Block block,
                 select(context, fmt::format("SELECT name FROM system.{}", table), names));
    const auto& column = block.get<StringColumn>(0);
    for (size_t i = 0; i < column.size(); ++i) settings->emplace(column[i]);
  }
  const std::scoped_lock lock(mutex_);
  settings_ = std::move(settings);
  return ok_status();
}

Result<uint32_t> Server::seconds(const Context& context) {
  VIRIDIAN_TRY(const Block block, select(context, "SELECT toUInt32(now()) AS now FROM system.one",
                                         {{"now", std::vector<uint32_t>()}}));
  if (block.rows() != 1)
    return Error(Code::data_loss,
                 fmt::format("ClickHouse at {} does not tell its time", address()));
  return block.get<std::vector<uint32_t>>(0).front();
}

std::shared_ptr<const Server::Settings> Server::settings() const {
  const std::scoped_lock lock(mutex_);
  return settings_;
}

bool Server::knows(std::string_view setting) const {
  const auto known = settings();
  return known && known->contains(setting);
}

void Server::add_if_known(std::string& parameters, std::string_view setting,
                          std::string_view value) const {
  if (knows(setting)) parameters += fmt::format("&{}={}", setting, value);
}

std::string Server::parameters(Kind kind, std::string_view query_id) const {
  std::string text = fmt::format("query_id={}", query_id);
  // The server keeps a small answer back until it is sure of it. What is streamed comes at once.
  if (kind != Kind::stream) text += "&wait_end_of_query=1";
  // An acknowledged insert is in the table as it was given, whatever the server's defaults are. One
  // that the server takes for a repetition would be acknowledged and dropped, be it that its rows
  // were deleted meanwhile, or are on a replica that is gone.
  if (kind == Kind::insert) {
    add_if_known(text, "async_insert", "0");
    add_if_known(text, "insert_deduplicate", "0");
    add_if_known(text, "deduplicate_insert", "disable");
    add_if_known(text, "optimize_on_insert", "0");
  }
  if (kind == Kind::stream) {
    add_if_known(text, "max_threads", kStreamThreads);
    add_if_known(text, "cancel_http_readonly_queries_on_client_close", "1");
  }
  if (kind == Kind::select || kind == Kind::stream) {
    add_if_known(text, "low_cardinality_allow_in_native_format", "0");
    add_if_known(text, "http_write_exception_in_output_format", "0");
  }
  return text;
}

Status Server::check(const HttpAnswer& answer) {
  if (answer.good()) return ok_status();
  const int number = answer.exception_code != 0 ? answer.exception_code : code_in(answer.text);
  if (number == kUnknownSetting) {
    const std::scoped_lock lock(mutex_);
    settings_.reset();
  }
  return server_error(address(), answer.status, number, answer.text);
}

Result<std::string> Server::exchange(const Context& context, Kind kind, std::string parameters,
                                     std::string_view body) {
  Measure measure = this->measure(kind);
  VIRIDIAN_TRY(Pool::Lease lease, measure.note(pool_.take(patience(context))));
  std::string whole;
  bool too_long = false;
  const HttpRequest request{std::move(parameters), body, kind == Kind::select};
  VIRIDIAN_TRY_VOID(measure.note(lease->begin(request, [&](std::string_view bytes) {
    too_long = whole.size() + bytes.size() > kWholeBytes;
    if (too_long) return Taken::never;
    whole += bytes;
    return Taken::yes;
  })));
  Result<bool> over = lease->run(patience(context), [] { return false; });
  sent_.inc(lease->sent());
  received_.inc(lease->answer().bytes);
  if (too_long)
    return measure.note(Error(Code::invalid_argument,
                              fmt::format("ClickHouse at {}: a result of more than {} bytes is to "
                                          "be streamed",
                                          address(), kWholeBytes)));
  VIRIDIAN_TRY_VOID(measure.note(std::move(over)));
  VIRIDIAN_TRY_VOID(measure.note(check(lease->answer())));
  return whole;
}

Result<Block> Server::decode_whole(std::string_view bytes, const Shape& shape) const {
  MemorySource source(bytes);
  NativeDecoder decoder(source, shape);
  Block whole = empty_of(shape);
  Block block;
  while (true) {
    auto more = decoder.next(block);
    if (!more.ok()) {
      const std::string said = decoder.header_bytes() + std::string(source.peek());
      if (const int number = exception_in(said); number != 0)
        return server_error(address(), 200, number, said);
      return more.error().with(fmt::format("ClickHouse at {}", address()));
    }
    if (!*more) return whole;
    append(whole, block);
  }
}

Result<Block> Server::select(const Context& context, const std::string& sql, const Shape& shape) {
  const std::string query_id = Uuid::random().to_string();
  const std::string statement = sql + " FORMAT Native";
  auto bytes = exchange(context, Kind::select, parameters(Kind::select, query_id), statement);
  if (!bytes.ok()) {
    if (const Code code = bytes.error().code();
        code == Code::cancelled || code == Code::deadline_exceeded)
      kill(query_id);
    return std::move(bytes).error();
  }
  return decode_whole(*bytes, shape);
}

Status Server::insert(const Context& context, const std::string& statement, std::string_view body) {
  const std::string query_id = Uuid::random().to_string();
  const std::string all =
      fmt::format("{}&query={}", parameters(Kind::insert, query_id), percent_encode(statement));
  VIRIDIAN_TRY_VOID(exchange(context, Kind::insert, all, body));
  return ok_status();
}

Status Server::execute(const Context& context, const std::string& sql) {
  const std::string query_id = Uuid::random().to_string();
  VIRIDIAN_TRY_VOID(exchange(context, Kind::execute, parameters(Kind::execute, query_id), sql));
  return ok_status();
}

/// A server goes on with a query whose client has gone; so it is told. On a connection of its own:
/// the one in use is broken off, and others may all be in use.
void Server::kill(const std::string& query_id) const {
  const Context context = Context::with_timeout(kKillTimeout);
  const std::string sql = fmt::format("KILL QUERY WHERE query_id = {} ASYNC", literal(query_id));
  auto connection = HttpConnection::create(options_.endpoint);
  if (!connection.ok()) return;
  const auto ignore = [](std::string_view) { return Taken::yes; };
  if (!(*connection)->begin({"", sql, false}, ignore).ok()) return;
  // Whether it worked or not: nobody waits for the query any more.
  static_cast<void>((*connection)->run(patience(context), [] { return false; }));
}

}  // namespace viridian::clickhouse
