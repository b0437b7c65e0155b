// What programs that are workers of bench/vectors share (worker.py says what is spoken).
#pragma once
#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "vectors/clock.h"

namespace viridian::bench {

using Json = simdjson::dom::element;

/// Row i of the array has the ids found for query i, and -1 where there are fewer than k.
inline void write_ids(const std::string& path, const std::vector<std::vector<int32_t>>& found,
                      size_t k) {
  std::string header = fmt::format(
      "{{'descr': '<i4', 'fortran_order': False, 'shape': ({}, {}), }}", found.size(), k);
  header.resize((10 + header.size() + 64) / 64 * 64 - 10, ' ');
  header.back() = '\n';
  std::ofstream out(path, std::ios::binary);
  const char size[2] = {static_cast<char>(header.size() & 255),
                        static_cast<char>(header.size() >> 8)};
  out.write("\x93NUMPY\x01\x00", 8).write(size, 2) << header;
  for (const auto& one : found)
    for (size_t i = 0; i < k; ++i) {
      const int32_t id = i < one.size() ? one[i] : -1;
      out.write(reinterpret_cast<const char*>(&id), sizeof id);
    }
}

/// The answer to a search or filter: what the clock says, and the quantiles of single calls.
inline std::string times(const Clock& clock, std::vector<double> took) {
  std::string answer = fmt::format(R"("seconds": {}, "cpu": {})", clock.seconds(), clock.cpu());
  if (took.empty()) return answer;
  std::sort(took.begin(), took.end());
  return answer + fmt::format(R"(, "p50": {}, "p99": {})", took[took.size() / 2],
                              took[took.size() * 99 / 100]);
}

/// Answers requests with worker.answer(request) until there are no more.
template <class Worker>
int serve(Worker& worker) {
  simdjson::dom::parser parser;
  for (std::string line; std::getline(std::cin, line);) {
    std::string answer;
    try {
      const Json request = parser.parse(line);
      if (std::string_view(request["op"]) == "quit") break;
      answer = "{\"ok\": true, " + worker.answer(request) + "}";
    } catch (const std::exception& error) {
      answer = fmt::format(R"({{"ok": false, "error": "{}"}})", error.what());
    }
    std::cout << answer << std::endl;
  }
  return 0;
}

}  // namespace viridian::bench
