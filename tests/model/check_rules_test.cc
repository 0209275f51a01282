// A fault against each rule of check_store, planted with a right checksum.
#include <functional>
#include <string>

#include "damaged.h"

namespace bcstore::model {

TEST_CASE("check: keys and places") {
  const auto stranger = fixture::forged<UserId>(7);
  check_faults({
      {"history", "key is of a known form",
       [](Damaged& s) { s.put_in(Family::history, s.of(Kind::user).view(), "x"); }},
      {"heads", "key is of a known form",
       [](Damaged& s) {
         s.put_in(Family::heads, Key(s.rich.owner, Kind{200}).u64(1).view(), "x");
       }},
      {"index", "key is of a known form",
       [](Damaged& s) { s.put_in(Family::index, s.of(Kind::owner_hash).u64(1).view(), "x"); }},
      {"project", "record lies in its family",
       [](Damaged& s) {
         s.put_in(Family::history, s.project().view(), s.read(s.project()));
       }},
      {"task", "key is of a known form",
       [](Damaged& s) {
         std::string key = s.task();
         key[33] = 3;
         s.copy(s.task(), key);
       }},
      {"session", "owner has a user",
       [=](Damaged& s) {
         s.copy(s.session(), Key(stranger, Kind::session).append(s.rich.chat));
       }},
      {"revision", "owner has a user",
       [](Damaged& s) {
         s.copy(s.of(Kind::revision).append(s.rich.document).not_u32(1),
                Key(kPublicOwner, Kind::revision).append(s.rich.document).not_u32(1));
       }},
  });
}

TEST_CASE("check: fields that every record has") {
  check_faults({
      {"project_status", "commit_seq is of a commit",
       [](Damaged& s) {
         s.common(s.of(Kind::project_status).append(s.rich.project).not_u32(1),
                  [](auto* c) { return c->mutate_commit_seq(0); });
       }},
      {"message", "commit_seq is of a commit",
       [](Damaged& s) {
         s.common(s.message(2), [](auto* c) { return c->mutate_commit_seq(1000); });
       }},
      {"project", "effective_at is not before created_at",
       [](Damaged& s) {
         s.common(s.project(), [](auto* c) { return c->mutate_effective_at(5); });
       }},
      {"message", "enumerators are known",
       [](Damaged& s) {
         s.common(s.message(2), [](auto* c) { return c->mutate_actor_kind(9); });
       }},
      {"message", "a user who acted is named",
       [](Damaged& s) {
         s.common(s.message(2), [](auto* c) { return c->mutate_actor_kind(1); });
       }},
  });
}

TEST_CASE("check: the store record and users") {
  check_faults({
      {"store", "there is one store record",
       [](Damaged& s) { s.erase(Key(kSystemOwner, Kind::store)); }},
      {"store", "format is known",
       [](Damaged& s) {
         s.rewrite<fb::StoreRecord>(Key(kSystemOwner, Kind::store),
                                    [](auto* r) { return r->mutate_format(9); });
       }},
      {"user", "rev is dense from 1",
       [](Damaged& s) { s.copy(s.of(Kind::user).not_u32(1), s.of(Kind::user).not_u32(9)); }},
      {"user", "joined_at is when the user was created",
       [](Damaged& s) {
         s.rewrite<fb::User>(s.of(Kind::user).not_u32(2),
                             [](auto* u) { return u->mutate_joined_at(5); });
       }},
      {"user", "effective_at is the running maximum of created_at",
       [](Damaged& s) {
         s.common(s.of(Kind::user).not_u32(1),
                  [](auto* c) { return c->mutate_effective_at(c->effective_at() + 1); });
       }},
      {"email", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(Key(kSystemOwner, Kind::email)
                             .append(format::text_hash("ada2@example.com", s.salt)),
                         {s.other.owner.uuid(), 0, 0});
       }},
      {"email", "index entry names its record",
       [](Damaged& s) {  // an address that was given up
         s.put_reference(
             Key(kSystemOwner, Kind::email).append(format::text_hash("ada@example.com", s.salt)),
             {s.rich.owner.uuid(), 0, 0});
       }},
      {"email", "record has its index entry",
       [](Damaged& s) {
         s.erase(
             Key(kSystemOwner, Kind::email).append(format::text_hash("bob@example.com", s.salt)));
       }},
      {"customer", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(Key(kSystemOwner, Kind::customer).append(format::text_hash("x", s.salt)),
                         {s.rich.owner.uuid(), 0, 0});
       }},
      {"customer", "record has its index entry",
       [](Damaged& s) {
         s.erase(
             Key(kSystemOwner, Kind::customer).append(format::text_hash("cus_bob", s.salt)));
       }},
      {"owner_hash", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(Key(kSystemOwner, Kind::owner_hash).u64(77),
                         {s.rich.owner.uuid(), 0, 0});
       }},
      {"owner_hash", "record has its index entry",
       [](Damaged& s) {
         s.erase(Key(kSystemOwner, Kind::owner_hash)
                     .u64(format::owner_hash(s.rich.owner, s.salt)));
       }},
  });
}

TEST_CASE("check: the commit log") {
  auto body = [](Damaged& s) {  // of the owner's first commit, its creation
    return s.of(Kind::commit_body).u64(1);
  };
  auto first_idempotency = [](Damaged& s) {
    const std::string prefix = s.of(Kind::idempotency).str();
    for (const std::string& key : s.keys()) {
      if (key.starts_with(prefix)) return key;
    }
    return std::string();
  };
  check_faults({
      {"commit_link", "seq is dense from 1",
       [](Damaged& s) { s.erase(Key(kSystemOwner, Kind::commit_link).u64(3)); }},
      {"commit_link", "prev_hash is of the link before",
       [](Damaged& s) { s.link(3, [](auto* l) { l->prev_hash ^= 1; }); }},
      {"commit_link", "prev_hash is of the link before",
       [](Damaged& s) { s.link(1, [](auto* l) { l->prev_hash = 1; }); }},
      {"commit_link", "times never go back",
       [](Damaged& s) { s.link(3, [](auto* l) { l->time_us = 1; }); }},
      {"commit_link", "link and body have one time",
       [](Damaged& s) { s.link(3, [](auto* l) { l->time_us = 1; }); }},
      {"commit_link", "durable_seq rises and is of an earlier commit",
       [](Damaged& s) { s.link(3, [](auto* l) { l->durable_seq = 3; }); }},
      {"commit_link", "body_hash is of the body",
       [](Damaged& s) { s.link(3, [](auto* l) { l->body_hash ^= 1; }); }},
      {"commit_link", "the owner of the commit is known",
       [](Damaged& s) { s.link(3, [](auto* l) { l->owner_hash ^= 1; }); }},
      {"commit_body", "every body has its link",
       [](Damaged& s) { s.link(3, [](auto* l) { l->owner_hash ^= 1; }); }},
      {"commit_body", "every link has its body", [=](Damaged& s) { s.erase(body(s)); }},
      {"commit_body", "every body has its link",
       [=](Damaged& s) { s.copy(body(s), s.of(Kind::commit_body).u64(1000)); }},
      {"commit_body", "commit_seq is the key's",
       [=](Damaged& s) { s.copy(body(s), s.of(Kind::commit_body).u64(1000)); }},
      {"commit_body", "owner_seq is dense from 1",
       [=](Damaged& s) {
         s.rewrite<fb::CommitBody>(body(s), [](auto* b) { return b->mutate_owner_seq(4); });
       }},
      {"commit_body", "enumerators are known",
       [=](Damaged& s) {
         s.rewrite<fb::CommitBody>(body(s), [](auto* b) { return b->mutate_state(7); });
       }},
      {"commit_body", "the tail lists every operation",
       [=](Damaged& s) {
         s.rewrite<fb::CommitBody>(body(s), [](auto* b) { return b->mutate_operations(7); });
       }},
      {"commit_body", "what a commit wrote exists",
       [](Damaged& s) { s.erase(s.message(5, 202509)); }},
      {"idempotency", "the day is that of created_at",
       [=](Damaged& s) {
         std::string key = first_idempotency(s);
         const std::string other_day = s.of(Kind::idempotency)
                                           .u32(format::key_u32(key, 17) + 1)
                                           .append(format::key_uuid(key, 21))
                                           .str();
         s.copy(key, other_day);
       }},
  });
}

TEST_CASE("check: projects") {
  auto version = [](Damaged& s, uint32_t n) {
    return s.of(Kind::project_version).append(s.rich.project).not_u32(n);
  };
  auto status = [](Damaged& s, uint32_t n) {
    return s.of(Kind::project_status).append(s.rich.project).not_u32(n);
  };
  auto head = [](std::function<bool(fb::ProjectHead*)> change) {
    return [=](Damaged& s) { s.rewrite<fb::ProjectHead>(s.project(), change); };
  };
  check_faults({
      {"project", "current_version is the newest version",
       head([](auto* h) { return h->mutate_current_version(1); })},
      {"project", "current_version is the newest version",
       head([](auto* h) { return h->mutate_current_version(3); })},
      {"project", "name and idea_prompt are the newest version's",
       head([](auto* h) { return h->mutate_current_version(1); })},
      {"project", "status_count is the newest status",
       head([](auto* h) { return h->mutate_status_count(2); })},
      {"project", "status is the newest one", head([](auto* h) { return h->mutate_status(1); })},
      {"project", "enumerators are known", head([](auto* h) { return h->mutate_status(4); })},
      {"project", "version_effective_at is the newest one's",
       head([](auto* h) { return h->mutate_version_effective_at(4); })},
      {"project", "status_effective_at is the newest one's",
       head([](auto* h) { return h->mutate_status_effective_at(4); })},
      {"project", "time and actor are the first fact's",
       head([](auto* h) { return h->mutate_created_at(h->created_at() - 1); })},
      {"project", "commit_seq is the newest fact's",
       head([](auto* h) { return h->mutate_commit_seq(1); })},
      {"project_by_age", "record has its index entry",
       head([](auto* h) { return h->mutate_age(h->age() + 77); })},
      {"project_by_age", "index entry names its record",
       head([](auto* h) { return h->mutate_age(h->age() + 77); })},
      {"project_by_age", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::project_by_age).not_u64(s.age()),
                         {s.rich.project.uuid(), 0, 1});
       }},
      {"project_version", "version is dense from 1",
       [=](Damaged& s) { s.erase(version(s, 1)); }},
      {"project_version", "effective_at is the running maximum of created_at",
       [=](Damaged& s) {
         s.common(version(s, 2), [](auto* c) {
           return c->mutate_effective_at(c->effective_at() + 1);
         });
       }},
      {"project_version", "parent exists", [](Damaged& s) { s.erase(s.project()); }},
      {"project_status", "parent exists", [](Damaged& s) { s.erase(s.project()); }},
      {"document", "parent exists", [](Damaged& s) { s.erase(s.project()); }},
      {"task", "parent exists", [](Damaged& s) { s.erase(s.project()); }},
      {"session", "parent exists", [](Damaged& s) { s.erase(s.project()); }},
      {"event", "what an event refers to exists", [](Damaged& s) { s.erase(s.project()); }},
      {"project_status", "number is dense from 1", [=](Damaged& s) { s.erase(status(s, 2)); }},
      {"project_status", "enumerators are known",
       [=](Damaged& s) {
         s.rewrite<fb::ProjectStatus>(status(s, 2), [](auto* r) { return r->mutate_status(4); });
       }},
  });
}

TEST_CASE("check: documents") {
  auto revision = [](Damaged& s, uint32_t n) {
    return s.of(Kind::revision).append(s.rich.document).not_u32(n);
  };
  auto head = [](std::function<bool(fb::DocumentHead*)> change) {
    return [=](Damaged& s) { s.rewrite<fb::DocumentHead>(s.document(), change); };
  };
  auto fact = [=](std::function<bool(fb::Revision*)> change) {
    return [=](Damaged& s) { s.rewrite<fb::Revision>(revision(s, 2), change); };
  };
  auto slot = [](Damaged& s) {
    return s.of(Kind::document_slot).append(s.rich.project).u32(1).u8(2);
  };
  check_faults({
      {"document", "version is one of the project's",
       head([](auto* h) { return h->mutate_version(3); })},
      {"document", "enumerators are known", head([](auto* h) { return h->mutate_section(6); })},
      {"document", "is_locked is the newest lock",
       head([](auto* h) { return h->mutate_is_locked(!h->is_locked()); })},
      {"document", "lock_count is the newest lock",
       head([](auto* h) { return h->mutate_lock_count(1); })},
      {"document", "lock_count is the newest lock",
       head([](auto* h) { return h->mutate_lock_count(3); })},
      {"document", "current_rev is the newest revision",
       head([](auto* h) { return h->mutate_current_rev(0); })},
      {"document", "current_rev is the newest revision",
       head([](auto* h) { return h->mutate_current_rev(4); })},
      {"document", "revision_effective_at is the newest one's",
       head([](auto* h) { return h->mutate_revision_effective_at(4); })},
      {"document", "lock_effective_at is the newest one's",
       head([](auto* h) { return h->mutate_lock_effective_at(4); })},
      {"document", "revision_effective_at is the newest one's",
       [](Damaged& s) {
         s.rewrite<fb::DocumentHead>(s.of(Kind::document).append(s.rich.bare), [](auto* h) {
           return h->mutate_revision_effective_at(4);
         });
       }},
      {"document_slot", "index entry names its record",
       [=](Damaged& s) { s.put_reference(slot(s), {s.rich.bare.uuid(), 0, 0}); }},
      {"document_slot", "record has its index entry", [=](Damaged& s) { s.erase(slot(s)); }},
      {"document_slot", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::document_slot).append(s.rich.project).u32(1).u8(5),
                         {s.rich.document.uuid(), 0, 0});
       }},
      {"document_by_section", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::document_by_section).append(s.rich.project).u8(5).not_u32(1),
                         {s.rich.document.uuid(), 0, 0});
       }},
      {"document_by_section", "record has its index entry",
       [](Damaged& s) {
         s.erase(s.of(Kind::document_by_section).append(s.rich.project).u8(2).not_u32(1));
       }},
      {"revision", "parent exists", [](Damaged& s) { s.erase(s.document()); }},
      {"document_lock", "parent exists", [](Damaged& s) { s.erase(s.document()); }},
      {"event", "what an event refers to exists", [](Damaged& s) { s.erase(s.document()); }},
      {"event", "what an event refers to exists",
       head([](auto* h) { return h->mutate_current_rev(1); })},
      {"revision", "rev is dense from 1", [=](Damaged& s) { s.erase(revision(s, 2)); }},
      {"revision", "enumerators are known",
       fact([](auto* r) { return r->mutate_content_type(3); })},
      {"revision", "content_bytes is the content's length",
       fact([](auto* r) { return r->mutate_content_bytes(3); })},
      {"revision", "content_hash is the content's hash",
       fact([](auto* r) {
         uint8_t* byte = const_cast<uint8_t*>(r->content_hash()->bytes()->data());
         *byte = static_cast<uint8_t>(*byte ^ 1);
         return true;
       })},
  });
}

TEST_CASE("check: tasks") {
  auto revision = [](Damaged& s, uint32_t n) {
    return s.of(Kind::task_revision).append(s.rich.task).not_u32(n);
  };
  auto activity = [](Damaged& s, uint64_t n) {
    return s.of(Kind::task_activity).append(s.rich.task).not_u64(n);
  };
  auto head = [](std::function<bool(fb::TaskHead*)> change) {
    return [=](Damaged& s) { s.rewrite<fb::TaskHead>(s.task(), change); };
  };
  check_faults({
      {"task", "title, description and phase are the newest revision's",
       head([](auto* h) { return h->mutate_rev(1); })},
      {"task", "rev is the newest revision", head([](auto* h) { return h->mutate_rev(1); })},
      {"task", "rev is the newest revision", head([](auto* h) { return h->mutate_rev(3); })},
      {"task", "state is the last action's", head([](auto* h) { return h->mutate_state(1); })},
      {"task", "enumerators are known", head([](auto* h) { return h->mutate_state(3); })},
      {"task", "activity_seq is the newest activity",
       head([](auto* h) { return h->mutate_activity_seq(0); })},
      {"task", "activity_seq is the newest activity",
       head([](auto* h) { return h->mutate_activity_seq(9); })},
      {"task", "state is the last action's",
       head([](auto* h) { return h->mutate_activity_seq(0); })},
      {"task", "revision_effective_at is the newest one's",
       head([](auto* h) { return h->mutate_revision_effective_at(9); })},
      {"task", "activity_effective_at is the newest one's",
       head([](auto* h) { return h->mutate_activity_effective_at(9); })},
      {"task", "title, description and phase are the newest revision's",
       [](Damaged& s) {  // moved to another phase, and its place with it
         std::string key = s.task();
         key[37] = 5;
         s.copy(s.task(), key);
         s.erase(s.task());
         s.put_reference(s.of(Kind::task_place).append(s.rich.task),
                         {s.rich.project.uuid(), format::key_u64(key, 38) | uint64_t{1} << 63, 5});
       }},
      {"task_place", "index entry names its record",
       [](Damaged& s) {  // two heads
         std::string key = s.task();
         key[37] = 5;
         s.copy(s.task(), key);
       }},
      {"task_place", "index entry names its record", [](Damaged& s) { s.erase(s.task()); }},
      {"task_place", "record has its index entry",
       [](Damaged& s) { s.erase(s.of(Kind::task_place).append(s.rich.task)); }},
      {"task_revision", "parent exists",
       [](Damaged& s) { s.erase(s.of(Kind::task_place).append(s.rich.task)); }},
      {"task_activity", "parent exists", [](Damaged& s) { s.erase(s.task()); }},
      {"task_revision", "rev is dense from 1", [=](Damaged& s) { s.erase(revision(s, 1)); }},
      {"task_activity", "seq is dense from 1", [=](Damaged& s) { s.erase(activity(s, 1)); }},
      {"task_activity", "enumerators are known",
       [=](Damaged& s) {
         s.rewrite<fb::TaskActivity>(activity(s, 1), [](auto* a) { return a->mutate_action(3); });
       }},
      {"import_identity", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::import_identity).append(s.rich.task),
                         {s.rich.task.uuid(), 9, 0});
       }},
      {"import_identity", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::import_identity).append(s.rich.task), {Uuid(), 9, 0});
       }},
  });
}

TEST_CASE("check: chats") {
  auto head = [](std::function<bool(fb::SessionHead*)> change) {
    return [=](Damaged& s) { s.rewrite<fb::SessionHead>(s.session(), change); };
  };
  check_faults({
      {"session", "title is the newest one",
       [](Damaged& s) {
         Actor actor = Actor::of_user(s.rich.owner);
         Encoder encoder;
         format::Draft row = encoder.session_title({actor, s.rich.owner}, "Other");
         const Key key = s.of(Kind::session_title).append(s.rich.chat).not_u32(1);
         s.put(key, std::string(row.seal(key)));
       }},
      {"session", "rename_count is the newest title",
       head([](auto* h) { return h->mutate_rename_count(0); })},
      {"session", "rename_count is the newest title",
       head([](auto* h) { return h->mutate_rename_count(2); })},
      {"session", "rename_effective_at is the newest one's",
       head([](auto* h) { return h->mutate_rename_effective_at(2); })},
      {"session_by_age", "record has its index entry",
       head([](auto* h) { return h->mutate_age(2); })},
      {"session_by_age", "index entry names its record",
       head([](auto* h) { return h->mutate_age(2); })},
      {"session_title", "parent exists", [](Damaged& s) { s.erase(s.session()); }},
      {"message", "parent exists", [](Damaged& s) { s.erase(s.session()); }},
      {"event", "what an event refers to exists", [](Damaged& s) { s.erase(s.session()); }},
      {"message", "seq is dense from 1", [](Damaged& s) { s.erase(s.message(2)); }},
      {"message", "seq is dense from 1",
       [](Damaged& s) { s.copy(s.message(2), s.message(2, 202507)); }},
      {"message", "month is the running maximum of created_at",
       [](Damaged& s) {
         s.copy(s.message(5, 202509), s.message(5, 202510));
         s.erase(s.message(5, 202509));
       }},
      {"message", "effective_at is the running maximum of created_at",
       [](Damaged& s) {  // imported: older than those before
         s.common(s.message(4), [](auto* c) { return c->mutate_effective_at(c->created_at()); });
       }},
      {"message", "enumerators are known",
       [](Damaged& s) {
         s.rewrite<fb::Message>(s.message(1), [](auto* m) { return m->mutate_role(5); });
       }},
      {"message", "token_count is not negative",
       [](Damaged& s) {
         s.rewrite<fb::Message>(s.message(2), [](auto* m) { return m->mutate_token_count(-2); });
       }},
      {"message", "a message replaces an earlier one",
       [](Damaged& s) {
         s.rewrite<fb::Message>(s.message(3), [](auto* m) { return m->mutate_replaces(3); });
       }},
      {"message_id", "record has its index entry",
       [](Damaged& s) { s.erase(s.of(Kind::message_id).append(s.rich.message_id)); }},
      {"message_id", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::message_id).append(s.rich.message_id),
                         {s.rich.chat.uuid(), 3, 202508});
       }},
      {"message_id", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::message_id).append(s.rich.task),
                         {s.rich.chat.uuid(), 4, 202508});
       }},
      {"session_month", "record has its index entry",
       [](Damaged& s) {
         s.erase(s.of(Kind::session_month).append(s.rich.chat).not_u64(5));
       }},
      {"session_month", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::session_month).append(s.rich.chat).not_u64(5),
                         {Uuid(), 202510, 0});
       }},
      {"session_month", "months rise",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::session_month).append(s.rich.chat).not_u64(2),
                         {Uuid(), 202508, 0});
       }},
  });
}

TEST_CASE("check: events") {
  check_faults({
      {"event", "id is of its commit",
       [](Damaged& s) {
         s.common(s.event(s.rich.event), [](auto* c) { return c->mutate_commit_seq(1); });
       }},
      {"event", "month is the running maximum of created_at",
       [](Damaged& s) {
         s.copy(s.event(s.rich.event),
                s.of(Kind::event).not_u32(202507).not_u64(s.rich.event));
       }},
      {"event", "ids rise from month to month",
       [](Damaged& s) {
         s.copy(s.event(s.rich.event),
                s.of(Kind::event).not_u32(202510).not_u64(s.rich.event));
       }},
      {"event", "effective_at is the running maximum of created_at",
       [](Damaged& s) {
         s.common(s.event(s.rich.event), [](auto* c) {
           return c->mutate_effective_at(c->effective_at() + 1);
         });
       }},
      {"event_month", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::event_month).not_u64(s.rich.event + 1), {Uuid(), 202508, 0});
       }},
      {"event_month", "months rise",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::event_month).not_u64(s.rich.event), {Uuid(), 202508, 0});
       }},
      {"commit_body", "what a commit wrote exists",
       [](Damaged& s) { s.erase(s.event(s.rich.event)); }},
  });
}

}  // namespace bcstore::model
