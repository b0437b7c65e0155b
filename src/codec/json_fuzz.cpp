#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "codec/api_json.h"
#include "codec/json.h"

/// Any bytes as a body: nothing crashes, and what is accepted reads back from its own text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace viridian;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto value = json::parse(body); value.ok()) {
    json::Writer out;
    out.value(*value);
    if (!json::parse(std::move(out).take()).ok()) std::abort();
  }
  for (const Operation operation : {Operation::add, Operation::update, Operation::upsert}) {
    const auto batch = codec::read_records(body, operation);
    if (!batch.ok()) continue;
    const auto again = codec::read_records(codec::write_records(*batch), operation);
    if (!again.ok() || again->ids != batch->ids || again->embeddings != batch->embeddings)
      std::abort();
  }
  if (const auto request = codec::read_create_collection(body); request.ok()) {
    const auto again = codec::read_create_collection(codec::write_create_collection(*request));
    if (!again.ok() || again->schema != request->schema || again->metadata != request->metadata)
      std::abort();
  }
  return 0;
}
