#include <fmt/format.h>

#include <exception>
#include <system_error>
#include <thread>

#include "clickhouse/errors.h"
#include "clickhouse/server.h"
#include "clickhouse/stream_buffer.h"

namespace viridian::clickhouse {
namespace {

/// Of a message that follows data.
constexpr size_t kMessageBytes = 16 << 10;

/// What is left of an answer, as much as a message can be.
std::string rest_of(StreamBuffer& buffer) {
  std::string rest;
  while (rest.size() < kMessageBytes) {
    const std::string_view bytes = buffer.peek();
    if (bytes.empty()) break;
    rest += bytes.substr(0, kMessageBytes - rest.size());
    buffer.skip(bytes.size());
  }
  return rest;
}

/// Why the blocks ended.
struct Outcome {
  Status status;
  bool broken = false;  ///< what came is not what was asked for
  std::string said;     ///< then: what was there in the place of a block
};

Outcome hand_on(const Context& context, StreamBuffer& buffer, const Shape& shape,
                const std::function<Status(Block&)>& take) {
  NativeDecoder decoder(buffer, shape);
  Block block;
  while (true) {
    auto more = decoder.next(block);
    if (!more.ok())
      return {std::move(more).error(), true, decoder.header_bytes() + rest_of(buffer)};
    if (!*more) return {ok_status(), false, {}};
    if (Status status = take(block); !status.ok()) return {std::move(status), false, {}};
    if (Status status = context.check(); !status.ok()) return {std::move(status), false, {}};
  }
}

/// The thread that reads from the network, which ends before what it uses does, whatever happens.
struct Network {
  StreamBuffer& buffer;
  std::thread thread = {};
  void end() {
    buffer.abandon();
    if (thread.joinable()) thread.join();
  }
  ~Network() { end(); }
};

bool went_away(const Error& error) {
  return error.code() == Code::cancelled || error.code() == Code::deadline_exceeded;
}

}  // namespace

Status Server::stream(const Context& context, const std::string& sql, const Shape& shape,
                      const std::function<Status(Block&)>& take) {
  Measure measure = this->measure(Kind::stream);
  const std::string query_id = Uuid::random().to_string();
  const std::string statement = sql + " FORMAT Native";
  StreamBuffer buffer;
  VIRIDIAN_TRY(Pool::Lease lease, measure.note(pool_.take(patience(context))));
  VIRIDIAN_TRY_VOID(
      measure.note(lease->begin({parameters(Kind::stream, query_id), statement, true},
                                [&buffer](std::string_view bytes) { return buffer.put(bytes); })));
  Result<bool> over = lease->run(patience(context), [&buffer] { return buffer.holding(); });
  Network network{buffer};
  if (over.ok() && !*over) {
    // More than a little: from here on network and decoding run side by side.
    buffer.wait_for_room();
    try {
      network.thread = std::thread([this, &over, &lease, &context, &buffer] {
        try {
          lease->resume();
          over = lease->run(patience(context), [] { return false; });
        } catch (const std::exception&) {
          over = Error(Code::resource_exhausted, "out of memory");
        }
        buffer.finish();
      });
    } catch (const std::system_error&) {
      kill(query_id);
      return measure.note(Error(Code::resource_exhausted, "no thread for reading from ClickHouse"));
    }
  } else {
    buffer.finish();
  }
  Outcome outcome = hand_on(context, buffer, shape, take);
  network.end();
  received_.inc(lease->answer().bytes);
  const bool ended_here = !outcome.status.ok() && !outcome.broken;
  if (ended_here || (over.ok() ? !*over : went_away(over.error()))) kill(query_id);
  if (ended_here) return measure.note(std::move(outcome.status));
  return measure.note(judge(over, lease->answer(), outcome.status, outcome.said));
}

/// First what the server itself said instead of data, then how the transfer ended, then what kind
/// of answer it was, then what its bytes are.
Status Server::judge(const Result<bool>& over, const HttpAnswer& answer, const Status& decoded,
                     std::string_view said) {
  if (const int number = exception_in(said); number != 0)
    return server_error(address(), 200, number, said);
  if (!over.ok()) return over.error();
  VIRIDIAN_TRY_VOID(check(answer));
  if (!decoded.ok()) return decoded.error().with(fmt::format("ClickHouse at {}", address()));
  return ok_status();
}

}  // namespace viridian::clickhouse
