// The small tools of the command: rows, JSON that it writes, text for people.
#include <fmt/format.h>

#include <functional>

#include "cli/display.h"
#include "cli/input.h"
#include "cli/json_out.h"
#include "cli/row.h"
#include "cli_fixture.h"

namespace bcstore {
namespace {

using namespace std::string_view_literals;

// A row, and the text behind it that the parser may look at.
struct ParsedRow {
  explicit ParsedRow(std::string_view text)
      : padded(std::string(text) + std::string(cli::kLinePaddingBytes, ' ')) {
    row.parse(std::string_view(padded).substr(0, text.size()));
  }
  std::string padded;
  cli::Row row;
};

TEST_CASE("A row that is not one JSON object in UTF-8 says why") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"{", "invalid JSON"},
      {"{\"a\":1,}", "invalid JSON"},
      {"{\"a\":01}", "invalid JSON"},
      {"{} {}", "invalid JSON"},
      {"[]", "not a JSON object"},
      {"7", "not a JSON object"},
      {"null", "not a JSON object"},
      {"{\"a\":\"\xFF\"}", "invalid UTF-8"},
      {"{\"a\":\"\n\"}", "invalid JSON"},
      {"{\"a\":\"\\ud800\"}", "invalid JSON"},
  };
  for (const auto& [text, reason] : cases) {
    const std::string shown(text);
    CAPTURE(shown);
    ParsedRow parsed(text);
    CHECK_FALSE(parsed.row.ok());
    CHECK(parsed.row.reason().starts_with(reason));
  }
}

TEST_CASE("A field that is missing, null, of a wrong type or out of range refuses the row") {
  using cli::Row;
  struct Case {
    std::string_view text;
    std::function<void(Row&)> ask;
    std::string_view reason;
  };
  const Case cases[] = {
      {R"({})", [](Row& r) { r.id("a"); }, "\"a\" is missing"},
      {R"({"a":null})", [](Row& r) { r.id("a"); }, "\"a\" is null"},
      {R"({"a":7})", [](Row& r) { r.id("a"); }, "\"a\" is not a string"},
      {R"({"a":"7"})", [](Row& r) { r.id("a"); }, "\"a\" is not a UUID"},
      {R"({"a":"7"})", [](Row& r) { r.maybe_id("a"); }, "\"a\" is not a UUID"},
      {R"({})", [](Row& r) { r.text("a"); }, "\"a\" is missing"},
      {R"({"a":[]})", [](Row& r) { r.text("a"); }, "\"a\" is not a string"},
      {R"({"a":1})", [](Row& r) { r.maybe_text("a"); }, "\"a\" is not a string"},
      {R"({"a":"2024-01-01"})", [](Row& r) { r.time("a"); }, "\"a\" is not a time"},
      {R"({"a":null})", [](Row& r) { r.time("a"); }, "\"a\" is null"},
      {R"({"a":-1})", [](Row& r) { r.number("a", 9); }, "\"a\" is not a whole number"},
      {R"({"a":10})", [](Row& r) { r.number("a", 9); }, "\"a\" is not a whole number"},
      {R"({"a":1.0})", [](Row& r) { r.number("a", 9); }, "\"a\" is not a whole number"},
      {R"({"a":"1"})", [](Row& r) { r.number("a", 9); }, "\"a\" is not a whole number"},
      {R"({"a":2147483648})", [](Row& r) { r.maybe_int32("a"); }, "\"a\" is not a whole number"},
      {R"({"a":true})", [](Row& r) { r.maybe_int32("a"); }, "\"a\" is not a whole number"},
      {R"({"a":1})", [](Row& r) { r.flag("a", true); }, "\"a\" is not true or false"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.text);
    ParsedRow parsed(one.text);
    REQUIRE(parsed.row.ok());
    one.ask(parsed.row);
    CHECK(parsed.row.reason().starts_with(one.reason));
  }
}

TEST_CASE("The first reason of a row stays, and optional fields may be null") {
  ParsedRow parsed(R"({"a":null,"b":1})");
  CHECK_FALSE(parsed.row.maybe_id("a"));
  CHECK_FALSE(parsed.row.maybe_text("none"));
  CHECK_FALSE(parsed.row.maybe_int32("a"));
  CHECK(parsed.row.flag("a", true));
  CHECK(parsed.row.ok());
  parsed.row.text("b");
  parsed.row.id("none");
  CHECK(parsed.row.reason() == "\"b\" is not a string");
}

TEST_CASE("The raw bytes of a JSON value are those of the line") {
  ParsedRow parsed(
      R"( { "x" : "a\"}],{" , "p\u0061y" : {"b" : [1, 2.50 , "\u00e9,}\\" ] } ,"n":null,"t": 1e3 ,)"
      R"("s":"q","last":[ ] } )");
  REQUIRE(parsed.row.ok());
  CHECK(parsed.row.raw_json("x") == R"("a\"}],{")");
  CHECK(parsed.row.raw_json("pay") == R"({"b" : [1, 2.50 , "\u00e9,}\\" ] })");
  CHECK(parsed.row.raw_json("n") == "null");
  CHECK(parsed.row.raw_json("t") == "1e3");
  CHECK(parsed.row.raw_json("s") == "\"q\"");
  CHECK(parsed.row.raw_json("last") == "[ ]");
  CHECK(parsed.row.raw_json("none") == std::nullopt);
}

TEST_CASE("JSON is written with its commas, and with everything escaped that must be") {
  cli::JsonWriter json;
  json.begin_object().key("a").number(1).key("b").begin_array();
  json.text("x").null().flag(true).begin_object().end_object().end_array();
  json.key("c\"").seconds(1.5).end_object();
  CHECK(json.str() == R"({"a": 1, "b": ["x", null, true, {}], "c\"": 1.500})");

  cli::JsonWriter text;
  text.text("q\" b\\ \n\t\x01\x7F\0 \xC3\xA9 \xFF \xC3"sv);
  CHECK(text.str() ==
        "\"q\\\" b\\\\ \\n\\u0009\\u0001\\u007f\\u0000 \xC3\xA9 \xEF\xBF\xBD \xEF\xBF\xBD\"");
}

TEST_CASE("Text for people fits its columns and cannot drive the terminal") {
  CHECK(cli::one_line("  a\n\tb \x1b[31m ", 80) == "a b [31m");
  CHECK(cli::one_line("abcdef", 6) == "abcdef");
  CHECK(cli::one_line("abcdefg", 6) == "abcde\xE2\x80\xA6");
  CHECK(cli::one_line("\xE8\x8C\xB6\xE8\x8C\xB6\xE8\x8C\xB6", 6) ==
        "\xE8\x8C\xB6\xE8\x8C\xB6\xE8\x8C\xB6");
  CHECK(cli::one_line("\xE8\x8C\xB6\xE8\x8C\xB6\xE8\x8C\xB6", 5) ==
        "\xE8\x8C\xB6\xE8\x8C\xB6\xE2\x80\xA6");
  CHECK(cli::one_line("a\xFF"
                      "b\xE2\x80\xAE"
                      "c",
                      80) ==
        "a\xEF\xBF\xBD"
        "b c");
  CHECK(cli::first_lines("\n# One\n\n two\r\nthree\nfour", 3, 80) ==
        std::vector<std::string>{"# One", "two", "three"});
  CHECK(cli::first_lines("", 3, 80).empty());
  CHECK(cli::columns_of("a\xE8\x8C\xB6") == 3);
  CHECK(cli::padded("\xE8\x8C\xB6", 4) == "\xE8\x8C\xB6  ");
  CHECK(cli::grouped(0) == "0");
  CHECK(cli::grouped(999) == "999");
  CHECK(cli::grouped(1234567) == "1,234,567");
  CHECK(cli::human_bytes(1023) == "1023 bytes");
  CHECK(cli::human_bytes(1536) == "1.5 KiB");
}

}  // namespace
}  // namespace bcstore
