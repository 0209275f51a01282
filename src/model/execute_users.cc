// Deciding on users: unique addresses and customers.
#include <fmt/format.h>

#include "model/execute.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::Reference;

namespace {

Key user_key(UserId owner, uint32_t rev) {
  Key key(owner, Kind::user);
  key.not_u32(rev);
  return key;
}

Key claim_key(Kind kind, const Uuid& hash) {
  Key key(kSystemOwner, kind);
  key.append(hash);
  return key;
}

OptionalText optional(const std::optional<std::string>& text) {
  return text ? OptionalText(*text) : OptionalText();
}

}  // namespace

// The newest revision of the user, its key and its fields, which point into `row`.
Status Executor::newest_user(UserState* state) {
  Key prefix(current_.owner, Kind::user);
  HeadEntry* entry = cache_.find(prefix);
  if (entry == nullptr) {
    engine::ScanRequest request{engine::Family::history, prefix.str(),
                                format::after_prefix(prefix)};
    std::string key;
    HeadEntry fresh;
    if (Status s = first_row(request, Kind::user, &key, &fresh.draft, &fresh.exists); !s.ok()) {
      return s;
    }
    if (!fresh.exists) return no_such("user", current_.owner.uuid());
    fresh.seq = ~format::key_u32(key, prefix.view().size());
    entry = &cache_.put(prefix, std::move(fresh));
  }
  state->rev = static_cast<uint32_t>(entry->seq);
  state->row = entry->draft.clone();
  const auto* user = root<fb::User>(state->row);
  state->fields = {text_of(user->email()), optional_text(user->full_name()),
                   optional_text(user->stripe_customer_id()), user->is_pro(), user->joined_at()};
  state->effective_us = user->effective_at();
  return Status();
}

Status Executor::claim(Kind kind, const Uuid& hash, std::string_view what) {
  HeadEntry* taken = nullptr;
  if (Status s = load(kind, claim_key(kind, hash), &taken); !s.ok()) return s;
  if (taken->exists) {
    // Whose it is stays untold.
    return Status(Code::already_exists, fmt::format("{} is taken", what));
  }
  put_reference(kind, claim_key(kind, hash), {current_.owner.uuid(), 0, 0}, true);
  return Status();
}

Status Executor::write_user(const Op& op, const UserFields& fields, uint32_t rev,
                            int64_t effective_us) {
  By by{op.origin ? op.origin->actor : *current_.actor, current_.owner};
  Draft row = encoder_.user(by, fields);
  if (Status s = stamp(row, created_at(op), &effective_us); !s.ok()) return s;
  put_fact(Kind::user, user_key(current_.owner, rev), row);
  Key prefix(current_.owner, Kind::user);
  HeadEntry entry;
  entry.exists = true;
  entry.seq = rev;
  entry.draft = std::move(row);
  replace(prefix, std::move(entry));
  touch(Kind::user, current_.owner.uuid(), rev);
  // A profile has no id beside its owner's.
  if (op.verb != Verb::create_user) current_.operations.back().id = Uuid();
  return Status();
}

Status Executor::create_user(Op& op) {
  HeadEntry* owner = nullptr;
  if (Status s = load_owner(current_.owner, &owner); !s.ok()) return s;
  if (owner->exists) {
    if (op.origin) return same_user(op);
    return Status::already_exists(fmt::format("user {} exists", to_string(current_.owner)),
                                  current_.owner.uuid());
  }
  const Edit& edit = *op.edit;
  UserFields fields{*edit.name, optional(edit.text), optional(edit.note), edit.is_pro,
                    created_at(op).us};
  Uuid email = format::text_hash(format::fold_case(fields.email), settings_.salt);
  if (Status s = claim(Kind::email, email, "the e-mail address"); !s.ok()) return s;
  if (fields.stripe_customer_id) {
    Uuid customer = format::text_hash(*fields.stripe_customer_id, settings_.salt);
    if (Status s = claim(Kind::customer, customer, "the customer"); !s.ok()) return s;
  }
  Key hash_key(kSystemOwner, Kind::owner_hash);
  hash_key.u64(format::owner_hash(current_.owner, settings_.salt));
  put_reference(Kind::owner_hash, hash_key, {current_.owner.uuid(), 0, 0});
  if (Status s = write_user(op, fields, 1, kNoTime); !s.ok()) return s;
  if (Status s = open_account(op); !s.ok()) return s;
  return fields.stripe_customer_id ? adopt_customer(*fields.stripe_customer_id) : Status();
}

Status Executor::same_user(Op& op) {
  Draft first;
  bool found = false;
  Key key = user_key(current_.owner, 1);
  if (Status s = read_fact(Kind::user, key, &first, &found); !s.ok()) return s;
  if (!found) return format::corrupt(key, "is missing");
  const auto* stored = root<fb::User>(first);
  const Edit& edit = *op.edit;
  bool same = text_of(stored->email()) == *edit.name &&
              optional_text(stored->full_name()) == optional(edit.text) &&
              optional_text(stored->stripe_customer_id()) == optional(edit.note) &&
              stored->is_pro() == edit.is_pro && stored->created_at() == op.origin->created_at.us;
  if (!same) {
    return Status(Code::conflict,
                  fmt::format("user {} is here with other contents", to_string(current_.owner)));
  }
  current_.present = true;
  return Status();
}

Status Executor::edit_profile(Op& op) {
  UserState state;
  if (Status s = newest_user(&state); !s.ok()) return s;
  if (op.expected && *op.expected != state.rev) {
    return Status::conflict(
        fmt::format("the profile is at revision {}, expected {}", state.rev, *op.expected),
        state.rev);
  }
  UserFields fields = state.fields;
  const Edit& edit = *op.edit;
  if (edit.name) {
    std::string folded = format::fold_case(*edit.name);
    std::string old = format::fold_case(state.fields.email);
    if (folded != old) {
      Uuid hash = format::text_hash(folded, settings_.salt);
      if (Status s = claim(Kind::email, hash, "the e-mail address"); !s.ok()) return s;
      erase(Kind::email, claim_key(Kind::email, format::text_hash(old, settings_.salt)));
    }
    fields.email = *edit.name;
  }
  if (edit.set_text) fields.full_name = optional(edit.text);
  return write_user(op, fields, state.rev + 1, state.effective_us);
}

Status Executor::link_customer(Op& op) {
  UserState state;
  if (Status s = newest_user(&state); !s.ok()) return s;
  const std::string& customer = *op.edit->note;
  if (state.fields.stripe_customer_id && *state.fields.stripe_customer_id != customer) {
    return Status(Code::failed_precondition, "the user has another customer");
  }
  if (!state.fields.stripe_customer_id) {
    Uuid hash = format::text_hash(customer, settings_.salt);
    if (Status s = claim(Kind::customer, hash, "the customer"); !s.ok()) return s;
  }
  UserFields fields = state.fields;
  fields.stripe_customer_id = customer;
  if (Status s = write_user(op, fields, state.rev + 1, state.effective_us); !s.ok()) return s;
  return adopt_customer(customer);
}

}  // namespace bcstore::model
