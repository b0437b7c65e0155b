#include "vectors/stream.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "index/graph_index.h"
#include "os/real_files.h"
#include "segment/sealed_file.h"
#include "segment/vector_file.h"

namespace viridian::bench {
namespace {

Client open(const std::string& directory) {
  Options options;
  options.settings = {{"log.level", "error"}};
  return value_of(Client::open(directory, options));
}

uint64_t number(std::string_view id) {
  uint64_t value = 0;
  std::from_chars(id.data(), id.data() + id.size(), value);
  return value;
}

/// Processor time of the threads that merge and build, which are those of lowered priority. What
/// ends takes its own along, which is a change as well.
uint64_t background_work() {
  constexpr int kUserTime = 14, kSystemTime = 15, kNice = 19;  // fields; see proc(5)
  uint64_t ticks = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream in(task.path() / "stat");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    std::istringstream fields(text.substr(text.rfind(')') + 1));
    uint64_t used = 0;
    std::string field;
    for (int i = 3; i <= kNice && fields >> field; ++i) {
      if (i == kUserTime || i == kSystemTime) used += number(field);
      if (i == kNice && field == "10") ticks += used;
    }
  }
  return ticks;
}

std::vector<Neighbour> answer_of(const Rows& rows) {
  std::vector<Neighbour> answer;
  for (const Row row : rows) answer.push_back({number(row.id), row.distance.value_or(0)});
  return answer;
}

}  // namespace

Stream::Stream(const Set& set, std::string directory)
    : set_(set),
      directory_(std::move(directory)),
      client_(open(directory_)),
      collection_(value_of(client_.create_collection("stream", {.space = set.space}))) {}

void Stream::write(Operation operation, std::span<const Live> records) const {
  Records batch;
  for (const Live& one : records)
    batch.add(std::to_string(one.id), std::span(set_.base.row(one.row), set_.base.columns));
  value_of(collection_.write(batch, operation));
}

void Stream::remove(std::span<const Live> records) const {
  Filter filter;
  filter.ids.emplace();
  for (const Live& one : records) filter.ids->push_back(std::to_string(one.id));
  value_of(collection_.remove(filter));
}

double Stream::settle() const {
  constexpr std::chrono::milliseconds kLook{100};
  constexpr int kCalmLooks = 30;
  const Clock clock;
  value_of(collection_.flush());
  SegmentStats before = stats();
  uint64_t work = background_work();
  double settled = clock.seconds();
  for (int calm = 0; calm < kCalmLooks; ++calm) {
    std::this_thread::sleep_for(kLook);
    const SegmentStats now = stats();
    const uint64_t more = background_work();
    // A merge shows by its work long before it shows by its file.
    if (more != work || now.file_bytes != before.file_bytes || now.files != before.files) {
      calm = -1;
      settled = clock.seconds();
    }
    work = more;
    before = now;
  }
  return settled;
}

std::vector<std::vector<Neighbour>> Stream::query(const std::vector<std::vector<float>>& vectors,
                                                  uint32_t k, double recall) const {
  QueryOptions options;
  options.n_results = k;
  if (recall != 0) options.recall = recall;
  options.include = {Include::distances};
  std::vector<std::vector<Neighbour>> answers;
  for (const Rows& rows : value_of(collection_.query(vectors, options)))
    answers.push_back(answer_of(rows));
  return answers;
}

void Stream::query(std::span<const float> vector, uint32_t k) const {
  QueryOptions options;
  options.n_results = k;
  options.include = {Include::distances};
  value_of(collection_.query(vector, options));
}

std::vector<std::vector<float>> Stream::queries() const {
  std::vector<std::vector<float>> queries;
  for (size_t i = 0; i < set_.queries.rows; ++i)
    queries.emplace_back(set_.queries.row(i), set_.queries.row(i + 1));
  return queries;
}

void Stream::add_walks(const segment::FileIndex& index, Walks& walks) const {
  const auto memory = std::make_shared<segment::IndexMemory>(~uint64_t{0});
  segment::IndexMemory::Entry* const entry = index.entry.get();
  const auto pins = value_of(memory->pin(Context(), {&entry, 1}));
  const index::GraphIndex& graph = entry->index().graph();
  walks.apart += graph.arrays().apart.size();
  const size_t breadth = graph.effort(0.99, 10).breadth;
  index::IndexSearch search(graph);
  for (size_t i = 0; i < set_.queries.rows; ++i) {
    if (!search.assign(set_.queries.row(i))) continue;
    search.walk(std::max<size_t>(1, breadth));
    walks.estimates +=
        static_cast<double>(search.counts().distances) / static_cast<double>(set_.queries.rows);
  }
}

Stream::Walks Stream::walks() const {
  os::RealFiles files;
  Walks walks;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
    if (entry.path().extension() != ".vec") continue;
    const segment::FileIdentity identity{segment::FileKind::vectors,
                                         Uuid::parse(entry.path().stem().string()).value_or(Uuid()),
                                         collection_.info().id};
    const auto file = value_of(
        segment::VectorFile::open(value_of(segment::SealedFile::open(files, entry.path().string(),
                                                                     identity, entry.file_size())),
                                  nullptr));
    if (!file->has_index()) continue;
    ++walks.indexed_files;
    for (const segment::FileIndex& index : file->indexes()) add_walks(index, walks);
  }
  return walks;
}

}  // namespace viridian::bench
