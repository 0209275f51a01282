// The cache of heads and lists: it answers without the engine, never with what a commit has
// changed, and under a snapshot with what the snapshot sees.
#include "model/row_cache.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include "engine_world.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using model::RowCache;

constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};

struct Desk : EngineWorld {
  Tenant t = tenant("a@x");
  ProjectId p = t.create_project({.name = "P", .idea_prompt = "i"}).value();
  DocumentId d = t.create_document(p, {.section = Section::prd, .content = "0"}).value();
  TaskId task = t.create_task(p, {.title = "first", .phase = 1}).value();

  std::string title(const Snapshot* at = nullptr) {
    const Project project = t.project(p, {.snapshot = at}).value();
    return std::string(project.name()) + "/" + std::to_string(project.current_version());
  }
  std::string newest(const Snapshot* at = nullptr) {
    const Revision revision = t.newest_revision(d, {.snapshot = at}).value();
    return std::to_string(revision.rev()) + ":" + std::string(revision.content().value());
  }
  std::vector<std::string> documents(const Snapshot* at = nullptr) {
    std::vector<std::string> out;
    for (const Document& one : t.latest_documents(p, {.snapshot = at}).value()) {
      out.push_back(to_string(one.id()) + "@" + std::to_string(one.current_rev()) +
                    (one.is_locked() ? "!" : ""));
    }
    return out;
  }
  std::vector<std::string> tasks(const Snapshot* at = nullptr) {
    return rows_of(t.tasks(p, {.snapshot = at}), [](const Task& one) {
      return std::string(one.title()) + std::to_string(one.phase().value_or(0)) +
             std::to_string(static_cast<int>(one.state()));
    });
  }
  std::vector<std::string> all(const Snapshot* at = nullptr) {
    std::vector<std::string> out = documents(at);
    for (std::string& one : tasks(at)) out.push_back(std::move(one));
    out.push_back(newest(at));
    out.push_back(title(at));
    return out;
  }
  // The same, by reads that no cache answers.
  std::vector<std::string> stored() {
    std::vector<std::string> out;
    const uint32_t version = t.projects().next() ? 1 : 0;
    Cursor<Project> projects = t.projects();
    REQUIRE(projects.next());
    REQUIRE(version == 1);
    Cursor<Document> slots = t.documents(p, 1);
    while (slots.next()) {
      out.push_back(to_string(slots->id()) + "@" + std::to_string(slots->current_rev()) +
                    (slots->is_locked() ? "!" : ""));
    }
    for (const TaskState state : {TaskState::open, TaskState::complete}) {
      for (std::string& one : rows_of(t.tasks(p, {.state = state}), [](const Task& row) {
             return std::string(row.title()) + std::to_string(row.phase().value_or(0)) +
                    std::to_string(static_cast<int>(row.state()));
           })) {
        out.push_back(std::move(one));
      }
    }
    Cursor<Revision> revisions = t.revisions(d, {.limit = 1});
    REQUIRE(revisions.next());
    out.push_back(std::to_string(revisions->rev()) + ":" +
                  std::string(revisions->content().value()));
    out.push_back(std::string(projects->name()) + "/" +
                  std::to_string(projects->current_version()));
    return out;
  }
};

std::vector<std::string> sorted(std::vector<std::string> rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

TEST_CASE("rows: read once, then answered without the engine") {
  Desk w;
  const std::vector<std::string> first = w.all();
  CHECK(w.ask([&] { CHECK(w.all() == first); }).calls == 0);
  // A commit that touches one of them costs that one alone.
  w.t.create_task(w.p, {.title = "second", .phase = 2}, kRelaxed).value();
  CHECK(w.ask([&] { w.documents(); }).calls == 0);
  CHECK(w.ask([&] { w.newest(); }).calls == 0);
  CHECK(w.ask([&] { CHECK(w.tasks().size() == 2); }).calls > 0);
  CHECK(w.ask([&] { CHECK(w.tasks().size() == 2); }).calls == 0);
}

TEST_CASE("rows: after any commit they are what the store has") {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  Desk w;
  for (int i = 0; i < 300; ++i) {
    const std::string text = "t" + std::to_string(i);
    switch (random() % 6) {
      case 0:
        w.t.add_revision(w.d, {.content = std::to_string(i)}, kRelaxed).value();
        break;
      case 1:
        (void)w.t.set_lock(w.d, random() % 2 == 0, std::nullopt, kRelaxed);
        break;
      case 2:
        w.t.create_task(w.p, {.title = text, .phase = static_cast<int32_t>(random() % 3)}, kRelaxed)
            .value();
        break;
      case 3:
        (void)w.t.record_activity(w.task,
                                  random() % 2 == 0 ? TaskAction::complete : TaskAction::reopen,
                                  std::nullopt, kRelaxed);
        break;
      case 4:
        (void)w.t.create_document(
            w.p, {.section = random() % 2 == 0 ? Section::tech : Section::tasks}, kRelaxed);
        break;
      default:
        w.t.append_event({.type = "nothing"}, kRelaxed).value();
    }
    REQUIRE(sorted(w.all()) == sorted(w.stored()));
    if (random() % 8 == 0) REQUIRE(w.ask([&] { w.all(); }).calls == 0);
  }
}

TEST_CASE("rows: under a snapshot, what it sees") {
  Desk w;
  const Snapshot before = w.t.snapshot().value();
  const std::vector<std::string> old = w.all(&before);
  CHECK(w.all() == old);
  w.t.add_revision(w.d, {.content = "1"}).value();
  w.t.record_activity(w.task, TaskAction::complete).value();
  w.t.add_version(w.p, {.name = "Q"}).value();
  const std::vector<std::string> now = w.all();
  CHECK(now != old);
  CHECK(w.all(&before) == old);
  CHECK(w.all() == now);
  const Snapshot after = w.t.snapshot().value();
  CHECK(w.ask([&] { CHECK(w.all(&after) == now); }).calls == 0);
}

TEST_CASE("rows: concurrent readers never see a revision older than one acknowledged") {
  Desk w;
  std::atomic<uint32_t> acknowledged{1};
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const uint32_t least = acknowledged.load();
        const uint32_t rev = w.t.newest_revision(w.d).value().rev();
        const uint32_t head = w.t.document(w.d).value().current_rev();
        if (rev < least || head < least) std::abort();
      }
    });
  }
  for (uint32_t rev = 2; rev < 400; ++rev) {
    CHECK(w.t.add_revision(w.d, {.content = std::to_string(rev)}, kRelaxed).value() == rev);
    acknowledged.store(rev);
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

std::string name_of(char letter) { return std::string(RowCache::kSubjectBytes, letter); }

bool keep(RowCache& cache, const std::string& name, uint64_t as_of, size_t bytes = 100) {
  RowCache::Fill fill(&cache, name, as_of);
  fill.add(name, std::string(bytes, '\0'));
  fill.keep();
  return cache.find(name) != nullptr;
}

TEST_CASE("rows: a reading that a write came between is not kept") {
  RowCache cache(size_t{1} << 20);
  const std::string name = name_of('a');
  const uint64_t before = cache.applied();
  cache.note(name);
  cache.begin_write(7);
  CHECK_FALSE(keep(cache, name, before));    // the write is under way
  CHECK(keep(cache, name_of('b'), before));  // of something else
  cache.end_write(true);
  CHECK_FALSE(keep(cache, name, before));  // it may have read the state before
  CHECK(keep(cache, name, cache.applied()));
  CHECK(cache.find(name, 6) == nullptr);  // a snapshot that does not see commit 7
  CHECK(cache.find(name, 7) != nullptr);
  cache.note(name);
  cache.begin_write(8);
  CHECK(cache.find(name) == nullptr);
  cache.end_write(false);  // refused, or not known
  CHECK(cache.find(name) == nullptr);
}

TEST_CASE("rows: bounded in bytes, and the one that was not asked for longest goes") {
  constexpr size_t kBudget = size_t{1} << 20;
  RowCache cache(kBudget);
  for (int i = 0; i < 5000; ++i) {
    const std::string name = std::to_string(i) + name_of('x');
    CHECK(keep(cache, name.substr(0, RowCache::kSubjectBytes), 0, 1000));
    REQUIRE(cache.bytes() <= kBudget);
  }
  CHECK(cache.bytes() > kBudget / 2);
  CHECK_FALSE(keep(cache, name_of('y'), 0, RowCache::kMostBytes + 1));
  RowCache none(0);
  CHECK_FALSE(keep(none, name_of('a'), 0));
}

}  // namespace
}  // namespace bcstore
