// Encoder: builds the record of each kind. The scalars that the execution of a commit decides or
// moves (commit_seq, times, counts, states) are always present, so that they can be patched in
// place; everything else takes no space when it is absent.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bcstore/id.h"
#include "bcstore/types.h"
#include "bcstore/write_batch.h"
#include "format/record.h"
#include "records_generated.h"

namespace bcstore::model {

using format::Draft;
using OptionalText = std::optional<std::string_view>;

// Who made a record, and whose it is: an owner's own work takes no space.
struct By {
  const Actor& actor;
  UserId owner;
};

struct UserFields {
  std::string_view email;
  OptionalText full_name;
  OptionalText stripe_customer_id;
  bool is_pro = false;
  int64_t joined_at_us = 0;
};

struct VersionFields {
  std::string_view name;
  std::string_view idea_prompt;
  ProjectStatus status{};
  OptionalText change_note;
};

struct TaskFields {
  std::string_view title;
  std::string_view description;
  std::optional<int32_t> phase;
};

struct SessionFields {
  Uuid project;
  OptionalText title, first_title;
  Uuid parent;  // nil: no fork
  uint64_t parent_seq = 0;
  uint8_t depth = 0;
};

struct MessageFields {
  Role role{};
  std::string_view content;
  std::optional<int32_t> token_count;
  std::optional<uint64_t> replaces;
  Uuid given_id;  // nil: derived
  OptionalText call_id, name, metadata;
};

struct EventFields {
  std::string_view type;
  OptionalText payload;
  bool is_audit = false;
  std::optional<Uuid> project, document, session;
  uint32_t rev = 0;
  uint64_t message_seq = 0;
  OptionalText call_id;
};

struct CallFields {
  std::string_view agent, model, currency;
  CallStatus status{};
  int64_t input_tokens = 0, output_tokens = 0, cached_tokens = 0;
  int64_t latency_us = 0, cost_micros = 0;
  std::optional<int64_t> first_token_us;
  std::optional<Uuid> project, session, hold;
  uint64_t message_seq = 0, event = 0;
};

struct AccountFields {
  int32_t plan_allowance = 0;
  std::optional<int64_t> reset_at_us;
  uint8_t anchor_day = 0;
  bool is_unlimited = false;
  int32_t debt = 0;
  uint8_t unlimited_by = 0;
};

// Of billing; see billing_fields.h.
struct DeliveryFields;
struct CustomerFields;
struct BillingAccountFields;
struct SubscriptionFields;

// What a store is to others of the same contents; on disk.
enum class ReplicaRole : uint8_t { none = 0, source = 1, standby = 2 };

struct RevisionFields {
  ContentType content_type{};
  std::string_view content;
  OptionalText change_note;
};

struct BlockFields {
  std::string_view block_id;
  OptionalText heading, body;
  uint32_t rev = 0;
};

struct SearchSpaceFields {
  uint8_t codec = 0;
  uint32_t dimension = 0;
  Metric metric{};
  uint32_t count = 0, live = 0, folded = 0;
  uint32_t generation = 0, lists = 0, listed = 0, in_lists = 0;
  struct Recall {
    uint32_t nearest = 0, probes = 0, found = 0;
  };
  std::vector<Recall> recall;  // for each `nearest` with more and more probes
};
SearchSpaceFields fields_of(const fb::SearchSpace& space);

inline fb::Uuid to_fb(const Uuid& id) {
  return fb::Uuid(flatbuffers::span<const uint8_t, 16>(id.bytes.data(), 16));
}

inline Uuid from_fb(const fb::Uuid* id) {
  Uuid out;
  if (id != nullptr) {
    for (size_t i = 0; i < out.bytes.size(); ++i) {
      out.bytes[i] = id->bytes()->Get(static_cast<flatbuffers::uoffset_t>(i));
    }
  }
  return out;
}

inline std::string_view text_of(const flatbuffers::String* text) {
  return text == nullptr ? std::string_view() : text->string_view();
}

inline OptionalText optional_text(const flatbuffers::String* text) {
  return text == nullptr ? OptionalText() : OptionalText(text->string_view());
}

inline constexpr size_t kCurrencyBytes = 3;

inline fb::Currency currency_to_fb(std::string_view letters) {
  fb::Currency out;
  for (size_t i = 0; i < kCurrencyBytes && i < letters.size(); ++i) {
    out.mutable_letters()->Mutate(static_cast<flatbuffers::uoffset_t>(i),
                                  static_cast<uint8_t>(letters[i]));
  }
  return out;
}

inline std::string_view text_of(const fb::Currency* currency) {
  if (currency == nullptr) return {};
  return {reinterpret_cast<const char*>(currency->letters()->Data()), kCurrencyBytes};
}

// Of any table: each begins with the fields of Common.
template <class Table>
Actor actor_of(const Table& table, UserId owner) {
  if (table.actor_kind() == 0) return Actor::of_user(owner);
  return {static_cast<ActorKind>(table.actor_kind()), UserId(from_fb(table.actor_id())),
          std::string(text_of(table.actor_name()))};
}

SessionFields session_fields(const fb::SessionHead& head);

template <class Table>
const Table* root(const Draft& draft) {
  return flatbuffers::GetRoot<Table>(draft.meta());
}
template <class Table>
Table* mutable_root(Draft& draft) {
  return flatbuffers::GetMutableRoot<Table>(draft.meta());
}

class Encoder {
 public:
  Draft store(uint32_t format, const Uuid& store_id, uint64_t salt, Time created_at);
  Draft user(By by, const UserFields& fields);
  Draft project_head(By by, const VersionFields& fields);
  Draft project_version(By by, const VersionFields& fields);
  Draft project_status(By by, ProjectStatus status);
  Draft document_head(By by, const Uuid& project, Section section, bool is_locked);
  Draft lock_change(By by, bool is_locked);
  // Without a tail: the content is coded later.
  Draft revision(By by, const RevisionFields& fields);
  Draft task_head(By by, const TaskFields& fields);
  Draft task_revision(By by, const TaskFields& fields);
  Draft task_activity(By by, TaskAction action);
  Draft session_head(By by, const SessionFields& fields);
  Draft session_title(By by, OptionalText title);
  Draft message(By by, const MessageFields& fields);
  Draft event(By by, const EventFields& fields);
  Draft call(By by, const CallFields& fields);
  // The sum of no calls.
  Draft call_rollup(By by, std::string_view model, std::string_view currency);
  Draft credit_account(By by, const AccountFields& fields);
  // What it did to the balance is set when it is executed.
  Draft credit_entry(By by, CreditEntryKind kind, int32_t amount, OptionalText reason,
                     const Uuid& hold = {});
  Draft credit_hold(By by, int32_t amount, OptionalText reason);
  Draft integration_head(By by, IntegrationType type);
  Draft integration_change(By by, IntegrationType type, IntegrationAction action);
  Draft secret(By by, uint32_t rev, std::string_view metadata);
  Draft public_name(By by, std::string_view name);
  Draft public_record(By by, std::string_view name, ContentType type, std::string_view content);
  Draft vector_space(By by, std::string_view name, uint32_t dimension, Metric metric);
  struct IntakeFields {
    uint32_t rev;
    uint32_t last;  // index of the interval that came last, from 1
    Uuid space;     // nil without an embedding
    std::string_view spans;
  };
  Draft section_head(By by, const IntakeFields& fields);
  struct ListFields {
    uint32_t rev_last, blocks;
    Uuid space;  // nil without an embedding
    std::string_view entries;
  };
  Draft section_list(By by, const ListFields& fields);
  Draft section_block(By by, const BlockFields& fields);
  Draft vector(By by, const Uuid& document, uint32_t rev, std::string_view floats);
  struct SearchHeadFields {
    Uuid document;
    uint32_t version, rev, entries;
    Uuid space;  // nil without an embedding
    std::string_view tail;
  };
  Draft search_head(By by, const SearchHeadFields& fields);
  Draft search_space(By by, const SearchSpaceFields& fields);
  Draft search_rows(By by, uint32_t dimension, uint32_t entries, std::string_view tail);
  Draft search_block(By by, uint32_t dimension, uint32_t entries, std::string_view tail);
  Draft search_bitmap(By by, uint32_t live, std::string_view bits);
  Draft search_lists(By by, uint32_t dimension, uint32_t entries, std::string_view tail);
  Draft billing_delivery(By by, const DeliveryFields& fields);
  Draft billing_customer(By by, const CustomerFields& fields);
  Draft billing_account(By by, const BillingAccountFields& fields);
  Draft subscription(By by, const SubscriptionFields& fields);
  Draft subscription_change(By by, const SubscriptionFields& fields, bool is_gone);
  struct BodyFields {
    uint64_t commit_seq, owner_seq, salt;
    Time at;
    uint32_t operations;
    std::string_view touched;  // packed
  };
  Draft rate_state(By by, std::string_view ahead);
  Draft feed_cursor(By by, std::string_view name, uint64_t seq);
  Draft feed_floor(By by, uint64_t through_seq);
  Draft replica_keys(By by, uint32_t keys, uint64_t chain, std::string_view packed);
  Draft replica_state(By by, ReplicaRole role, bool is_consistent, std::string_view position);
  Draft commit_body(By by, const BodyFields& fields);
  // The window is counted from `at`.
  Draft idempotency(const Receipt& receipt, Time at, const Uuid& request,
                    std::string_view operations);

 private:
  struct Who {
    uint8_t kind = 0;
    fb::Uuid id{};
    flatbuffers::Offset<flatbuffers::String> name{};
  };
  static bool is_own(By by);
  Who who(By by);
  void build_body(By by);
  template <class Builder>
  void add_common(Builder& builder, const Who& who);
  template <class Builder, class Add>
  void always(Builder& builder, Add add);
  flatbuffers::Offset<flatbuffers::String> text(OptionalText text);
  Draft finish(format::Kind kind);
  Draft finish(format::Kind kind, std::string_view tail);

  flatbuffers::FlatBufferBuilder fbb_{512};
  // Meta parts of what each commit writes, to be patched: their layout is always the same.
  std::string own_body_;  // of an owner's own commit
  std::string idempotency_;
};

template <class Builder, class Add>
void Encoder::always(Builder& builder, Add add) {
  fbb_.ForceDefaults(true);
  add(builder);
  fbb_.ForceDefaults(false);
}

template <class Builder>
void Encoder::add_common(Builder& builder, const Who& who) {
  always(builder, [](Builder& b) {
    b.add_commit_seq(0);
    b.add_created_at(0);
    b.add_effective_at(0);
  });
  if (who.kind == 0) return;
  builder.add_actor_kind(who.kind);
  if (who.kind == static_cast<uint8_t>(ActorKind::user)) builder.add_actor_id(&who.id);
  if (!who.name.IsNull()) builder.add_actor_name(who.name);
}

}  // namespace bcstore::model
