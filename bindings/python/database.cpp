#include "python/database.h"

#include <fmt/format.h>
#include <pybind11/pybind11.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "python/errors.h"
#include "python/interrupt.h"

namespace viridian::python {
namespace py = pybind11;
namespace {

/// Gives up the interpreter's lock for as long as it lives.
///
/// The interpreter ends threads that want the lock when it goes itself, by unwinding their stacks:
/// out of a destructor, which ends the process, or over Python's objects, which nobody may touch
/// any more. Such a thread waits here for the end of the process instead.
class Unlocked {
 public:
  Unlocked() : state_(PyEval_SaveThread()) {}
  ~Unlocked() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) ::pause();
    }
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  PyThreadState* state_;
};

template <class Open>
std::shared_ptr<Database> opened(Open open, const SettingsMap& settings) {
  Options options;
  options.settings = settings;
  Result<Client> client = [&] {
    const Unlocked unlocked;
    return open(std::move(options));
  }();
  return std::make_shared<Database>(value_or_raise(std::move(client)));
}

}  // namespace

std::shared_ptr<Database> Database::memory(const SettingsMap& settings) {
  return opened([](Options options) { return Client::in_memory(std::move(options)); }, settings);
}

std::shared_ptr<Database> Database::open(const std::string& path, const SettingsMap& settings) {
  // Programs change the current directory, and files are opened for as long as the client lives.
  const std::string whole = path.empty() ? path : std::filesystem::absolute(path).string();
  return opened([&](Options options) { return Client::open(whole, std::move(options)); }, settings);
}

std::shared_ptr<Database> Database::connect(const std::string& url, const SettingsMap& settings) {
  return opened([&](Options options) { return Client::connect(url, std::move(options)); },
                settings);
}

Database::Database(Client client)
    : client_(std::make_unique<Client>(std::move(client))), opened_by_(::getpid()) {}

Database::~Database() {
  if (::getpid() != opened_by_) {
    // Its threads stayed in the other process: waiting for them would take for ever.
    static_cast<void>(client_.release());
    return;
  }
  const Unlocked unlocked;
  client_.reset();
}

void Database::refuse_fork() const {
  if (::getpid() == opened_by_) return;
  raise(Error(Code::failed_precondition,
              fmt::format("this client was opened by process {}, of which this process is a fork: "
                          "a client does not work in both, so open another one here",
                          opened_by_)));
}

void Database::run(const Use& use) const {
  refuse_fork();
  Context context = client_->context();
  Status status;
  {
    const Interrupt interrupt(context);
    // What came while the arguments were read: it would be dealt with when the call has ended.
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    const Unlocked unlocked;
    status = client_->call([&](Api& api) { return use(api, context); });
  }
  if (status.ok()) return;
  // Ctrl-C: what the interpreter's handler raises says more than that the call was cancelled.
  if (!context.check().ok() && PyErr_CheckSignals() != 0) throw py::error_already_set();
  raise(status.error());
}

void Database::close() const {
  refuse_fork();
  const Unlocked unlocked;
  client_->close();
}

}  // namespace viridian::python
