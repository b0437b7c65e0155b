#pragma once
#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "viridian/viridian.h"

namespace viridian::python {

using SettingsMap = std::map<std::string, std::string>;

/// A client of the library, as the interpreter holds it: calls give up the interpreter lock while
/// they work, end on Ctrl-C, and are refused in a process that was forked off the one that opened
/// it, where the library's threads are not. Thread-safe; shared by its collections.
class Database {
 public:
  /// A database that is gone with this object.
  static std::shared_ptr<Database> memory(const SettingsMap& settings);
  /// The data directory at `path`.
  static std::shared_ptr<Database> open(const std::string& path, const SettingsMap& settings);
  /// The server at `url`.
  static std::shared_ptr<Database> connect(const std::string& url, const SettingsMap& settings);
  explicit Database(Client client);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// use(api, context) without the interpreter lock; raises where it fails. Called with the lock.
  template <class Use>
  auto call(Use use) const {
    using Value =
        typename decltype(use(std::declval<Api&>(), std::declval<Context&>()))::value_type;
    Result<Value> result = Error(Code::internal, "the call was not made");
    run([&](Api& api, const Context& context) -> Status {
      result = use(api, context);
      if (!result.ok()) return result.error();
      return ok_status();
    });
    if constexpr (!std::is_void_v<Value>) return *std::move(result);
  }
  /// Waits for the calls under way, then closes. Idempotent.
  void close() const;

 private:
  using Use = std::function<Status(Api&, const Context&)>;
  void run(const Use& use) const;
  void refuse_fork() const;

  std::unique_ptr<Client> client_;
  const pid_t opened_by_;
};

}  // namespace viridian::python
