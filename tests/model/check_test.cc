// check(): a clean store has no violation; every planted fault is found and named.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "feeds.h"
#include "list_neighbour.h"
#include "planted.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Key;
using format::Kind;

struct Checked : EngineWorld {
  Rich a = enrich(store(), user("a@x"), "a");
  Rich b = enrich(store(), user("b@x"), "b");

  Checked() { list_neighbour(store().tenant(a.owner), a); }
  Key key(Kind kind) const { return Key(a.owner, kind); }
  Row row(std::string_view at) { return row_at(*this, at); }
  void drop(std::string_view at) { erase(row(at).family, at); }
  template <class Table, class Change>
  void change(std::string_view at, Change with) {
    const Row old = row(at);
    put(old.family, at, remade<Table>(old, at, with));
  }
};

struct Fault {
  std::string name;
  std::string table;  // part of the table's name that a violation must give
  std::function<std::string(Checked&)> plant;  // answers bytes that its key must contain
};

std::string bytes_of(const Uuid& id) {
  return std::string(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}
template <class SomeId>
std::string bytes_of(const SomeId& id) {
  return bytes_of(id.uuid());
}

void check_fault(Checked& w, const Fault& fault) {
  CAPTURE(fault.name);
  const Rows before = w.rows({w.a.owner, w.b.owner});
  const std::string needle = format::to_hex(fault.plant(w));
  const Rows planted = w.rows({w.a.owner, w.b.owner});
  REQUIRE(planted != before);
  const CheckReport report = w.store().check().value();
  CHECK(report.violations > 0);
  bool named = false;
  std::string listed;
  for (const Violation& found : report.listed) {
    CHECK_FALSE(found.table.empty());
    CHECK_FALSE(found.key.empty());
    CHECK_FALSE(found.rule.empty());
    listed += found.table + " " + found.key + " " + found.rule + ": " + found.detail + "\n";
    named |= found.key.find(needle) != std::string::npos &&
             found.table.find(fault.table) != std::string::npos;
  }
  INFO(needle);
  INFO(listed);
  CHECK(named);
  // Nothing was repaired; the fault is taken back for the next one.
  CHECK(w.rows({w.a.owner, w.b.owner}) == planted);
  for (const auto& [place, value] : planted) {
    if (!before.contains(place)) w.erase(place.first, place.second);
  }
  for (const auto& [place, value] : before) {
    if (!planted.contains(place) || planted.at(place) != value) {
      w.put(place.first, place.second, value);
    }
  }
  REQUIRE(w.rows({w.a.owner, w.b.owner}) == before);
}

void check_faults(const std::vector<Fault>& faults) {
  Checked w;
  REQUIRE(w.store().check().value().violations == 0);
  for (const Fault& fault : faults) check_fault(w, fault);
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("check: a clean store has no violations, and every record of every kind was looked at") {
  Checked w;
  const CheckReport report = w.store().check({.files = true}).value();
  CHECK(report.violations == 0);
  CHECK(report.listed.empty());
  std::map<Kind, uint64_t> rows;
  for (const auto& [place, value] : w.rows({w.a.owner, w.b.owner})) {
    const format::KindInfo* info = format::parse_key(place.second);
    REQUIRE(info != nullptr);
    ++rows[info->kind];
  }
  for (const format::KindInfo& info : format::kKinds) {
    CAPTURE(info.name);
    CHECK((rows[info.kind] > 0) != is_for_followers(info.kind));  // Rich has the others
    const auto by_name = report.checked.find(std::string(info.name));
    REQUIRE(by_name != report.checked.end());
    CHECK(by_name->second == rows[info.kind]);
  }
}

TEST_CASE("check: a missing record in the middle of a stream") {
  check_faults({
      {"revision 2", "revision",
       [](Checked& w) {
         w.drop(w.key(Kind::revision).append(w.a.document).not_u32(2));
         return bytes_of(w.a.document);
       }},
      {"message 2", "message",
       [](Checked& w) {
         w.drop(w.key(Kind::message).append(w.a.chat).not_u32(202508).not_u64(2));
         return bytes_of(w.a.chat);
       }},
      {"version 1", "version",
       [](Checked& w) {
         w.drop(w.key(Kind::project_version).append(w.a.project).not_u32(1));
         return bytes_of(w.a.project);
       }},
      {"status 2", "status",
       [](Checked& w) {
         w.drop(w.key(Kind::project_status).append(w.a.project).not_u32(2));
         return bytes_of(w.a.project);
       }},
      {"lock 1", "lock",
       [](Checked& w) {
         w.drop(w.key(Kind::document_lock).append(w.a.document).not_u32(1));
         return bytes_of(w.a.document);
       }},
      {"task revision 1", "task_revision",
       [](Checked& w) {
         w.drop(w.key(Kind::task_revision).append(w.a.task).not_u32(1));
         return bytes_of(w.a.task);
       }},
      {"activity 1", "activity",
       [](Checked& w) {
         w.drop(w.key(Kind::task_activity).append(w.a.task).not_u64(1));
         return bytes_of(w.a.task);
       }},
      {"profile 1", "user",
       [](Checked& w) {
         w.drop(w.key(Kind::user).not_u32(1));
         return bytes_of(w.a.owner);
       }},
      {"the only rename", "session",
       [](Checked& w) {
         w.drop(rows_of_kind(w, w.a.owner, Kind::session_title).back().key);
         return bytes_of(w.a.chat);
       }},
  });
}

TEST_CASE("check: a missing newest record, which the head still counts") {
  check_faults({
      {"revision 3", "",
       [](Checked& w) {
         w.drop(w.key(Kind::revision).append(w.a.document).not_u32(3));
         return bytes_of(w.a.document);
       }},
      {"version 2", "",
       [](Checked& w) {
         w.drop(w.key(Kind::project_version).append(w.a.project).not_u32(2));
         return bytes_of(w.a.project);
       }},
      {"status 3", "",
       [](Checked& w) {
         w.drop(w.key(Kind::project_status).append(w.a.project).not_u32(3));
         return bytes_of(w.a.project);
       }},
      {"lock 2", "",
       [](Checked& w) {
         w.drop(w.key(Kind::document_lock).append(w.a.document).not_u32(2));
         return bytes_of(w.a.document);
       }},
      {"task revision 2", "",
       [](Checked& w) {
         w.drop(w.key(Kind::task_revision).append(w.a.task).not_u32(2));
         return bytes_of(w.a.task);
       }},
      {"activity 2", "",
       [](Checked& w) {
         w.drop(w.key(Kind::task_activity).append(w.a.task).not_u64(2));
         return bytes_of(w.a.task);
       }},
      {"activity 1 of one", "",
       [](Checked& w) {
         const Row only = rows_of_kind(w, w.b.owner, Kind::task_activity).back();
         w.drop(only.key);
         return bytes_of(w.b.owner);
       }},
  });
}

TEST_CASE("check: a head that does not agree with its facts") {
  check_faults({
      {"current_rev too small", "document",
       [](Checked& w) {
         const std::string at = w.key(Kind::document).append(w.a.document).str();
         w.change<fb::DocumentHead>(at, [](auto& head) { head.mutate_current_rev(2); });
         return at;
       }},
      {"current_rev too large", "document",
       [](Checked& w) {
         const std::string at = w.key(Kind::document).append(w.a.document).str();
         w.change<fb::DocumentHead>(at, [](auto& head) { head.mutate_current_rev(4); });
         return at;
       }},
      {"lock_count", "document",
       [](Checked& w) {
         const std::string at = w.key(Kind::document).append(w.a.document).str();
         w.change<fb::DocumentHead>(at, [](auto& head) { head.mutate_lock_count(7); });
         return at;
       }},
      {"the document's version", "document_slot",
       [](Checked& w) {
         const std::string at = w.key(Kind::document).append(w.a.document).str();
         w.change<fb::DocumentHead>(at, [](auto& head) { head.mutate_version(2); });
         // The slot that the head now says it has.
         return w.key(Kind::document_slot).append(w.a.project).u32(2).u8(2).str();
       }},
      {"current_version", "project",
       [](Checked& w) {
         const std::string at = w.key(Kind::project).append(w.a.project).str();
         w.change<fb::ProjectHead>(at, [](auto& head) { head.mutate_current_version(3); });
         return at;
       }},
      {"the project's status", "project",
       [](Checked& w) {
         const std::string at = w.key(Kind::project).append(w.a.project).str();
         w.change<fb::ProjectHead>(at, [](auto& head) { head.mutate_status(1); });
         return at;
       }},
      {"the task's state", "task",
       [](Checked& w) {
         const std::string at = rows_of_kind(w, w.a.owner, Kind::task).front().key;
         w.change<fb::TaskHead>(at,
                                [](auto& head) { head.mutate_state(head.state() == 1 ? 2 : 1); });
         return at;
       }},
      {"the task's rev", "task",
       [](Checked& w) {
         const std::string at = rows_of_kind(w, w.a.owner, Kind::task).front().key;
         w.change<fb::TaskHead>(at, [](auto& head) { head.mutate_rev(head.rev() + 1); });
         return at;
       }},
      {"the session's renames", "session",
       [](Checked& w) {
         const std::string at = w.key(Kind::session).append(w.a.chat).str();
         w.change<fb::SessionHead>(
             at, [](auto& head) { head.mutate_rename_count(head.rename_count() + 1); });
         return at;
       }},
      {"a commit's owner_seq", "commit_body",
       [](Checked& w) {
         const std::string at = rows_of_kind(w, w.a.owner, Kind::commit_body).at(1).key;
         w.change<fb::CommitBody>(at,
                                  [](auto& body) { body.mutate_owner_seq(body.owner_seq() + 5); });
         return bytes_of(w.a.owner);
       }},
  });
}

TEST_CASE("check: an index entry without its record, and one that names another") {
  const format::Reference nothing{.id = forged<DocumentId>(77).uuid(), .number = 1};
  const auto plant = [nothing](Checked& w, Kind like, const std::string& at) {
    const engine::Family family = rows_of_kind(w, w.a.owner, like).at(0).family;
    w.put(family, at, packed(like, at, pack(nothing)));
    return at;
  };
  check_faults({
      {"document_slot", "document_slot",
       [&](Checked& w) {
         return plant(w, Kind::document_slot,
                      w.key(Kind::document_slot).append(w.a.project).u32(1).u8(3).str());
       }},
      {"document_by_section", "document_by_section",
       [&](Checked& w) {
         return plant(w, Kind::document_by_section,
                      w.key(Kind::document_by_section).append(w.a.project).u8(3).not_u32(1).str());
       }},
      {"project_by_age", "project_by_age",
       [&](Checked& w) {
         return plant(w, Kind::project_by_age, w.key(Kind::project_by_age).not_u64(99).str());
       }},
      {"session_by_age", "session_by_age",
       [&](Checked& w) {
         return plant(w, Kind::session_by_age,
                      w.key(Kind::session_by_age).append(w.a.project).not_u64(99).str());
       }},
      {"message_id", "message_id",
       [&](Checked& w) {
         return plant(w, Kind::message_id,
                      w.key(Kind::message_id).append(forged<MessageId>(77)).str());
       }},
      {"task_place", "task_place",
       [&](Checked& w) {
         return plant(w, Kind::task_place,
                      w.key(Kind::task_place).append(forged<TaskId>(77)).str());
       }},
      {"a slot that names another document", "document_slot",
       [](Checked& w) {
         const std::string at = w.key(Kind::document_slot).append(w.a.project).u32(1).u8(2).str();
         const Row old = w.row(at);
         w.put(old.family, at,
               packed(Kind::document_slot, at, pack(format::Reference{.id = w.a.bare.uuid()})));
         return at;
       }},
      {"an address that names nobody", "email",
       [](Checked& w) {
         const Row old = rows_of_kind(w, kSystemOwner, Kind::email).at(0);
         std::string at = old.key;
         at.back() = static_cast<char>(at.back() ^ 1);
         w.put(old.family, at,
               packed(Kind::email, at, pack(format::Reference{.id = forged<UserId>(9).uuid()})));
         return at;
       }},
  });
}

TEST_CASE("check: a record without its index entry") {
  const auto drop_first = [](Kind kind) {
    return [kind](Checked& w) {
      const UserId owner = static_cast<int>(kind) < 16 ? kSystemOwner : w.a.owner;
      w.drop(rows_of_kind(w, owner, kind).at(0).key);
      return std::string();  // some record without its entry: the table says which
    };
  };
  std::vector<Fault> faults;
  const std::pair<Kind, std::string> entries[] = {
      {Kind::document_slot, "document"},
      {Kind::document_by_section, "document"},
      {Kind::project_by_age, "project"},
      {Kind::session_by_age, "session"},
      {Kind::message_id, "message"},
      {Kind::task_place, "task"},
      {Kind::email, ""},
      {Kind::customer, ""},
      {Kind::owner_hash, ""},
  };
  for (const auto& [kind, table] : entries) {
    faults.push_back({std::string(to_string(kind)), table, drop_first(kind)});
  }
  check_faults(faults);
}

TEST_CASE("check: wrong months") {
  check_faults({
      {"a message in a later bucket than the next one", "message",
       [](Checked& w) {
         const Row old = w.row(w.key(Kind::message).append(w.a.chat).not_u32(202508).not_u64(2));
         const std::string at =
             w.key(Kind::message).append(w.a.chat).not_u32(202512).not_u64(2).str();
         w.erase(old.family, old.key);
         w.put(old.family, at, moved_to(old, at));
         return bytes_of(w.a.chat);
       }},
      {"a message in an earlier bucket than its time", "message",
       [](Checked& w) {
         const Row old = w.row(w.key(Kind::message).append(w.a.chat).not_u32(202508).not_u64(1));
         const std::string at =
             w.key(Kind::message).append(w.a.chat).not_u32(202507).not_u64(1).str();
         w.erase(old.family, old.key);
         w.put(old.family, at, moved_to(old, at));
         return at;
       }},
      {"an event in the wrong bucket", "event",
       [](Checked& w) {
         const Row old = rows_of_kind(w, w.a.owner, Kind::event).front();  // the newest
         const uint64_t id = ~format::key_u64(old.key, 21);
         const std::string at = w.key(Kind::event).not_u32(202601).not_u64(id).str();
         w.erase(old.family, old.key);
         w.put(old.family, at, moved_to(old, at));
         return at;
       }},
      {"a month that is none", "message",
       [](Checked& w) {
         const Row old = w.row(w.key(Kind::message).append(w.a.chat).not_u32(202508).not_u64(4));
         const std::string at =
             w.key(Kind::message).append(w.a.chat).not_u32(202513).not_u64(4).str();
         w.erase(old.family, old.key);
         w.put(old.family, at, moved_to(old, at));
         return at;
       }},
  });
}

TEST_CASE("check: lost parents and strangers") {
  check_faults({
      {"a project that is gone", "",
       [](Checked& w) {
         w.drop(w.key(Kind::project).append(w.a.project));
         return bytes_of(w.a.project);
       }},
      {"a document that is gone", "",
       [](Checked& w) {
         w.drop(w.key(Kind::document).append(w.a.document));
         return bytes_of(w.a.document);
       }},
      {"a session that is gone", "",
       [](Checked& w) {
         w.drop(w.key(Kind::session).append(w.a.chat));
         return bytes_of(w.a.chat);
       }},
      {"a task that is gone", "",
       [](Checked& w) {
         w.drop(rows_of_kind(w, w.a.owner, Kind::task).front().key);
         return bytes_of(w.a.owner);
       }},
      {"a key of no kind", "",
       [](Checked& w) {
         const std::string at = bytes_of(w.a.owner) + std::string("\x63rest", 5);
         w.put(engine::Family::heads, at, "value");
         return at;
       }},
      {"a key that is too short for its kind", "",
       [](Checked& w) {
         std::string at = w.key(Kind::project).append(w.a.project).str();
         const std::string value = w.row(at).value;
         at.pop_back();
         w.put(engine::Family::heads, at, value);
         return at;
       }},
  });
}

TEST_CASE("check: the log's chain, its bodies and the store record") {
  const auto link_at = [](Checked& w, size_t n) {
    return rows_of_kind(w, kSystemOwner, Kind::commit_link).at(n);
  };
  const auto with_link = [](Checked& w, const Row& row,
                            const std::function<void(format::Link&)>& change) {
    format::Parsed parsed;
    REQUIRE(format::parse_record(row.key, row.value, &parsed).ok());
    format::Link link;
    REQUIRE(unpack(parsed.meta, &link));
    change(link);
    w.put(row.family, row.key, packed(Kind::commit_link, row.key, pack(link)));
    return std::string();
  };
  check_faults({
      {"a link's prev_hash", "commit_link",
       [&](Checked& w) {
         return with_link(w, link_at(w, 2), [](format::Link& link) { link.prev_hash ^= 1; });
       }},
      {"a link's time", "commit_link",
       [&](Checked& w) {
         return with_link(w, link_at(w, 1), [](format::Link& link) { link.time_us -= 1; });
       }},
      {"a link's body_hash", "commit",
       [&](Checked& w) {
         return with_link(w, link_at(w, 2), [](format::Link& link) { link.body_hash ^= 1; });
       }},
      {"a missing link", "commit",
       [&](Checked& w) {
         w.drop(link_at(w, 2).key);
         return std::string();
       }},
      {"a cut body", "commit_body",
       [](Checked& w) {
         const Row row = rows_of_kind(w, w.a.owner, Kind::commit_body).at(1);
         w.put(row.family, row.key, row.value.substr(0, row.value.size() - 1));
         return row.key;
       }},
      {"a missing body", "commit",
       [](Checked& w) {
         w.drop(rows_of_kind(w, w.a.owner, Kind::commit_body).at(1).key);
         return std::string();
       }},
      {"another body", "commit",
       [](Checked& w) {
         const std::string at = rows_of_kind(w, w.a.owner, Kind::commit_body).at(1).key;
         w.change<fb::CommitBody>(at, [](auto& body) { body.mutate_salt(body.salt() ^ 1); });
         return std::string();
       }},
  });
}

TEST_CASE("check: a changed bit in a value of every kind") {
  std::vector<Fault> faults;
  for (const format::KindInfo& info : format::kKinds) {
    if (is_for_followers(info.kind)) continue;
    faults.push_back({std::string(info.name), std::string(info.name), [&info](Checked& w) {
                        const Row row = rows_of_kind(w, owner_of(info.kind, w.a), info.kind).at(0);
                        w.put(row.family, row.key, flipped(row.value, row.value.size() - 1));
                        return row.key;
                      }});
  }
  check_faults(faults);
}

}  // namespace
}  // namespace bcstore
