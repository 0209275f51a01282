// What the executor reads, and how it writes: the cache, the change set and the undo log.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/execute.h"

namespace bcstore::model {

using engine::Family;
using engine::family_of;
using format::Key;
using format::Kind;
using format::Reference;

// A draft's meta part is aligned: it can be verified where it lies.
Status verified_copy(std::string_view key, std::string_view value, Draft* draft) {
  format::Parsed parsed;
  if (Status s = format::parse_record(key, value, &parsed); !s.ok()) return s;
  *draft = Draft::copy(value);
  const format::KindInfo* info = format::kind_info(static_cast<uint8_t>(parsed.kind));
  if (info->payload == format::Payload::flat_buffer &&
      !format::verify_meta(parsed.kind, draft->meta(), draft->meta_bytes())) {
    return format::corrupt(key, "the payload is malformed");
  }
  if (info->payload == format::Payload::reference && parsed.meta.size() != Reference::kBytes) {
    return format::corrupt(key, "the payload is malformed");
  }
  return Status();
}

Status Executor::load(Kind kind, std::string_view key, HeadEntry** entry) {
  *entry = cache_.find(key);
  if (*entry != nullptr) return Status();
  engine::Value value;
  HeadEntry fresh;
  Status s = engine_.get(family_of(kind), key, nullptr, &value);
  if (s.ok()) {
    s = verified_copy(key, value.bytes(), &fresh.draft);
    fresh.exists = true;
  } else if (s.code() == Code::not_found) {
    s = Status();
  }
  if (s.ok()) *entry = &cache_.put(key, std::move(fresh));
  return s;
}

Status Executor::load_all(Kind kind, const std::vector<std::string>& keys) {
  std::vector<engine::Read> reads;
  for (const std::string& key : keys) {
    if (cache_.find(key) == nullptr) reads.push_back({family_of(kind), key});
  }
  if (reads.empty()) return Status();
  engine_.multi_get(reads, nullptr);
  for (const engine::Read& read : reads) {
    HeadEntry fresh;
    fresh.exists = read.status.ok();
    if (read.status.ok()) {
      Status s = verified_copy(read.key, read.value.bytes(), &fresh.draft);
      if (!s.ok()) return s;
    } else if (read.status.code() != Code::not_found) {
      return read.status;
    }
    cache_.put(read.key, std::move(fresh));
  }
  return Status();
}

Status Executor::need(Kind kind, const Key& key, std::string_view what, const Uuid& id,
                      HeadEntry** entry) {
  if (Status s = load(kind, key, entry); !s.ok()) return s;
  return (*entry)->exists ? Status() : no_such(what, id);
}

Status Executor::first_row(const engine::ScanRequest& request, Kind kind, std::string* key,
                           Draft* row, bool* found) {
  auto scan = engine_.scan(request);
  *found = scan->next();
  if (!*found) return scan->status();
  *key = std::string(scan->key());
  const format::KindInfo* info = format::parse_key(*key);
  if (info == nullptr || info->kind != kind) return format::corrupt(*key, "in another's place");
  return verified_copy(*key, scan->value(), row);
}

Status Executor::load_stream(Kind kind, std::string_view prefix, HeadEntry** entry) {
  *entry = cache_.find(prefix);
  if (*entry != nullptr) return Status();
  engine::ScanRequest request{family_of(kind), std::string(prefix), format::after_prefix(prefix)};
  std::string key;
  Draft row;
  HeadEntry fresh;
  if (Status s = first_row(request, kind, &key, &row, &fresh.exists); !s.ok()) return s;
  if (fresh.exists) {
    fresh.month = ~format::key_u32(key, prefix.size());
    fresh.seq = ~format::key_u64(key, prefix.size() + 4);
    fresh.effective_us = root<fb::Common>(row)->effective_at();
    if (kind == Kind::message) fresh.tokens = root<fb::Message>(row)->tokens_through();
  }
  *entry = &cache_.put(prefix, std::move(fresh));
  return Status();
}

// The newest commit body is the owner's head.
Status Executor::load_owner(UserId owner, HeadEntry** entry) {
  Key prefix(owner, Kind::commit_body);
  *entry = cache_.find(prefix);
  if (*entry != nullptr) return Status();
  engine::ScanRequest request{Family::log, prefix.str(), format::after_prefix(prefix), true};
  std::string key;
  Draft row;
  HeadEntry fresh;
  if (Status s = first_row(request, Kind::commit_body, &key, &row, &fresh.exists); !s.ok()) {
    return s;
  }
  if (fresh.exists) {
    const auto* body = root<fb::CommitBody>(row);
    fresh.seq = body->owner_seq();
    fresh.month = body->state() == kErasedState ? kErasedState : 0;
  }
  *entry = &cache_.put(prefix, std::move(fresh));
  return Status();
}

Status Executor::read_fact(Kind kind, std::string_view key, Draft* fact, bool* found) {
  *found = true;
  if (!pending_facts_.empty()) {
    if (auto it = pending_facts_.find(std::string(key)); it != pending_facts_.end()) {
      *fact = it->second.clone();
      return Status();
    }
  }
  engine::Value value;
  Status s = engine_.get(family_of(kind), key, nullptr, &value);
  if (s.code() == Code::not_found) {
    *found = false;
    return Status();
  }
  return s.ok() ? verified_copy(key, value.bytes(), fact) : s;
}

Mark Executor::mark() {
  changes_->mark();
  return {undo_.size(),
          current_.touched.size(),
          current_.operations.size(),
          pending_months_.size(),
          pending_lists_.size(),
          pending_contents_.size(),
          pending_tails_.size(),
          current_.acquired.size(),
          group_saved_.size(),
          current_.ends.size(),
          shown_.size(),
          current_.events};
}

void Executor::rollback(const Mark& mark) {
  changes_->rollback();
  while (undo_.size() > mark.undo) {
    Undo& last = undo_.back();
    if (last.known) {
      cache_.put(last.key, std::move(last.entry));
    } else {
      cache_.erase(last.key);
    }
    pending_facts_.erase(last.key);
    undo_.pop_back();
  }
  give_back_rates(&current_.acquired, mark.acquired);
  while (group_saved_.size() > mark.saved) {
    settings_.rates->put_back(group_saved_.back());
    group_saved_.pop_back();
  }
  current_.ends.resize(mark.ends);
  current_.touched.resize(mark.touched);
  current_.operations.resize(mark.operations);
  pending_months_.resize(mark.months);
  pending_lists_.erase(pending_lists_.begin() + static_cast<ptrdiff_t>(mark.lists),
                       pending_lists_.end());
  pending_contents_.resize(mark.contents);
  pending_tails_.resize(mark.tails);
  shown_.resize(mark.shown);
  current_.events = mark.events;
}

// From here on the row is undone with its batch alone: for that the first entry of a key is enough.
void Executor::accept_row(const Mark& mark) {
  changes_->accept();
  auto kept = undo_.begin() + static_cast<ptrdiff_t>(mark.undo);
  for (auto undo = kept; undo != undo_.end(); ++undo) {
    if (!remembered_.insert(undo->key).second) continue;
    if (kept != undo) *kept = std::move(*undo);
    ++kept;
  }
  undo_.erase(kept, undo_.end());
}

// A batch that was accepted is not undone: when its group fails, the cache is emptied.
void Executor::accept() {
  changes_->accept();
  undo_.clear();
  for (Acquired& one : current_.acquired) group_acquired_.push_back(std::move(one));
  current_.acquired.clear();
}

void Executor::replace(std::string_view key, HeadEntry entry) {
  Undo& undo = undo_.emplace_back();
  undo.key = key;
  undo.known = cache_.replace(key, std::move(entry), &undo.entry);
}

void Executor::put_head(Kind kind, std::string_view key, Draft draft) {
  if (RowCache::covers(kind)) settings_.rows->note(key);
  changes_->put(family_of(kind), key, draft.seal(key));
  HeadEntry entry;
  entry.exists = true;
  entry.draft = std::move(draft);
  replace(key, std::move(entry));
}

void Executor::put_fact(Kind kind, std::string_view key, Draft& draft) {
  if (RowCache::covers(kind)) settings_.rows->note(key);
  changes_->put(family_of(kind), key, draft.seal(key));
  if (!current_.importing) return;
  // The same row may come twice in one import.
  undo_.push_back({std::string(key), false, {}});
  pending_facts_[std::string(key)] = draft.clone();
}

void Executor::put_reference(Kind kind, const Key& key, const Reference& reference, bool cached) {
  Draft draft(kind, format::pack(reference));
  if (cached) {
    put_head(kind, key, std::move(draft));
  } else {
    if (RowCache::covers(kind)) settings_.rows->note(key);
    changes_->put(family_of(kind), key, draft.seal(key));
  }
}

void Executor::erase(Kind kind, std::string_view key) {
  if (RowCache::covers(kind)) settings_.rows->note(key);
  changes_->erase(family_of(kind), key);
  replace(key, HeadEntry());
}

void Executor::defer_head(Kind kind, std::string_view key, Draft draft) {
  HeadEntry entry;
  entry.exists = true;
  entry.draft = std::move(draft);
  replace(key, std::move(entry));
  current_.deferred.emplace(key, kind);
}

// After the last operation: rows of an import that were refused have left no trace in the cache.
void Executor::write_deferred() {
  for (const auto& [key, kind] : current_.deferred) {
    HeadEntry* entry = cache_.find(key);
    if (entry == nullptr || !entry->exists) continue;
    if (RowCache::covers(kind)) settings_.rows->note(key);
    changes_->put(family_of(kind), key, entry->draft.seal(key));
  }
  current_.deferred.clear();
}

void Executor::set_stream(std::string_view prefix, uint64_t seq, int64_t effective_us,
                          uint32_t month, uint64_t tokens) {
  HeadEntry entry;
  entry.exists = seq != 0;
  entry.seq = seq;
  entry.effective_us = effective_us;
  entry.month = month;
  entry.tokens = tokens;
  replace(prefix, std::move(entry));
}

Status Executor::same_fact(const Key& key, Kind kind, Draft& candidate, Time created_at,
                           std::string_view what) {
  Draft stored;
  bool found = false;
  if (Status s = read_fact(kind, key, &stored, &found); !s.ok()) return s;
  if (!found) return format::corrupt(key, "is missing");
  const auto* common = root<fb::Common>(stored);
  auto* other = mutable_root<fb::Common>(candidate);
  other->mutate_commit_seq(common->commit_seq());
  other->mutate_effective_at(common->effective_at());
  other->mutate_created_at(created_at.us);
  if (kind == Kind::message) {
    mutable_root<fb::Message>(candidate)->mutate_tokens_through(
        root<fb::Message>(stored)->tokens_through());
  }
  std::string_view a(stored.meta(), stored.meta_bytes());
  std::string_view b(candidate.meta(), candidate.meta_bytes());
  if (a != b || stored.tail() != candidate.tail()) {
    return Status(Code::conflict, fmt::format("{} is here with other contents", what));
  }
  current_.present = true;
  return Status();
}

// Identities of activities, of events and of balances are told apart: a caller's choice for one
// never meets another's. The letter is part of what is hashed, and of the format.
uint8_t Executor::identity_class(const Op& op) {
  return op.verb == Verb::record_activity ? 'a' : op.verb == Verb::append_event ? 'e' : 'c';
}

Key Executor::identity_key(const Op& op) const {
  Key key(current_.owner, Kind::import_identity);
  const std::string letter(1, static_cast<char>(identity_class(op)));
  return key.append(format::hash128(letter + op.identity, settings_.salt));
}

Status Executor::find_identity(const Op& op, std::optional<Reference>* known) {
  if (op.identity.empty()) return Status();
  const Key key = identity_key(op);
  HeadEntry* entry = nullptr;
  if (Status s = load(Kind::import_identity, key, &entry); !s.ok()) return s;
  if (!entry->exists) return Status();
  known->emplace();
  format::unpack({entry->draft.meta(), entry->draft.meta_bytes()}, &**known);
  return Status();
}

Status Executor::other_row(const Op& op) const {
  return Status(Code::conflict,
                fmt::format("the identity of this {} is another row's", to_string(op.verb)));
}

void Executor::remember_identity(const Op& op, const Uuid& id, uint64_t number) {
  if (op.identity.empty()) return;
  put_reference(Kind::import_identity, identity_key(op), {id, number, identity_class(op)}, true);
}

}  // namespace bcstore::model
