#include "http/api_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "codec/api_json.h"
#include "http/errors.h"
#include "http/freshness.h"
#include "http/router.h"
#include "model/validation.h"

namespace viridian::http {
namespace {

constexpr size_t kIdleConnections = 64;
constexpr std::chrono::hours kLongTimeout{24};
/// How much sooner than this server another one is to give up what was sent to it.
constexpr std::chrono::milliseconds kTimeLeftMargin{100};

std::string tenant_path(const std::string& tenant) {
  return "/api/v2/tenants/" + percent_encode(tenant);
}
std::string database_path(const DatabasePath& path) {
  return tenant_path(path.tenant) + "/databases/" + percent_encode(path.database);
}
std::string collections_path(const DatabasePath& path) {
  return database_path(path) + "/collections";
}
std::string record_path(const CollectionRef& ref, std::string_view call) {
  return fmt::format("{}/{}/{}", collections_path(ref.path), ref.id.to_string(), call);
}
std::string page_query(const Page& page) {
  std::string query = fmt::format("?offset={}", page.offset);
  if (page.limit) query += fmt::format("&limit={}", *page.limit);
  return query;
}

constexpr const char* kSnapshots = "/api/v2/viridian/snapshots";
std::string snapshot_path(const std::string& name) {
  return std::string(kSnapshots) + "/" + percent_encode(name);
}

/// What of a context travels besides its deadline.
std::string headers_of(const Context& context) {
  std::string lines;
  if (context.freshness()) {
    lines += fmt::format("{}: {}\r\n", kReadHeader, format_freshness(*context.freshness()));
  }
  if (context.forwarded()) lines += fmt::format("{}: 1\r\n", kForwardedHeader);
  return lines;
}

/// The caller's headers, and those that it leaves to this client.
std::string fixed_headers(const ServerUrl& server, const Headers& own) {
  std::string lines;
  const auto add_missing = [&](std::string_view name, std::string_view value) {
    if (find_header(own, name).empty()) lines += fmt::format("{}: {}\r\n", name, value);
  };
  add_missing("host", server.authority());
  add_missing("content-type", "application/json");
  for (const auto& [name, value] : own) lines += fmt::format("{}: {}\r\n", name, value);
  return lines;
}

/// What a server is told that is asked until the deadline.
std::string time_left_header(Context::Clock::time_point deadline) {
  const auto left = std::chrono::floor<std::chrono::milliseconds>(deadline - Context::Clock::now() -
                                                                  kTimeLeftMargin);
  return fmt::format("{}: {}\r\n", kTimeLeftHeader, std::max<int64_t>(left.count(), 0));
}

Status done(const Result<Response>& response) {
  if (!response.ok()) return response.error();
  return ok_status();
}

Error error_of(const Response& response) {
  const Code code = code_of(response.status, find_header(response.headers, kCodeHeader));
  Result<codec::ErrorBody> body = codec::read_error(response.body);
  if (body.ok()) return Error(code, body->message);
  const std::string_view why =
      response.status == 401   ? "credentials are missing, or not accepted (client.headers)"
      : response.status == 403 ? "these credentials do not allow it (client.headers)"
                               : "it does not say why";
  return Error(
      code, fmt::format("the server, or what is before it, answered {}: {}", response.status, why));
}

std::string_view read_level_name(ReadLevel level) {
  switch (level) {
    case ReadLevel::index_only:
      return "index_only";
    case ReadLevel::index_and_bounded_wal:
      return "index_and_bounded_wal";
    case ReadLevel::index_and_wal:
      break;
  }
  return "index_and_wal";
}

}  // namespace

Result<std::unique_ptr<ApiClient>> ApiClient::create(System& system) {
  VIRIDIAN_TRY(ServerUrl server, parse_server_url(system.settings().text("client.url")));
  VIRIDIAN_TRY(ClientOptions options, client_options(system.settings(), server));
  return std::make_unique<ApiClient>(std::move(server), std::move(options));
}

ApiClient::ApiClient(ServerUrl server, ClientOptions options, std::optional<Peer> peer)
    : server_(std::move(server)),
      options_(std::move(options)),
      fixed_(fixed_headers(server_, options_.headers)),
      peer_(std::move(peer)) {}

void ApiClient::stop() noexcept {
  const std::lock_guard lock(mutex_);
  idle_.clear();
}

std::unique_ptr<ClientConnection> ApiClient::take_idle() {
  const std::lock_guard lock(mutex_);
  while (!idle_.empty()) {
    std::unique_ptr<ClientConnection> connection = std::move(idle_.back());
    idle_.pop_back();
    if (!connection->stale()) return connection;
  }
  return nullptr;
}

void ApiClient::put_idle(std::unique_ptr<ClientConnection> connection) {
  if (!connection->reusable()) return;
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kIdleConnections) idle_.push_back(std::move(connection));
}

// A connection from the pool may have been closed by the server just now. Then a fresh one is
// tried, if the server cannot have acted on the request: nothing of it was sent, or it is a GET.
Result<Response> ApiClient::attempt(std::string_view method, const std::string& head,
                                    const std::string& body, const Patience& patience, bool& sent) {
  if (std::unique_ptr<ClientConnection> pooled = take_idle()) {
    ClientConnection::Progress progress;
    Result<Response> response = pooled->exchange(head, body, patience, progress);
    sent = progress.sent_any;
    const bool may_repeat = !progress.received_any && (!progress.sent_any || method == "GET");
    if (response.ok() || response.error().code() != Code::unavailable || !may_repeat) {
      if (response.ok()) put_idle(std::move(pooled));
      return response;
    }
  }
  VIRIDIAN_TRY(ClientConnection opened,
               ClientConnection::open(server_, options_.tls.get(), patience));
  auto fresh = std::make_unique<ClientConnection>(std::move(opened));
  ClientConnection::Progress progress;
  Result<Response> response = fresh->exchange(head, body, patience, progress);
  sent = sent || progress.sent_any;
  if (response.ok()) put_idle(std::move(fresh));
  return response;
}

Error ApiClient::unanswered(const Error& error, bool sent) const {
  if (!peer_ || error.code() == Code::deadline_exceeded) return error;
  return {sent ? Code::cancelled : Code::aborted, error.message()};
}

Status ApiClient::check_sender(const Response& response) const {
  if (!peer_) return ok_status();
  const std::string_view sender = find_header(response.headers, kServerHeader);
  if (sender.empty())
    return Error(Code::cancelled,
                 fmt::format("what answers with {} is no server that shares the data; is node.url "
                             "right?",
                             response.status));
  if (sender != percent_encode(peer_->id))
    return Error(Code::aborted, fmt::format("server {} has the address now", sender));
  // Turned down before anybody looked at it: what the Api decides has a code.
  if (response.status == 503 && find_header(response.headers, kCodeHeader).empty())
    return Error(Code::aborted, error_of(response).message());
  return ok_status();
}

Result<SeqId> ApiClient::number_of(const Response& response) const {
  const std::string_view text = find_header(response.headers, kSequenceHeader);
  if (text.empty() && !peer_) return 0;  // a server of Chroma's, which stores what it answers 200
  const char* const text_end = text.data() + text.size();
  SeqId number = 0;
  const auto [end, error] = std::from_chars(text.data(), text_end, number);
  if (error == std::errc() && end == text_end && !text.empty()) return number;
  return unanswered(Error(Code::unavailable,
                          fmt::format("the answer to a write lacks the header {}, so it is not "
                                      "known whether it is stored",
                                      kSequenceHeader)),
                    true);
}

Result<Response> ApiClient::call(const Context& context, std::string_view method,
                                 const std::string& path, const std::string& body) {
  VIRIDIAN_TRY_VOID(context.check());
  const bool unlimited = takes_long(method, path, context.forwarded());
  auto deadline = Context::Clock::now() + (unlimited ? kLongTimeout : options_.timeout);
  if (context.deadline()) deadline = std::min(deadline, *context.deadline());
  std::string headers = headers_of(context);
  if (peer_) {
    headers += fmt::format("{}: {}\r\n", kServerHeader, percent_encode(peer_->id));
    headers += time_left_header(deadline);
  }
  const std::string head = fmt::format("{} {}{} HTTP/1.1\r\n{}{}content-length: {}\r\n\r\n", method,
                                       server_.prefix, path, fixed_, headers, body.size());
  // Nobody is waited for in the name of a caller who has gone, or of a server that stops.
  const auto worthwhile = [&] {
    return context.check().ok() && (!peer_ || !peer_->worthwhile || peer_->worthwhile());
  };
  bool sent = false;
  Result<Response> response = attempt(method, head, body, {deadline, worthwhile}, sent);
  if (!response.ok()) {
    VIRIDIAN_TRY_VOID(context.check());
    return unanswered(response.error(), sent);
  }
  VIRIDIAN_TRY_VOID(check_sender(*response));
  if (response->status >= 300) return error_of(*response);
  return response;
}

Result<int64_t> ApiClient::heartbeat(const Context& context) {
  VIRIDIAN_TRY(const Response response, call(context, "GET", "/api/v2/heartbeat"));
  return codec::read_heartbeat(response.body);
}

Result<std::string> ApiClient::version(const Context& context) {
  VIRIDIAN_TRY(const Response response, call(context, "GET", "/api/v2/version"));
  return codec::read_text(response.body);
}

Result<PreFlight> ApiClient::pre_flight(const Context& context) {
  VIRIDIAN_TRY(const Response response, call(context, "GET", "/api/v2/pre-flight-checks"));
  return codec::read_pre_flight(response.body);
}

Result<Identity> ApiClient::identity(const Context& context) {
  VIRIDIAN_TRY(const Response response, call(context, "GET", "/api/v2/auth/identity"));
  return codec::read_identity(response.body);
}

Status ApiClient::reset(const Context& context) {
  VIRIDIAN_TRY_VOID(call(context, "POST", "/api/v2/reset"));
  return ok_status();
}

Status ApiClient::create_tenant(const Context& context, const std::string& name) {
  VIRIDIAN_TRY_VOID(call(context, "POST", "/api/v2/tenants", codec::write_name(name)));
  return ok_status();
}

Result<Tenant> ApiClient::get_tenant(const Context& context, const std::string& name) {
  VIRIDIAN_TRY(const Response response, call(context, "GET", tenant_path(name)));
  return codec::read_tenant(response.body);
}

Status ApiClient::update_tenant(const Context& context, const std::string& name,
                                const std::string& resource_name) {
  VIRIDIAN_TRY_VOID(
      call(context, "PATCH", tenant_path(name), codec::write_resource_name(resource_name)));
  return ok_status();
}

Status ApiClient::create_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY_VOID(call(context, "POST", tenant_path(path.tenant) + "/databases",
                         codec::write_name(path.database)));
  return ok_status();
}

Result<Database> ApiClient::get_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY(const Response response, call(context, "GET", database_path(path)));
  return codec::read_database(response.body);
}

Result<std::vector<Database>> ApiClient::list_databases(const Context& context,
                                                        const std::string& tenant,
                                                        const Page& page) {
  VIRIDIAN_TRY(const Response response,
               call(context, "GET", tenant_path(tenant) + "/databases" + page_query(page)));
  return codec::read_databases(response.body);
}

Status ApiClient::delete_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY_VOID(call(context, "DELETE", database_path(path)));
  return ok_status();
}

Result<Collection> ApiClient::create_collection(const Context& context, const DatabasePath& path,
                                                const CreateCollection& request) {
  VIRIDIAN_TRY(const Response response, call(context, "POST", collections_path(path),
                                             codec::write_create_collection(request)));
  return codec::read_collection(response.body);
}

Result<Collection> ApiClient::get_collection(const Context& context, const DatabasePath& path,
                                             const std::string& name) {
  VIRIDIAN_TRY(const Response response,
               call(context, "GET", collections_path(path) + "/" + percent_encode(name)));
  return codec::read_collection(response.body);
}

Result<Collection> ApiClient::get_collection_by_id(const Context& context,
                                                   const CollectionRef& ref) {
  VIRIDIAN_TRY(const Response response,
               call(context, "GET", collections_path(ref.path) + "/by-id/" + ref.id.to_string()));
  return codec::read_collection(response.body);
}

Result<std::vector<Collection>> ApiClient::list_collections(const Context& context,
                                                            const DatabasePath& path,
                                                            const Page& page) {
  VIRIDIAN_TRY(const Response response,
               call(context, "GET", collections_path(path) + page_query(page)));
  return codec::read_collections(response.body);
}

Result<uint64_t> ApiClient::count_collections(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY(const Response response,
               call(context, "GET", database_path(path) + "/collections_count"));
  return codec::read_count(response.body);
}

Status ApiClient::modify_collection(const Context& context, const CollectionRef& ref,
                                    const ModifyCollection& request) {
  VIRIDIAN_TRY_VOID(call(context, "PUT", collections_path(ref.path) + "/" + ref.id.to_string(),
                         codec::write_modify_collection(request)));
  return ok_status();
}

Status ApiClient::delete_collection(const Context& context, const DatabasePath& path,
                                    const std::string& name) {
  VIRIDIAN_TRY_VOID(call(context, "DELETE", collections_path(path) + "/" + percent_encode(name)));
  return ok_status();
}

Result<WriteResult> ApiClient::write(const Context& context, const CollectionRef& ref,
                                     RecordBatch batch) {
  std::string_view name;
  switch (batch.operation) {
    case Operation::add:
      name = "add";
      break;
    case Operation::update:
      name = "update";
      break;
    case Operation::upsert:
      name = "upsert";
      break;
    case Operation::remove:
      return Error(Code::invalid_argument, "write takes no removals: use delete_records");
  }
  // Here, since not all that is not allowed can be told from what the server gets: it takes
  // metadata of a reserved key for Chroma's own and drops it.
  VIRIDIAN_TRY_VOID(validate_batch(batch));
  VIRIDIAN_TRY(const Response response,
               call(context, "POST", record_path(ref, name), codec::write_records(batch)));
  VIRIDIAN_TRY(const SeqId last, number_of(response));
  return WriteResult{last};
}

Result<DeleteResult> ApiClient::delete_records(const Context& context, const CollectionRef& ref,
                                               const DeleteRequest& request) {
  VIRIDIAN_TRY(const Response response,
               call(context, "POST", record_path(ref, "delete"), codec::write_delete(request)));
  VIRIDIAN_TRY(DeleteResult result, codec::read_delete_result(response.body));
  VIRIDIAN_TRY(result.last, number_of(response));
  return result;
}

Result<uint64_t> ApiClient::count(const Context& context, const CollectionRef& ref,
                                  ReadLevel level) {
  VIRIDIAN_TRY(
      const Response response,
      call(context, "GET",
           record_path(ref, "count") + fmt::format("?read_level={}", read_level_name(level))));
  return codec::read_count(response.body);
}

Result<uint64_t> ApiClient::count_selected(const Context& context, const CollectionRef& ref,
                                           const Selection& selection) {
  VIRIDIAN_TRY(const Response response, call(context, "POST", record_path(ref, "count"),
                                             codec::write_count_request(selection)));
  return codec::read_count(response.body);
}

Result<FacetsResult> ApiClient::facets(const Context& context, const CollectionRef& ref,
                                       const FacetsRequest& request) {
  VIRIDIAN_TRY(const Response response,
               call(context, "POST", record_path(ref, "facets"), codec::write_facets(request)));
  return codec::read_facets_result(response.body);
}

Result<ExtentsResult> ApiClient::extents(const Context& context, const CollectionRef& ref,
                                         const ExtentsRequest& request) {
  VIRIDIAN_TRY(const Response response,
               call(context, "POST", record_path(ref, "extents"), codec::write_extents(request)));
  return codec::read_extents_result(response.body);
}

Result<GetResult> ApiClient::get(const Context& context, const CollectionRef& ref,
                                 const GetRequest& request) {
  VIRIDIAN_TRY(const Response response,
               call(context, "POST", record_path(ref, "get"), codec::write_get(request)));
  return codec::read_get_result(response.body);
}

Result<QueryResult> ApiClient::query(const Context& context, const CollectionRef& ref,
                                     const QueryRequest& request) {
  VIRIDIAN_TRY(const Response response,
               call(context, "POST", record_path(ref, "query"), codec::write_query(request)));
  return codec::read_query_result(response.body);
}

Result<Explanation> ApiClient::explain(const Context& context, const CollectionRef& ref,
                                       const ExplainRequest& request) {
  VIRIDIAN_TRY(const Response response,
               call(context, "POST", record_path(ref, "explain"), codec::write_explain(request)));
  return codec::read_explanation(response.body);
}

Status ApiClient::flush(const Context& context, const CollectionRef& ref) {
  return done(call(context, "POST", record_path(ref, "flush")));
}

Status ApiClient::compact(const Context& context, const CollectionRef& ref) {
  return done(call(context, "POST", record_path(ref, "compact")));
}

Status ApiClient::close_collection(const Context& context, const CollectionRef& ref) {
  return done(call(context, "POST", record_path(ref, "close")));
}

Result<SnapshotInfo> ApiClient::create_snapshot(const Context& context, const std::string& name) {
  VIRIDIAN_TRY(const Response response, call(context, "POST", kSnapshots, codec::write_name(name)));
  return codec::read_snapshot(response.body);
}

Result<std::vector<SnapshotInfo>> ApiClient::list_snapshots(const Context& context) {
  VIRIDIAN_TRY(const Response response, call(context, "GET", kSnapshots));
  return codec::read_snapshots(response.body);
}

Result<SnapshotInfo> ApiClient::verify_snapshot(const Context& context, const std::string& name) {
  VIRIDIAN_TRY(const Response response, call(context, "GET", snapshot_path(name) + "/verify"));
  return codec::read_snapshot(response.body);
}

Result<std::vector<Collection>> ApiClient::restore_snapshot(const Context& context,
                                                            const RestoreRequest& request) {
  VIRIDIAN_TRY(const Response response,
               call(context, "POST", snapshot_path(request.snapshot) + "/restore",
                    codec::write_restore(request)));
  return codec::read_collections(response.body);
}

Status ApiClient::delete_snapshot(const Context& context, const std::string& name) {
  return done(call(context, "DELETE", snapshot_path(name)));
}

Result<std::vector<ServerInfo>> ApiClient::servers(const Context& context) {
  VIRIDIAN_TRY(const Response response, call(context, "GET", "/api/v2/viridian/servers"));
  return codec::read_servers(response.body);
}

}  // namespace viridian::http
