// What programs that are workers of bench/vectors share (worker.py says what is spoken).
#pragma once
#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace viridian::bench {

using Json = simdjson::dom::element;

struct Array {
  size_t rows = 0, columns = 1;
  std::string bytes;
  const float* floats() const { return reinterpret_cast<const float*>(bytes.data()); }
};

/// A file of NumPy's, version 1, in C order.
inline Array read_npy(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  char head[10];
  in.read(head, sizeof head);
  std::string header(static_cast<unsigned char>(head[8]) |
                         static_cast<size_t>(static_cast<unsigned char>(head[9])) << 8,
                     ' ');
  in.read(header.data(), static_cast<std::streamsize>(header.size()));
  const size_t shape = header.find("'shape': (");
  if (!in || shape == std::string::npos) throw std::runtime_error("not an array: " + path);
  Array array;
  if (std::sscanf(header.c_str() + shape, "'shape': (%zu, %zu", &array.rows, &array.columns) < 1)
    throw std::runtime_error("no shape: " + path);
  array.bytes.assign(std::istreambuf_iterator<char>(in), {});
  return array;
}

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

/// Wall and processor time since it was made.
class Clock {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count();
  }
  double cpu() const { return now() - cpu_; }

 private:
  static double now() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  double cpu_ = now();
};

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
