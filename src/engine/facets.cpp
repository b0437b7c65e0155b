#include <fmt/format.h>

#include <algorithm>

#include "engine/api.h"
#include "engine/selection.h"

namespace viridian::engine {
namespace {

Status check_keys(const std::vector<std::string>& keys) {
  const auto refuse = [](std::string why) {
    return Error(Code::invalid_argument, "Validation error: keys: " + std::move(why));
  };
  if (keys.empty()) return refuse("there is none");
  if (keys.size() > FacetsRequest::kMostKeys)
    return refuse(fmt::format("{} are more than {}", keys.size(), FacetsRequest::kMostKeys));
  for (auto key = keys.begin(); key != keys.end(); ++key) {
    VIRIDIAN_TRY_VOID(check_key("keys", *key));
    if (std::find(keys.begin(), key, *key) != key)
      return refuse(fmt::format("`{}` is there twice", *key));
  }
  return ok_status();
}

template <class T>
std::vector<std::pair<std::string, T>> by_key(const std::vector<std::string>& keys,
                                              std::vector<T> values) {
  std::vector<std::pair<std::string, T>> all;
  for (size_t i = 0; i < keys.size(); ++i) all.emplace_back(keys[i], std::move(values[i]));
  return all;
}

}  // namespace

Result<Api::Selected> Api::open_selected(const Context& context, const CollectionRef& ref,
                                         const Selection& selection) {
  VIRIDIAN_TRY(Pinned pinned, open(context, ref, ReadLevel::index_and_wal));
  VIRIDIAN_TRY_VOID(check_selection(pinned.collection, selection));
  Selected selected{std::move(pinned.view), std::nullopt};
  if (!restricts(selection)) return selected;
  VIRIDIAN_TRY(selected.records, select(context, *selected.view, selection));
  return selected;
}

Result<uint64_t> Api::count_selected(const Context& context, const CollectionRef& ref,
                                     const Selection& selection) {
  VIRIDIAN_TRY(const Selected selected, open_selected(context, ref, selection));
  return selected.records ? selected.records->size() : selected.view->metadata().count();
}

Result<FacetsResult> Api::facets(const Context& context, const CollectionRef& ref,
                                 const FacetsRequest& request) {
  VIRIDIAN_TRY_VOID(check_keys(request.keys));
  if (request.limit > FacetsRequest::kMostValues)
    return Error(Code::invalid_argument, fmt::format("Validation error: limit: {} is more than {}",
                                                     request.limit, FacetsRequest::kMostValues));
  VIRIDIAN_TRY(const Selected selected, open_selected(context, ref, request.selection));
  VIRIDIAN_TRY(auto facets, selected.view->metadata().facets(context, request.keys,
                                                             selected.allowed(), request.limit));
  return FacetsResult{by_key(request.keys, std::move(facets))};
}

Result<ExtentsResult> Api::extents(const Context& context, const CollectionRef& ref,
                                   const ExtentsRequest& request) {
  VIRIDIAN_TRY_VOID(check_keys(request.keys));
  VIRIDIAN_TRY(const Selected selected, open_selected(context, ref, request.selection));
  VIRIDIAN_TRY(auto extents,
               selected.view->metadata().extents(context, request.keys, selected.allowed()));
  return ExtentsResult{by_key(request.keys, std::move(extents))};
}

}  // namespace viridian::engine
