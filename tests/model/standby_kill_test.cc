// A standby that dies at each write of what it takes over goes on from where it stands, and is the
// same in the end.
#include <map>
#include <string>
#include <vector>

#include "mortal_files.h"
#include "rich.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

struct Source : World {
  Rich a = enrich(store(), user("a@x"), "a");
  std::string identity = store().standby_identity().value();
  // Before the death, and at it: the end of a first copy, or what came since.
  std::string before, page;

  std::string page_after(const Store& standby) {
    return store()
        .standby_page(standby.standby_state().value().position, {.bytes = size_t{16} << 20})
        .value();
  }
};

// False when the page has fewer writes than that.
bool die_and_go_on(Source& w, uint64_t write, MortalFiles::Last last, bool compacts, int* taken) {
  CAPTURE(write);
  auto files = std::make_shared<MortalFiles>();
  Options mortal = w.options;
  mortal.file_system = files;
  const std::string name = std::to_string(static_cast<int>(last)) + (compacts ? "c" : "a");
  const std::string path = w.directory.sub("mortal " + name + std::to_string(write));
  const std::string left = w.directory.sub("left " + name + std::to_string(write));
  REQUIRE(Store::make_standby(path, w.identity, w.options).ok());
  bool answered = false;
  std::string stood;
  {
    Store standby = Store::open(path, mortal).value();
    if (!w.before.empty()) REQUIRE(standby.apply_standby_page(w.before).ok());
    stood = standby.standby_state().value().position;
    files->die_at(write, last);
    answered = standby.apply_standby_page(w.page).ok();
    if (compacts) (void)standby.compact();
    copy_files(path, left);
    if (!files->dead()) return false;
  }
  Store standby = Store::open(left, w.options).value();
  const StandbyState found = standby.standby_state().value();
  CHECK(found.is_standby);
  const bool is_taken = found.position != stood;
  if (answered) CHECK(is_taken);
  *taken += is_taken ? 1 : 0;
  // The same page again, whose answer was lost, and on.
  REQUIRE(standby.apply_standby_page(w.page).ok());
  for (int pages = 0; pages < 3; ++pages) {
    REQUIRE(standby.apply_standby_page(w.page_after(standby)).ok());
  }
  CHECK(standby.standby_state().value().is_consistent);
  for (const HashScope scope : {HashScope::content, HashScope::state}) {
    CHECK(standby.logical_hash(scope).value() == w.store().logical_hash(scope).value());
  }
  CHECK(standby.check().value().violations == 0);
  REQUIRE(standby.close().ok());
  return true;
}

void die_at_every_write(Source& w, MortalFiles::Last last, bool compacts) {
  CAPTURE(static_cast<int>(last));
  uint64_t write = 1;
  int taken = 0;
  while (die_and_go_on(w, write, last, compacts, &taken)) ++write;
  CHECK(write > (compacts ? 10 : 1));
  CHECK(taken < static_cast<int>(write));
  CHECK((!compacts || taken > 0));
}

TEST_CASE("standby: killed at every write of its first copy") {
  Source w;
  REQUIRE(w.store().sync().ok());
  w.page = w.store().standby_page({}, {.bytes = size_t{16} << 20}).value();
  die_at_every_write(w, MortalFiles::Last::nothing, false);
  die_at_every_write(w, MortalFiles::Last::all, false);
}

TEST_CASE("standby: killed at every write of what came since") {
  Source w;
  REQUIRE(w.store().sync().ok());
  w.before = w.store().standby_page({}, {.bytes = size_t{16} << 20}).value();
  const std::string path = w.directory.sub("first");
  REQUIRE(Store::make_standby(path, w.identity, w.options).ok());
  Store standby = Store::open(path, w.options).value();
  REQUIRE(standby.apply_standby_page(w.before).ok());
  const Tenant t = w.store().tenant(w.a.owner);
  const ChatSessionId fork = t.fork_chat(w.a.chat, 2).value();
  REQUIRE(t.append_message(fork, {.role = Role::user, .content = "elsewhere"}).ok());
  REQUIRE(t.consume_credit().ok());
  REQUIRE(t.add_revision(w.a.document, {.content = R"({"goal": 4})"}).ok());
  REQUIRE(w.store().sync().ok());
  w.page = w.page_after(standby);
  // Once on through all that moves the page out of the log.
  die_at_every_write(w, MortalFiles::Last::half, true);
}

}  // namespace
}  // namespace bcstore
