// The importer: history as it was, with times that go back, rows known by what they are, and a
// second load that adds nothing.
#include <string>
#include <vector>

#include "walk.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr Time at(int64_t days) { return Time{kStartUs + days * kDayUs}; }
constexpr Time kYearOne{-62'135'596'800'000'000};
constexpr Time kYearLast{253'402'300'799'999'999};

struct Import : World {
  UserId owner = user("a@x");
  Tenant t = held->tenant(owner);
  Importer importer = service("load").importer(owner);
  ProjectId p = forged<ProjectId>(1);
  DocumentId d = forged<DocumentId>(2);
  TaskId task = forged<TaskId>(3);
  ChatSessionId chat = forged<ChatSessionId>(4);

  Importer::Row row(int64_t day) const {
    return {.created_at = at(day), .actor = Actor::of_user(owner)};
  }
  // What became of each row: "written", "present" or the code of the refusal.
  std::vector<std::string> land() {
    std::vector<std::string> words;
    for (const ImportedRow& answer : importer.commit().value()) {
      if (answer.outcome == ImportOutcome::refused) {
        CHECK_FALSE(answer.status.ok());
        words.push_back(name_of(answer.status));
      } else {
        CHECK(answer.status.ok());
        words.push_back(answer.outcome == ImportOutcome::written ? "written" : "present");
      }
    }
    CHECK(importer.size() == 0);
    CHECK(importer.bytes() == 0);
    return words;
  }
  void parents() {
    importer.project(p, {.name = "P", .idea_prompt = "i"}, row(0));
    importer.document(d, p, {.section = Section::prd, .version = 1}, row(0));
    importer.task(task, p, {.title = "T", .phase = 1}, row(0));
    importer.chat(chat, p, {.title = "C"}, row(0));
  }
};

using Words = std::vector<std::string>;

void add_history(Import& w) {
  Importer& i = w.importer;
  const Actor agent = Actor::of_agent("bot");
  i.project(w.p, {.name = "P", .idea_prompt = "i", .status = ProjectStatus::ready}, w.row(5),
            Importer::Row{.created_at = at(-3), .actor = agent});
  i.version(w.p, 2, {.change_note = "two", .name = "P2"}, w.row(1));
  i.version(w.p, 3, {.change_note = "three"}, {.created_at = at(-9), .actor = agent});
  i.document(w.d, w.p, {.section = Section::prd, .version = 1}, w.row(2));
  i.revision(w.d, 1, {.content = "1"}, w.row(20));
  i.revision(w.d, 2, {.content = "2", .change_note = "n"}, w.row(10));
  i.revision(w.d, 3, {.content = "3"}, w.row(30));
  i.task(w.task, w.p, {.title = "T", .description = "d", .phase = 2}, w.row(40));
  i.activity(w.task, TaskAction::complete, "act-1", w.row(39));
  i.activity(w.task, TaskAction::reopen, "act-2", w.row(35));
  i.chat(w.chat, w.p, {.title = "C"}, w.row(50));
  i.message(w.chat, 1, forged<MessageId>(9), {.role = Role::user, .content = "m1"}, w.row(60));
  i.message(w.chat, 2, MessageId(), {.role = Role::assistant, .content = "m2", .token_count = 2},
            {.created_at = at(10), .actor = agent});
  i.message(w.chat, 3, MessageId(), {.role = Role::user, .content = "m3"}, w.row(61));
  i.event({.type = "e1", .payload = "1", .project = w.p}, "ev-1", w.row(70));
  i.event({.type = "e2"}, "ev-2", w.row(12));
}
constexpr size_t kHistoryRows = 16;

TEST_CASE("importer: everything at once, and a second load adds nothing, also after reopening") {
  Import w;
  add_history(w);
  CHECK(w.importer.size() == kHistoryRows);
  CHECK(w.importer.bytes() > 0);
  CHECK(w.land() == Words(kHistoryRows, "written"));
  const std::string before = walk(w.t);
  const uint64_t commits = w.commits();
  add_history(w);
  CHECK(w.land() == Words(kHistoryRows, "present"));
  CHECK(w.commits() == commits);
  CHECK(walk(w.t) == before);
  // The application's own work in between does not disturb a later load of the same rows.
  CHECK_CODE(ok, w.t.add_version(w.p, {.name = "Mine"}));
  CHECK_CODE(ok, w.t.set_status(w.p, ProjectStatus::archived));
  CHECK_CODE(ok, w.t.add_revision(w.d, {.content = "\"mine\""}));
  CHECK_CODE(ok, w.t.set_lock(w.d, false));
  CHECK_CODE(ok, w.t.revise_task(w.task, {.title = "Mine", .phase = std::optional<int32_t>(9)}));
  CHECK_CODE(ok, w.t.rename_chat(w.chat, "Mine"));
  CHECK_CODE(ok, w.t.append_message(w.chat, {.role = Role::user, .content = "mine"}));
  add_history(w);
  CHECK(w.land() == Words(kHistoryRows, "present"));
  w.clock->advance(400 * kDayUs);  // identities do not expire
  w.importer = w.service().importer(w.owner);
  w.reopen();
  w.importer = w.service("load").importer(w.owner);
  w.t = w.store().tenant(w.owner);
  add_history(w);
  CHECK(w.land() == Words(kHistoryRows, "present"));
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("importer: times are kept as given, effective times and months never go back") {
  Import w;
  add_history(w);
  CHECK(w.land() == Words(kHistoryRows, "written"));
  const auto times = [](const Record& r) { return std::pair(r.created_at(), r.effective_at()); };
  using Times = std::vector<std::pair<Time, Time>>;
  CHECK(rows_of(w.t.revisions(w.d, {.reverse = true}), times) ==
        Times{{at(20), at(20)}, {at(10), at(20)}, {at(30), at(30)}});
  CHECK(rows_of(w.t.activity(w.task, {.reverse = true}), times) ==
        Times{{at(39), at(39)}, {at(35), at(39)}});
  CHECK(rows_of(w.t.messages(w.chat), times) ==
        Times{{at(60), at(60)}, {at(10), at(60)}, {at(61), at(61)}});
  CHECK(rows_of(w.t.versions(w.p, {.reverse = true}), times) ==
        Times{{at(-3), at(-3)}, {at(1), at(1)}, {at(-9), at(1)}});
  const auto month = [](const ChatMessage& m) { return m.month(); };
  const uint32_t bucket = month_of(at(60));
  CHECK(rows_of(w.t.messages(w.chat), month) == std::vector<uint32_t>{bucket, bucket, bucket});

  const Project p = w.t.project(w.p).value();
  CHECK(p.status() == ProjectStatus::ready);
  CHECK(p.current_version() == 3);
  CHECK(p.name() == "P2");
  const ProjectVersion one = w.t.version(w.p, 1).value();
  CHECK(one.name() == "P");
  CHECK(one.actor() == Actor::of_agent("bot"));
  const ProjectVersion three = w.t.version(w.p, 3).value();
  CHECK(three.name() == "P2");
  CHECK(three.actor() == Actor::of_agent("bot"));
  CHECK(w.t.task(w.task).value().state() == TaskState::open);
  CHECK(w.t.message(forged<MessageId>(9)).value().seq() == 1);
  CHECK(w.t.message(w.chat, 1).value().id() == forged<MessageId>(9));
  CHECK(w.t.message(w.chat, 2).value().actor() == Actor::of_agent("bot"));

  Times events;
  std::vector<uint32_t> months;
  Cursor<Event> rows = w.t.events({.with_audit = false});
  while (rows.next()) {
    events.push_back(times(*rows));
    months.push_back(rows->month());
  }
  CHECK(rows.status().ok());
  CHECK(events == Times{{at(70), at(70)}, {at(12), at(70)}});
  CHECK(months == std::vector<uint32_t>{month_of(at(70)), month_of(at(70))});

  // What the application appends now keeps the clock's time, and is effective after the future.
  CHECK(w.t.append_message(w.chat, {.role = Role::user, .content = "now"}).value() == 4);
  const ChatMessage now = w.t.message(w.chat, 4).value();
  CHECK(now.created_at() == at(0));
  CHECK(now.effective_at() == at(61));
  CHECK(now.month() == month_of(at(61)));
}

TEST_CASE("importer: version 1 takes the project's own time and actor unless it is given others") {
  Import w;
  w.importer.project(w.p, {.name = "P", .idea_prompt = "", .change_note = "note"}, w.row(7));
  CHECK(w.land() == Words{"written"});
  const ProjectVersion one = w.t.version(w.p, 1).value();
  CHECK(one.created_at() == at(7));
  CHECK(one.actor() == Actor::of_user(w.owner));
  CHECK(one.change_note() == "note");
  w.importer.version(w.p, 1, {.change_note = "note"}, w.row(7));
  w.importer.version(w.p, 1, {.change_note = "another"}, w.row(7));
  CHECK(w.land() == Words{"present", "conflict"});
}

TEST_CASE("importer: a row that differs from what is here is refused with conflict") {
  Import w;
  add_history(w);
  CHECK(w.land() == Words(kHistoryRows, "written"));
  const std::string before = walk(w.t);
  Importer& i = w.importer;
  i.project(w.p, {.name = "Other", .idea_prompt = "i", .status = ProjectStatus::ready}, w.row(5));
  i.version(w.p, 2, {.change_note = "other", .name = "P2"}, w.row(1));
  i.document(w.d, w.p, {.section = Section::tech, .version = 1}, w.row(2));
  i.revision(w.d, 1, {.content = "9"}, w.row(20));
  i.revision(w.d, 2, {.content = "2", .change_note = "n"}, w.row(11));
  i.task(w.task, w.p, {.title = "Other", .description = "d", .phase = 2}, w.row(40));
  i.activity(w.task, TaskAction::reopen, "act-1", w.row(39));
  i.chat(w.chat, w.p, {.title = "Other"}, w.row(50));
  i.message(w.chat, 1, forged<MessageId>(9), {.role = Role::user, .content = "mX"}, w.row(60));
  i.message(w.chat, 2, MessageId(), {.role = Role::user, .content = "m2", .token_count = 2},
            {.created_at = at(10), .actor = Actor::of_agent("bot")});
  i.event({.type = "other"}, "ev-2", w.row(12));
  const Words words = w.land();
  REQUIRE(words.size() == 11);
  for (size_t n = 0; n < words.size(); ++n) {
    CAPTURE(n);
    CHECK(words[n] == "conflict");
  }
  CHECK(walk(w.t) == before);
}

TEST_CASE("importer: versions, revisions and messages must be the next one") {
  Import w;
  w.parents();
  Importer& i = w.importer;
  i.version(w.p, 3, {}, w.row(1));
  i.version(w.p, 0, {}, w.row(1));
  i.revision(w.d, 2, {.content = "2"}, w.row(1));
  i.revision(w.d, 0, {.content = "2"}, w.row(1));
  const NewMessage hello{.role = Role::user, .content = "m"};
  i.message(w.chat, 2, MessageId(), hello, w.row(1));
  i.message(w.chat, 0, MessageId(), hello, w.row(1));
  const std::vector<ImportedRow> answers = i.commit().value();
  REQUIRE(answers.size() == 10);
  for (size_t n = 0; n < answers.size(); ++n) {
    CAPTURE(n);
    CHECK(answers[n].outcome == (n < 4 ? ImportOutcome::written : ImportOutcome::refused));
    CHECK(answers[n].status.ok() == (n < 4));
  }
  CHECK(w.t.project(w.p).value().current_version() == 1);
  CHECK(w.t.document(w.d).value().current_rev() == 0);
  CHECK(w.t.last_seq(w.chat).value() == 0);
  // A refused row does not stop the good ones around it.
  i.revision(w.d, 1, {.content = "1"}, w.row(1));
  i.revision(w.d, 2, {.content = "{"}, w.row(1));
  i.revision(w.d, 2, {.content = "2"}, w.row(1));
  i.revision(w.d, 1, {.content = "1"}, w.row(1));
  CHECK(w.land() == Words{"written", "invalid_argument", "written", "present"});
  CHECK(w.t.document(w.d).value().current_rev() == 2);
}

TEST_CASE("importer: arguments and parents, each row on its own merits") {
  Import w;
  const Tenant b = w.tenant("b@x");
  const ProjectId foreign = b.create_project({.name = "B", .idea_prompt = ""}).value();
  w.parents();
  CHECK(w.land() == Words(4, "written"));
  Importer& i = w.importer;
  const std::string long_identity(65, 'i');
  const std::string identity(64, 'i');
  const Importer::Row row = w.row(1);
  const Importer::Row early{.created_at = Time{kYearOne.us - 1}, .actor = {}};
  const Importer::Row late{.created_at = Time{kYearLast.us + 1}, .actor = {}};
  const NewMessage hello{.role = Role::user, .content = "m"};
  Words expected;
  const auto expect = [&](std::string_view word) { expected.emplace_back(word); };

  i.project(ProjectId(), {.name = "P", .idea_prompt = ""}, row), expect("invalid_argument");
  i.project(forged<ProjectId>(50), {.name = "", .idea_prompt = ""}, row),
      expect("invalid_argument");
  i.project(forged<ProjectId>(50), {.name = "P", .idea_prompt = ""}, early),
      expect("invalid_argument");
  i.project(forged<ProjectId>(50), {.name = "P", .idea_prompt = ""}, late),
      expect("invalid_argument");
  i.version(forged<ProjectId>(51), 1, {}, row), expect("not_found");
  i.version(foreign, 2, {}, row), expect("not_found");
  i.document(DocumentId(), w.p, {.section = Section::tech}, row), expect("invalid_argument");
  i.document(forged<DocumentId>(50), w.p, {.section = static_cast<Section>(9)}, row),
      expect("invalid_argument");
  i.document(forged<DocumentId>(50), foreign, {.section = Section::tech}, row), expect("not_found");
  i.document(forged<DocumentId>(50), w.p, {.section = Section::tech, .version = 9}, row),
      expect("not_found");
  i.document(forged<DocumentId>(50), w.p, {.section = Section::prd, .version = 1}, row),
      expect("already_exists");
  i.revision(forged<DocumentId>(51), 1, {.content = "1"}, row), expect("not_found");
  i.revision(w.d, 1, {.content = "{"}, row), expect("invalid_argument");
  i.revision(w.d, 1, {.content = "1"}, early), expect("invalid_argument");
  i.task(TaskId(), w.p, {.title = "T"}, row), expect("invalid_argument");
  i.task(forged<TaskId>(50), w.p, {.title = ""}, row), expect("invalid_argument");
  i.task(forged<TaskId>(50), foreign, {.title = "T"}, row), expect("not_found");
  i.activity(w.task, TaskAction::complete, "", row), expect("invalid_argument");
  i.activity(w.task, TaskAction::complete, long_identity, row), expect("invalid_argument");
  i.activity(w.task, static_cast<TaskAction>(9), "id", row), expect("invalid_argument");
  i.activity(forged<TaskId>(51), TaskAction::complete, "id", row), expect("not_found");
  i.activity(w.task, TaskAction::complete, identity, row), expect("written");
  i.chat(ChatSessionId(), w.p, {}, row), expect("invalid_argument");
  i.chat(forged<ChatSessionId>(50), foreign, {}, row), expect("not_found");
  i.message(forged<ChatSessionId>(51), 1, MessageId(), hello, row), expect("not_found");
  i.message(w.chat, 1, MessageId(), {.role = static_cast<Role>(9), .content = ""}, row),
      expect("invalid_argument");
  i.message(w.chat, 1, MessageId(), {.role = Role::user, .content = "\xFF"}, row),
      expect("invalid_argument");
  i.message(w.chat, 1, forged<MessageId>(1), hello, row), expect("written");
  i.message(w.chat, 2, forged<MessageId>(1), hello, row), expect("already_exists");
  i.event({.type = ""}, "id", row), expect("invalid_argument");
  i.event({.type = "t"}, "", row), expect("invalid_argument");
  i.event({.type = "t"}, long_identity, row), expect("invalid_argument");
  i.event({.type = "t", .project = foreign}, "id-2", row), expect("not_found");
  i.event({.type = "t"}, "id-3", {.created_at = kYearOne, .actor = {}}), expect("written");
  i.event({.type = "t"}, "id-4", {.created_at = kYearLast, .actor = {}}), expect("written");
  i.event({.type = "t"}, "id-4", {.created_at = kYearLast, .actor = {}}), expect("present");
  // A refused row's identity is not remembered.
  i.event({.type = "t"}, "id-2", row), expect("written");
  CHECK(w.land() == expected);
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("importer: the thousand-and-first row is refused, the thousand before it land") {
  Import w;
  w.parents();
  CHECK(w.land() == Words(4, "written"));
  for (size_t n = 1; n <= kMaxBatchOperations + 1; ++n) {
    w.importer.message(w.chat, n, MessageId(), {.role = Role::user, .content = "m"}, w.row(1));
  }
  const Words got = w.land();
  REQUIRE(got.size() == kMaxBatchOperations + 1);
  CHECK(got.front() == "written");
  CHECK(got[kMaxBatchOperations - 1] == "written");
  CHECK(got.back() == "invalid_argument");
  CHECK(w.t.last_seq(w.chat).value() == kMaxBatchOperations);
}

// Once, a repeated row of the first of two new months was told to be another: the entry that says
// in which month a number lies was looked for in the engine, where the group's own are not yet.
TEST_CASE("importer: a row of any month may come twice in one commit") {
  Import w;
  w.parents();
  CHECK(w.land() == Words(4, "written"));
  Importer& i = w.importer;
  const auto message = [&](uint64_t seq, int64_t day) {
    i.message(w.chat, seq, MessageId(), {.role = Role::user, .content = "m" + std::to_string(seq)},
              w.row(day));
  };
  const auto event = [&](const std::string& identity, int64_t day) {
    i.event({.type = identity}, identity, w.row(day));
  };
  message(1, 0);
  message(2, 40);
  message(3, 80);
  event("a", 0);
  event("b", 40);
  event("c", 80);
  message(1, 0);
  message(2, 40);
  message(3, 80);
  event("a", 0);
  event("b", 40);
  event("c", 80);
  message(2, 41);
  event("b", 41);
  Words expected(6, "written");
  expected.insert(expected.end(), 6, "present");
  expected.insert(expected.end(), 2, "conflict");
  CHECK(w.land() == expected);
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("importer: a row may repeat what an ordinary commit before it in the queue writes") {
  Import w;
  w.parents();
  CHECK(w.land() == Words(4, "written"));
  WriteBatch batch = w.t.batch();
  batch.append_message(w.chat, {.role = Role::user, .content = "now"});
  PendingCommit first = w.t.submit(std::move(batch), {.durability = Durability::relaxed});
  w.importer.message(w.chat, 1, MessageId(), {.role = Role::user, .content = "now"},
                     {.created_at = w.clock->now(), .actor = Actor::of_user(w.owner)});
  CHECK(w.land() == Words{"present"});
  CHECK(first.wait().ok());
}

TEST_CASE("importer: rows of one commit share one commit, which is audited") {
  Import w;
  w.parents();
  CHECK(w.land() == Words(4, "written"));
  const uint64_t seq = w.t.project(w.p).value().commit_seq();
  CHECK(w.t.document(w.d).value().commit_seq() == seq);
  CHECK(w.t.session(w.chat).value().commit_seq() == seq);
  bool audited = false;
  Cursor<Event> events = w.t.events();
  while (events.next()) audited |= events->is_audit() && events->commit_seq() == seq;
  CHECK(audited);
  CHECK_CODE(ok, w.importer.commit());  // nothing collected, nothing to do
}

TEST_CASE("import_user: written, present, refused") {
  World w;
  const Service s = w.service("load");
  const UserId id = forged<UserId>(1);
  const ImportedUser ada{.id = id,
                         .email = "Ada@x",
                         .created_at = at(-100),
                         .full_name = "Ada",
                         .stripe_customer_id = "cus_1",
                         .is_pro = true};
  const auto word = [&](const ImportedUser& user) {
    const ImportedRow answer = s.import_user(user);
    if (answer.outcome == ImportOutcome::refused) return name_of(answer.status);
    CHECK(answer.status.ok());
    return std::string(answer.outcome == ImportOutcome::written ? "written" : "present");
  };
  CHECK(word(ada) == "written");
  const uint64_t commits = w.commits();
  CHECK(word(ada) == "present");
  CHECK(w.commits() == commits);
  const User read = w.store().tenant(id).profile().value();
  CHECK(read.email() == "Ada@x");
  CHECK(read.full_name() == "Ada");
  CHECK(read.stripe_customer_id() == "cus_1");
  CHECK(read.is_pro());
  CHECK(read.joined_at() == at(-100));
  CHECK(read.created_at() == at(-100));
  CHECK(s.find_user_by_email("ada@x").value() == id);

  ImportedUser other = ada;
  other.full_name = "Eva";
  CHECK(word(other) == "conflict");
  other = ada;
  other.created_at = at(-99);
  CHECK(word(other) == "conflict");
  other = ada;
  other.id = forged<UserId>(2);
  CHECK(word(other) == "already_exists");
  other.email = "eva@x";
  CHECK(word(other) == "already_exists");  // the customer
  other.stripe_customer_id = std::nullopt;
  CHECK(word(other) == "written");
  for (const UserId& reserved : {kSystemOwner, kPublicOwner}) {
    other.id = reserved;
    CHECK(word(other) == "invalid_argument");
  }
  CHECK(word({.id = forged<UserId>(3), .email = "", .created_at = at(0)}) == "invalid_argument");
  CHECK(word({.id = forged<UserId>(3), .email = "\xFF", .created_at = at(0)}) ==
        "invalid_argument");
  CHECK(word({.id = forged<UserId>(3), .email = "c@x", .created_at = Time{kYearOne.us - 1}}) ==
        "invalid_argument");
}

}  // namespace
}  // namespace bcstore
