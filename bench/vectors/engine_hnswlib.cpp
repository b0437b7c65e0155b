// hnswlib itself as a worker of bench/vectors (worker.py says what is spoken): its filter is a
// functor over a bitmap, where its Python binding has to call a Python function for each id. Loads
// what the worker of the binding has kept; environment.py compiles it, with the binding's flags.
#include <hnswlib/hnswlib.h>

#include <cmath>
#include <memory>

#include "vectors/npy.h"
#include "vectors/protocol.h"

namespace viridian::bench {
namespace {

class Bitmap final : public hnswlib::BaseFilterFunctor {
 public:
  explicit Bitmap(const std::string& path) : bits_(read_npy(path)) {}
  bool operator()(hnswlib::labeltype id) override {
    return (static_cast<unsigned char>(bits_.bytes[id / 8]) >> (id % 8) & 1) != 0;
  }

 private:
  Array bits_;
};

class Worker {
 public:
  std::string answer(const Json& request) {
    const std::string_view op = request["op"];
    if (op == "build") return load(request);
    if (op == "knobs")
      return R"("knobs": [10, 12, 16, 20, 26, 34, 44, 58, 76, 100, 130, 170, 220, 290, 380, 500, 700, 1000])";
    if (op == "search" || op == "filter") return search(request);
    throw std::runtime_error("no operation " + std::string(op));
  }

 private:
  std::string load(const Json& request) {
    const std::string folder{std::string_view(request["set"])};
    std::string_view keep;
    if (request["keep"].get(keep) != simdjson::SUCCESS)
      throw std::runtime_error("takes kept indexes only (--keep)");
    simdjson::dom::parser parser;
    const Json built = parser.load(std::string(keep) + "/built.json");
    const std::string text = simdjson::minify(built);
    queries_ = read_npy(folder + "/queries.npy");
    const simdjson::padded_string notes = simdjson::padded_string::load(folder + "/set.json");
    const Json set = parser.parse(notes);
    const std::string_view metric = set["metric"];
    normalise_ = metric == "cosine";
    if (metric == "l2")
      space_ = std::make_unique<hnswlib::L2Space>(queries_.columns);
    else
      space_ = std::make_unique<hnswlib::InnerProductSpace>(queries_.columns);
    index_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(),
                                                               std::string(keep) + "/index");
    return text.substr(1, text.size() - 2) + R"(, "reused": true, "params": {}, "about": {})";
  }

  std::string search(const Json& request) {
    const auto k = static_cast<size_t>(uint64_t(request["k"]));
    index_->setEf(static_cast<size_t>(uint64_t(request["knob"])));
    std::unique_ptr<Bitmap> filter;
    if (std::string_view path; request["bitmap"].get(path) == simdjson::SUCCESS)
      filter = std::make_unique<Bitmap>(std::string(path));
    Array some;
    if (std::string_view path; request["queries"].get(path) == simdjson::SUCCESS)
      some = read_npy(std::string(path));
    const Array& queries = some.rows != 0 ? some : queries_;
    std::vector<std::vector<int32_t>> found;
    std::vector<double> took;
    const Clock clock;
    for (size_t i = 0; i < queries.rows; ++i) {
      const Clock each;
      found.push_back(
          find(queries.floats() + i * queries.columns, queries.columns, k, filter.get()));
      took.push_back(each.seconds());
    }
    const std::string answer = times(clock, std::move(took));
    write_ids(std::string(std::string_view(request["out"])), found, k);
    return answer;
  }

  std::vector<int32_t> find(const float* query, size_t dim, size_t k, Bitmap* filter) {
    point_.assign(query, query + dim);
    if (normalise_) {
      float squared = 0;
      for (const float value : point_) squared += value * value;
      for (float& value : point_) value /= std::sqrt(squared) + 1e-30F;
    }
    auto nearest = index_->searchKnn(point_.data(), k, filter);
    std::vector<int32_t> ids(nearest.size());
    for (; !nearest.empty(); nearest.pop())
      ids[nearest.size() - 1] = static_cast<int32_t>(nearest.top().second);
    return ids;
  }

  bool normalise_ = false;
  std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> index_;
  Array queries_;
  std::vector<float> point_;
};

}  // namespace
}  // namespace viridian::bench

int main() {
  viridian::bench::Worker worker;
  return viridian::bench::serve(worker);
}
