#include "cli/input.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli_fixture.h"

namespace bcstore {
namespace {

using cli::LineReader;
using cli_fixture::gz;
using cli_fixture::TempDir;
using cli_fixture::zst;

// Every line with its number, and how it ended: "1:a|3:b|end".
std::string read_all(const std::string& path) {
  Result<LineReader> reader = LineReader::open(path);
  REQUIRE(reader.ok());
  std::string text;
  for (;;) {
    switch (reader->next()) {
      case LineReader::Got::line:
        text += fmt::format("{}:{}|", reader->number(), reader->line());
        break;
      case LineReader::Got::too_long:
        text += fmt::format("{} is too long|", reader->number());
        break;
      case LineReader::Got::end:
        return text + "end";
      case LineReader::Got::failed:
        return text + reader->status().to_string();
    }
  }
}

// Lines that do not compress, so that an archive of them has many blocks.
std::string noise(size_t lines) {
  std::string text;
  uint64_t state = 1;
  for (size_t i = 0; i < lines; ++i) {
    for (int word = 0; word < 8; ++word) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      text += fmt::format("{:016x}", state);
    }
    text += '\n';
  }
  return text;
}

size_t lines_in(std::string_view answer) {
  return static_cast<size_t>(std::count(answer.begin(), answer.end(), '|'));
}

TEST_CASE("Lines end in LF or CRLF or with the file, and blank ones keep their number") {
  TempDir dir;
  struct Case {
    std::string_view text;
    std::string_view lines;
  };
  const Case cases[] = {
      {"", "end"},
      {"\n\r\n  \t\n", "end"},
      {"a", "1:a|end"},
      {"a\n", "1:a|end"},
      {"a\nb", "1:a|2:b|end"},
      {"a\r\nb\r\n", "1:a|2:b|end"},
      {"a\n\n \r\nb\n\n", "1:a|4:b|end"},
      {"\xEF\xBB\xBF"
       "a\nb\n",
       "1:a|2:b|end"},
      {"\xEF\xBB\xBF\n"
       "a\n",
       "2:a|end"},
      {"a\n\xEF\xBB\xBF"
       "b\n",
       "1:a|2:\xEF\xBB\xBF"
       "b|end"},
      {"a\rb\n", "1:a\rb|end"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.text);
    CHECK(read_all(dir.file("a.jsonl", one.text)) == one.lines);
    CHECK(read_all(dir.file("a.jsonl.gz", gz(one.text))) == one.lines);
    CHECK(read_all(dir.file("a.jsonl.zst", zst(one.text))) == one.lines);
  }
}

TEST_CASE("An archive may consist of several members or frames, which cut lines anywhere") {
  TempDir dir;
  CHECK(read_all(dir.file("a.zst", zst("a\nb") + zst("") + zst("c\nd"))) == "1:a|2:bc|3:d|end");
  CHECK(read_all(dir.file("a.gz", gz("a\nb") + gz("") + gz("c\nd"))) == "1:a|2:bc|3:d|end");
  std::string text = noise(20'000);  // more than one buffer of 256 KiB
  std::string plain = read_all(dir.file("a", text));
  CHECK(lines_in(plain) == 20'000);
  CHECK(read_all(dir.file("a.zst", zst(text) + zst(text)))
            .starts_with(plain.substr(0, plain.size() - 3)));
  CHECK(lines_in(read_all(dir.file("a.zst", zst(text) + zst(text)))) == 40'000);
  CHECK(lines_in(read_all(dir.file("a.gz", gz(text) + gz(text)))) == 40'000);
}

TEST_CASE("An archive that is cut off gives the whole lines before the cut, and then says so") {
  TempDir dir;
  const std::string text = noise(20'000);
  for (std::string_view ending : {".zst", ".gz"}) {
    CAPTURE(ending);
    std::string packed = ending == ".zst" ? zst(text) : gz(text);
    std::string name = "a" + std::string(ending);
    std::string half = read_all(dir.file(name, packed.substr(0, packed.size() / 2)));
    CHECK(half.ends_with("corruption: the archive ends too early"));
    CHECK(lines_in(half) > 1000);
    CHECK(lines_in(half) < 20'000);
    std::string most = read_all(dir.file(name, packed.substr(0, packed.size() - 1)));
    CHECK(most.ends_with("corruption: the archive ends too early"));
    CHECK(read_all(dir.file(name, "")) == "corruption: the archive ends too early");
    CHECK(read_all(dir.file(name, packed.substr(0, 3))) ==
          "corruption: the archive ends too early");
  }
}

TEST_CASE("An archive that is damaged is an error, and so is one that is none") {
  TempDir dir;
  const std::string text = noise(20'000);
  for (std::string_view ending : {".zst", ".gz"}) {
    CAPTURE(ending);
    std::string packed = ending == ".zst" ? zst(text) : gz(text);
    std::string name = "a" + std::string(ending);
    CHECK(cli_fixture::has(read_all(dir.file(name, "{\"id\":1}\n")), "the archive is damaged"));
    CHECK(cli_fixture::has(read_all(dir.file(name, packed + "no archive")),
                           "the archive is damaged"));
  }
  std::string packed = gz(text);
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x55);
  CHECK(cli_fixture::has(read_all(dir.file("a.gz", packed)), "the archive is damaged"));
}

TEST_CASE("A line of more than 64 MiB is passed over, and those around it are read") {
  TempDir dir;
  std::string longest(cli::kMaxLineBytes, 'x');
  std::string text = "a\n" + longest + "\n" + longest + "y\nb\n" + longest + "yy";
  Result<LineReader> reader = LineReader::open(dir.file("a.zst", zst(text)));
  REQUIRE(reader.ok());
  CHECK(reader->next() == LineReader::Got::line);
  CHECK(reader->next() == LineReader::Got::line);
  CHECK(reader->line() == longest);
  CHECK(reader->next() == LineReader::Got::too_long);
  CHECK(reader->number() == 3);
  CHECK(reader->next() == LineReader::Got::line);
  CHECK(reader->line() == "b");
  CHECK(reader->next() == LineReader::Got::too_long);
  CHECK(reader->number() == 5);
  CHECK(reader->next() == LineReader::Got::end);
}

TEST_CASE("A file that is not there is an error when it is opened") {
  TempDir dir;
  CHECK(LineReader::open(dir.input() + "/none").code() == Code::io_error);
}

}  // namespace
}  // namespace bcstore
