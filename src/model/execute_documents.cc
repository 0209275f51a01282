// Deciding on documents, revisions and locks.
#include <fmt/format.h>

#include "model/execute.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

Key revision_key(UserId owner, const Uuid& document, uint32_t rev) {
  Key key(owner, Kind::revision);
  key.append(document).not_u32(rev);
  return key;
}

}  // namespace

Status Executor::create_document(Op& op) {
  Key project_key(current_.owner, Kind::project);
  HeadEntry* project = nullptr;
  if (Status s = need(Kind::project, project_key.append(op.parent), "project", op.parent, &project);
      !s.ok()) {
    return s;
  }
  const uint32_t newest = root<fb::ProjectHead>(project->draft)->current_version();
  const auto version = op.number_given ? static_cast<uint32_t>(op.number) : newest;
  if (version == 0 || version > newest) {
    return Status(Code::not_found,
                  fmt::format("project {} has no version {}", to_string(op.parent), version));
  }
  Key key(current_.owner, Kind::document);
  key.append(op.id);
  HeadEntry* existing = nullptr;
  if (Status s = load(Kind::document, key, &existing); !s.ok()) return s;
  if (existing->exists) {
    if (op.origin) return same_document(op, *existing);
    return Status::already_exists(fmt::format("document {} exists", to_string(op.id)), op.id);
  }
  auto* head = mutable_root<fb::DocumentHead>(op.head);
  const uint8_t section = head->section();
  Key slot(current_.owner, Kind::document_slot);
  slot.append(op.parent).u32(version).u8(section);
  HeadEntry* taken = nullptr;
  if (Status s = load(Kind::document_slot, slot, &taken); !s.ok()) return s;
  if (taken->exists) {
    format::Reference reference;
    format::unpack({taken->draft.meta(), taken->draft.meta_bytes()}, &reference);
    return Status::already_exists(
        fmt::format("version {} of project {} has a document {} already", version,
                    to_string(op.parent), to_string(static_cast<Section>(section))),
        reference.id);
  }

  const Time created = created_at(op);
  int64_t head_effective = kNoTime, lock_effective = kNoTime, revision_effective = kNoTime;
  if (Status s = stamp(op.head, created, &head_effective); !s.ok()) return s;
  if (Status s = stamp(op.second, created, &lock_effective); !s.ok()) return s;
  head->mutate_version(version);
  head->mutate_lock_count(1);
  head->mutate_lock_effective_at(lock_effective);
  if (!op.fact.empty()) {
    if (Status s = stamp(op.fact, created, &revision_effective); !s.ok()) return s;
    head->mutate_current_rev(1);
    settle_coding(op, op.id, 1);
    put_fact(Kind::revision, revision_key(current_.owner, op.id, 1), op.fact);
  }
  if (op.fact.empty()) pending_contents_.push_back({current_.owner, op.id, {}});
  head->mutate_revision_effective_at(revision_effective);
  Key lock_key(current_.owner, Kind::document_lock);
  put_fact(Kind::document_lock, lock_key.append(op.id).not_u32(1), op.second);
  put_reference(Kind::document_slot, slot, {op.id, 0, 0}, true);
  Key by_section(current_.owner, Kind::document_by_section);
  by_section.append(op.parent).u8(section).not_u32(version);
  put_reference(Kind::document_by_section, by_section, {op.id, 0, 0});
  const uint32_t rev = head->current_rev();
  put_head(Kind::document, key, op.head.clone());
  touch(Kind::document, op.id, rev);
  return Status();
}

Status Executor::same_document(Op& op, const HeadEntry& entry) {
  const auto* stored = root<fb::DocumentHead>(entry.draft);
  const auto* given = root<fb::DocumentHead>(op.head);
  bool same = from_fb(stored->project()) == op.parent && stored->section() == given->section() &&
              (!op.number_given || stored->version() == op.number) &&
              stored->created_at() == op.origin->created_at.us;
  if (!same) {
    return Status(Code::conflict,
                  fmt::format("document {} is here with other contents", to_string(op.id)));
  }
  current_.present = true;
  return Status();
}

Status Executor::add_revision(Op& op) {
  Key key(current_.owner, Kind::document);
  key.append(op.parent);
  HeadEntry* entry = nullptr;
  if (Status s = need(Kind::document, key, "document", op.parent, &entry); !s.ok()) return s;
  const uint32_t current = root<fb::DocumentHead>(entry->draft)->current_rev();
  if (op.number_given && op.number <= current) {
    return same_revision(op, static_cast<uint32_t>(op.number));
  }
  if (op.number_given && op.number != uint64_t{current} + 1) {
    return Status(Code::failed_precondition,
                  fmt::format("revision {} does not follow revision {}", op.number, current));
  }
  if (op.expected && *op.expected != current) {
    return Status::conflict(fmt::format("document {} is at revision {}, expected {}",
                                        to_string(op.parent), current, *op.expected),
                            current);
  }
  if (current == INT32_MAX) return Status(Code::failed_precondition, "no revision is left");
  Draft draft = entry->draft.clone();
  auto* head = mutable_root<fb::DocumentHead>(draft);
  bool by_user = !op.origin && current_.actor->kind == ActorKind::user;
  if (settings_.lock_blocks_user_writes && head->is_locked() && by_user) {
    return Status(Code::failed_precondition,
                  fmt::format("document {} is locked", to_string(op.parent)));
  }
  int64_t effective = head->revision_effective_at();
  if (Status s = stamp(op.fact, created_at(op), &effective); !s.ok()) return s;
  head->mutate_commit_seq(current_.commit_seq);
  head->mutate_current_rev(current + 1);
  head->mutate_revision_effective_at(effective);
  settle_coding(op, op.parent, current + 1);
  put_fact(Kind::revision, revision_key(current_.owner, op.parent, current + 1), op.fact);
  put_head(Kind::document, key, std::move(draft));
  touch(Kind::revision, op.parent, current + 1);
  return Status();
}

// A delta is used when what it is against was written, by whomever, and near enough; a revision
// that others added meanwhile does not matter. Otherwise the content is stored whole.
void Executor::settle_coding(Op& op, const Uuid& document, uint32_t rev) {
  RevisionOp& revision = *op.revision;
  const RevisionOp* parent = revision.parent;
  const uint32_t parent_rev = parent != nullptr ? parent->written_rev : revision.parent_rev;
  uint32_t keyframe = parent != nullptr ? parent->place.keyframe : revision.place.keyframe;
  bool is_delta = revision.is_coded && revision.parent_rev != 0;
  if (is_delta && (parent_rev == 0 || rev - keyframe > kMaxChainLinks)) {
    is_delta = revision.is_coded = false;
  }
  if (!revision.is_coded) {
    op.fact = recoded(op.fact, *revision.content, settings_.coder->code_whole(*revision.content));
  }
  if (!is_delta) {
    keyframe = rev;
    revision.place = ChainPlace::whole(rev, revision.content->size());
  }
  revision.place.rev = rev;
  revision.place.keyframe = keyframe;
  revision.written_rev = rev;
  auto* meta = mutable_root<fb::Revision>(op.fact);
  meta->mutate_delta_of(is_delta ? parent_rev : 0);
  meta->mutate_keyframe(is_delta ? keyframe : 0);
  pending_contents_.push_back({current_.owner,
                               document,
                               {revision.place, from_fb(meta->content_hash()), revision.content}});
}

// How the content is coded does not matter: its hash stands for it.
Status Executor::same_revision(Op& op, uint32_t rev) {
  const Key key = revision_key(current_.owner, op.parent, rev);
  Draft stored;
  bool found = false;
  if (Status s = read_fact(Kind::revision, key, &stored, &found); !s.ok()) return s;
  if (!found) return format::corrupt(key, "is missing");
  auto plain = [](Draft& draft) {
    auto* meta = mutable_root<fb::Revision>(draft);
    meta->mutate_commit_seq(0);
    meta->mutate_effective_at(0);
    meta->mutate_delta_of(0);
    meta->mutate_keyframe(0);
    return std::string_view(draft.meta(), draft.meta_bytes());
  };
  mutable_root<fb::Common>(op.fact)->mutate_created_at(op.origin->created_at.us);
  if (plain(stored) != plain(op.fact)) {
    return Status(Code::conflict, fmt::format("revision {} of document {} is here with other "
                                              "contents",
                                              rev, to_string(op.parent)));
  }
  current_.present = true;
  return Status();
}

Status Executor::set_lock(Op& op) {
  Key key(current_.owner, Kind::document);
  key.append(op.parent);
  HeadEntry* entry = nullptr;
  if (Status s = need(Kind::document, key, "document", op.parent, &entry); !s.ok()) return s;
  Draft draft = entry->draft.clone();
  auto* head = mutable_root<fb::DocumentHead>(draft);
  if (op.expected && (*op.expected != 0) != head->is_locked()) {
    return Status::conflict(fmt::format("document {} is {}", to_string(op.parent),
                                        head->is_locked() ? "locked" : "not locked"),
                            uint64_t{head->is_locked()});
  }
  int64_t effective = head->lock_effective_at();
  if (Status s = stamp(op.fact, created_at(op), &effective); !s.ok()) return s;
  const uint32_t count = head->lock_count() + 1;
  head->mutate_commit_seq(current_.commit_seq);
  head->mutate_is_locked(op.flag);
  head->mutate_lock_count(count);
  head->mutate_lock_effective_at(effective);
  Key fact_key(current_.owner, Kind::document_lock);
  put_fact(Kind::document_lock, fact_key.append(op.parent).not_u32(count), op.fact);
  put_head(Kind::document, key, std::move(draft));
  touch(Kind::document_lock, op.parent, count);
  return Status();
}

}  // namespace bcstore::model
