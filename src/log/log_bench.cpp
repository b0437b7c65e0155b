// What one durable append costs, next to the bare calls it cannot do without: the same bytes by
// pwrite and fdatasync. The last run has many writers, where a sync is shared.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <random>
#include <string>

#include "codec/batch_codec.h"
#include "log/local_log.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"

namespace viridian {
namespace {

SharedBatch make_batch(size_t rows, uint32_t dim) {
  std::mt19937_64 random(42);  // fixed, so that runs compare
  RecordBatch batch;
  batch.embeddings.dim = dim;
  for (size_t row = 0; row < rows; ++row) {
    batch.ids.push_back(Uuid::random().to_string());
    for (uint32_t i = 0; i < dim; ++i)
      batch.embeddings.values.push_back(static_cast<float>(random() % 1000));
  }
  return std::make_shared<const RecordBatch>(std::move(batch));
}

SharedBatch batch_of(const benchmark::State& state) {
  return make_batch(static_cast<size_t>(state.range(0)), static_cast<uint32_t>(state.range(1)));
}

void count(benchmark::State& state, size_t bytes) {
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
}

void BM_Append(benchmark::State& state) {
  const os::TemporaryDirectory directory;
  os::RealFiles files;
  const auto log = local::Log::open(files, directory.path(), {}).value();
  const SharedBatch batch = batch_of(state);
  const CollectionId collection = Uuid::random();
  for (auto _ : state) {
    const SeqId last = log->append(Context(), collection, batch).value();
    state.PauseTiming();  // the disk stays small
    if (last % 100'000 < batch->rows()) (void)log->trim(Context(), collection, last);
    state.ResumeTiming();
  }
  count(state, codec::encode_batch(*batch).size());
}

void BM_BareWriteAndSync(benchmark::State& state) {
  const os::TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  const std::string bytes = codec::encode_batch(*batch_of(state));
  int file = -1;
  off_t end = 64 << 20;
  for (auto _ : state) {
    if (end >= 64 << 20) {
      state.PauseTiming();
      if (file >= 0) ::close(file);
      ::unlink(path.c_str());
      file = ::open(path.c_str(), O_RDWR | O_CREAT, 0644);
      end = 0;
      state.ResumeTiming();
    }
    if (::pwrite(file, bytes.data(), bytes.size(), end) < 0 || ::fdatasync(file) != 0)
      state.SkipWithError("write failed");
    end += static_cast<off_t>(bytes.size());
  }
  ::close(file);
  count(state, bytes.size());
}

void BM_Encode(benchmark::State& state) {
  const SharedBatch batch = batch_of(state);
  const size_t bytes = codec::encode_batch(*batch).size();
  for (auto _ : state) benchmark::DoNotOptimize(codec::encode_batch(*batch));
  count(state, bytes);
}

void BM_Decode(benchmark::State& state) {
  const std::string bytes = codec::encode_batch(*batch_of(state));
  for (auto _ : state) benchmark::DoNotOptimize(codec::decode_batch(bytes));
  count(state, bytes.size());
}

/// All threads append single records to one collection.
class SharedLog : public benchmark::Fixture {
 public:
  void SetUp(const benchmark::State& state) override {
    if (state.thread_index() != 0) return;
    directory_ = std::make_unique<os::TemporaryDirectory>();
    log_ = local::Log::open(files_, directory_->path(), {}).value();
  }
  void TearDown(const benchmark::State& state) override {
    if (state.thread_index() != 0) return;
    log_.reset();
    directory_.reset();
  }

 protected:
  os::RealFiles files_;
  std::unique_ptr<os::TemporaryDirectory> directory_;
  std::unique_ptr<local::Log> log_;
  const CollectionId collection_ = Uuid::random();
  const SharedBatch batch_ = make_batch(1, 100);
};

BENCHMARK_DEFINE_F(SharedLog, GroupedAppend)(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(log_->append(Context(), collection_, batch_).ok());
  state.SetItemsProcessed(state.iterations());
}

const std::vector<std::vector<int64_t>> kShapes = {{1, 100, 1000}, {100, 768}};
BENCHMARK(BM_BareWriteAndSync)->ArgsProduct(kShapes)->UseRealTime();
BENCHMARK(BM_Append)->ArgsProduct(kShapes)->UseRealTime();
BENCHMARK(BM_Encode)->ArgsProduct(kShapes);
BENCHMARK(BM_Decode)->ArgsProduct(kShapes);
BENCHMARK_REGISTER_F(SharedLog, GroupedAppend)->ThreadRange(1, 32)->UseRealTime();

}  // namespace
}  // namespace viridian

BENCHMARK_MAIN();
