// A fault against each rule of check_store on documents, tasks, chats and events.
#include <functional>
#include <string>

#include "damaged.h"

namespace bcstore::model {
namespace {

using Plant = std::function<void(Damaged&)>;

Plant document_head(std::function<bool(fb::DocumentHead*)> change) {
  return [=](Damaged& s) { s.rewrite<fb::DocumentHead>(s.document(), change); };
}

Key document_revision(const Damaged& s, uint32_t n) {
  return s.of(Kind::revision).append(s.rich.document).not_u32(n);
}

Plant revision_fact(std::function<bool(fb::Revision*)> change) {
  return [=](Damaged& s) { s.rewrite<fb::Revision>(document_revision(s, 2), change); };
}

Key slot(const Damaged& s) { return s.of(Kind::document_slot).append(s.rich.project).u32(1).u8(2); }

Plant task_head(std::function<bool(fb::TaskHead*)> change) {
  return [=](Damaged& s) { s.rewrite<fb::TaskHead>(s.task(), change); };
}

Key task_revision(const Damaged& s, uint32_t n) {
  return s.of(Kind::task_revision).append(s.rich.task).not_u32(n);
}

Key activity(const Damaged& s, uint64_t n) {
  return s.of(Kind::task_activity).append(s.rich.task).not_u64(n);
}

Plant session_head(std::function<bool(fb::SessionHead*)> change) {
  return [=](Damaged& s) { s.rewrite<fb::SessionHead>(s.session(), change); };
}

Key fork(const Damaged& s) { return s.of(Kind::session).append(s.rich.fork); }

Plant fork_head(std::function<bool(fb::SessionHead*)> change) {
  return [=](Damaged& s) { s.rewrite<fb::SessionHead>(fork(s), change); };
}

// The head written anew with other fields.
Plant fork_with(std::function<void(SessionFields*)> change) {
  return [=](Damaged& s) {
    const format::Draft old = format::Draft::copy(*s.read(fork(s)));
    SessionFields fields = session_fields(*root<fb::SessionHead>(old));
    change(&fields);
    const Actor actor = Actor::of_user(s.rich.owner);
    Encoder encoder;
    format::Draft row = encoder.session_head({actor, s.rich.owner}, fields);
    s.put(fork(s), std::string(row.seal(fork(s))));
  };
}

}  // namespace

TEST_CASE("check: heads of documents") {
  check_faults({
      {"document", "version is one of the project's",
       document_head([](auto* h) { return h->mutate_version(3); })},
      {"document", "enumerators are known",
       document_head([](auto* h) { return h->mutate_section(6); })},
      {"document", "is_locked is the newest lock",
       document_head([](auto* h) { return h->mutate_is_locked(!h->is_locked()); })},
      {"document", "lock_count is the newest lock",
       document_head([](auto* h) { return h->mutate_lock_count(1); })},
      {"document", "lock_count is the newest lock",
       document_head([](auto* h) { return h->mutate_lock_count(3); })},
      {"document", "current_rev is the newest revision",
       document_head([](auto* h) { return h->mutate_current_rev(0); })},
      {"document", "current_rev is the newest revision",
       document_head([](auto* h) { return h->mutate_current_rev(4); })},
      {"document", "revision_effective_at is the newest one's",
       document_head([](auto* h) { return h->mutate_revision_effective_at(4); })},
      {"document", "lock_effective_at is the newest one's",
       document_head([](auto* h) { return h->mutate_lock_effective_at(4); })},
      {"document", "revision_effective_at is the newest one's",
       [](Damaged& s) {
         s.rewrite<fb::DocumentHead>(s.of(Kind::document).append(s.rich.bare),
                                     [](auto* h) { return h->mutate_revision_effective_at(4); });
       }},
  });
}

TEST_CASE("check: the index of documents") {
  check_faults({
      {"document_slot", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(slot(s), {s.rich.bare.uuid(), 0, 0});
       }},
      {"document_slot", "record has its index entry", [](Damaged& s) { s.erase(slot(s)); }},
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
  });
}

TEST_CASE("check: revisions and locks of documents") {
  check_faults({
      {"revision", "parent exists", [](Damaged& s) { s.erase(s.document()); }},
      {"document_lock", "parent exists", [](Damaged& s) { s.erase(s.document()); }},
      {"event", "what an event refers to exists", [](Damaged& s) { s.erase(s.document()); }},
      {"event", "what an event refers to exists",
       document_head([](auto* h) { return h->mutate_current_rev(1); })},
      {"revision", "rev is dense from 1", [](Damaged& s) { s.erase(document_revision(s, 2)); }},
      {"revision", "enumerators are known",
       revision_fact([](auto* r) { return r->mutate_content_type(3); })},
      {"revision", "content_bytes is the content's length",
       revision_fact([](auto* r) { return r->mutate_content_bytes(3); })},
      {"revision", "content_hash is the content's hash", revision_fact([](auto* r) {
         uint8_t* byte = const_cast<uint8_t*>(r->content_hash()->bytes()->data());
         *byte = static_cast<uint8_t>(*byte ^ 1);
         return true;
       })},
  });
}

TEST_CASE("check: heads of tasks") {
  check_faults({
      {"task", "title, description and phase are the newest revision's",
       task_head([](auto* h) { return h->mutate_rev(1); })},
      {"task", "rev is the newest revision", task_head([](auto* h) { return h->mutate_rev(1); })},
      {"task", "rev is the newest revision", task_head([](auto* h) { return h->mutate_rev(3); })},
      {"task", "state is the last action's", task_head([](auto* h) { return h->mutate_state(1); })},
      {"task", "enumerators are known", task_head([](auto* h) { return h->mutate_state(3); })},
      {"task", "activity_seq is the newest activity",
       task_head([](auto* h) { return h->mutate_activity_seq(0); })},
      {"task", "activity_seq is the newest activity",
       task_head([](auto* h) { return h->mutate_activity_seq(9); })},
      {"task", "state is the last action's",
       task_head([](auto* h) { return h->mutate_activity_seq(0); })},
      {"task", "revision_effective_at is the newest one's",
       task_head([](auto* h) { return h->mutate_revision_effective_at(9); })},
      {"task", "activity_effective_at is the newest one's",
       task_head([](auto* h) { return h->mutate_activity_effective_at(9); })},
      {"task", "title, description and phase are the newest revision's",
       [](Damaged& s) {  // moved to another phase, and its place with it
         std::string key = s.task();
         key[37] = 5;
         s.copy(s.task(), key);
         s.erase(s.task());
         s.put_reference(s.of(Kind::task_place).append(s.rich.task),
                         {s.rich.project.uuid(), format::key_u64(key, 38) | uint64_t{1} << 63, 5});
       }},
  });
}

TEST_CASE("check: places of tasks, their facts, and the identities of imported rows") {
  check_faults({
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
      {"task_revision", "rev is dense from 1", [](Damaged& s) { s.erase(task_revision(s, 1)); }},
      {"task_activity", "seq is dense from 1", [](Damaged& s) { s.erase(activity(s, 1)); }},
      {"task_activity", "enumerators are known",
       [](Damaged& s) {
         s.rewrite<fb::TaskActivity>(activity(s, 1), [](auto* a) { return a->mutate_action(3); });
       }},
      {"import_identity", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::import_identity).append(s.rich.task),
                         {s.rich.task.uuid(), 9, 'a'});
       }},
      {"import_identity", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::import_identity).append(s.rich.task), {Uuid(), 9, 'e'});
       }},
      {"import_identity", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::import_identity).append(s.rich.task), {Uuid(), 99, 'c'});
       }},
      {"import_identity", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::import_identity).append(s.rich.task),
                         {s.rich.task.uuid(), 1, 0});
       }},
  });
}

TEST_CASE("check: heads of chats") {
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
       session_head([](auto* h) { return h->mutate_rename_count(0); })},
      {"session", "rename_count is the newest title",
       session_head([](auto* h) { return h->mutate_rename_count(2); })},
      {"session", "rename_effective_at is the newest one's",
       session_head([](auto* h) { return h->mutate_rename_effective_at(2); })},
      {"session_by_age", "record has its index entry",
       session_head([](auto* h) { return h->mutate_age(2); })},
      {"session_by_age", "index entry names its record",
       session_head([](auto* h) { return h->mutate_age(2); })},
  });
}

TEST_CASE("check: forks of chats, and when a chat began") {
  check_faults({
      {"session", "created_seq is the commit of its age",
       session_head([](auto* h) { return h->mutate_created_seq(1); })},
      {"session", "first_title is of a session that was renamed",
       fork_with([](SessionFields* f) { f->first_title = "Another"; })},
      {"session", "a session without a parent shows no other's messages",
       fork_with([](SessionFields* f) { f->parent = Uuid(); })},
      {"session", "parent exists", fork_head([](auto* h) {
         return h->mutable_parent()->mutable_bytes()->Mutate(15, 0), true;
       })},
      {"session", "a fork is in its parent's project, one deeper",
       fork_head([](auto* h) { return h->mutate_depth(2); })},
      {"session", "a fork is in its parent's project, one deeper",
       [](Damaged& s) {
         fork_with([&](SessionFields* f) { f->project = s.rich.neighbour.uuid(); })(s);
       }},
      {"session", "a fork's last shown message is its parent's own",
       fork_head([](auto* h) { return h->mutate_parent_seq(6); })},
      {"message", "tokens_through is the sum of the tokens so far",
       [](Damaged& s) {
         s.rewrite<fb::Message>(s.message(2), [](auto* m) {
           return m->mutate_tokens_through(m->tokens_through() + 1);
         });
       }},
      {"message", "tokens_through is the sum of the tokens so far",
       [](Damaged& s) {
         s.rewrite<fb::Message>(s.message(1), [](auto* m) { return m->mutate_tokens_through(7); });
       }},
  });
}

TEST_CASE("check: titles and messages of chats") {
  check_faults({
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
  });
}

TEST_CASE("check: the index of messages") {
  check_faults({
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
       [](Damaged& s) { s.erase(s.of(Kind::session_month).append(s.rich.chat).not_u64(5)); }},
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
         s.copy(s.event(s.rich.event), s.of(Kind::event).not_u32(202507).not_u64(s.rich.event));
       }},
      {"event", "ids rise",
       [](Damaged& s) {
         s.copy(s.event(s.rich.event), s.of(Kind::event).not_u32(202510).not_u64(s.rich.event));
       }},
      {"event", "effective_at is the running maximum of created_at",
       [](Damaged& s) {
         s.common(s.event(s.rich.event),
                  [](auto* c) { return c->mutate_effective_at(c->effective_at() + 1); });
       }},
      {"event_month", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::event_month).not_u64(s.rich.event + 1), {Uuid(), 202508, 0});
       }},
      {"event_month", "months rise",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::event_month).not_u64(s.newest_event()), {Uuid(), 202509, 0});
       }},
  });
}

}  // namespace bcstore::model
