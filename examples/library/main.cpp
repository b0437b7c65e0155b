// Opens a data directory, adds records, filters, searches, and opens the directory again.
//
//   library_example DIRECTORY
#include <viridian/viridian.h>

#include <cstdio>
#include <string>
#include <vector>

namespace {

using viridian::Client;
using viridian::CollectionHandle;
using viridian::Records;
using viridian::Row;
using viridian::Rows;
using viridian::Status;

// Two dimensions, so that a reader can check the answers: how much sea, how much city.
Records books() {
  Records records;
  records.add({.id = "moby",
               .vector = {0.9F, 0.1F},
               .document = "Call me Ishmael.",
               .metadata = {{"year", 1851}, {"tags", std::vector<std::string>{"sea", "whale"}}}});
  records.add({.id = "sea-wolf",
               .vector = {0.8F, 0.3F},
               .document = "I scarcely know where to begin.",
               .metadata = {{"year", 1904}, {"tags", std::vector<std::string>{"sea"}}}});
  records.add({.id = "ulysses",
               .vector = {0.2F, 0.9F},
               .document = "Stately, plump Buck Mulligan came from the stairhead.",
               .metadata = {{"year", 1922}, {"tags", std::vector<std::string>{"city"}}}});
  return records;
}

void print(const char* title, const Rows& rows) {
  std::printf("%s\n", title);
  for (const Row row : rows) {
    std::printf("  %-10s", std::string(row.id).c_str());
    if (row.distance) std::printf(" %.4f ", static_cast<double>(*row.distance));
    std::printf(" %s\n", std::string(row.document.value_or("")).c_str());
  }
}

Status write(const std::string& directory) {
  VIRIDIAN_TRY(Client client, Client::open(directory));
  VIRIDIAN_TRY(CollectionHandle collection,
               client.get_or_create_collection("books", {.space = viridian::Space::cosine}));
  // An upsert, so that the example may run again on the same directory.
  VIRIDIAN_TRY_VOID(collection.upsert(books()));

  const std::vector<float> seaside = {1.0F, 0.2F};
  VIRIDIAN_TRY(Rows nearest, collection.query(seaside, {.n_results = 2}));
  print("Nearest to the sea:", nearest);
  VIRIDIAN_TRY(Rows modern,
               collection.query(seaside, {.n_results = 2, .where = R"({"year": {"$gte": 1900}})"}));
  print("The same after 1900:", modern);
  VIRIDIAN_TRY(Rows mention, collection.get({.where_document = R"({"$contains": "Ishmael"})"}));
  print("Mentions Ishmael:", mention);
  return viridian::ok_status();
}  // the directory is closed here

Status read_again(const std::string& directory) {
  VIRIDIAN_TRY(Client client, Client::open(directory));
  VIRIDIAN_TRY(CollectionHandle collection, client.get_collection("books"));
  VIRIDIAN_TRY(const uint64_t count, collection.count());
  std::printf("Opened again: %llu books\n", static_cast<unsigned long long>(count));
  if (count != 3) return viridian::Error(viridian::Code::internal, "there should be three books");
  return viridian::ok_status();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "viridian-example";
  for (const auto step : {write, read_again}) {
    if (const Status status = step(directory); !status.ok()) {
      std::fprintf(stderr, "library_example: %s\n", status.error().message().c_str());
      return 1;
    }
  }
  return 0;
}
