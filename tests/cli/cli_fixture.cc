#include "cli_fixture.h"

#include <simdjson.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/command.h"

namespace bcstore::cli_fixture {

TempDir::TempDir() { std::filesystem::create_directory(input()); }

std::string TempDir::file(std::string_view name, std::string_view bytes) const {
  std::string path = input() + "/" + std::string(name);
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string zst(std::string_view text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

std::string gz(std::string_view text) {
  constexpr int kGzip = 16;
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  std::string copy(text);
  stream.next_in = reinterpret_cast<Bytef*>(copy.data());
  stream.avail_in = static_cast<uInt>(copy.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Answer command(const std::vector<std::string>& words) {
  std::vector<const char*> argv{"bcstore"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  std::ostringstream out;
  std::ostringstream err;
  int code = cli::run_command(static_cast<int>(argv.size()), argv.data(), {}, out, err);
  return {code, out.str(), err.str()};
}

Answer load(const TempDir& dir, const std::vector<std::string>& more) {
  std::vector<std::string> words{"load", dir.input(), "--db", dir.db(), "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return command(words);
}

std::ostream& operator<<(std::ostream& out, const Counts& counts) {
  return out << fmt::format("{} read, {} written, {} present, {} refused", counts.read,
                            counts.written, counts.present, counts.refused);
}

Counts counts_of(const Answer& answer, std::string_view table) {
  simdjson::dom::parser parser;
  simdjson::dom::element summary;
  REQUIRE_MESSAGE(parser.parse(answer.out).get(summary) == simdjson::SUCCESS, answer.out);
  auto count = [&](std::string_view what) {
    uint64_t number = 0;
    CAPTURE(table);
    CAPTURE(answer.err);
    REQUIRE(summary["tables"][table][what].get_uint64().get(number) == simdjson::SUCCESS);
    return number;
  };
  return {count("read"), count("written"), count("present"), count("refused")};
}

uint64_t derived_versions(const Answer& answer) {
  simdjson::dom::parser parser;
  uint64_t number = 0;
  REQUIRE(parser.parse(answer.out)["derived_versions"].get_uint64().get(number) ==
          simdjson::SUCCESS);
  return number;
}

Store reopen(const TempDir& dir) {
  Options options;
  options.create_if_missing = false;
  Result<Store> store = Store::open(dir.db(), options);
  REQUIRE_MESSAGE(store.ok(), store.status().to_string());
  return *std::move(store);
}

std::string id(int number) { return fmt::format("5eed0000-0000-4000-8000-{:012x}", number); }

std::string user_row(int user) {
  return fmt::format(R"({{"id":"{}","email":"u{}@example.com","full_name":null,"is_pro":false,)"
                     R"("created_at":"2024-01-01T00:00:00Z"}})"
                     "\n",
                     id(user), user);
}

std::string project_row(int project, int user, std::string_view time) {
  return fmt::format(R"({{"id":"{}","user_id":"{}","name":"project {}","idea_prompt":"an idea",)"
                     R"("current_version":9,"status":"ready","created_at":"{}"}})"
                     "\n",
                     id(project), id(user), project, time);
}

std::string version_row(int project, int version, std::string_view time) {
  return fmt::format(
      R"({{"project_id":"{}","version":{},"change_note":"note {}","created_by":null,)"
      R"("created_at":"{}"}})"
      "\n",
      id(project), version, version, time);
}

std::string document_row(int document, int project, int version, std::string_view section) {
  return fmt::format(R"({{"id":"{}","project_id":"{}","version":{},"section":"{}",)"
                     R"("created_at":"2024-02-01T00:00:00Z"}})"
                     "\n",
                     id(document), id(project), version, section);
}

std::string revision_row(int document, int rev, std::string_view body) {
  return fmt::format(
      R"({{"document_id":"{}","rev":{},"created_by":null,"created_at":"2024-02-{:02}T00:00:00Z",)"
      R"("change_note":"change {}","body_md":"{}"}})"
      "\n",
      id(document), rev, 28 - rev, rev, body);
}

std::string section_row(int document, int first, int last, std::string_view block, int vec) {
  return fmt::format(
      R"({{"document_id":"{}","rev_first":{},"rev_last":{},"block_id":"{}","heading":null,)"
      R"("body_md":"text of {}","vec":{}}})"
      "\n",
      id(document), first, last, block, block, vec);
}

std::string task_row(int task, int project, std::string_view title, std::string_view time) {
  return fmt::format(R"({{"id":"{}","project_id":"{}","phase":2,"title":"{}","description":null,)"
                     R"("created_at":"{}"}})"
                     "\n",
                     id(task), id(project), title, time);
}

std::string activity_row(int task, std::string_view action, std::string_view time) {
  return fmt::format(R"({{"task_id":"{}","user_id":null,"action":"{}","created_at":"{}"}})"
                     "\n",
                     id(task), action, time);
}

std::string session_row(int session, int project, std::string_view time) {
  return fmt::format(R"({{"id":"{}","project_id":"{}","started_at":"{}"}})"
                     "\n",
                     id(session), id(project), time);
}

std::string message_row(int session, int seq, std::string_view content) {
  return fmt::format(
      R"({{"id":"{}","session_id":"{}","seq":{},"role":"{}","content":"{}","token_count":null,)"
      R"("created_at":"2024-03-01T00:00:{:02}Z"}})"
      "\n",
      id(session * 1000 + seq), id(session), seq, seq % 2 == 0 ? "user" : "assistant", content,
      seq % 60);
}

std::string event_row(int project, std::string_view payload, std::string_view time) {
  return fmt::format(
      R"({{"project_id":"{}","event_type":"agent.tool_call","payload":{},"created_at":"{}"}})"
      "\n",
      id(project), payload, time);
}

}  // namespace bcstore::cli_fixture
