#pragma once
#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace viridian::conformance {

/// Vectors that are hard in one way for codes of them.
struct HardVectors {
  std::string name;
  std::function<void(std::mt19937&, std::vector<float>&, size_t row)> make;
};

inline float normal(std::mt19937& random) { return std::normal_distribution<float>()(random); }

inline std::vector<HardVectors> hard_vectors() {
  const auto plain = [](std::mt19937& random, std::vector<float>& v, size_t) {
    for (float& x : v) x = normal(random);
  };
  const auto times = [plain](float low, float high) {
    return [=](std::mt19937& random, std::vector<float>& v, size_t row) {
      plain(random, v, row);
      const float power = std::uniform_real_distribution<float>(low, high)(random);
      for (float& x : v) x *= std::pow(10.0F, power);
    };
  };
  return {
      {"plain", plain},
      {"six decades", times(-3, 3)},
      {"all that floats have", times(-40, 34)},
      {"tiny", times(-23, -17)},
      {"hardly there", times(-45, -40)},
      {"huge", times(15, 18)},
      {"copies", [](auto&, auto& v, size_t) { std::fill(v.begin(), v.end(), 0.3F); }},
      {"few values",
       [](auto& random, auto& v, size_t) {
         for (float& x : v) x = static_cast<float>(random() % 3) - 1;
       }},
      {"far from the origin",
       [=](auto& random, auto& v, size_t row) {
         plain(random, v, row);
         for (float& x : v) x += 1e5F;
       }},
      {"hardly apart",
       [=](auto& random, auto& v, size_t row) {
         plain(random, v, row);
         for (size_t i = 0; i < v.size(); ++i) v[i] = 1 + v[i] * 1e-6F + static_cast<float>(i % 7);
       }},
      {"one value only",
       [](auto& random, auto& v, size_t row) {
         std::fill(v.begin(), v.end(), 0.0F);
         v[row % v.size()] = normal(random) * 100;
       }},
      {"one far out",
       [=](auto& random, auto& v, size_t row) {
         plain(random, v, row);
         if (row % 50 == 7) v[row % v.size()] = 1e6F;
       }},
      {"zeros",
       [=](auto& random, auto& v, size_t row) {
         plain(random, v, row);
         if (row % 3 == 0) std::fill(v.begin(), v.end(), 0.0F);
       }},
      {"two ends",
       [=](auto& random, auto& v, size_t row) {
         plain(random, v, row);
         for (float& x : v) x += row % 2 == 0 ? 10.0F : -10.0F;
       }},
  };
}

}  // namespace viridian::conformance
