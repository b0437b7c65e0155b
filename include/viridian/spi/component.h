#pragma once
#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>
#include <vector>

#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/base/settings.h"

namespace viridian {

class System;

/// A part with a life cycle: create (reads settings, finds its peers, does no I/O), start (may
/// block, within the context's deadline), stop (idempotent, never fails), destroy.
class Component {
 public:
  virtual ~Component() = default;
  virtual Status start(const Context&) { return ok_status(); }
  virtual void stop() noexcept {}
};

/// Which classes there are, and which roles each plays. A value that the composition root fills;
/// a test copies it and adds its own.
///
/// A role is a class with `static constexpr std::string_view kSetting`: the setting that names the
/// class to use. An implementation derives from Component and from its roles, and has
/// `static Result<std::unique_ptr<Impl>> create(System&)`.
class Registry {
 public:
  template <std::derived_from<Component> Impl, class... Roles>
  requires(std::derived_from<Impl, Roles>&&...) void add(std::string name) {
    add<Impl, Roles...>(std::move(name), Impl::create);
  }
  /// The same for a class that is made of more than a System: `make` knows the rest.
  template <std::derived_from<Component> Impl, class... Roles>
  requires(std::derived_from<Impl, Roles>&&...) void add(
      std::string name, std::function<Result<std::unique_ptr<Impl>>(System&)> make) {
    Class& entry = classes_[std::move(name)] = Class();  // naming a class again replaces it
    entry.create = [make = std::move(make)](System& system) -> Result<std::unique_ptr<Component>> {
      VIRIDIAN_TRY(std::unique_ptr<Impl> made, make(system));
      return std::unique_ptr<Component>(std::move(made));
    };
    (entry.roles.emplace(std::type_index(typeid(Roles)),
                         [](Component& component) -> void* {
                           return static_cast<Roles*>(static_cast<Impl*>(&component));
                         }),
     ...);
  }
  /// Names of the classes that play a role, ascending.
  std::vector<std::string> names_of(std::type_index role) const;

 private:
  friend class System;
  struct Class {
    std::function<Result<std::unique_ptr<Component>>(System&)> create;
    std::map<std::type_index, std::function<void*(Component&)>> roles;
  };
  std::map<std::string, Class, std::less<>> classes_;
};

/// One running assembly: builds each named class once, starts the parts in the order in which
/// they were built (so after everything they require) and stops them in reverse.
/// Build and start from one thread; the parts themselves say what else is thread-safe.
class System {
 public:
  System(Registry registry, Settings settings);
  ~System();
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  const Settings& settings() const noexcept { return settings_; }

  /// The component that plays `Role`, built if need be.
  ///   invalid_argument  the setting names no known class, or one that does not play the role
  ///   internal          classes require each other in a circle (the message names it)
  template <class Role>
  Result<Role*> require() {
    VIRIDIAN_TRY(void* role, find(std::type_index(typeid(Role)), Role::kSetting));
    return static_cast<Role*>(role);
  }

  /// The parts built so far that play `Role`, in the order in which they were built, by the names
  /// of their classes.
  template <class Role>
  std::vector<std::pair<std::string, Role*>> built() const {
    std::vector<std::pair<std::string, Role*>> found;
    for (const Part& part : parts_) {
      if (void* role = role_of(part, std::type_index(typeid(Role))))
        found.emplace_back(part.name, static_cast<Role*>(role));
    }
    return found;
  }

  /// Starts what is built and not yet running. On failure stops what had started.
  Status start(const Context& context);
  /// Stops everything, last built first. Idempotent.
  void stop() noexcept;

 private:
  struct Part {
    std::string name;
    std::unique_ptr<Component> component;
    bool running = false;
  };
  Result<void*> find(std::type_index role, std::string_view setting);
  Result<Component*> build(const std::string& name);
  /// Null: it does not play it.
  void* role_of(const Part& part, std::type_index role) const;

  Registry registry_;
  Settings settings_;
  std::vector<Part> parts_;
  std::vector<std::string> under_construction_;
};

}  // namespace viridian
