// The repository lints itself. Each rule is first shown a bad example, so that it is known to be
// able to fail, and then the whole source tree.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "format/key.h"
#include "tidy_rules.h"

namespace {

using namespace bcstore::tidy;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::filesystem::path root() { return BCSTORE_SOURCE_DIR; }

// Every C++ file that a person wrote.
std::vector<Source> tree() {
  std::vector<Source> sources;
  for (const char* top : {"include", "src", "tests", "bench", "examples"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root() / top)) {
      std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cc" && extension != ".cpp") continue;
      sources.push_back(
          {std::filesystem::relative(entry.path(), root()).generic_string(), read(entry.path())});
    }
  }
  CHECK(sources.size() > 20);
  return sources;
}

void check_none(const Faults& faults) {
  for (const std::string& fault : faults) FAIL_CHECK(fault);
}

std::string repeated(std::string_view line, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += line;
  return text;
}

TEST_CASE("tidy: comments and strings are not code") {
  CHECK(code_of("a // throw\nb") == "a         \nb");
  CHECK(code_of("a /* x\ny */ b") == "a     \n     b");
  CHECK(code_of(R"(f("a\"{", '{', 1'000);)") == R"(f("    ", ' ', 1'000);)");
  CHECK(code_of("R\"x(a\"{)x\" {") == "R\"       \" {");
}

TEST_CASE("tidy: an include that goes up is a fault") {
  CHECK(floor_faults({"src/format/a.h", "#include \"engine/engine.h\"\n"}).size() == 1);
  CHECK(floor_faults({"src/engine/a.cc", "#include \"model/commit.h\"\n"}).size() == 1);
  CHECK(floor_faults({"src/billing/a.cc", "#include \"engine/engine.h\"\n"}).size() == 1);
  CHECK(floor_faults({"include/bcstore/a.h", "#include \"billing/a.h\"\n"}).size() == 1);
  CHECK(floor_faults({"src/vector/a.cc", "#include \"engine/engine.h\"\n"}).size() == 1);
  CHECK(floor_faults({"src/model/a.cc", "#include \"billing/a.h\"\n"}).empty());
  CHECK(floor_faults({"src/model/a.cc", "#include \"cli/load.h\"\n"}).size() == 1);
  CHECK(floor_faults({"include/bcstore/a.h", "#include \"format/key.h\"\n"}).size() == 1);
  CHECK(floor_faults({"include/bcstore/a.h", "#include \"records_generated.h\"\n"}).size() == 1);
  CHECK(floor_faults({"src/model/a.cc", "#include \"engine/engine.h\"\n"}).empty());
  CHECK(floor_faults({"src/model/a.cc", "// #include \"cli/load.h\"\n"}).empty());
}

TEST_CASE("tidy: a public header that includes another library is a fault") {
  CHECK(floor_faults({"include/bcstore/a.h", "#include <fmt/format.h>\n"}).size() == 1);
  CHECK(floor_faults({"include/bcstore/a.h", "#include <unistd.h>\n"}).size() == 1);
  CHECK(floor_faults({"include/bcstore/a.h", "#include <string_view>\n"}).empty());
  CHECK(floor_faults({"include/bcstore/a.h", "#include \"bcstore/id.h\"\n"}).empty());
}

TEST_CASE("tidy: RocksDB outside the engine is a fault") {
  CHECK(floor_faults({"src/model/a.cc", "#include <rocksdb/db.h>\n"}).size() == 1);
  CHECK(floor_faults({"src/cli/a.cc", "rocksdb::Slice s;\n"}).size() == 1);
  CHECK(floor_faults({"include/bcstore/a.h", "namespace x { rocksdb::DB* db; }\n"}).size() == 1);
  CHECK(floor_faults({"src/engine/a.cc", "#include <rocksdb/db.h>\nrocksdb::Slice s;"}).empty());
}

TEST_CASE("tidy: long lines, files and functions are faults") {
  CHECK(length_faults({"src/a.cc", std::string(101, 'x')}).size() == 1);
  CHECK(length_faults({"src/a.cc", repeated("\xC3\xA9", 100)}).empty());
  CHECK(length_faults({"src/a.cc", repeated("x\n", 501)}).size() == 1);
  CHECK(length_faults({"src/a.cc", repeated("x\n", 500)}).empty());

  std::string body68 = "{\n" + repeated("  x();\n", 67) + "}\n";
  std::string body70 = "{\n" + repeated("  x();\n", 68) + "}\n";
  auto faults = [](const std::string& text) { return function_faults({"src/a.cc", text}).size(); };
  CHECK(faults("int f() " + body68) == 0);
  CHECK(faults("int f() " + body70) == 1);
  CHECK(faults("namespace a {\nclass B {\n  void f() const " + body70 + "};\n}\n") == 1);
  CHECK(faults("template <class T>\nT f(int) " + body70) == 1);
  CHECK(faults("A::A(int n) : n_{n}, m_(n) " + body70) == 1);
  CHECK(faults("A::A(int n)\n    : n_(n),\n      m_{n} " + body70) == 1);
  CHECK(faults("void f() {\n  auto g = [] " + body70 + ";\n}\n") == 1);
  CHECK(faults("int f()\n{ return 1; }\nint g() " + body70) == 1);
  CHECK(faults("constexpr int kTable[] = " + body70 + ";\n") == 0);
  CHECK(faults("namespace a " + body70) == 0);
  CHECK(faults("struct A " + body70 + ";\n") == 0);
  CHECK(faults(repeated("int f() { return 1; }\n", 100)) == 0);
}

TEST_CASE("tidy: a library that prints, exits or throws is a fault") {
  for (const char* bad : {"printf(\"x\");", "std::cout << 1;", "std::cerr << 1;", "abort();",
                          "std::abort();", "exit(1);", "throw 1;", "assert(x);", "std::thread t;",
                          "thread_local int n;", "getenv(\"X\");"}) {
    CAPTURE(bad);
    CHECK(manner_faults({"src/model/a.cc", bad}).size() == 1);
    CHECK(manner_faults({"include/bcstore/tenant.h", bad}).size() == 1);
    CHECK(manner_faults({"src/cli/a.cc", bad}).empty());
  }
  for (const char* bad : {"fmt::print(x);", "perror(x);", "fwrite(a, b, c, d);", "std::stoi(x);",
                          "auto n = std::stoull(x);", "map.at(x);", "read(x).value();"}) {
    CAPTURE(bad);
    CHECK(manner_faults({"src/model/a.cc", bad}).size() == 1);
  }
  CHECK(manner_faults({"src/model/a.cc", "scan->value(); that(x); custom_stoi(x);"}).empty());
  CHECK(manner_faults({"src/model/a.cc", "snprintf(b, 1, x); on_exit_ = 1; // throw"}).empty());
  CHECK(manner_faults({"include/bcstore/status.h", "throw 1;"}).empty());
  CHECK(manner_faults({"include/bcstore/status.h", "throw 1;\nthrow 2;"}).size() == 1);
}

TEST_CASE("tidy: a second place with raw iterators is a fault") {
  Source scan{"src/engine/scan.cc", "db->NewIterator(o);"};
  CHECK(iterator_faults({scan}).empty());
  CHECK(iterator_faults({scan, {"src/engine/other.cc", "db->NewIterator(o);"}}).size() == 1);
  CHECK(iterator_faults({{"src/model/chat.cc", "db->NewIterator(o);"}}).size() == 1);
  CHECK(iterator_faults({scan, {"bench/floor.cc", "db->NewIterator(o);"}}).empty());
}

TEST_CASE("tidy: test names that repeat or confuse are faults") {
  auto faults = [](const char* text) {
    return test_name_faults({{"tests/a_test.cc", text}}).size();
  };
  CHECK(faults("TEST_CASE(\"plain: a, b\") {\n") == 0);
  CHECK(faults("TEST_CASE_FIXTURE(Store, \"plain\") {\n") == 0);
  CHECK(faults("TEST_CASE(\"a;b\") {\n") == 1);
  CHECK(faults("TEST_CASE(\"a[b\") {\n") == 1);
  CHECK(faults("TEST_CASE(\"a*b\") {\n") == 1);
  CHECK(faults("TEST_CASE(\n    \"below\") {\n") == 0);
  CHECK(faults("TEST_CASE(\n    \"a;\"\n    \"b\") {\n") == 1);
  CHECK(faults("TEST_CASE(\"a b\") {\nTEST_CASE(\n    \"a \"\n    \"b\") {\n") == 1);
}

TEST_CASE("tidy: a README unlike the example is a fault") {
  std::string example = "x\n// README-BEGIN\nint a;\n// README-END\n";
  CHECK(readme_faults("# t\n```cpp\nint a;\n```\n", example).empty());
  CHECK(readme_faults("# t\n```cpp\nint b;\n```\n", example).size() == 1);
  CHECK(readme_faults("# t\n", example).size() == 1);
  CHECK(readme_faults("# t\n```cpp\nint a;\n```\n", "int a;\n").size() == 1);
}

TEST_CASE("tidy: a FORMAT.md unlike the catalogue is a fault") {
  std::string table =
      "| number | name | key |\n|---|---|---|\n| 1 | `store` | |\n| 16 | user | |\n";
  CHECK(catalogue_faults(table, {{1, "store"}, {16, "user"}}).empty());
  CHECK(catalogue_faults(table, {{1, "store"}}).size() == 1);
  CHECK(catalogue_faults(table, {{1, "store"}, {16, "user"}, {17, "body"}}).size() == 1);
  CHECK(catalogue_faults(table, {{2, "store"}, {16, "user"}}).size() == 2);
  CHECK(catalogue_faults("no table", {{1, "store"}}).size() == 1);
}

TEST_CASE("tidy: the source tree keeps the rules") {
  std::vector<Source> sources = tree();
  for (const Source& source : sources) {
    check_none(floor_faults(source));
    check_none(length_faults(source));
    check_none(function_faults(source));
    check_none(manner_faults(source));
  }
  check_none(iterator_faults(sources));
  check_none(test_name_faults(sources));
}

TEST_CASE("tidy: the README shows the example that is compiled") {
  check_none(readme_faults(read(root() / "README.md"), read(root() / "examples/quickstart.cpp")));
}

TEST_CASE("tidy: FORMAT.md lists the catalogue of kinds") {
  Catalogue catalogue;
  for (const auto& info : bcstore::format::kKinds)
    catalogue.emplace_back(static_cast<unsigned>(info.kind), std::string(info.name));
  check_none(catalogue_faults(read(root() / "docs/FORMAT.md"), catalogue));
}

}  // namespace
