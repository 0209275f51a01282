#include "model/encode.h"

namespace bcstore::model {

using format::Kind;
using TextOffset = flatbuffers::Offset<flatbuffers::String>;

namespace {
std::string_view bytes_of(const flatbuffers::FlatBufferBuilder& fbb) {
  return {reinterpret_cast<const char*>(fbb.GetBufferPointer()), fbb.GetSize()};
}
}  // namespace

bool Encoder::is_own(By by) {
  return by.actor.kind == ActorKind::user && by.actor.user == by.owner;
}

Encoder::Who Encoder::who(By by) {
  fbb_.Clear();
  Who who;
  if (is_own(by)) return who;
  const Actor& actor = by.actor;
  who.kind = static_cast<uint8_t>(actor.kind);
  who.id = to_fb(actor.user.uuid());
  if (!actor.name.empty()) who.name = fbb_.CreateString(actor.name);
  return who;
}

TextOffset Encoder::text(OptionalText text) {
  return text ? fbb_.CreateString(text->data(), text->size()) : TextOffset();
}

Draft Encoder::finish(Kind kind) { return Draft(kind, bytes_of(fbb_)); }

Draft Encoder::finish(Kind kind, std::string_view tail) {
  return Draft(kind, bytes_of(fbb_), tail);
}

Draft Encoder::store(uint32_t format, const Uuid& store_id, uint64_t salt, Time created_at) {
  fbb_.Clear();
  fb::Uuid id = to_fb(store_id);
  fb::StoreRecordBuilder b(fbb_);
  b.add_created_at(created_at.us);
  b.add_effective_at(created_at.us);
  b.add_format(format);
  b.add_store_id(&id);
  b.add_salt(salt);
  fbb_.Finish(b.Finish());
  return finish(Kind::store);
}

Draft Encoder::user(By by, const UserFields& f) {
  Who w = who(by);
  TextOffset email = text(f.email), name = text(f.full_name), customer = text(f.stripe_customer_id);
  fb::UserBuilder b(fbb_);
  add_common(b, w);
  always(b, [&](auto& u) { u.add_joined_at(f.joined_at_us); });
  b.add_email(email);
  b.add_full_name(name);
  b.add_stripe_customer_id(customer);
  b.add_is_pro(f.is_pro);
  fbb_.Finish(b.Finish());
  return finish(Kind::user);
}

Draft Encoder::project_head(By by, const VersionFields& f) {
  Who w = who(by);
  TextOffset name = text(f.name), prompt = text(f.idea_prompt);
  fb::ProjectHeadBuilder b(fbb_);
  add_common(b, w);
  always(b, [&](auto& h) {
    h.add_age(0);
    h.add_version_effective_at(0);
    h.add_status_effective_at(0);
    h.add_current_version(0);
    h.add_status_count(0);
    h.add_status(static_cast<uint8_t>(f.status));
  });
  b.add_name(name);
  b.add_idea_prompt(prompt);
  fbb_.Finish(b.Finish());
  return finish(Kind::project);
}

Draft Encoder::project_version(By by, const VersionFields& f) {
  Who w = who(by);
  TextOffset name = text(f.name), prompt = text(f.idea_prompt), note = text(f.change_note);
  fb::ProjectVersionBuilder b(fbb_);
  add_common(b, w);
  b.add_name(name);
  b.add_idea_prompt(prompt);
  b.add_change_note(note);
  always(b, [&](auto& v) { v.add_status(static_cast<uint8_t>(f.status)); });
  fbb_.Finish(b.Finish());
  return finish(Kind::project_version);
}

Draft Encoder::project_status(By by, ProjectStatus status) {
  Who w = who(by);
  fb::ProjectStatusBuilder b(fbb_);
  add_common(b, w);
  b.add_status(static_cast<uint8_t>(status));
  fbb_.Finish(b.Finish());
  return finish(Kind::project_status);
}

Draft Encoder::document_head(By by, const Uuid& project, Section section, bool is_locked) {
  Who w = who(by);
  fb::Uuid parent = to_fb(project);
  fb::DocumentHeadBuilder b(fbb_);
  add_common(b, w);
  b.add_project(&parent);
  b.add_section(static_cast<uint8_t>(section));
  always(b, [&](auto& h) {
    h.add_lock_effective_at(0);
    h.add_revision_effective_at(0);
    h.add_version(0);
    h.add_lock_count(0);
    h.add_current_rev(0);
    h.add_is_locked(is_locked);
  });
  fbb_.Finish(b.Finish());
  return finish(Kind::document);
}

Draft Encoder::lock_change(By by, bool is_locked) {
  Who w = who(by);
  fb::LockChangeBuilder b(fbb_);
  add_common(b, w);
  b.add_is_locked(is_locked);
  fbb_.Finish(b.Finish());
  return finish(Kind::document_lock);
}

Draft Encoder::revision(By by, const RevisionFields& f) {
  Who w = who(by);
  TextOffset note = text(f.change_note);
  fb::Uuid hash = to_fb(format::hash128(f.content));
  fb::RevisionBuilder b(fbb_);
  add_common(b, w);
  b.add_content_bytes(f.content.size());
  always(b, [](auto& r) {
    r.add_keyframe(0);
    r.add_delta_of(0);
  });
  b.add_content_hash(&hash);
  b.add_change_note(note);
  b.add_content_type(static_cast<uint8_t>(f.content_type));
  fbb_.Finish(b.Finish());
  return finish(Kind::revision);
}

Draft Encoder::task_head(By by, const TaskFields& f) {
  Who w = who(by);
  TextOffset title = text(f.title);
  fb::TaskHeadBuilder b(fbb_);
  add_common(b, w);
  always(b, [](auto& h) {
    h.add_activity_seq(0);
    h.add_revision_effective_at(0);
    h.add_activity_effective_at(0);
    h.add_rev(1);
    h.add_state(static_cast<uint8_t>(TaskState::open));
  });
  b.add_title(title);
  fbb_.Finish(b.Finish());
  return finish(Kind::task, f.description);
}

Draft Encoder::task_revision(By by, const TaskFields& f) {
  Who w = who(by);
  TextOffset title = text(f.title);
  fb::TaskRevisionBuilder b(fbb_);
  add_common(b, w);
  b.add_title(title);
  if (f.phase) {
    b.add_phase(*f.phase);
    b.add_has_phase(true);
  }
  fbb_.Finish(b.Finish());
  return finish(Kind::task_revision, f.description);
}

Draft Encoder::task_activity(By by, TaskAction action) {
  Who w = who(by);
  fb::TaskActivityBuilder b(fbb_);
  add_common(b, w);
  b.add_action(static_cast<uint8_t>(action));
  fbb_.Finish(b.Finish());
  return finish(Kind::task_activity);
}

SessionFields session_fields(const fb::SessionHead& head) {
  return {from_fb(head.project()), optional_text(head.title()), optional_text(head.first_title()),
          from_fb(head.parent()),  head.parent_seq(),           head.depth()};
}

Draft Encoder::session_head(By by, const SessionFields& f) {
  Who w = who(by);
  TextOffset title = text(f.title), first_title = text(f.first_title);
  fb::Uuid project = to_fb(f.project), parent = to_fb(f.parent);
  fb::SessionHeadBuilder b(fbb_);
  add_common(b, w);
  always(b, [](auto& h) {
    h.add_rename_effective_at(0);
    h.add_age(0);
    h.add_created_seq(0);
    h.add_rename_count(0);
  });
  b.add_project(&project);
  b.add_title(title);
  b.add_first_title(first_title);
  if (!f.parent.is_nil()) b.add_parent(&parent);
  b.add_parent_seq(f.parent_seq);
  b.add_depth(f.depth);
  fbb_.Finish(b.Finish());
  return finish(Kind::session);
}

Draft Encoder::session_title(By by, OptionalText title_text) {
  Who w = who(by);
  TextOffset title = text(title_text);
  fb::SessionTitleBuilder b(fbb_);
  add_common(b, w);
  b.add_title(title);
  fbb_.Finish(b.Finish());
  return finish(Kind::session_title);
}

Draft Encoder::message(By by, const MessageFields& f) {
  Who w = who(by);
  TextOffset call_id = text(f.call_id), name = text(f.name), metadata = text(f.metadata);
  fb::Uuid given = to_fb(f.given_id);
  fb::MessageBuilder b(fbb_);
  add_common(b, w);
  always(b, [](auto& m) { m.add_tokens_through(0); });
  b.add_replaces(f.replaces.value_or(0));
  b.add_token_count(f.token_count.value_or(-1));
  if (!f.given_id.is_nil()) b.add_given_id(&given);
  b.add_call_id(call_id);
  b.add_name(name);
  b.add_metadata(metadata);
  b.add_role(static_cast<uint8_t>(f.role));
  fbb_.Finish(b.Finish());
  return finish(Kind::message, f.content);
}

Draft Encoder::event(By by, const EventFields& f) {
  Who w = who(by);
  TextOffset type = text(f.type), call_id = text(f.call_id);
  auto ref = [](const std::optional<Uuid>& id) { return id ? to_fb(*id) : fb::Uuid(); };
  fb::Uuid project = ref(f.project), document = ref(f.document), session = ref(f.session);
  fb::EventBuilder b(fbb_);
  add_common(b, w);
  b.add_message_seq(f.message_seq);
  if (f.project) b.add_project(&project);
  if (f.document) b.add_document(&document);
  if (f.session) b.add_session(&session);
  b.add_type(type);
  b.add_call_id(call_id);
  b.add_rev(f.rev);
  b.add_is_audit(f.is_audit);
  fbb_.Finish(b.Finish());
  const Kind kind = f.is_audit ? Kind::audit : Kind::event;
  return f.payload ? finish(kind, *f.payload) : finish(kind);
}

Draft Encoder::credit_account(By by, const AccountFields& f) {
  Who w = who(by);
  fb::CreditAccountBuilder b(fbb_);
  add_common(b, w);
  always(b, [&](auto& account) {
    account.add_reset_at(f.reset_at_us.value_or(0));
    account.add_plan_allowance(f.plan_allowance);
    account.add_debt(f.debt);
    account.add_resets(f.reset_at_us.has_value());
    account.add_anchor_day(f.anchor_day);
    account.add_is_unlimited(f.is_unlimited);
    account.add_unlimited_by(f.unlimited_by);
  });
  fbb_.Finish(b.Finish());
  return finish(Kind::credit_account);
}

Draft Encoder::credit_entry(By by, CreditEntryKind kind, int32_t amount, OptionalText reason,
                            const Uuid& hold) {
  Who w = who(by);
  TextOffset why = text(reason);
  const fb::HoldEffect effect(to_fb(hold), 0, 0, 0, 0);
  fb::CreditEntryBuilder b(fbb_);
  add_common(b, w);
  // Largest first: no padding between them.
  always(b, [](auto& e) {
    e.add_epoch(0);
    e.add_reset_at(0);
    e.add_allowance_delta(0);
    e.add_granted_delta(0);
    e.add_allowance(0);
    e.add_granted(0);
    e.add_plan_allowance(0);
    e.add_held(0);
    e.add_debt(0);
    e.add_is_unlimited(false);
    e.add_resets(false);
    e.add_unlimited_by(0);
  });
  b.add_amount(amount);
  b.add_entry_kind(static_cast<uint8_t>(kind));
  b.add_reason(why);
  if (kind == CreditEntryKind::grant || !hold.is_nil()) b.add_effect(&effect);
  fbb_.Finish(b.Finish());
  return finish(Kind::credit_entry);
}

Draft Encoder::credit_hold(By by, int32_t amount, OptionalText reason) {
  Who w = who(by);
  TextOffset why = text(reason);
  fb::CreditHoldBuilder b(fbb_);
  add_common(b, w);
  always(b, [](auto& hold) {
    hold.add_epoch(0);
    hold.add_expires_at(0);
    hold.add_entry(0);
    hold.add_resolved_at(0);
    hold.add_resolved_owner_seq(0);
    hold.add_resolved_entry(0);
    hold.add_remaining(0);
    hold.add_from_allowance(0);
    hold.add_from_granted(0);
    hold.add_captured(0);
    hold.add_returned(0);
    hold.add_lapsed(0);
    hold.add_debt(0);
    hold.add_state(static_cast<uint8_t>(HoldState::live));
  });
  b.add_amount(amount);
  b.add_reason(why);
  fbb_.Finish(b.Finish());
  return finish(Kind::credit_hold);
}

Draft Encoder::rate_state(By by, std::string_view ahead) {
  Who w = who(by);
  fb::RateStateBuilder b(fbb_);
  add_common(b, w);
  fbb_.Finish(b.Finish());
  return finish(Kind::rate_state, ahead);
}

void Encoder::build_body(By by) {
  Who w = who(by);
  fb::CommitBodyBuilder b(fbb_);
  add_common(b, w);
  always(b, [](auto& body) {
    body.add_owner_seq(0);
    body.add_salt(0);
    body.add_operations(0);
    body.add_state(1);
  });
  fbb_.Finish(b.Finish());
}

Draft Encoder::commit_body(By by, const BodyFields& f) {
  Draft draft;
  if (is_own(by)) {
    if (own_body_.empty()) {
      build_body(by);
      own_body_ = bytes_of(fbb_);
    }
    draft = Draft(Kind::commit_body, own_body_, f.touched);
  } else {
    build_body(by);
    draft = finish(Kind::commit_body, f.touched);
  }
  auto* body = mutable_root<fb::CommitBody>(draft);
  body->mutate_commit_seq(f.commit_seq);
  body->mutate_created_at(f.at.us);
  body->mutate_effective_at(f.at.us);
  body->mutate_owner_seq(f.owner_seq);
  body->mutate_salt(f.salt);
  body->mutate_operations(f.operations);
  return draft;
}

Draft Encoder::idempotency(const Receipt& receipt, Time at, const Uuid& request,
                           std::string_view operations) {
  if (idempotency_.empty()) {
    fbb_.Clear();
    fb::Uuid nil = to_fb(Uuid());
    fb::IdempotencyRecordBuilder b(fbb_);
    always(b, [](auto& record) {
      record.add_commit_seq(0);
      record.add_created_at(0);
      record.add_effective_at(0);
      record.add_owner_seq(0);
    });
    b.add_request_hash(&nil);
    fbb_.Finish(b.Finish());
    idempotency_ = bytes_of(fbb_);
  }
  Draft draft(Kind::idempotency, idempotency_, operations);
  auto* record = mutable_root<fb::IdempotencyRecord>(draft);
  record->mutate_commit_seq(receipt.commit_seq);
  record->mutate_created_at(receipt.committed_at.us);
  record->mutate_effective_at(at.us);
  record->mutate_owner_seq(receipt.owner_seq);
  *record->mutable_request_hash() = to_fb(request);
  return draft;
}

}  // namespace bcstore::model
