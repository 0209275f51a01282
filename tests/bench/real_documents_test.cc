// The real documents that W4 to W7 and W9 may be run on, and the texts that W8 looks for.
#include <doctest/doctest.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>

#include "bench/failure.h"
#include "bench/held_text.h"
#include "bench/real_documents.h"
#include "planted_engine.h"

namespace bcstore::bench_test {
namespace {

void write_packed(const std::string& path, std::string_view text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  std::ofstream(path, std::ios::binary) << packed;
}

TEST_CASE("Real documents come with all revisions, each as JSON") {
  test::TempDirectory directory;
  const std::string path = directory.sub(bench::kRealRevisions);
  write_packed(path,
               "{\"document_id\":\"a\",\"body_md\":\"one \\\"1\\\"\"}\n"
               "{\"document_id\":\"b\",\"body_md\":\"other\"}\n"
               "{\"document_id\":\"a\",\"body_md\":\"two\\n\"}\n");
  const bench::RealDocuments documents = bench::read_documents(path);
  REQUIRE(documents.size() == 2);
  REQUIRE(documents[0].size() == 2);
  CHECK(documents[0][0] == "{\"body_md\":\"one \\\"1\\\"\"}");
  CHECK(documents[1] == std::vector<std::string>{"{\"body_md\":\"other\"}"});
  // Number 2 is the first again; its edits go round.
  const std::unique_ptr<bench::Body> body = bench::real_body(documents, 2);
  CHECK(body->json() == documents[0][0]);
  body->edit();
  CHECK(body->json() == documents[0][1]);
  body->edit();
  CHECK(body->json() == documents[0][0]);
}

std::string refusal_of(const std::string& path) {
  try {
    (void)bench::read_documents(path);
    return {};
  } catch (const bench::Refused& refused) {
    return refused.what();
  }
}

TEST_CASE("A file without documents is refused by name") {
  test::TempDirectory directory;
  const std::string path = directory.sub("revisions.zst");
  CHECK(has(refusal_of(path), path));
  std::ofstream(path) << "plain text";
  CHECK(has(refusal_of(path), path + "' is no zstd file"));
  write_packed(path, "\n{}");
  CHECK(has(refusal_of(path), path + "', line 1"));
  write_packed(path, "{\"document_id\":\"a\",\"body_md\":\"x\"}\n{\"document_id\":\"a\"}\n");
  CHECK(has(refusal_of(path), path + "', line 2"));
}

TEST_CASE("A text is found wherever it lies in a directory, logs told apart") {
  test::TempDirectory directory;
  const std::string marker = "w8-mark-0123456789abcdef";
  CHECK(bench::find_text(directory.path(), marker).total() == 0);
  std::filesystem::create_directories(directory.sub("data/pg_wal"));
  std::ofstream(directory.sub("data/pg_wal/0001")) << "x" << marker;
  std::ofstream(directory.sub("000012.log")) << marker << marker;
  std::ofstream(directory.sub("bench.sqlite-wal")) << marker.substr(1);
  // Across the pieces that a file is read in, at every place of the marker.
  for (size_t cut = 1; cut < marker.size(); ++cut) {
    std::ofstream(directory.sub("000013.sst"))
        << std::string((size_t{1} << 20) - cut, 'w') << marker << "tail";
    const bench::HeldText held = bench::find_text(directory.path(), marker);
    CHECK(held.in_database == 1);
    CHECK(held.in_log == 3);
  }
}

}  // namespace
}  // namespace bcstore::bench_test
