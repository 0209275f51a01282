// A fault against each rule of check_store, planted with a right checksum.
#include <functional>
#include <string>

#include "damaged.h"

namespace bcstore::model {
namespace {

using Plant = std::function<void(Damaged&)>;

// The owner's first commit: its creation.
Key first_body(const Damaged& s) { return s.of(Kind::commit_body).u64(1); }

Key version(const Damaged& s, uint32_t n) {
  return s.of(Kind::project_version).append(s.rich.project).not_u32(n);
}

Key status(const Damaged& s, uint32_t n) {
  return s.of(Kind::project_status).append(s.rich.project).not_u32(n);
}

Plant head(std::function<bool(fb::ProjectHead*)> change) {
  return [=](Damaged& s) { s.rewrite<fb::ProjectHead>(s.project(), change); };
}

Plant body(std::function<bool(fb::CommitBody*)> change) {
  return [=](Damaged& s) { s.rewrite<fb::CommitBody>(first_body(s), change); };
}

Plant link(uint64_t seq, std::function<void(format::Link*)> change) {
  return [=](Damaged& s) { s.link(seq, change); };
}

}  // namespace

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
       [](Damaged& s) { s.put_in(Family::history, s.project().view(), s.read(s.project())); }},
      {"task", "key is of a known form",
       [](Damaged& s) {
         std::string key = s.task();
         key[33] = 3;
         s.copy(s.task(), key);
       }},
      {"session", "owner has a user",
       [=](Damaged& s) { s.copy(s.session(), Key(stranger, Kind::session).append(s.rich.chat)); }},
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
      {"project", "effective_at of a record alone is created_at",
       [](Damaged& s) {
         s.common(s.project(), [](auto* c) { return c->mutate_effective_at(5); });
       }},
      {"message", "enumerators are known",
       [](Damaged& s) { s.common(s.message(2), [](auto* c) { return c->mutate_actor_kind(9); }); }},
      {"message", "a user who acted is named",
       [](Damaged& s) { s.common(s.message(2), [](auto* c) { return c->mutate_actor_kind(1); }); }},
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
  });
}

TEST_CASE("check: the index of users") {
  check_faults({
      {"email", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(
             Key(kSystemOwner, Kind::email).append(format::text_hash("ada2@example.com", s.salt)),
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
         s.erase(Key(kSystemOwner, Kind::customer).append(format::text_hash("cus_bob", s.salt)));
       }},
      {"owner_hash", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(Key(kSystemOwner, Kind::owner_hash).u64(77), {s.rich.owner.uuid(), 0, 0});
       }},
      {"owner_hash", "record has its index entry",
       [](Damaged& s) {
         s.erase(Key(kSystemOwner, Kind::owner_hash).u64(format::owner_hash(s.rich.owner, s.salt)));
       }},
  });
}

TEST_CASE("check: the chain of the commit log") {
  check_faults({
      {"commit_link", "seq is dense from 1",
       [](Damaged& s) { s.erase(Key(kSystemOwner, Kind::commit_link).u64(3)); }},
      {"commit_link", "prev_hash is of the link before",
       link(3, [](auto* l) { l->prev_hash ^= 1; })},
      {"commit_link", "prev_hash is of the link before",
       link(1, [](auto* l) { l->prev_hash = 1; })},
      {"commit_link", "times never go back", link(3, [](auto* l) { l->time_us = 1; })},
      {"commit_link", "link and body have one time", link(3, [](auto* l) { l->time_us = 1; })},
      {"commit_link", "durable_seq rises and is of an earlier commit",
       link(3, [](auto* l) { l->durable_seq = 3; })},
      {"commit_link", "durable_seq rises and is of an earlier commit",
       link(5, [](auto* l) { l->durable_seq = 0; })},
      {"commit_link", "body_hash is of the body", link(3, [](auto* l) { l->body_hash ^= 1; })},
      {"commit_link", "the owner of the commit is known",
       link(3, [](auto* l) { l->owner_hash ^= 1; })},
      {"commit_body", "every body has its link", link(3, [](auto* l) { l->owner_hash ^= 1; })},
      {"commit_body", "every link has its body", [](Damaged& s) { s.erase(first_body(s)); }},
      {"commit_body", "every body has its link",
       [](Damaged& s) { s.copy(first_body(s), s.of(Kind::commit_body).u64(1000)); }},
  });
}

TEST_CASE("check: the bodies of the commit log and what they list") {
  check_faults({
      {"commit_body", "commit_seq is the key's",
       [](Damaged& s) { s.copy(first_body(s), s.of(Kind::commit_body).u64(1000)); }},
      {"commit_body", "owner_seq is dense from 1",
       body([](auto* b) { return b->mutate_owner_seq(4); })},
      {"commit_body", "enumerators are known", body([](auto* b) { return b->mutate_state(7); })},
      {"commit_body", "the tail lists every operation",
       body([](auto* b) { return b->mutate_operations(7); })},
      {"commit_link", "body_hash is of the body",
       body([](auto* b) { return b->mutate_salt(b->salt() ^ 1); })},
      {"commit_body", "what a commit wrote exists",
       [](Damaged& s) { s.erase(s.message(5, 202509)); }},
      {"commit_body", "what a commit wrote exists",
       [](Damaged& s) { s.erase(s.event(s.rich.event)); }},
      {"commit_body", "what a commit wrote exists", [](Damaged& s) { s.erase(status(s, 3)); }},
      {"commit_body", "what a commit wrote exists", [](Damaged& s) { s.erase(s.document()); }},
  });
}

TEST_CASE("check: an idempotency record lies in the day that its window is counted from") {
  check_faults({{"idempotency", "the day is that of effective_at", [](Damaged& s) {
                   const std::string prefix = s.of(Kind::idempotency).str();
                   std::string key;
                   for (const std::string& one : s.keys()) {
                     if (one.starts_with(prefix)) key = one;
                   }
                   REQUIRE(!key.empty());
                   s.copy(key, s.of(Kind::idempotency)
                                   .u32(format::key_u32(key, 17) + 1)
                                   .append(format::key_uuid(key, 21)));
                 }}});
}

TEST_CASE("check: heads of projects") {
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
  });
}

TEST_CASE("check: versions and statuses of projects, and what belongs to a project") {
  check_faults({
      {"project_version", "version is dense from 1", [](Damaged& s) { s.erase(version(s, 1)); }},
      {"project_version", "effective_at is the running maximum of created_at",
       [](Damaged& s) {
         s.common(version(s, 2),
                  [](auto* c) { return c->mutate_effective_at(c->effective_at() + 1); });
       }},
      {"project_version", "parent exists", [](Damaged& s) { s.erase(s.project()); }},
      {"project_status", "parent exists", [](Damaged& s) { s.erase(s.project()); }},
      {"document", "parent exists", [](Damaged& s) { s.erase(s.project()); }},
      {"task", "parent exists", [](Damaged& s) { s.erase(s.project()); }},
      {"session", "parent exists", [](Damaged& s) { s.erase(s.project()); }},
      {"event", "what an event refers to exists", [](Damaged& s) { s.erase(s.project()); }},
      {"project_status", "number is dense from 1", [](Damaged& s) { s.erase(status(s, 2)); }},
      {"project_status", "enumerators are known",
       [](Damaged& s) {
         s.rewrite<fb::ProjectStatus>(status(s, 2), [](auto* r) { return r->mutate_status(4); });
       }},
  });
}

}  // namespace bcstore::model
