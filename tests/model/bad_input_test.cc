// Bad input: each kind of it in every place that takes it has its code, changes nothing on disk and
// leaves the process alive.
#include <functional>
#include <string>
#include <vector>

#include "engine_world.h"
#include "rich.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using Text = std::string_view;

struct Bad : EngineWorld {
  Rich a = enrich(store(), user("a@x"), "a");
  Tenant t = held->tenant(a.owner);
};

enum class Empty : uint8_t { refused, accepted, unsaid };
enum class Form : uint8_t { text, json };

// One argument that is text.
struct Field {
  std::string name;
  size_t limit;
  Empty empty;
  Form form;
  std::function<Status(Bad& w, Text text)> put;
};

#define FIELD(limit, empty, form, ...)                      \
  Field {                                                   \
#__VA_ARGS__, limit, Empty::empty, Form::form,            \
        [](Bad& w, Text x) {                                  \
          (void)w;                                            \
          return ::bcstore::fixture::status_of(__VA_ARGS__);  \
        } \
  }

constexpr Role kUser = Role::user;
constexpr ContentType kText = ContentType::text;

std::vector<Field> fields_of_projects() {
  return {
      FIELD(kMaxNameBytes, refused, text, w.t.create_project({.name = x, .idea_prompt = ""})),
      FIELD(kMaxTextBytes, accepted, text, w.t.create_project({.name = "n", .idea_prompt = x})),
      FIELD(kMaxTextBytes, accepted, text,
            w.t.create_project({.name = "n", .idea_prompt = "", .change_note = x})),
      FIELD(kMaxNameBytes, refused, text, w.t.add_version(w.a.project, {.name = x})),
      FIELD(kMaxTextBytes, accepted, text, w.t.add_version(w.a.project, {.idea_prompt = x})),
      FIELD(kMaxTextBytes, accepted, text, w.t.add_version(w.a.project, {.change_note = x})),
      FIELD(kMaxRevisionBytes, refused, json, w.t.add_revision(w.a.document, {.content = x})),
      FIELD(kMaxRevisionBytes, refused, text,
            w.t.add_revision(w.a.document, {.content = x, .content_type = kText})),
      FIELD(kMaxTextBytes, accepted, text,
            w.t.add_revision(w.a.document, {.content = "1", .change_note = x})),
      FIELD(kMaxNameBytes, refused, text, w.t.create_task(w.a.project, {.title = x})),
      FIELD(kMaxTextBytes, accepted, text,
            w.t.create_task(w.a.project, {.title = "t", .description = x})),
      FIELD(kMaxNameBytes, refused, text, w.t.revise_task(w.a.task, {.title = x})),
      FIELD(kMaxTextBytes, accepted, text, w.t.revise_task(w.a.task, {.description = x})),
  };
}

struct Named {
  Text agent, model;
};
Status record(Bad& w, const Named& by) {
  return w.t
      .record_call({.agent = by.agent,
                    .model = by.model,
                    .latency_us = 1,
                    .cost_micros = 1,
                    .currency = "USD"})
      .status();
}

std::vector<Field> fields_of_chat_and_users() {
  return {
      FIELD(kMaxNameBytes, unsaid, text, w.t.start_chat(w.a.project, {.title = x})),
      FIELD(kMaxNameBytes, unsaid, text, w.t.rename_chat(w.a.chat, x)),
      FIELD(kMaxMessageBytes, accepted, text,
            w.t.append_message(w.a.chat, {.role = kUser, .content = x})),
      FIELD(kMaxEventTypeBytes, unsaid, text,
            w.t.append_message(w.a.chat, {.role = kUser, .content = "", .call_id = x})),
      FIELD(kMaxNameBytes, unsaid, text,
            w.t.append_message(w.a.chat, {.role = kUser, .content = "", .name = x})),
      FIELD(kMaxTextBytes, refused, json,
            w.t.append_message(w.a.chat, {.role = kUser, .content = "", .metadata = x})),
      FIELD(kMaxEventTypeBytes, refused, text, w.t.append_event({.type = x})),
      FIELD(kMaxTextBytes, refused, json, w.t.append_event({.type = "t", .payload = x})),
      FIELD(kMaxEventTypeBytes, unsaid, text, w.t.append_event({.type = "t", .call_id = x})),
      FIELD(kMaxEventTypeBytes, refused, text, record(w, {.agent = x, .model = "m"})),
      FIELD(kMaxModelBytes, refused, text, record(w, {.agent = "a", .model = x})),
      FIELD(kMaxNameBytes, refused, text, w.t.edit_profile({.email = x})),
      FIELD(kMaxNameBytes, unsaid, text, w.t.edit_profile({.full_name = x})),
      FIELD(kMaxEventTypeBytes, refused, text, w.t.as_agent(x).append_event({.type = "t"})),
      FIELD(kMaxReasonBytes, refused, text,
            w.store().service(x).tenant(w.a.owner).append_event({.type = "t"})),
      FIELD(kMaxNameBytes, refused, text, w.service().create_user({.email = x})),
      FIELD(kMaxNameBytes, unsaid, text,
            w.service().create_user({.email = to_string(w.ids->next()), .full_name = x})),
      FIELD(kMaxNameBytes, refused, text,
            w.service().create_user({.email = to_string(w.ids->next()), .stripe_customer_id = x})),
  };
}

// A block in a revision of its own, both or neither.
Status put_block(Bad& w, const NewBlock& block, const EmbeddingSpace& space = {}) {
  WriteBatch batch = w.t.batch();
  batch.add_revision(w.a.bare, {.content = "1"});
  const uint32_t next = w.t.document(w.a.bare).value().current_rev() + 1;
  batch.add_sections(w.a.bare, next, {&block, 1}, space);
  return w.t.commit(batch).status();
}

std::vector<Field> fields_of_sections_and_integrations() {
  return {
      FIELD(kMaxBlockIdBytes, refused, text, put_block(w, {.block_id = x})),
      FIELD(kMaxNameBytes, accepted, text, put_block(w, {.block_id = "b", .heading = x})),
      FIELD(kMaxBlockBytes, accepted, text, put_block(w, {.block_id = "b", .body_md = x})),
      FIELD(kMaxSpaceNameBytes, accepted, text,
            put_block(w, {.block_id = "b", .embedding = kRichFloats}, {.name = x})),
      FIELD(kMaxTextBytes, refused, json,
            w.t.add_integration({.type = IntegrationType::github, .metadata = x})),
      FIELD(kMaxTextBytes, refused, json, w.t.revise_integration(w.a.integration, x)),
      FIELD(kMaxNameBytes, refused, text, w.service().put_public({.name = x, .content = "1"})),
      FIELD(kMaxTextBytes, refused, json, w.service().put_public({.name = "p", .content = x})),
      FIELD(kMaxTextBytes, refused, text,
            w.service().put_public({.name = "p", .content = x, .content_type = kText})),
  };
}

std::vector<Field> all_fields() {
  std::vector<Field> all = fields_of_projects();
  for (Field& field : fields_of_chat_and_users()) all.push_back(std::move(field));
  for (Field& field : fields_of_sections_and_integrations()) all.push_back(std::move(field));
  return all;
}

struct Input {
  std::string name;
  std::string text;
};

constexpr Text kNoJson[] = {
    " ",
    "\n",
    "{",
    "}",
    "[",
    "]",
    "{]",
    "[}",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{a:1}",
    "{1:1}",
    "{'a':1}",
    "'a'",
    "\"a",
    "a\"",
    "\"a\"b",
    "1 2",
    "1,2",
    "tru",
    "True",
    "nul",
    "NULL",
    "falsee",
    "undefined",
    "NaN",
    "Infinity",
    "-Infinity",
    "-",
    "+1",
    "01",
    "-01",
    "1.",
    ".5",
    "-.5",
    "1e",
    "1e+",
    "1.e1",
    "0x10",
    "1_000",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u123g\"",
    "\"\\\"",
    "\"\n\"",
    "\"\t\"",
    "\"\x01\"",
    "\"\x1F\"",
    "[\"\n\"]",
    "// c\n1",
    "/* c */ 1",
    "1 // c",
    "{} {}",
    "[] ]",
    "{\"a\":1 \"b\":2}",
    "[1}",
    "\xEF\xBB\xBF{}",
    // The escape of NUL, wherever it stands.
    "\"\\u0000\"",
    "{\"\\u0000\":1}",
    "[\"a\\u0000b\"]",
    "{\"a\":[{\"b\":\"\\u0000\"}]}",
    "\"\\\\\\u0000\"",
    "\"\\u0041\\u0000\"",
};

// Every text that no field takes.
std::vector<Input> bad_inputs(const Field& field) {
  std::vector<Input> bad;
  const std::string filler(field.limit + 1, '1');  // a number, so good JSON but for its size
  bad.push_back({"oversized", filler});
  bad.push_back({"NUL", std::string(kNul)});
  bad.push_back({"NUL alone", std::string(1, '\0')});
  bad.push_back({"NUL at the end", std::string("a\0", 2)});
  for (Text text : kBadUtf8) bad.push_back({"no UTF-8", std::string(text)});
  bad.push_back({"no UTF-8 at the end of much", std::string(200, 'a') + "\xE2\x82"});
  if (field.empty == Empty::refused) bad.push_back({"empty", ""});
  if (field.form == Form::text) return bad;
  for (Text text : kNoJson) bad.push_back({"no JSON", std::string(text)});
  const size_t deep = kMaxJsonDepth + 1;
  bad.push_back({"too deep", repeat("[", deep) + repeat("]", deep)});
  bad.push_back({"too deep", repeat("{\"a\":", deep) + "1" + repeat("}", deep)});
  bad.push_back({"far too deep", repeat("[", 100'000)});
  bad.push_back({"far too deep", repeat("[", 100'000) + repeat("]", 100'000)});
  return bad;
}

TEST_CASE("bad input: no field takes it, and nothing is written") {
  Bad w;
  const Rows before = w.rows({w.a.owner});
  const uint64_t commits = w.commits();
  for (const Field& field : all_fields()) {
    CAPTURE(field.name);
    for (const Input& input : bad_inputs(field)) {
      const Status answer = field.put(w, input.text);
      INFO(input.name, " '", input.text.substr(0, 60), "' -> ", answer.to_string());
      CHECK(name_of(answer) == "invalid_argument");
    }
  }
  CHECK(w.commits() == commits);
  CHECK(w.rows({w.a.owner}) == before);
}

TEST_CASE("bad input: at its limit every field takes text, and empty text where it is told to") {
  Bad w;
  char letter = 'a';  // addresses are unique
  for (const Field& field : all_fields()) {
    CAPTURE(field.name);
    std::string most(field.limit, letter);
    letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1);
    if (field.form == Form::json) most.front() = most.back() = '"';
    CHECK_CODE(ok, field.put(w, most));
    if (field.empty == Empty::accepted) CHECK_CODE(ok, field.put(w, ""));
  }
}

TEST_CASE("bad input: what is strange and good all the same") {
  Bad w;
  const std::string digits(30, '9');
  const std::vector<std::string> good = {
      "null",
      " 1 ",
      "1e400",
      "-1e-400",
      digits,
      "-" + digits + "." + digits + "e" + digits,
      R"({"a":1,"a":2})",
      R"("\\u0000")",
      R"(["\\\\u0000"])",
      R"({"\\u0000":"\\u0000"})",
      "\"\x7F\"",
      "\"\xC2\x80\xEF\xBF\xBF\xF4\x8F\xBF\xBF\"",
      "[" + digits + "]",
      repeat("[", kMaxJsonDepth) + repeat("]", kMaxJsonDepth),
      repeat("{\"a\":", kMaxJsonDepth) + "1" + repeat("}", kMaxJsonDepth),
      "[" + repeat("[[[1]]],", 1000) + "{}]",
  };
  for (const std::string& json : good) {
    CAPTURE(json.substr(0, 60));
    const uint32_t rev = w.t.add_revision(w.a.document, {.content = json}).value();
    const Revision revision = w.t.revision(w.a.document, rev).value();
    CHECK(revision.content().value() == json);
    const uint64_t seq =
        w.t.append_message(w.a.chat, {.role = kUser, .content = "", .metadata = json}).value();
    const ChatMessage message = w.t.message(w.a.chat, seq).value();
    CHECK(message.metadata() == json);
    const Event event = w.t.event(w.t.append_event({.type = "t", .payload = json}).value()).value();
    CHECK(event.payload() == json);
  }
}

TEST_CASE("bad input: a batch with one bad operation writes none of the others") {
  Bad w;
  const Rows before = w.rows({w.a.owner});
  for (const Text bad : {Text("\xFF"), kNul, Text()}) {
    WriteBatch batch = w.t.batch();
    batch.create_project({.name = "P", .idea_prompt = ""});
    batch.append_event({.type = "t"});
    batch.create_task(w.a.project, {.title = bad});
    batch.append_event({.type = "t"});
    const Status refused = w.t.commit(batch).status();
    CHECK(name_of(refused) == "invalid_argument");
    CHECK(refused.operation() == 2u);
    CHECK_CODE(invalid_argument, w.t.submit(std::move(batch)).wait());
  }
  CHECK(w.rows({w.a.owner}) == before);
}

}  // namespace
}  // namespace bcstore
