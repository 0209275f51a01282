// The whole table of bad input: every public verb, times every argument that it takes, times every
// way in which that kind of argument can be wrong. A refusal names its code and writes nothing.
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "engine_world.h"
#include "verb_table.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

struct Ground : EngineWorld {
  Rich a = enrich(store(), user("a@x"), "a");
  Rich b = enrich(store(), user("b@x"), "b");
  World foreign;  // another store, whose snapshots mean nothing here
  Snapshot alien = foreign.tenant("c@x").snapshot().value();
  std::string strange_token;

  // A revision that has no sections yet.
  Ground() {
    for (const Rich* r : {&a, &b}) {
      store().tenant(r->owner).add_revision(r->document, {.content = "4"}).value();
    }
  }

  Arguments right() const {
    Arguments x;
    x.owner = x.user = a.owner;
    x.project = a.project;
    x.document = a.document;
    x.task = a.task;
    x.chat = a.chat;
    x.integration = a.integration;
    x.hold = a.hold;
    x.block = a.block;
    x.subscription = a.subscription;
    return x;
  }
};

struct Way {
  std::string name;
  Code code;
  std::function<void(Ground&, Arguments&)> spoil;
};

template <class SomeId>
std::vector<Way> ways_of_id(const std::string& what, SomeId Arguments::*id, SomeId Rich::*own) {
  return {
      {"a nil " + what, Code::invalid_argument, [id](Ground&, Arguments& x) { x.*id = SomeId(); }},
      {"an unknown " + what, Code::not_found,
       [id](Ground&, Arguments& x) { x.*id = forged<SomeId>(77); }},
      {"another owner's " + what, Code::not_found,
       [id, own](Ground& w, Arguments& x) { x.*id = w.b.*own; }},
  };
}

std::vector<Way> ways_of_user(const std::string& what, UserId Arguments::*id) {
  return {
      {"a nil " + what, Code::invalid_argument, [id](Ground&, Arguments& x) { x.*id = UserId(); }},
      {"the system as " + what, Code::invalid_argument,
       [id](Ground&, Arguments& x) { x.*id = kSystemOwner; }},
      {"the public owner as " + what, Code::invalid_argument,
       [id](Ground&, Arguments& x) { x.*id = kPublicOwner; }},
      {"an unknown " + what, Code::not_found,
       [id](Ground&, Arguments& x) { x.*id = forged<UserId>(78); }},
  };
}

std::vector<Way> ways_of_text(const std::string& what, std::string Arguments::*text) {
  const auto put = [text](std::string value) {
    return [text, value](Ground&, Arguments& x) { x.*text = value; };
  };
  return {
      {what + " that is empty", Code::invalid_argument, put("")},
      {what + " that is too long", Code::invalid_argument,
       put(std::string(kMaxNameBytes + 1, 'x'))},
      {what + " that is no UTF-8", Code::invalid_argument, put("\xC3(")},
      {what + " with a NUL", Code::invalid_argument, put(std::string("a\0b", 3))},
  };
}

void append(std::vector<Way>* ways, std::vector<Way> more) {
  ways->insert(ways->end(), more.begin(), more.end());
}

// What can be wrong with what a verb takes.
std::vector<Way> ways_of(uint32_t takes) {
  std::vector<Way> ways;
  if (takes & kOwner) append(&ways, ways_of_user("owner", &Arguments::owner));
  if (takes & kUser) append(&ways, ways_of_user("user", &Arguments::user));
  if (takes & kProject) append(&ways, ways_of_id("project", &Arguments::project, &Rich::project));
  if (takes & kDocument) {
    append(&ways, ways_of_id("document", &Arguments::document, &Rich::document));
  }
  if (takes & kTask) append(&ways, ways_of_id("task", &Arguments::task, &Rich::task));
  if (takes & kChat) append(&ways, ways_of_id("session", &Arguments::chat, &Rich::chat));
  if (takes & kIntegration) {
    append(&ways, ways_of_id("integration", &Arguments::integration, &Rich::integration));
  }
  if (takes & kHold) append(&ways, ways_of_id("hold", &Arguments::hold, &Rich::hold));
  if (takes & kText) append(&ways, ways_of_text("text", &Arguments::text));
  if (takes & kReason) append(&ways, ways_of_text("reason", &Arguments::reason));
  if (takes & kSnapshot) {
    ways.push_back({"a snapshot of another store", Code::invalid_argument,
                    [](Ground& w, Arguments& x) { x.snapshot = &w.alien; }});
  }
  if (takes & kAsOf) {
    // What does not go back in time says so as well.
    ways.push_back({"a moment that has not come", Code::invalid_argument,
                    [](Ground& w, Arguments& x) { x.as_of = AsOf::commit(w.commits() + 9); }});
  }
  if (takes & kPage) {
    append(&ways, {{"a page of no rows", Code::invalid_argument,
                    [](Ground&, Arguments& x) { x.limit = 0; }},
                   {"a page of too many rows", Code::invalid_argument,
                    [](Ground&, Arguments& x) { x.limit = kMaxPageRows + 1; }},
                   {"a token that is none", Code::invalid_argument,
                    [](Ground&, Arguments& x) { x.token = "no token"; }},
                   {"a token of another list", Code::invalid_argument,
                    [](Ground& w, Arguments& x) { x.token = w.strange_token; }}});
  }
  if (takes & kCommit) {
    append(&ways, {{"a key of 65 bytes", Code::invalid_argument,
                    [](Ground&, Arguments& x) { x.key = std::string(65, 'k'); }},
                   {"another owner sequence", Code::conflict,
                    [](Ground&, Arguments& x) { x.owner_seq = 999'999; }}});
  }
  if (takes & kTime) {
    append(&ways, {{"a time before year 1", Code::invalid_argument,
                    [](Ground&, Arguments& x) { x.created_at = Time{INT64_MIN}; }},
                   {"a time after year 9999", Code::invalid_argument,
                    [](Ground&, Arguments& x) { x.created_at = Time{INT64_MAX}; }}});
  }
  if (takes & kIdentity) {
    append(&ways, {{"an identity that is empty", Code::invalid_argument,
                    [](Ground&, Arguments& x) { x.identity.clear(); }},
                   {"an identity of 65 bytes", Code::invalid_argument,
                    [](Ground&, Arguments& x) { x.identity = std::string(65, 'i'); }}});
  }
  if (takes & kNew) {
    ways.push_back({"a nil id of its own", Code::invalid_argument,
                    [](Ground&, Arguments& x) { x.made = Uuid(); }});
  }
  if (takes & kAgentRefused) {
    ways.push_back({"an agent's handle", Code::failed_precondition,
                    [](Ground&, Arguments& x) { x.by_agent = true; }});
  }
  return ways;
}

// The verbs that a public header declares in a class.
std::set<std::string> declared(const std::string& header, const std::string& owner) {
  std::ifstream in(std::string(BCSTORE_SOURCE_DIR) + "/include/bcstore/" + header);
  REQUIRE(in.good());
  std::stringstream all;
  all << in.rdbuf();
  std::string text = all.str();
  const size_t from = text.find("\nclass " + owner + " {");
  REQUIRE(from != std::string::npos);
  text = text.substr(from, text.find("\n private:", from) - from);
  std::set<std::string> names;
  const std::regex verb(R"(\n  [A-Za-z_:][A-Za-z0-9_:<>, ]*[>A-Za-z0-9_] (\w+)\()");
  for (std::sregex_iterator it(text.begin(), text.end(), verb), end; it != end; ++it) {
    names.insert(owner + "::" + (*it)[1].str());
  }
  return names;
}

TEST_CASE(
    "verbs: every verb of Tenant, Service, PublicView and Importer has its row, and the other "
    "way") {
  // Handles, and what commits any batch; their own tests make them wrong.
  const std::set<std::string> elsewhere = {
      "Tenant::owner", "Tenant::as_agent", "Tenant::batch", "Tenant::commit", "Tenant::submit",
      "Service::tenant", "Service::import_user", "Service::importer", "Importer::size",
      "Importer::bytes", "Importer::commit",
      // An id of a context is of the store that made it: context_test.cc.
      "Tenant::context_again"};
  std::set<std::string> rows;
  for (const VerbRow& row : verb_table()) rows.insert(row.name);
  std::set<std::string> verbs = declared("tenant.h", "Tenant");
  for (const std::string& name : declared("service.h", "Service")) verbs.insert(name);
  for (const std::string& name : declared("store.h", "PublicView")) verbs.insert(name);
  for (const std::string& name : declared("service.h", "Importer")) verbs.insert(name);
  CHECK(verbs.size() > 40);
  for (const std::string& name : verbs) {
    CAPTURE(name);
    CHECK(rows.contains(name) != elsewhere.contains(name));
  }
  for (const std::string& name : rows) {
    CAPTURE(name);
    CHECK(verbs.contains(name));
  }
}

TEST_CASE("verbs: what a verb takes, wrong in every way, has its code and writes nothing") {
  Ground w;
  {
    Cursor<TaskActivity> rows = w.store().tenant(w.a.owner).activity(w.a.task, {.limit = 1});
    REQUIRE(rows.next());
    w.strange_token = rows.token();
  }
  size_t tried = 0;
  for (const VerbRow& row : verb_table()) {
    const bool lists_activity = row.name == "Tenant::activity";
    for (const Way& way : ways_of(row.takes)) {
      if (lists_activity && way.name == "a token of another list") continue;
      // Who asks for what nobody has is not told that it does not exist, but that he does not.
      const bool of_nobody = way.name == "an unknown owner" && !row.writes();
      if (of_nobody && (row.name == "Tenant::snapshot" || row.name == "Tenant::owner_seq"))
        continue;
      INFO(row.name, " with ", way.name);
      Arguments x = w.right();
      way.spoil(w, x);
      const uint64_t commits = w.commits();
      const Status answer = row.call(w.store(), x);
      INFO(answer.to_string());
      CHECK(w.commits() == commits);
      ++tried;
      // A list of an owner's own that is not there may be empty.
      if (of_nobody && answer.ok()) continue;
      // A new user is nobody's yet: no owner sequence to differ from but 0.
      CHECK(name_of(answer) == to_string(way.code));
      CHECK_FALSE(answer.message().empty());
    }
  }
  CHECK(tried > 250);
}

TEST_CASE("verbs: right arguments are accepted, and a closed store answers closed") {
  Ground w;
  for (const VerbRow& row : verb_table()) {
    INFO(row.name);
    Arguments x = w.right();
    // There is no event 1, and no such call.
    if (row.name == "Tenant::event" || row.name == "Tenant::call") continue;
    if (row.name == "Service::find_user_by_email") x.text = w.a.email;
    if (row.name == "Service::find_user_by_stripe_customer") x.text = w.a.customer;
    if (row.name == "Service::link_stripe_customer") x.text = w.a.customer;
    if (row.name == "Tenant::edit_profile") x.text = w.a.email;
    const Status answer = row.call(w.store(), x);
    INFO(answer.to_string());
    CHECK(answer.ok());
  }
  const Arguments x = w.right();
  REQUIRE(w.store().close().ok());
  for (const VerbRow& row : verb_table()) {
    INFO(row.name);
    CHECK(name_of(row.call(w.store(), x)) == "closed");
  }
}

TEST_CASE("verbs: a store that was moved from answers closed to every verb") {
  Ground w;
  const Arguments x = w.right();
  Store kept = std::move(w.store());
  for (const VerbRow& row : verb_table()) {
    INFO(row.name);
    CHECK(name_of(row.call(w.store(), x)) == "closed");  // NOLINT(bugprone-use-after-move)
  }
  w.store() = std::move(kept);
  CHECK_CODE(ok, w.store().tenant(w.a.owner).profile());
}

TEST_CASE("verbs: a service's read leaves one trace, whatever it asks of the engine") {
  Ground w;
  Arguments x = w.right();
  x.by_service = true;
  x.reason = "reads";
  // Two customers, so that a subscription is looked for in both.
  w.service()
      .apply_billing_event({.kind = BillingEventKind::checkout_completed,
                            .event_id = "evt_more",
                            .occurred_at = Time{kStartUs},
                            .customer = "cus_more",
                            .user = w.a.owner})
      .value();
  size_t tried = 0;
  for (const VerbRow& row : verb_table()) {
    // These tell nothing of the user's data.
    const bool tells = row.name != "Tenant::snapshot" && row.name != "Tenant::try_acquire" &&
                       row.name != "Tenant::wait_feed";
    if (!row.name.starts_with("Tenant::") || row.writes() || !tells) continue;
    INFO(row.name);
    const Status answer = row.call(w.store(), x);
    INFO(answer.to_string());
    REQUIRE(w.store().sync().ok());
    Cursor<Event> newest = w.store().tenant(w.a.owner).events({.newest_first = true, .limit = 1});
    REQUIRE(newest.next());
    CHECK(newest->payload() == R"({"reason":"reads","reads":1})");
    // What stands between this trace and the next one.
    CHECK_CODE(ok, w.store().tenant(w.a.owner).append_event({.type = "next"}));
    ++tried;
  }
  CHECK(tried > 40);
}

}  // namespace
}  // namespace bcstore
