// Documents: one for each project, version and section; what a version contains is a rule of
// reading; locks are recorded.
#include <algorithm>
#include <string>
#include <vector>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

struct OneProject : World {
  explicit OneProject(const Tweak& tweak = {}) : World(tweak) {}
  Tenant t = tenant("a@x");
  ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
};

TEST_CASE("documents: create_document checks arguments, project, version, id and slot") {
  OneProject w;
  const Tenant& t = w.t;
  const ProjectId p = w.p;
  const DocumentId taken = t.create_document(p, {.section = Section::overview}).value();
  const auto section = [](int n) { return static_cast<Section>(n); };
  check_writes(
      w,
      {
          CALL(invalid_argument, t.create_document(ProjectId(), {.section = Section::prd})),
          CALL(invalid_argument, t.create_document(p, {.section = section(0)})),
          CALL(invalid_argument, t.create_document(p, {.section = section(6)})),
          CALL(invalid_argument, t.create_document(p, {.section = section(255)})),
          CALL(invalid_argument, t.create_document(p, {.section = Section::prd, .content = ""})),
          CALL(invalid_argument, t.create_document(p, {.section = Section::prd, .content = "{"})),
          CALL(invalid_argument,
               t.create_document(p, {.section = Section::prd,
                                     .content = "{}",
                                     .content_type = static_cast<ContentType>(0)})),
          CALL(invalid_argument,
               t.create_document(p, {.section = Section::prd,
                                     .content = "{}",
                                     .content_type = static_cast<ContentType>(3)})),
          CALL(invalid_argument,
               t.create_document(p,
                                 {.section = Section::prd, .content = "{}", .change_note = kNul})),
          CALL(invalid_argument,
               t.create_document(p, {.section = Section::prd, .id = DocumentId()})),
          CALL(invalid_argument, t.create_document(forged<ProjectId>(1), {.section = section(0)})),
          CALL(not_found, t.create_document(forged<ProjectId>(1), {.section = Section::prd})),
          CALL(not_found,
               t.create_document(forged<ProjectId>(1), {.section = Section::prd, .id = taken})),
          CALL(not_found, t.create_document(p, {.section = Section::prd, .version = 0})),
          CALL(not_found, t.create_document(p, {.section = Section::prd, .version = 2})),
          CALL(not_found, t.create_document(p, {.section = Section::prd, .version = 99})),
          CALL(already_exists, t.create_document(p, {.section = Section::prd, .id = taken})),
          CALL(already_exists, t.create_document(p, {.section = Section::overview})),
          CALL(already_exists, t.create_document(p, {.section = Section::overview, .version = 1})),
          CALL(ok, t.create_document(p, {.section = Section::prd, .id = forged<DocumentId>(1)})),
          CALL(ok, t.add_version(p, {})),
          // The default is now version 2, and its slots are free.
          CALL(ok, t.create_document(p, {.section = Section::overview})),
          CALL(already_exists, t.create_document(p, {.section = Section::overview, .version = 2})),
          CALL(already_exists, t.create_document(p, {.section = Section::overview, .version = 1})),
          CALL(ok, t.create_document(p, {.section = Section::tasks, .version = 1})),
      });
  const Status slot = t.create_document(p, {.section = Section::overview, .version = 1}).status();
  CHECK(slot.existing() == taken.uuid());
  const Status id = t.create_document(p, {.section = Section::tech, .id = taken}).status();
  CHECK(id.existing() == taken.uuid());
}

TEST_CASE("documents: without content the revision is 0, with content it is 1") {
  OneProject w;
  const DocumentId bare = w.t.create_document(w.p, {.section = Section::tech}).value();
  const Document d = w.t.document(bare).value();
  CHECK(d.id() == bare);
  CHECK(d.project() == w.p);
  CHECK(d.version() == 1);
  CHECK(d.section() == Section::tech);
  CHECK(d.is_locked());
  CHECK(d.current_rev() == 0);
  CHECK_CODE(not_found, w.t.newest_revision(bare));
  CHECK_CODE(not_found, w.t.revision(bare, 1));
  CHECK_CODE(ok, w.t.revisions(bare));
  const DocumentId full = w.t.create_document(w.p, {.section = Section::prd,
                                                    .content = "# hi",
                                                    .content_type = ContentType::text,
                                                    .change_note = "first",
                                                    .is_locked = false})
                              .value();
  const Document f = w.t.document(full).value();
  CHECK(f.current_rev() == 1);
  CHECK_FALSE(f.is_locked());
  const Revision r = w.t.newest_revision(full).value();
  CHECK(r.rev() == 1);
  CHECK(r.document() == full);
  CHECK(r.content_type() == ContentType::text);
  CHECK(r.content().value() == "# hi");
  CHECK(r.change_note() == "first");
  CHECK(r.commit_seq() == f.commit_seq());
  CHECK(w.t.add_revision(bare, {.content = "1"}).value() == 1);
  CHECK(w.t.document(bare).value().current_rev() == 1);
}

TEST_CASE("documents: of one version by section, and what a version effectively contains") {
  OneProject w;
  const Tenant& t = w.t;
  const auto make = [&](Section section, uint32_t version) {
    return t.create_document(w.p, {.section = section, .version = version}).value();
  };
  for (int i = 0; i < 3; ++i) t.add_version(w.p, {}).value();
  const DocumentId tasks1 = make(Section::tasks, 1);
  const DocumentId prd1 = make(Section::prd, 1);
  const DocumentId overview2 = make(Section::overview, 2);
  const DocumentId prd3 = make(Section::prd, 3);
  const DocumentId prd2 = make(Section::prd, 2);
  const DocumentId tech4 = make(Section::tech, 4);

  const auto id = [](const Document& d) { return d.id(); };
  using Ids = std::vector<DocumentId>;
  CHECK(rows_of(t.documents(w.p, 1), id) == Ids{prd1, tasks1});
  CHECK(rows_of(t.documents(w.p, 1, {.reverse = true}), id) == Ids{tasks1, prd1});
  CHECK(rows_of(t.documents(w.p, 2), id) == Ids{overview2, prd2});
  CHECK(rows_of(t.documents(w.p, 3), id) == Ids{prd3});
  CHECK(rows_of(t.documents(w.p, 4), id) == Ids{tech4});

  const auto effective = [&](std::optional<uint32_t> version) {
    Ids ids;
    for (const Document& d : t.effective_documents(w.p, version).value()) ids.push_back(d.id());
    return ids;
  };
  CHECK(effective(1) == Ids{prd1, tasks1});
  CHECK(effective(2) == Ids{overview2, prd2, tasks1});
  CHECK(effective(3) == Ids{overview2, prd3, tasks1});
  CHECK(effective(4) == Ids{overview2, prd3, tech4, tasks1});
  CHECK(effective(std::nullopt) == effective(4));
  Ids latest;
  for (const Document& d : t.latest_documents(w.p).value()) latest.push_back(d.id());
  CHECK(latest == effective(4));
  // Never stale: the same commit that writes a document shows it.
  const DocumentId tasks4 = make(Section::tasks, 4);
  CHECK(effective(std::nullopt) == Ids{overview2, prd3, tech4, tasks4});
  CHECK(effective(3) == Ids{overview2, prd3, tasks1});
  t.add_version(w.p, {}).value();
  CHECK(effective(std::nullopt) == Ids{overview2, prd3, tech4, tasks4});
  CHECK(rows_of(t.documents(w.p, 5), id).empty());

  check_calls({
      CALL(not_found, t.documents(w.p, 6)),
      CALL(not_found, t.documents(w.p, 0)),
      CALL(not_found, t.documents(forged<ProjectId>(1), 1)),
      CALL(invalid_argument, t.documents(ProjectId(), 1)),
      CALL(not_found, t.effective_documents(w.p, 6)),
      CALL(not_found, t.effective_documents(w.p, 0)),
      CALL(not_found, t.effective_documents(forged<ProjectId>(1))),
      CALL(invalid_argument, t.effective_documents(ProjectId())),
      CALL(not_found, t.latest_documents(forged<ProjectId>(1))),
      CALL(invalid_argument, t.latest_documents(ProjectId())),
      CALL(not_found, t.document(forged<DocumentId>(1))),
      CALL(invalid_argument, t.document(DocumentId())),
  });
}

TEST_CASE("documents: locks are recorded, also when they do not change") {
  OneProject w;
  const Tenant& t = w.t;
  const DocumentId d = t.create_document(w.p, {.section = Section::prd}).value();
  check_writes(w, {
                      CALL(invalid_argument, t.set_lock(DocumentId(), false)),
                      CALL(not_found, t.set_lock(forged<DocumentId>(1), false)),
                      CALL(not_found, t.set_lock(forged<DocumentId>(1), false, true)),
                      CALL(conflict, t.set_lock(d, false, false)),
                      CALL(ok, t.set_lock(d, false, true)),
                      CALL(ok, t.set_lock(d, false)),
                      CALL(conflict, t.set_lock(d, true, true)),
                      CALL(ok, t.set_lock(d, true, false)),
                  });
  CHECK(t.set_lock(d, false, false).status().actual() == 1u);
  t.set_lock(d, false).value();
  CHECK(t.set_lock(d, true, true).status().actual() == 0u);
  std::vector<uint32_t> numbers;
  const std::vector<bool> locks = rows_of(t.lock_history(d), [&](const DocumentLockChange& row) {
    numbers.push_back(row.number());
    CHECK(row.document() == d);
    return row.is_locked();
  });
  CHECK(locks == std::vector<bool>{false, true, false, false, true});
  CHECK(numbers == std::vector<uint32_t>{5, 4, 3, 2, 1});
  CHECK_FALSE(t.document(d).value().is_locked());
  CHECK_CODE(not_found, t.lock_history(forged<DocumentId>(1)));
  CHECK_CODE(invalid_argument, t.lock_history(DocumentId()));
}

TEST_CASE("documents: a lock is advice unless the store's options make it more") {
  for (const bool blocks : {false, true}) {
    CAPTURE(blocks);
    OneProject w([&](Options& o) { o.lock_blocks_user_writes = blocks; });
    const Tenant& t = w.t;
    const Tenant agent = t.as_agent("writer");
    const Tenant service = w.service().tenant(t.owner());
    // Creating a locked document with content is not a revision of a locked document.
    const DocumentId d = t.create_document(w.p, {.section = Section::prd, .content = "1"}).value();
    const Code user = blocks ? Code::failed_precondition : Code::ok;
    CHECK(t.add_revision(d, {.content = "2"}).code() == user);
    CHECK_CODE(ok, agent.add_revision(d, {.content = "3"}));
    CHECK_CODE(ok, service.add_revision(d, {.content = "4"}));
    // The expectation is looked at before the lock.
    CHECK_CODE(conflict, t.add_revision(d, {.content = "5", .expected_rev = 99}));
    t.set_lock(d, false).value();
    CHECK_CODE(ok, t.add_revision(d, {.content = "6"}));
    t.set_lock(d, true).value();
    // A batch sees its own lock.
    WriteBatch batch = t.batch();
    batch.set_lock(d, false);
    batch.add_revision(d, {.content = "7"});
    CHECK_CODE(ok, t.commit(batch));
  }
}

TEST_CASE("documents: many at once") {
  OneProject w;
  const DocumentId d = w.t.create_document(w.p, {.section = Section::prd}).value();
  const std::vector<DocumentId> ids = {forged<DocumentId>(1), d, DocumentId(), d};
  const std::vector<Result<Document>> got = w.t.get(ids);
  REQUIRE(got.size() == 4);
  CHECK(got[0].code() == Code::not_found);
  CHECK(got[1].ok());
  CHECK(got[2].code() == Code::invalid_argument);
  CHECK(got[3].value().id() == d);
}

}  // namespace
}  // namespace bcstore
