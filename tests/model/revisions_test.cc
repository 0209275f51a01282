// Revisions: numbers without gaps, bytes exactly as given, a hash that tells them apart.
#include <random>
#include <string>
#include <vector>

#include "fixture.h"
#include "format/record.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

struct OneDocument : World {
  Tenant t = tenant("a@x");
  ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  DocumentId d = t.create_document(p, {.section = Section::prd}).value();
};

TEST_CASE("revisions: add_revision checks arguments, document, then the expectation") {
  OneDocument w;
  const Tenant& t = w.t;
  const DocumentId d = w.d;
  const DocumentId none = forged<DocumentId>(1);
  const auto type = [](int n) { return static_cast<ContentType>(n); };
  const std::string note(kMaxTextBytes, 'n');
  check_writes(
      w, {
             CALL(invalid_argument, t.add_revision(DocumentId(), {.content = "1"})),
             CALL(invalid_argument, t.add_revision(d, {.content = ""})),
             CALL(invalid_argument,
                  t.add_revision(d, {.content = "", .content_type = ContentType::text})),
             CALL(invalid_argument, t.add_revision(d, {.content = "1", .content_type = type(0)})),
             CALL(invalid_argument, t.add_revision(d, {.content = "1", .content_type = type(3)})),
             CALL(invalid_argument, t.add_revision(d, {.content = "not json"})),
             CALL(invalid_argument,
                  t.add_revision(d, {.content = kNul, .content_type = ContentType::text})),
             CALL(invalid_argument,
                  t.add_revision(d, {.content = "\xFF", .content_type = ContentType::text})),
             CALL(invalid_argument, t.add_revision(d, {.content = "1", .change_note = note + "n"})),
             CALL(invalid_argument, t.add_revision(d, {.content = "1", .change_note = "\xC3"})),
             CALL(invalid_argument, t.add_revision(none, {.content = ""})),
             CALL(not_found, t.add_revision(none, {.content = "1"})),
             CALL(not_found, t.add_revision(none, {.content = "1", .expected_rev = 5})),
             CALL(conflict, t.add_revision(d, {.content = "1", .expected_rev = 1})),
             CALL(ok, t.add_revision(d, {.content = "1", .expected_rev = 0})),
             CALL(conflict, t.add_revision(d, {.content = "2", .expected_rev = 0})),
             CALL(conflict, t.add_revision(d, {.content = "2", .expected_rev = 2})),
             CALL(ok, t.add_revision(d, {.content = "2", .change_note = note, .expected_rev = 1})),
             // The same content again is a fact of its own.
             CALL(ok, t.add_revision(d, {.content = "2", .expected_rev = 2})),
         });
  CHECK(t.add_revision(d, {.content = "4"}).value() == 4);
  CHECK(t.document(d).value().current_rev() == 4);
  const auto rev = [](const Revision& r) { return r.rev(); };
  CHECK(rows_of(t.revisions(d), rev) == std::vector<uint32_t>{4, 3, 2, 1});
  CHECK(rows_of(t.revisions(d, {.reverse = true}), rev) == std::vector<uint32_t>{1, 2, 3, 4});
  CHECK(t.revision(d, 2).value().content_hash() == t.revision(d, 3).value().content_hash());
  CHECK(t.revision(d, 1).value().content_hash() != t.revision(d, 3).value().content_hash());
  check_calls({
      CALL(not_found, t.revision(d, 0)),
      CALL(not_found, t.revision(d, 5)),
      CALL(not_found, t.revision(d, 0xFFFF'FFFF)),
      CALL(not_found, t.revision(none, 1)),
      CALL(not_found, t.newest_revision(none)),
      CALL(not_found, t.revisions(none)),
      CALL(invalid_argument, t.revision(DocumentId(), 1)),
      CALL(invalid_argument, t.newest_revision(DocumentId())),
      CALL(invalid_argument, t.revisions(DocumentId())),
  });
}

TEST_CASE("revisions: JSON comes back byte for byte") {
  OneDocument w;
  const std::string digits(30, '7');
  const std::vector<std::string> contents = {
      "null",
      "true",
      "false",
      "0",
      "-0",
      "-0.0e-0",
      "\"\"",
      "\"\xF0\x9F\x8D\xB5\"",
      " { \"b\" : 1 , \"a\" : 2 , \"b\" : 3 } \n",
      "\t[ ]\r\n",
      "1e400",
      "-1E+400",
      "1e-9999",
      "0." + digits + digits,
      digits,
      "[" + digits + ",-" + digits + "]",
      "18446744073709551616",
      R"("\\u0000")",    // a backslash and five letters, not a NUL
      R"("\\\\u0000")",  // the same after two of them
      R"({"\u0001":"\u001f\u00e9\ud83c\udf75"})",
      R"("\"\\\/\b\f\n\r\t")",
      R"({"":{"":[{}]}})",
  };
  for (const std::string& content : contents) {
    CAPTURE(content);
    const Result<uint32_t> rev = w.t.add_revision(w.d, {.content = content});
    REQUIRE(rev.ok());
    const Revision r = w.t.revision(w.d, *rev).value();
    CHECK(r.content().value() == content);
    CHECK(r.content_bytes() == content.size());
    CHECK(r.content_type() == ContentType::json);
    CHECK(r.content_hash() == format::hash128(content));
    CHECK_FALSE(r.change_note().has_value());
  }
}

TEST_CASE(
    "revisions: text of every shape and size comes back byte for byte, also after reopening") {
  const uint64_t seed = seed_from_environment(20250801);
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  OneDocument w;
  std::vector<std::string> contents = {"x",
                                       "\x01\x7F",
                                       " \n",
                                       "\xEF\xBB\xBF"
                                       "after a mark",
                                       "{not json",
                                       repeat("tea ", 100'000)};
  for (size_t size : {1u, 7u, 8u, 15u, 16u, 17u, 255u, 256u, 4095u, 4096u, 4097u, 70'000u}) {
    std::string noise;
    while (noise.size() < size) noise += static_cast<char>(1 + random() % 127);
    contents.push_back(noise);
  }
  for (const std::string& content : contents) {
    CHECK_CODE(ok, w.t.add_revision(w.d, {.content = content, .content_type = ContentType::text},
                                    {.durability = Durability::relaxed}));
  }
  w.reopen();
  const Tenant t = w.store().tenant(w.t.owner());
  for (size_t i = 0; i < contents.size(); ++i) {
    CAPTURE(i);
    const Revision r = t.revision(w.d, static_cast<uint32_t>(i + 1)).value();
    CHECK(r.content().value() == contents[i]);
    CHECK(r.content_type() == ContentType::text);
    CHECK(r.content_hash() == format::hash128(contents[i]));
  }
}

TEST_CASE("revisions: sixteen megabytes are accepted, one byte more is not") {
  OneDocument w;
  std::string most = repeat("0123456789abcdef", kMaxRevisionBytes / 16);
  CHECK_CODE(ok, w.t.add_revision(w.d, {.content = most, .content_type = ContentType::text}));
  CHECK(w.t.newest_revision(w.d).value().content_bytes() == kMaxRevisionBytes);
  most += "x";
  CHECK_CODE(invalid_argument,
             w.t.add_revision(w.d, {.content = most, .content_type = ContentType::text}));
  CHECK(w.t.document(w.d).value().current_rev() == 1);
}

TEST_CASE("revisions: two hundred in one document stay in order and keep who wrote them") {
  OneDocument w;
  const Tenant agents[] = {w.t, w.t.as_agent("one"), w.t.as_agent("two")};
  WriteBatch batches[] = {agents[0].batch(), agents[1].batch(), agents[2].batch()};
  for (uint32_t i = 1; i <= 201; ++i) {
    batches[i % 3].add_revision(
        w.d, {.content = std::to_string(i), .change_note = "note " + std::to_string(i)});
    if (i % 3 == 0) w.clock->advance(1);
    agents[i % 3].commit(batches[i % 3], {.durability = Durability::relaxed}).value();
  }
  CHECK(w.t.document(w.d).value().current_rev() == 201);
  uint32_t expected = 201;
  Cursor<Revision> rows = w.t.revisions(w.d, {.limit = kMaxPageRows});
  while (rows.next()) {
    REQUIRE(rows->rev() == expected);
    REQUIRE(rows->content().value() == std::to_string(expected));
    REQUIRE(rows->change_note() == "note " + std::to_string(expected));
    const Actor actor = expected % 3 == 0 ? Actor::of_user(w.t.owner())
                                          : Actor::of_agent(expected % 3 == 1 ? "one" : "two");
    REQUIRE(rows->actor() == actor);
    --expected;
  }
  CHECK(rows.status().ok());
  CHECK(expected == 0);
}

}  // namespace
}  // namespace bcstore
