#include "crash/crash_simulator.h"

#include <fmt/format.h>

#include <algorithm>

namespace viridian::crash {
namespace {

constexpr size_t kShownOperations = 16;

/// The last changes before the power went.
std::string tail_of(const os::SimulatedDisk& disk, size_t end) {
  static constexpr const char* kNames[] = {"create",   "mkdir", "names",       "write",
                                           "truncate", "sync",  "failed sync", "sync directory"};
  std::string text;
  for (size_t i = end - std::min(end, kShownOperations); i < end; ++i) {
    const os::DiskOperation& operation = disk.history()[i];
    fmt::format_to(std::back_inserter(text), "\n    {} {} {} at {} of {} bytes", i,
                   kNames[static_cast<size_t>(operation.kind)], operation.path, operation.number,
                   operation.data.size());
  }
  return text;
}

}  // namespace

Report& Report::operator+=(const Report& other) {
  operations += other.operations;
  points += other.points;
  reopened += other.reopened;
  reopened_again += other.reopened_again;
  lost += other.lost;
  partial += other.partial;
  unopenable += other.unopenable;
  if (first_failure.empty()) {
    first_failure = other.first_failure;
    first_image = other.first_image;
  }
  return *this;
}

Report CrashSimulator::run() {
  os::SimulatedDisk disk;
  if (const Status ran = run_workload(disk); !ran.ok()) {
    unopenable(ran.error(), "while nothing had failed yet", disk.start());
    return report_;
  }
  report_.operations = disk.operations();
  cut_everywhere(disk);
  return report_;
}

Status CrashSimulator::run_workload(os::SimulatedDisk& disk) {
  Workload workload(options_.seed, 1, options_.drop_percent);
  Book book;
  initial_ = state_of(book, {}, "");
  VIRIDIAN_TRY(auto system, CrashSystem::open(disk, assembly_));
  for (int i = 0; i < options_.calls; ++i) {
    if (workload.pick(25) == 0) {
      system.reset();
      VIRIDIAN_TRY(system, CrashSystem::open(disk, assembly_));
    }
    const Step step = workload.next(book);
    Call call{step.what, disk.operations(), 0, {}};
    if (const Status ran = step.run(system->api()); !ran.ok())
      return ran.error().with(fmt::format("call {} ({})", i, step.what));
    call.end = disk.operations();
    step.note(book);
    call.after = state_of(book, calls_.empty() ? initial_ : calls_.back().after, step.changed);
    calls_.push_back(std::move(call));
  }
  VIRIDIAN_TRY(const State shown, state_of(system->api()));
  const Verdict verdict = compare(shown, calls_.back().after, calls_.back().after);
  if (verdict.kind != Verdict::Kind::right) return Error(Code::internal, verdict.reason);
  return ok_status();
}

os::Survival CrashSimulator::random_survival() {
  constexpr unsigned kPercents[] = {10, 50, 50, 90};
  os::Survival survival;
  survival.percent = kPercents[dice_.below(4)];
  survival.seed = dice_.next();
  survival.granule = dice_.percent(50) ? 512 : 4096;
  survival.garbage = dice_.percent(20);
  return survival;
}

CrashSimulator::Expected CrashSimulator::expected_at(size_t operation) const {
  // Calls follow each other, so those acknowledged by then come first.
  const auto under_way = std::find_if(calls_.begin(), calls_.end(),
                                      [&](const Call& call) { return call.end > operation; });
  const State& before = under_way == calls_.begin() ? initial_ : std::prev(under_way)->after;
  if (under_way == calls_.end() || under_way->begin >= operation) return {before, before};
  return {before, under_way->after};
}

void CrashSimulator::cut_everywhere(const os::SimulatedDisk& disk) {
  os::PowerCut power(disk);
  for (size_t at = 0; at <= disk.operations(); ++at) {
    power.advance_to(at);
    const Expected expected = expected_at(at);
    for (int i = 0; i < 2 + options_.random_images; ++i) {
      if (report_.points >= options_.max_points) return;
      const os::Survival survival = i == 0   ? os::Survival{}
                                    : i == 1 ? os::Survival{.percent = 100}
                                             : random_survival();
      ++report_.points;
      const os::DiskState image = power.image(survival);
      const auto call =
          static_cast<size_t>(std::count_if(calls_.begin(), calls_.end(),
                                            [&](const Call& done) { return done.end <= at; }) *
                                  2 +
                              (&expected.acknowledged != &expected.complete));
      if (!seen_.emplace(image.digest(), call).second) continue;
      const std::string where =
          fmt::format("seed {}, before operation {} of {}, {}% of the rest survived, after{}\n",
                      options_.seed, at, disk.operations(), survival.percent, tail_of(disk, at));
      if (!check_image(image, expected, where) && options_.stop_at_failure) return;
    }
  }
}

bool CrashSimulator::check_image(const os::DiskState& image, const Expected& expected,
                                 const std::string& where) {
  ++report_.reopened;
  os::SimulatedDisk disk(image);
  size_t recovered = 0, written = 0;
  State later;
  {
    auto system = CrashSystem::open(disk, assembly_);
    if (!system.ok()) return unopenable(system.error(), where, image);
    const Result<State> shown = state_of((*system)->api());
    if (!shown.ok()) return unopenable(shown.error(), where, image);
    if (!found(compare(*shown, expected.acknowledged, expected.complete), where, image))
      return false;
    recovered = disk.operations();
    later = *shown;
    const Status wrote = write_more((*system)->api(), later);
    if (!wrote.ok()) return unopenable(wrote.error().with("a write"), where, image);
    written = disk.operations();
  }
  // What was shown and what was written since must not go, whatever the recovery left undone.
  if (!check_later(disk, written, {}, {later, later}, where + "  and then a write")) return false;
  if (!dice_.percent(20)) return true;
  return check_later(disk, dice_.below(recovered + 1), random_survival(), expected,
                     where + "  and then in the recovery");
}

bool CrashSimulator::check_later(const os::SimulatedDisk& disk, size_t operation,
                                 const os::Survival& survival, const Expected& expected,
                                 const std::string& before) {
  ++report_.reopened_again;
  const std::string where = fmt::format("{}, {}% of the rest survived, after{}\n", before,
                                        survival.percent, tail_of(disk, operation));
  os::PowerCut power(disk);
  power.advance_to(operation);
  os::SimulatedDisk left(power.image(survival));
  auto system = CrashSystem::open(left, assembly_);
  if (!system.ok()) return unopenable(system.error(), where, left.start());
  const Result<State> shown = state_of((*system)->api());
  if (!shown.ok()) return unopenable(shown.error(), where, left.start());
  return found(compare(*shown, expected.acknowledged, expected.complete), where, left.start());
}

Status CrashSimulator::write_more(Api& api, State& state) {
  const Context context;
  CreateCollection request;
  request.name = "made-later";
  VIRIDIAN_TRY(const Collection made, api.create_collection(context, DatabasePath(), request));
  state[std::string(kDefaultDatabase) + "/made-later"] = std::make_shared<const std::string>("-\n");
  std::vector<std::string> keys;
  for (const auto& [key, text] : state)
    if (key.find('/') != std::string::npos) keys.push_back(key);
  const std::string& key = keys[dice_.below(keys.size())];
  const size_t slash = key.find('/');
  const DatabasePath path{kDefaultTenant, key.substr(0, slash)};
  VIRIDIAN_TRY(const Collection row, api.get_collection(context, path, key.substr(slash + 1)));
  VIRIDIAN_TRY(
      const WriteResult wrote,
      api.write(context, {path, row.id},
                conformance::batch_of(Operation::add, {{.id = "later", .vector = {1, 2, 3}}})));
  (void)wrote;  // its number says nothing that is not compared
  state[key] = std::make_shared<const std::string>(*state[key] + "later 1,2,3, - - -\n");
  return ok_status();
}

bool CrashSimulator::found(const Verdict& verdict, const std::string& where,
                           const os::DiskState& image) {
  if (verdict.kind == Verdict::Kind::right) return true;
  ++(verdict.kind == Verdict::Kind::lost ? report_.lost : report_.partial);
  note_failure(where + ": " + verdict.reason, image);
  return false;
}

bool CrashSimulator::unopenable(const Error& error, const std::string& where,
                                const os::DiskState& image) {
  ++report_.unopenable;
  note_failure(fmt::format("{}: {}: {}", where, code_name(error.code()), error.message()), image);
  return false;
}

void CrashSimulator::note_failure(std::string text, const os::DiskState& image) {
  if (!report_.first_failure.empty()) return;
  report_.first_failure = std::move(text);
  report_.first_image = image;
}

}  // namespace viridian::crash
