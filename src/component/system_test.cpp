#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "viridian/spi/component.h"

namespace viridian {
namespace {

using testing::ElementsAre;

using Events = std::vector<std::string>;

// Roles and classes that only say what happens to them.
struct Engine {
  static constexpr std::string_view kSetting = "engine";
  virtual ~Engine() = default;
  virtual Events* events() = 0;
};
struct Wheels {
  static constexpr std::string_view kSetting = "wheels";
  virtual ~Wheels() = default;
};
struct Car {
  static constexpr std::string_view kSetting = "car";
  virtual ~Car() = default;
};

Events& events_of(System& system);

class Part : public Component {
 public:
  Part(System& system, std::string name) : events_(events_of(system)), name_(std::move(name)) {
    events_.push_back("create " + name_);
  }
  ~Part() override { events_.push_back("destroy " + name_); }
  Status start(const Context&) override {
    events_.push_back("start " + name_);
    if (fails_) return Error(Code::unavailable, "no fuel");
    return ok_status();
  }
  void stop() noexcept override { events_.push_back("stop " + name_); }

 protected:
  Events& events_;
  const std::string name_;
  bool fails_ = false;
};

/// Keeps the events of one test; the address travels as a setting, so nothing is global.
Events& events_of(System& system) {
  const uint64_t address = system.settings().unsigned_integer("events");
  return *reinterpret_cast<Events*>(static_cast<uintptr_t>(address));
}

class Diesel final : public Part, public Engine {
 public:
  static Result<std::unique_ptr<Diesel>> create(System& system) {
    return std::make_unique<Diesel>(system);
  }
  explicit Diesel(System& system) : Part(system, "Diesel") {}
  Events* events() override { return &events_; }
};

/// Plays two roles.
class Hub final : public Part, public Engine, public Wheels {
 public:
  static Result<std::unique_ptr<Hub>> create(System& system) {
    return std::make_unique<Hub>(system);
  }
  explicit Hub(System& system) : Part(system, "Hub") {}
  Events* events() override { return &events_; }
};

class Steel final : public Part, public Wheels {
 public:
  static Result<std::unique_ptr<Steel>> create(System& system) {
    return std::make_unique<Steel>(system);
  }
  explicit Steel(System& system) : Part(system, "Steel") {
    fails_ = system.settings().has("steel_fails");
  }
};

class Saloon final : public Part, public Car {
 public:
  static Result<std::unique_ptr<Saloon>> create(System& system) {
    VIRIDIAN_TRY([[maybe_unused]] Engine * engine, system.require<Engine>());
    VIRIDIAN_TRY([[maybe_unused]] Wheels * wheels, system.require<Wheels>());
    return std::make_unique<Saloon>(system);
  }
  explicit Saloon(System& system) : Part(system, "Saloon") {}
};

/// An engine that needs a car.
class Chicken final : public Part, public Engine {
 public:
  static Result<std::unique_ptr<Chicken>> create(System& system) {
    VIRIDIAN_TRY([[maybe_unused]] Car * car, system.require<Car>());
    return std::make_unique<Chicken>(system);
  }
  explicit Chicken(System& system) : Part(system, "Chicken") {}
  Events* events() override { return &events_; }
};

class SystemTest : public testing::Test {
 protected:
  SystemTest() {
    registry_.add<Diesel, Engine>("Diesel");
    registry_.add<Hub, Engine, Wheels>("Hub");
    registry_.add<Steel, Wheels>("Steel");
    registry_.add<Saloon, Car>("Saloon");
    registry_.add<Chicken, Engine>("Chicken");
    settings_.set("events", std::to_string(reinterpret_cast<uintptr_t>(&events_)));
    settings_.set("engine", "Diesel");
    settings_.set("wheels", "Steel");
    settings_.set("car", "Saloon");
  }
  template <class Role>
  void expect_refused(Code code, const std::string& message) {
    System system(registry_, settings_);
    const auto required = system.require<Role>();
    ASSERT_FALSE(required.ok());
    EXPECT_EQ(required.error().code(), code);
    EXPECT_EQ(required.error().message(), message);
  }

  Events events_;  // outlives every System
  Registry registry_;
  Settings settings_;
};

TEST_F(SystemTest, PartsStartAfterWhatTheyRequireAndStopInReverse) {
  {
    System system(registry_, settings_);
    ASSERT_TRUE(system.require<Car>().ok());
    ASSERT_TRUE(system.require<Engine>().ok());
    EXPECT_THAT(events_, ElementsAre("create Diesel", "create Steel", "create Saloon"));
    events_.clear();
    ASSERT_TRUE(system.start(Context()).ok());
    EXPECT_THAT(events_, ElementsAre("start Diesel", "start Steel", "start Saloon"));
    events_.clear();
    system.stop();
    system.stop();
    EXPECT_THAT(events_, ElementsAre("stop Saloon", "stop Steel", "stop Diesel"));
    events_.clear();
  }
  EXPECT_THAT(events_, ElementsAre("destroy Saloon", "destroy Steel", "destroy Diesel"));
}

TEST_F(SystemTest, EndOfTheSystemStopsWhatRuns) {
  {
    System system(registry_, settings_);
    ASSERT_TRUE(system.require<Engine>().ok());
    ASSERT_TRUE(system.start(Context()).ok());
    events_.clear();
  }
  EXPECT_THAT(events_, ElementsAre("stop Diesel", "destroy Diesel"));
}

TEST_F(SystemTest, TwoRolesOfOneClassAreOneObject) {
  settings_.set("engine", "Hub");
  settings_.set("wheels", "Hub");
  System system(registry_, settings_);
  const auto engine = system.require<Engine>();
  const auto wheels = system.require<Wheels>();
  ASSERT_TRUE(engine.ok() && wheels.ok());
  EXPECT_EQ(dynamic_cast<Hub*>(*engine), dynamic_cast<Hub*>(*wheels));
  EXPECT_EQ((*engine)->events(), &events_);  // the role's own functions work: the cast is right
  EXPECT_THAT(events_, ElementsAre("create Hub"));
}

TEST_F(SystemTest, FailedStartStopsWhatHadStartedAndNamesTheCulprit) {
  settings_.set("steel_fails", "yes");
  System system(registry_, settings_);
  ASSERT_TRUE(system.require<Car>().ok());
  events_.clear();
  const Status status = system.start(Context());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::unavailable);
  EXPECT_EQ(status.error().message(), "Steel: no fuel");
  EXPECT_THAT(events_, ElementsAre("start Diesel", "start Steel", "stop Diesel"));
}

TEST_F(SystemTest, StartOutOfTimeStopsWhatHadStarted) {
  System system(registry_, settings_);
  ASSERT_TRUE(system.require<Engine>().ok());
  Context late;
  late.cancel();
  EXPECT_EQ(system.start(late).error().code(), Code::cancelled);
  EXPECT_THAT(events_, ElementsAre("create Diesel"));
}

TEST_F(SystemTest, LaterPartsCanBeStartedLater) {
  System system(registry_, settings_);
  ASSERT_TRUE(system.require<Engine>().ok());
  ASSERT_TRUE(system.start(Context()).ok());
  ASSERT_TRUE(system.require<Wheels>().ok());
  events_.clear();
  ASSERT_TRUE(system.start(Context()).ok());
  EXPECT_THAT(events_, ElementsAre("start Steel"));
}

TEST_F(SystemTest, UnknownClassIsRefusedWithTheChoices) {
  settings_.set("wheels", "Stel");
  expect_refused<Wheels>(Code::invalid_argument,
                         "wheels = \"Stel\": no such class; known: Hub, Steel");
}

TEST_F(SystemTest, ClassOfAnotherRoleIsRefusedWithTheChoices) {
  settings_.set("wheels", "Diesel");
  expect_refused<Wheels>(Code::invalid_argument,
                         "wheels = \"Diesel\": this class cannot be used here; known: Hub, Steel");
}

TEST_F(SystemTest, UnsetSettingIsRefused) {
  System system(registry_, Settings());
  const auto required = system.require<Wheels>();
  ASSERT_FALSE(required.ok());
  EXPECT_EQ(required.error().message(), "wheels is not set; known classes: Hub, Steel");
}

TEST_F(SystemTest, CircleIsNamedInFull) {
  settings_.set("engine", "Chicken");
  expect_refused<Car>(Code::internal,
                      "classes require each other in a circle: Saloon -> Chicken -> Saloon");
}

TEST_F(SystemTest, NamingAClassAgainReplacesIt) {
  registry_.add<Hub, Engine>("Diesel");
  System system(registry_, settings_);
  const auto engine = system.require<Engine>();
  ASSERT_TRUE(engine.ok());
  EXPECT_NE(dynamic_cast<Hub*>(*engine), nullptr);
  EXPECT_EQ((*engine)->events(), &events_);
}

}  // namespace
}  // namespace viridian
