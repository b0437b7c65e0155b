// Searches of a file with an index that end early, that no walk can answer, or whose index is not
// one of its file.
#include "segment/indexed_file.h"

#include <gtest/gtest.h>

#include "index/rows_fixture.h"
#include "os/background_threads.h"
#include "property/segment_rig.h"
#include "segment/graph_reader.h"

namespace viridian::conformance {
namespace {

constexpr uint32_t kDim = 12;

/// These rows, in one file with an index.
class OneFile {
 public:
  OneFile(Space space, const std::vector<float>& values) : rig_(1000, space) {
    std::vector<Row> rows;
    for (size_t at = 0; at < values.size(); at += kDim)
      rows.push_back({std::to_string(rows.size()), {&values[at], &values[at] + kDim}});
    rows_ = static_cast<uint32_t>(rows.size());
    rig_.apply(batch_of(Operation::add, rows));
    rig_.seal();
    while (const auto range = rig_.vectors().merge_due()) rig_.merge(true, *range);
    const SegmentFile& entry = rig_.vectors().files().front();
    auto sealed = segment::SealedFile::open(
        rig_.files(), os::join(rig_.directory(), entry.name),
        {segment::FileKind::vectors, entry.id, rig_.collection()}, entry.size_bytes);
    EXPECT_TRUE(sealed.ok()) << sealed.error().message();
    file_ = *segment::VectorFile::open(*sealed, nullptr);
    EXPECT_TRUE(file_->has_index());
  }

  uint32_t rows() const { return rows_; }
  const segment::VectorFile& file() const { return *file_; }
  segment::IndexMemory::Pins pin() {
    segment::IndexMemory::Entry* const entry = file_->indexes().front().entry.get();
    return *memory_->pin(Context(), {&entry, 1});
  }
  segment::IndexedFile::Request request(uint32_t k) const {
    segment::IndexedFile::Request request;
    request.at = rig_.applied();
    request.k = k;
    request.recall = 0.95;
    return request;
  }
  segment::GraphVectorReader reader(Space space) {
    return {
        {{file_, rows_, file_.get()}}, space, kDim, rig_.applied(), executor_, memory_, nullptr};
  }

 private:
  SegmentRig rig_;
  uint32_t rows_ = 0;
  std::shared_ptr<segment::IndexMemory> memory_ =
      std::make_shared<segment::IndexMemory>(uint64_t{1} << 30);
  std::shared_ptr<const segment::VectorFile> file_;
  os::BackgroundThreads executor_{2};
};

Matrix matrix(const std::vector<float>& values) { return {kDim, {values.begin(), values.end()}}; }

OffsetSet every_second(uint32_t rows) {
  OffsetSet some;
  for (Offset offset = 0; offset < rows; offset += 2) some.insert(offset);
  return some;
}

TEST(IndexedFile, EndsWithItsContextWhateverThePlan) {
  const std::vector<float> values = index::clustered(5000, kDim, 3);
  OneFile one(Space::l2, values);
  const auto pins = one.pin();
  const OffsetSet half = every_second(one.rows());
  Context context;
  context.cancel();
  const auto outcome = [&](const segment::IndexedFile::Request& request) {
    const segment::IndexedFile file(one.file(), one.file().indexes().front(), request);
    EXPECT_FALSE(file.is_to_be_read());
    std::vector<index::TopK> results(1, index::TopK(request.k));
    std::vector<size_t> unanswered;
    const Status searched = file.search(context, matrix(values), 7, results, unanswered);
    EXPECT_TRUE(unanswered.empty());
    return searched.ok() ? Code::internal : searched.error().code();
  };
  segment::IndexedFile::Request broad = one.request(10);
  broad.breadth = one.rows();
  EXPECT_EQ(outcome(broad), Code::cancelled);
  for (const auto plan :
       {segment::SearchPlan::walk, segment::SearchPlan::scan, segment::SearchPlan::read}) {
    segment::IndexedFile::Request filtered = one.request(10);
    filtered.allowed = &half;
    filtered.breadth = one.rows();
    filtered.plan = plan;
    EXPECT_EQ(outcome(filtered), Code::cancelled) << static_cast<int>(plan);
  }
}

/// What a search answers is what reading everything does.
void expect_exact(const segment::GraphVectorReader& reader, const Matrix& queries,
                  const OffsetSet* allowed) {
  VectorQuery query{&queries, 10, allowed, 0.9};
  query.breadth = 400;
  const auto found = reader.search(Context(), query);
  query.recall = 1;
  const auto exact = reader.search(Context(), query);
  ASSERT_TRUE(found.ok()) << found.error().message();
  ASSERT_TRUE(exact.ok()) << exact.error().message();
  for (size_t i = 0; i < exact->size(); ++i) EXPECT_EQ((*found)[i].size(), 10u) << i;
  EXPECT_EQ(*found, *exact);
}

TEST(IndexedFile, QueriesThatNoWalkCanAnswerAreReadBesideThoseThatOneCan) {
  std::vector<float> values = index::clustered(3000, kDim, 3);
  for (const size_t row : {5, 700, 2000}) std::fill_n(&values[row * kDim], kDim, 0.0F);
  OneFile one(Space::cosine, values);
  Matrix queries = matrix({values.begin(), values.begin() + 9 * kDim});  // the sixth is zero
  const OffsetSet half = every_second(one.rows());
  const segment::GraphVectorReader reader = one.reader(Space::cosine);
  expect_exact(reader, queries, nullptr);
  expect_exact(reader, queries, &half);
  const auto pins = one.pin();
  const segment::IndexedFile file(one.file(), one.file().indexes().front(), one.request(10));
  std::vector<index::TopK> results(9, index::TopK(10));
  std::vector<size_t> unanswered;
  ASSERT_TRUE(file.search(Context(), queries, 0, results, unanswered).ok());
  EXPECT_EQ(unanswered, std::vector<size_t>{5});
}

// Scaled as the rows are, it would be infinite.
TEST(IndexedFile, AQueryFarLongerThanTinyRowsFindsAsManyAsThereAre) {
  for (const float tiny : {1e-22F, 1e-15F}) {
    std::vector<float> values = index::clustered(2000, kDim, 3);
    for (float& value : values) value *= tiny;
    OneFile one(Space::l2, values);
    std::vector<float> query(kDim, 1.5e17F);
    for (size_t i = 0; i < kDim; i += 3) query[i] = -query[i];
    expect_exact(one.reader(Space::l2), matrix(query), nullptr);
  }
}

TEST(IndexedFile, RowsWithTheVectorOfOneThatIsAlwaysReadAreAlwaysReadToo) {
  std::vector<float> values = index::clustered(2000, kDim, 3);
  for (const size_t row : {5, 700}) std::fill_n(&values[row * kDim], kDim, 0.0F);
  OneFile one(Space::cosine, values);
  const segment::GraphVectorReader reader = one.reader(Space::cosine);
  const Matrix query = matrix({values.begin(), values.begin() + kDim});
  const auto how = [&](Offset offset) {
    return reader.way_to(Context(), {&query, 10, nullptr, 0.95}, offset)->how;
  };
  EXPECT_EQ(how(5), Searched::How::read);
  EXPECT_EQ(how(700), Searched::How::read);
  EXPECT_EQ(how(6), Searched::How::walked);
}

TEST(IndexedFile, IndexOfAnotherSpaceThanItsCollectionIsRefused) {
  const std::vector<float> values = index::clustered(2000, kDim, 3);
  OneFile one(Space::l2, values);
  const Matrix query = matrix({values.begin(), values.begin() + kDim});
  EXPECT_TRUE(one.reader(Space::l2).search(Context(), {&query, 10, nullptr, 0.95}).ok());
  const auto found = one.reader(Space::cosine).search(Context(), {&query, 10, nullptr, 0.95});
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), Code::data_loss);
  EXPECT_NE(found.error().message().find(one.file().file().path()), std::string::npos);
}

TEST(IndexedFile, IndexOfAnotherDimensionThanItsFileIsRefused) {
  const std::vector<float> values = index::clustered(600, kDim, 3);
  const index::Rows rows(values, kDim);
  os::BackgroundThreads executor(1);
  const auto built = index::build_index(Context(), rows, {Space::l2, 0, 300, 0}, executor);
  ASSERT_TRUE(built.ok());
  os::TemporaryDirectory temporary;
  os::RealFiles files;
  for (const uint32_t dim : {kDim, kDim - 1}) {
    const segment::FileIdentity identity{segment::FileKind::vectors, Uuid::random(), Uuid()};
    const std::string name = std::to_string(dim);
    auto writer = segment::SealedFileWriter::create(files, temporary.path(), name, identity);
    ASSERT_TRUE(writer.ok());
    const size_t count = values.size() / kDim;
    ASSERT_TRUE(writer->append_section("offsets", std::vector<Offset>(count)).ok());
    ASSERT_TRUE(writer->append_section("norms", std::vector<float>(count)).ok());
    ASSERT_TRUE(writer->append_section("vectors", std::vector<float>(count * dim)).ok());
    ASSERT_TRUE(segment::write_index(*writer, *built, 0).ok());
    const auto size = writer->finish();
    ASSERT_TRUE(size.ok());
    const auto file =
        segment::SealedFile::open(files, os::join(temporary.path(), name), identity, *size);
    ASSERT_TRUE(file.ok()) << file.error().message();
    const auto places = segment::indexes_of(**file);
    ASSERT_TRUE(places.ok());
    const auto opened = segment::OpenedIndex::open(**file, places->front(), true);
    EXPECT_EQ(opened.ok(), dim == kDim);
    EXPECT_TRUE(opened.ok() || opened.error().code() == Code::data_loss);
  }
}

}  // namespace
}  // namespace viridian::conformance
