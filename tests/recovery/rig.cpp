#include "recovery/rig.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "conformance/records.h"

namespace viridian::recovery_test {

using conformance::Row;
using conformance::TestSystem;

namespace {

class Workload {
 public:
  explicit Workload(const WorkloadOptions& options) : options_(options), random_(options.seed) {}

  void run(Api& api) {
    std::vector<CollectionRef> collections;
    for (int i = 0; i < options_.collections; ++i) {
      CreateCollection request;
      request.name = "collection-" + std::to_string(i);
      if (i % 2 == 1) request.metadata = Metadata{{"owner", std::string("somebody")}};
      const auto made = api.create_collection(context_, {}, request);
      ASSERT_TRUE(made.ok()) << made.error().message();
      collections.push_back({{}, made->id});
    }
    for (int seal = 0; seal < options_.seals; ++seal) {
      for (const CollectionRef& collection : collections) {
        write(api, collection);
        EXPECT_TRUE(api.flush(context_, collection).ok());
      }
      if (seal == 1 && options_.snapshot) {
        const auto taken = api.create_snapshot(context_, "halfway");
        EXPECT_TRUE(taken.ok()) << taken.error().message();
      }
    }
    if (options_.leave_tail)
      for (const CollectionRef& collection : collections) write(api, collection);
  }

 private:
  int pick(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

  void write(Api& api, const CollectionRef& collection) {
    for (int round = 0; round < options_.rounds; ++round) {
      const int kind = pick(5);
      std::vector<Row> rows(static_cast<size_t>(1 + pick(options_.rows)));
      for (size_t i = 0; i < rows.size(); ++i) rows[i] = row(i, kind);
      if (kind == 4) {
        DeleteRequest request;
        request.selection.ids.emplace();
        for (const Row& each : rows) request.selection.ids->push_back(each.id);
        EXPECT_TRUE(api.delete_records(context_, collection, request).ok());
        continue;
      }
      const Operation operations[] = {Operation::add, Operation::upsert, Operation::upsert,
                                      Operation::update};
      const auto written =
          api.write(context_, collection, conformance::batch_of(operations[kind], rows));
      EXPECT_TRUE(written.ok()) << written.error().message();
    }
  }

  Row row(size_t i, int kind) {
    Row made;
    // Different ids within one batch.
    const int number = pick(20) * options_.rows + static_cast<int>(i);
    made.id = number % 3 == 0 ? "00000000-0000-4000-8000-" + std::to_string(100000000000 + number)
                              : "id" + std::to_string(number);
    if (kind != 3 || i % 2 == 0)
      for (int d = 0; d < options_.dimension; ++d)
        made.vector.push_back(static_cast<float>(pick(2000) - 1000) / 64.0F);
    if (pick(3) != 0) made.document = "document " + std::string(static_cast<size_t>(pick(60)), 'x');
    if (pick(4) == 0) made.uri = "file:" + std::to_string(pick(1000));
    if (pick(3) != 0)
      made.metadata = Metadata{{"year", int64_t{1900 + pick(100)}},
                               {"key" + std::to_string(pick(4)), std::string("value")},
                               {"score", pick(100) / 8.0}};
    return made;
  }

  const WorkloadOptions options_;
  std::mt19937 random_;
  Context context_;
};

Result<Contents> read_collection(Api& api, const Collection& collection) {
  GetRequest request;
  request.include = {Include::documents, Include::metadatas, Include::embeddings, Include::uris};
  VIRIDIAN_TRY(const GetResult got, api.get(Context(), {{}, collection.id}, request));
  VIRIDIAN_TRY(const uint64_t count,
               api.count(Context(), {{}, collection.id}, ReadLevel::index_and_wal));
  EXPECT_EQ(count, got.records.ids.size());
  Contents contents;
  for (size_t i = 0; i < got.records.ids.size(); ++i) {
    StoredRecord& record = contents[std::string(got.records.ids[i])];
    const float* vector = got.records.embeddings.row(i);
    record.vector.assign(vector, vector + got.records.embeddings.dim);
    if (const auto text = got.records.documents[i]) record.document = std::string(*text);
    if (const auto text = got.records.uris[i]) record.uri = std::string(*text);
    record.metadata = got.records.metadatas[i];
  }
  EXPECT_EQ(contents.size(), got.records.ids.size());
  return contents;
}

}  // namespace

Database make_directory(const std::string& path, const WorkloadOptions& options) {
  {
    auto system = TestSystem::start(conformance::local_settings(path));
    EXPECT_TRUE(system.ok()) << system.error().message();
    if (!system.ok()) return {};
    Workload(options).run((*system)->api());
  }
  auto database = read_all(path);
  EXPECT_TRUE(database.ok()) << database.error().message();
  return database.ok() ? *std::move(database) : Database();
}

Result<Database> read_all(const std::string& path, Database* partly) {
  Database database;
  VIRIDIAN_TRY(const auto system, TestSystem::start(conformance::local_settings(path)));
  VIRIDIAN_TRY(const auto collections, system->api().list_collections(Context(), {}, {}));
  for (const Collection& collection : collections) {
    auto contents = read_collection(system->api(), collection);
    if (!contents.ok()) {
      if (partly != nullptr) *partly = std::move(database);
      return contents.error();
    }
    database[collection.name] = *std::move(contents);
  }
  return database;
}

Status write_everywhere(const std::string& path) {
  VIRIDIAN_TRY(const auto system, TestSystem::start(conformance::local_settings(path)));
  Api& api = system->api();
  VIRIDIAN_TRY(const auto collections, api.list_collections(Context(), {}, {}));
  for (const Collection& collection : collections) {
    const std::vector<float> vector(collection.dimension.value_or(8), 0.5F);
    VIRIDIAN_TRY(const WriteResult written,
                 api.write(Context(), {{}, collection.id},
                           conformance::batch_of(Operation::upsert, {{"new", vector}})));
    EXPECT_GT(written.last, 0U);
    GetRequest request;
    request.selection.ids = conformance::ids_of({"new"});
    VIRIDIAN_TRY(const GetResult got, api.get(Context(), {{}, collection.id}, request));
    EXPECT_EQ(got.records.ids.size(), 1U);
    VIRIDIAN_TRY_VOID(api.flush(Context(), {{}, collection.id}));
  }
  return ok_status();
}

void copy_directory(const std::string& from, const std::string& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

std::vector<std::string> files_in(const std::string& path) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (!entry.is_regular_file() || entry.file_size() == 0) continue;
    const std::string name = std::filesystem::relative(entry.path(), path).string();
    if (name != "LOCK" && !name.starts_with("set-aside")) found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
}

std::vector<std::string> lost_ids(const recovery::Repair& repair) {
  std::vector<std::string> ids;
  for (const recovery::Finding& finding : repair.done.findings)
    if (finding.severity == recovery::Severity::error)
      ids.insert(ids.end(), finding.records.begin(), finding.records.end());
  return ids;
}

}  // namespace viridian::recovery_test
