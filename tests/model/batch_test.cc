// WriteBatch: plain data until it is committed, then everything or nothing.
#include <random>
#include <set>
#include <string>
#include <vector>

#include "walk.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

TEST_CASE("batch: sees its own effects, in the order of its operations") {
  World w;
  const Tenant t = w.tenant("a@x");
  WriteBatch batch = t.batch();
  const ProjectId p = batch.create_project({.name = "P", .idea_prompt = ""});
  batch.add_version(p, {.name = "P2", .expected_current = 1});
  batch.add_version(p, {.expected_current = 2});
  batch.set_status(p, ProjectStatus::ready, ProjectStatus::processing);
  batch.set_status(p, ProjectStatus::archived, ProjectStatus::ready);
  const DocumentId d = batch.create_document(p, {.section = Section::prd, .content = "1"});
  batch.add_revision(d, {.content = "2", .expected_rev = 1});
  batch.add_revision(d, {.content = "3", .expected_rev = 2});
  batch.set_lock(d, false, true);
  batch.set_lock(d, true, false);
  const TaskId task = batch.create_task(p, {.title = "T", .phase = 1});
  batch.revise_task(task, {.title = "T2", .expected_rev = 1});
  batch.revise_task(task, {.phase = std::optional<int32_t>(2), .expected_rev = 2});
  batch.record_activity(task, TaskAction::complete, TaskState::open);
  batch.record_activity(task, TaskAction::reopen, TaskState::complete);
  const ChatSessionId chat = batch.start_chat(p);
  batch.append_message(chat, {.role = Role::user, .content = "one", .expected_seq = 0});
  batch.append_message(chat,
                       {.role = Role::user, .content = "two", .replaces = 1, .expected_seq = 1});
  batch.rename_chat(chat, "one", 0);
  batch.rename_chat(chat, "two", 1);
  batch.append_event(
      {.type = "t", .project = p, .document = d, .rev = 3, .session = chat, .message_seq = 2});
  CHECK(batch.size() == 21);
  CHECK(batch.bytes() > 0);
  CHECK(batch.status().ok());
  const Result<Receipt> done = t.commit(batch);
  REQUIRE(done.ok());
  CHECK(batch.size() == 0);
  CHECK(batch.bytes() == 0);

  CHECK_FALSE(done->replayed);
  CHECK(done->committed_at == Time{kStartUs});
  CHECK(done->owner_seq == t.owner_seq().value());
  CHECK(done->commit_seq == w.commits());
  REQUIRE(done->operations.size() == 21);
  std::vector<uint64_t> numbers;
  for (const Receipt::Operation& op : done->operations) numbers.push_back(op.number);
  numbers.pop_back();  // the event's id
  CHECK(numbers ==
        std::vector<uint64_t>{1, 2, 3, 2, 3, 1, 2, 3, 2, 3, 1, 2, 3, 1, 2, 0, 1, 2, 1, 2});
  const std::vector<Uuid> ids = {p.uuid(), d.uuid(), task.uuid(), chat.uuid()};
  CHECK(done->operations[0].id == ids[0]);
  CHECK(done->operations[5].id == ids[1]);
  CHECK(done->operations[7].id == ids[1]);
  CHECK(done->operations[10].id == ids[2]);
  CHECK(done->operations[13].id == ids[2]);
  CHECK(done->operations[15].id == ids[3]);
  CHECK(done->operations[19].id == ids[3]);
  CHECK(done->operations[20].id.is_nil());
  CHECK(t.event(done->operations[20].number).ok());
  CHECK(t.project(p).value().commit_seq() == done->commit_seq);
  CHECK(t.message(chat, 2).value().commit_seq() == done->commit_seq);
  // A message's operation names it, or its session; the derived id is the one that reads give.
  const Uuid named = done->operations[17].id;
  const bool names_it = named == chat.uuid() || named == t.message(chat, 2).value().id().uuid();
  CHECK(names_it);
}

TEST_CASE("batch: mints ids without touching the store") {
  World w;
  const Tenant t = w.tenant("a@x");
  const uint64_t commits = w.commits();
  WriteBatch batch = t.batch();
  std::set<Uuid> ids;
  for (int i = 0; i < 50; ++i) {
    const ProjectId p = batch.create_project({.name = "P", .idea_prompt = ""});
    ids.insert(p.uuid());
    ids.insert(batch.create_document(p, {.section = Section::prd}).uuid());
    ids.insert(batch.create_task(p, {.title = "T"}).uuid());
    ids.insert(batch.start_chat(p).uuid());
  }
  CHECK(ids.size() == 200);
  CHECK_FALSE(ids.contains(Uuid::nil()));
  CHECK(w.commits() == commits);
  CHECK_CODE(not_found, t.project(ProjectId(*ids.begin())));
  // A given id comes back as it was given.
  CHECK(batch.create_project({.name = "P", .idea_prompt = "", .id = forged<ProjectId>(1)}) ==
        forged<ProjectId>(1));
}

TEST_CASE("batch: the first refusal is the answer, nothing is written, the batch is kept") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  const std::string before = walk(t);
  const uint64_t commits = w.commits();
  const uint64_t seq = t.owner_seq().value();
  WriteBatch batch = t.batch();
  const TaskId task = batch.create_task(p, {.title = "T"});
  batch.append_event({.type = "t"});
  batch.edit_profile({.email = "new@x"});
  batch.set_status(p, ProjectStatus::ready);
  batch.add_version(forged<ProjectId>(1), {});                         // 4: not_found
  batch.set_status(p, ProjectStatus::ready, ProjectStatus::archived);  // 5: conflict
  CHECK(batch.status().ok());
  for (int attempt = 0; attempt < 2; ++attempt) {
    const Result<Receipt> refused = t.commit(batch);
    CHECK(refused.code() == Code::not_found);
    CHECK(refused.status().operation() == 4u);
    CHECK(batch.size() == 6);
    CHECK(w.commits() == commits);
    CHECK(t.owner_seq().value() == seq);
    CHECK(walk(t) == before);
  }
  CHECK_CODE(not_found, t.task(task));
  CHECK_CODE(not_found, w.service().find_user_by_email("new@x"));
  // The same batch is accepted once what it lacked is there.
  t.create_project({.name = "Q", .idea_prompt = "", .id = forged<ProjectId>(1)}).value();
  const Status conflict = t.commit(batch).status();
  CHECK(conflict.code() == Code::conflict);
  CHECK(conflict.operation() == 5u);
  CHECK(conflict.actual() == static_cast<uint64_t>(ProjectStatus::ready));
  batch.clear();
  CHECK(batch.size() == 0);
  batch.set_status(p, ProjectStatus::archived);
  CHECK_CODE(ok, t.commit(batch));
}

TEST_CASE("batch: a refused argument comes before everything that the store would say") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  WriteBatch batch = t.batch();
  batch.add_version(forged<ProjectId>(1), {});  // would be not_found
  batch.create_task(p, {.title = ""});          // refused here
  batch.create_task(p, {.title = "\xFF"});
  CHECK(batch.status().code() == Code::invalid_argument);
  CHECK(batch.status().operation() == 1u);
  batch.create_task(p, {.title = "fine"});
  const Status refused = t.commit(batch).status();
  CHECK(refused.code() == Code::invalid_argument);
  CHECK(refused.operation() == 1u);
  CHECK(t.commit(batch).code() == Code::invalid_argument);
  CHECK(batch.status().code() == Code::invalid_argument);
  // Cleared, it is as good as new.
  batch.clear();
  CHECK(batch.status().ok());
  CHECK(batch.bytes() == 0);
  batch.create_task(p, {.title = "fine"});
  CHECK_CODE(ok, t.commit(batch));
  // And after success it may be filled again.
  batch.create_task(p, {.title = "more"});
  CHECK_CODE(ok, t.commit(batch));
  CHECK(rows_of(t.tasks(p), [](const Task&) { return 1; }).size() == 2);
}

TEST_CASE("batch: an empty one commits nothing that reads would show") {
  World w;
  const Tenant t = w.tenant("a@x");
  const std::string before = walk(t);
  WriteBatch batch = t.batch();
  CHECK(batch.size() == 0);
  const Result<Receipt> done = t.commit(batch);
  if (done.ok()) CHECK(done->operations.empty());
  CHECK(walk(t) == before);
}

TEST_CASE("batch: a batch of another owner is refused, and kept") {
  World w;
  const Tenant a = w.tenant("a@x");
  const Tenant b = w.tenant("b@x");
  const std::string before_a = walk(a);
  const std::string before_b = walk(b);
  WriteBatch batch = a.batch();
  const ProjectId p = batch.create_project({.name = "P", .idea_prompt = ""});
  CHECK_CODE(invalid_argument, b.commit(batch));
  CHECK(batch.size() == 1);
  WriteBatch other = a.batch();
  other.create_project({.name = "P", .idea_prompt = ""});
  CHECK_CODE(invalid_argument, b.submit(std::move(other)).wait());
  CHECK(walk(a) == before_a);
  CHECK(walk(b) == before_b);
  CHECK_CODE(ok, a.commit(batch));
  CHECK_CODE(ok, a.project(p));
  CHECK_CODE(not_found, b.project(p));
  // Of the same owner in another store as well.
  World elsewhere;
  const Tenant twin = elsewhere.store().tenant(
      elsewhere.service().create_user({.email = "a@x", .id = a.owner()}).value());
  WriteBatch ours = a.batch();
  ours.append_event({.type = "t"});
  CHECK(twin.commit(ours).ok());
}

TEST_CASE("batch: a thousand operations and not one more") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  const ChatSessionId chat = t.start_chat(p).value();
  WriteBatch batch = t.batch();
  for (size_t i = 0; i < kMaxBatchOperations; ++i) {
    batch.append_message(chat, {.role = Role::user, .content = "m"});
  }
  CHECK(batch.status().ok());
  CHECK(batch.size() == kMaxBatchOperations);
  CHECK_CODE(ok, t.commit(batch));
  CHECK(t.last_seq(chat).value() == kMaxBatchOperations);
  for (size_t i = 0; i <= kMaxBatchOperations; ++i) {
    batch.append_message(chat, {.role = Role::user, .content = "m"});
  }
  CHECK(batch.status().code() == Code::invalid_argument);
  CHECK(batch.status().operation() == kMaxBatchOperations);
  CHECK_CODE(invalid_argument, t.commit(batch));
  CHECK(t.last_seq(chat).value() == kMaxBatchOperations);
}

TEST_CASE("batch: 64 MiB of encoded records and not more") {
  const uint64_t seed = seed_from_environment(64);
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  const ChatSessionId chat = t.start_chat(p).value();
  std::string noise(kMaxMessageBytes, 'x');
  for (char& c : noise) c = static_cast<char>(' ' + random() % 95);
  WriteBatch batch = t.batch();
  uint64_t accepted = 0;
  size_t bytes = 0;
  while (accepted < 100) {
    batch.append_message(chat, {.role = Role::user, .content = noise});
    if (!batch.status().ok()) break;
    ++accepted;
    bytes = batch.bytes();
    REQUIRE(bytes <= kMaxBatchBytes);
  }
  CHECK(batch.status().code() == Code::invalid_argument);
  CHECK(batch.status().operation() == accepted);
  CHECK(accepted >= 15);
  // The next one would have been too much.
  CHECK(bytes + bytes / accepted > kMaxBatchBytes - 4096 * accepted);
  CHECK_CODE(invalid_argument, t.commit(batch));
  batch.clear();
  for (uint64_t i = 0; i < accepted; ++i) {
    batch.append_message(chat, {.role = Role::user, .content = noise});
  }
  CHECK_CODE(ok, t.commit(batch, {.durability = Durability::relaxed}));
  CHECK(t.last_seq(chat).value() == accepted);
  const ChatMessage last = t.message(chat, accepted).value();
  CHECK(last.content() == noise);
}

TEST_CASE("batch: the arguments need not outlive the verb") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  WriteBatch batch = t.batch();
  TaskId task;
  {
    std::string title = "a title that is too long for any small string";
    std::string description(10'000, 'd');
    task = batch.create_task(p, {.title = title, .description = description});
    title.assign(title.size(), '#');
    description.assign(description.size(), '#');
  }
  WriteBatch moved = std::move(batch);
  CHECK(moved.size() == 1);
  CHECK_CODE(ok, t.commit(moved));
  const Task read = t.task(task).value();
  CHECK(read.title() == "a title that is too long for any small string");
  CHECK(read.description() == std::string(10'000, 'd'));
}

TEST_CASE("batch: owner sequences are dense, commit sequences rise, times do not go back") {
  World w;
  const Tenant a = w.tenant("a@x");
  const Tenant b = w.tenant("b@x");
  uint64_t a_seq = a.owner_seq().value();
  uint64_t b_seq = b.owner_seq().value();
  uint64_t commit_seq = w.commits();
  Time last{0};
  for (int i = 0; i < 20; ++i) {
    w.clock->advance(i % 2 == 0 ? -3 * kSecondUs : kSecondUs);
    const Tenant& t = i % 3 == 0 ? a : b;
    WriteBatch batch = t.batch();
    batch.append_event({.type = "t"});
    const Receipt done = t.commit(batch, {.durability = Durability::relaxed}).value();
    CHECK(done.owner_seq == ++(i % 3 == 0 ? a_seq : b_seq));
    CHECK(done.commit_seq > commit_seq);
    CHECK(done.committed_at >= last);
    commit_seq = done.commit_seq;
    last = done.committed_at;
  }
  CHECK(a.owner_seq().value() == a_seq);
  CHECK(b.owner_seq().value() == b_seq);
}

}  // namespace
}  // namespace bcstore
