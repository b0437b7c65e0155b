#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/assert.h"
#include "viridian/spi/component.h"

namespace viridian {
namespace {

std::string joined(const std::vector<std::string>& names) {
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::vector<std::string> Registry::names_of(std::type_index role) const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : classes_)
    if (entry.roles.count(role) != 0) names.push_back(name);
  return names;
}

System::System(Registry registry, Settings settings)
    : registry_(std::move(registry)), settings_(std::move(settings)) {}

System::~System() {
  stop();
  // A part may use its peers until it is gone, so the last built goes first.
  while (!parts_.empty()) parts_.pop_back();
}

Result<void*> System::find(std::type_index role, std::string_view setting) {
  if (!settings_.has(setting))
    return Error(Code::invalid_argument, fmt::format("{} is not set; known classes: {}", setting,
                                                     joined(registry_.names_of(role))));
  const std::string name = settings_.text(setting);
  const auto found = registry_.classes_.find(name);
  if (found == registry_.classes_.end())
    return Error(Code::invalid_argument,
                 fmt::format("{} = \"{}\": no such class; known: {}", setting, name,
                             joined(registry_.names_of(role))));
  const auto cast = found->second.roles.find(role);
  if (cast == found->second.roles.end())
    return Error(Code::invalid_argument,
                 fmt::format("{} = \"{}\": this class cannot be used here; known: {}", setting,
                             name, joined(registry_.names_of(role))));
  VIRIDIAN_TRY(Component * component, build(name));
  return cast->second(*component);
}

Result<Component*> System::build(const std::string& name) {
  for (const Part& part : parts_)
    if (part.name == name) return part.component.get();

  const auto begun = std::find(under_construction_.begin(), under_construction_.end(), name);
  if (begun != under_construction_.end()) {
    const std::vector<std::string> circle(begun, under_construction_.end());
    return Error(Code::internal, fmt::format("classes require each other in a circle: {} -> {}",
                                             fmt::join(circle, " -> "), name));
  }
  under_construction_.push_back(name);
  auto made = registry_.classes_.at(name).create(*this);
  under_construction_.pop_back();
  if (!made.ok()) return std::move(made).error();
  VIRIDIAN_ASSERT(*made != nullptr);
  parts_.push_back({name, *std::move(made), false});
  return parts_.back().component.get();
}

void* System::role_of(const Part& part, std::type_index role) const {
  const auto& roles = registry_.classes_.at(part.name).roles;
  const auto cast = roles.find(role);
  return cast == roles.end() ? nullptr : cast->second(*part.component);
}

Status System::start(const Context& context) {
  for (Part& part : parts_) {
    if (part.running) continue;
    Status status = context.check();
    if (status.ok()) status = part.component->start(context);
    if (!status.ok()) {
      stop();
      return std::move(status).error().with(part.name);
    }
    part.running = true;
  }
  return ok_status();
}

void System::stop() noexcept {
  for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) {
    if (!part->running) continue;
    part->component->stop();
    part->running = false;
  }
}

}  // namespace viridian
