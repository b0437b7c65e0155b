#pragma once
#include <span>
#include <string>
#include <string_view>

#include "http/router.h"

namespace viridian::http {

/// The OpenAPI 3.1.0 document of a route table.
std::string openapi_document(std::span<const Route> routes, std::string_view version);
/// The schemas that routes name: one JSON object, by name.
std::string_view openapi_schemas();
/// The route table as an HTML page that needs nothing else.
std::string docs_page(std::span<const Route> routes);

}  // namespace viridian::http
