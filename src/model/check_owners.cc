// Rules of the store record, of users, and of the index that names users from outside.
#include <fmt/format.h>

#include "model/check_walk.h"
#include "model/encode.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::Reference;

Status check_store_record(CheckWalk& walk, const CheckedRecord& record) {
  const uint32_t format = record.table<fb::StoreRecord>().format();
  if (format == 0 || format > format::kStoreFormat) {
    walk.violation(record, "format is known", fmt::format("it is {}", format));
  }
  if (record.table<fb::StoreRecord>().store_id() == nullptr) {
    walk.violation(record, "the store has an id", "store_id is absent");
  }
  return Status();
}

Status check_user(CheckWalk& walk, const CheckedRecord& record) {
  const auto& user = record.table<fb::User>();
  if (text_of(user.email()).empty()) {
    walk.violation(record, "a user has an e-mail address", "it is empty");
  }
  CheckRead first{Key(record.owner(), Kind::user).not_u32(1)};
  if (Status s = walk.read(first); !s.ok() || !first.found()) return s;
  const int64_t joined_at = first.record.common().created_at();
  if (user.joined_at() != joined_at) {
    walk.violation(record, "joined_at is when the user was created",
                   fmt::format("it is {} and should be {}", user.joined_at(), joined_at));
  }
  return Status();
}

// What the newest revision says has entries in the index of the system.
Status check_newest_user(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead account{Key(record.owner(), Kind::credit_account)};
  if (Status s = walk.read(account); !s.ok()) return s;
  if (account.absent()) {
    walk.violation(record, "a user is born with credits",
                   "there is no " + format::to_hex(account.key));
  }
  if (!walk.salt()) return Status();
  const uint64_t salt = *walk.salt();
  const Reference owner{record.owner().uuid(), 0, 0};
  const Key hash =
      Key(kSystemOwner, Kind::owner_hash).u64(format::owner_hash(record.owner(), salt));
  if (Status s = walk.expect_entry(record, hash, owner); !s.ok()) return s;
  if (!record.verified()) return Status();
  const auto& user = record.table<fb::User>();
  const Uuid email = format::text_hash(format::fold_case(text_of(user.email())), salt);
  if (Status s = walk.expect_entry(record, Key(kSystemOwner, Kind::email).append(email), owner);
      !s.ok()) {
    return s;
  }
  if (user.stripe_customer_id() == nullptr) return Status();
  const Uuid customer = format::text_hash(text_of(user.stripe_customer_id()), salt);
  return walk.expect_entry(record, Key(kSystemOwner, Kind::customer).append(customer), owner);
}

namespace {

// Where the entry of the user's text would lie; nullopt without such a text.
using EntryOf = std::optional<Uuid> (*)(const fb::User& user, uint64_t salt);

Status check_user_entry(CheckWalk& walk, const CheckedRecord& record, EntryOf entry_of) {
  if (!walk.salt()) return Status();
  const UserId owner(record.reference().id);
  CheckRead user("");
  if (Status s = walk.read_first(Key(owner, Kind::user), &user); !s.ok()) return s;
  const Reference expected{owner.uuid(), 0, 0};
  const bool is_its = user.found() && record.reference() == expected &&
                      entry_of(user.record.table<fb::User>(), *walk.salt()) == record.uuid_at(17);
  if (user.absent() || (user.found() && !is_its)) {
    walk.violation(record, "index entry names its record",
                   fmt::format("the newest record of user {} {}", to_string(owner),
                               user.absent() ? "is missing" : "says otherwise"));
  }
  return Status();
}

}  // namespace

Status check_email(CheckWalk& walk, const CheckedRecord& record) {
  return check_user_entry(walk, record, [](const fb::User& user, uint64_t salt) {
    return std::optional(format::text_hash(format::fold_case(text_of(user.email())), salt));
  });
}

// A profile shows one of its customers; the others are told of by their own records.
Status check_customer(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead known{Key(kSystemOwner, Kind::billing_customer).append(record.uuid_at(17))};
  if (Status s = walk.read(known); !s.ok()) return s;
  if (known.found()) {
    const auto* user = known.record.table<fb::BillingCustomer>().user();
    if (user == nullptr || record.reference() != Reference{from_fb(user), 0, 0}) {
      walk.violation(record, "index entry names its record", "the customer is another's");
    }
    return Status();
  }
  return check_user_entry(walk, record, [](const fb::User& user, uint64_t salt) {
    if (user.stripe_customer_id() == nullptr) return std::optional<Uuid>();
    return std::optional(format::text_hash(text_of(user.stripe_customer_id()), salt));
  });
}

Status check_owner_hash(CheckWalk& walk, const CheckedRecord& record) {
  const UserId owner(record.reference().id);
  if (walk.salt() &&
      (format::key_u64(record.key(), 17) != format::owner_hash(owner, *walk.salt()) ||
       record.reference() != Reference{owner.uuid(), 0, 0})) {
    walk.violation(record, "index entry names its record",
                   fmt::format("it is not the hash of {}", to_string(owner)));
  }
  CheckRead first{Key(owner, Kind::user).not_u32(1)};
  if (Status s = walk.read(first); !s.ok()) return s;
  if (first.absent()) {
    walk.violation(record, "index entry names its record",
                   fmt::format("there is no user {}", to_string(owner)));
  }
  return Status();
}

}  // namespace bcstore::model
