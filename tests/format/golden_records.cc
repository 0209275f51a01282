#include "format/golden_records.h"

#include <cstring>

#include "format/counter.h"
#include "format/search.h"
#include "records_generated.h"

namespace bcstore::format::golden {
namespace {

fb::Uuid fb_id(uint8_t first) {
  const Uuid plain = id(first);
  fb::Uuid out;
  std::memcpy(out.mutable_bytes()->data(), plain.bytes.data(), plain.bytes.size());
  return out;
}

// Calls a generated Create...Direct with the six common fields and then those of the kind.
template <class Create, class... Fields>
std::string table(Create create, const Fields&... fields) {
  flatbuffers::FlatBufferBuilder builder;
  const fb::Uuid actor = fb_id(0xC0);
  builder.Finish(create(builder, kCommitSeq, kCreatedAt, kEffectiveAt, kActorKind, &actor,
                        kActorName.data(), fields...));
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

std::string touched() {
  std::string tail;
  append(&tail, {Kind::project, id(0x50), 1});
  append(&tail, {Kind::message, id(0x60), 0x1122334455667788});
  return tail;
}

Draft reference(Kind kind) { return Draft(kind, pack(Reference{id(0x70), 0x0A0B0C0D, 202508})); }

Draft project_records(Kind kind) {
  const fb::Uuid project = fb_id(0x30);
  switch (kind) {
    case Kind::project:
      return Draft(kind, table(fb::CreateProjectHeadDirect, "Tea shop", "Sell teas", uint8_t{2},
                               uint32_t{3}, uint32_t{4}, int64_t{5}, int64_t{6}, uint64_t{7}));
    case Kind::project_version:
      return Draft(kind, table(fb::CreateProjectVersionDirect, "Tea shop", "Sell teas", uint8_t{2},
                               "first"));
    case Kind::project_status:
      return Draft(kind, table(fb::CreateProjectStatusDirect, uint8_t{3}));
    case Kind::document:
      return Draft(kind, table(fb::CreateDocumentHeadDirect, &project, uint32_t{3}, uint8_t{2},
                               true, uint32_t{4}, uint32_t{5}, int64_t{6}, int64_t{7}));
    case Kind::document_lock:
      return Draft(kind, table(fb::CreateLockChangeDirect, true));
    default:
      return {};
  }
}

Draft task_and_chat_records(Kind kind) {
  const fb::Uuid project = fb_id(0x30);
  const fb::Uuid other = fb_id(0x40);
  const fb::HoldEffect effect(fb_id(0x50), -2, -1, 1, 4);
  switch (kind) {
    case Kind::task:
      return Draft(kind,
                   table(fb::CreateTaskHeadDirect, "Taste", uint8_t{2}, uint32_t{3}, uint64_t{4},
                         int64_t{5}, int64_t{6}),
                   "Green tea");
    case Kind::task_revision:
      return Draft(kind, table(fb::CreateTaskRevisionDirect, "Taste", true, int32_t{-3}),
                   "Green tea");
    case Kind::task_activity:
      return Draft(kind, table(fb::CreateTaskActivityDirect, uint8_t{1}));
    case Kind::session:
      return Draft(kind,
                   table(fb::CreateSessionHeadDirect, &project, "Morning", uint32_t{2}, int64_t{3},
                         uint64_t{4}, uint64_t{5}, "Night", &other, uint64_t{6}, uint8_t{1}));
    case Kind::session_title:
      return Draft(kind, table(fb::CreateSessionTitleDirect, "Evening"));
    case Kind::message:
      return Draft(kind,
                   table(fb::CreateMessageDirect, uint8_t{2}, int32_t{17}, uint64_t{3}, &other,
                         "call-1", "search", "{}", uint64_t{40}),
                   "Hello");
    case Kind::event:
    case Kind::audit:
      return Draft(kind,
                   table(fb::CreateEventDirect, "tool", true, &project, &other, uint32_t{5}, &other,
                         uint64_t{6}, "call-1"),
                   "null");
    case Kind::credit_account:
      return Draft(kind, table(fb::CreateCreditAccountDirect, int32_t{20}, true, int64_t{7},
                               uint8_t{31}, true, uint8_t{3}, int32_t{6}));
    case Kind::credit_counter:
      return Draft(kind, pack(Counter{3, 4, 5, 6, 7}));
    case Kind::credit_entry:
      return Draft(kind, table(fb::CreateCreditEntryDirect, uint8_t{2}, int32_t{3}, int32_t{-2},
                               int32_t{-1}, int32_t{0}, int32_t{9}, false, uint64_t{5}, "turn",
                               int32_t{20}, true, int64_t{7}, uint8_t{3}, &effect, 3, 2));
    case Kind::feed_cursor:
      return Draft(kind, table(fb::CreateFeedCursorDirect, "mailer", uint64_t{5}));
    case Kind::feed_floor:
      return Draft(kind, table(fb::CreateFeedFloorDirect, uint64_t{4}));
    case Kind::replica_keys:
      return Draft(kind, table(fb::CreateReplicaKeysDirect, uint32_t{1}, uint64_t{0x1234}),
                   std::string_view("\x01\x02\x50\x51", 4));
    case Kind::replica_state:
      return Draft(kind, table(fb::CreateReplicaStateDirect, uint8_t{2}, true), "place");
    case Kind::rate_state:
      return Draft(kind, table(fb::CreateRateStateDirect), std::string(16, '\x33'));
    case Kind::credit_hold:
      return Draft(
          kind, table(fb::CreateCreditHoldDirect, int32_t{9}, int32_t{2}, int32_t{7}, uint64_t{5},
                      int64_t{8}, uint64_t{3}, uint8_t{2}, int32_t{6}, int32_t{1}, int32_t{2},
                      int32_t{4}, int64_t{7}, uint64_t{10}, uint64_t{11}, uint64_t{12}, "turn"));
    default:
      return {};
  }
}

std::string spans() {
  const SectionEntry entry{
      0x0102030405060708, 0x1112131415161718, {0x2122232425262728, 0x31323334}};
  std::string tail;
  append(&tail, SectionSpan{entry, 3, 5});
  return tail;
}

Draft section_records(Kind kind) {
  const fb::Uuid other = fb_id(0x40);
  switch (kind) {
    case Kind::vector_space:
      return Draft(kind, table(fb::CreateVectorSpaceDirect, "", uint32_t{2}, uint8_t{1}));
    case Kind::section_head:
      return Draft(kind, table(fb::CreateSectionHeadDirect, uint32_t{3}, &other, uint32_t{1}),
                   spans());
    case Kind::section_list:
      return Draft(kind, table(fb::CreateSectionListDirect, uint32_t{5}, uint32_t{1}, &other),
                   spans().substr(0, SectionEntry::kBytes));
    case Kind::section_block:
      return Draft(kind, table(fb::CreateSectionBlockDirect, "goals", "Goals", uint32_t{3}),
                   "Sell tea");
    case Kind::vector:
      return Draft(kind, table(fb::CreateVectorDirect, uint32_t{2}, &other, uint32_t{3}),
                   std::string_view("\0\0\x80\x3f\0\0\0\xc0", 8));
    default:
      return {};
  }
}

Draft search_records(Kind kind) {
  const fb::Uuid document = fb_id(0x30), space = fb_id(0x40);
  const SectionEntry section{1, 2, {3, 4}};
  std::string entries;
  append(&entries, SearchEntry{section, 5});
  const std::vector<fb::SearchRecall> recall = {{16, 2, 9'900}};
  switch (kind) {
    case Kind::search_head:
      return Draft(kind,
                   table(fb::CreateSearchHeadDirect, &document, uint32_t{2}, uint32_t{3},
                         uint32_t{1}, &space),
                   entries);
    case Kind::search_space:
      return Draft(kind, table(fb::CreateSearchSpaceDirect, uint8_t{1}, uint32_t{2}, uint8_t{3},
                               uint32_t{70}, uint32_t{69}, uint32_t{64}, uint32_t{5}, uint32_t{6},
                               uint32_t{64}, uint32_t{63}, &recall));
    case Kind::search_lists: {
      std::string tail;
      append_u32(&tail, 63);
      return Draft(kind, table(fb::CreateSearchListsDirect, uint32_t{2}, uint32_t{1}),
                   tail + pack(SearchBlockTail{{{0, 0.5F, 9, 0}}, "ab"}));
    }
    case Kind::search_rows:
      return Draft(kind, table(fb::CreateSearchRowsDirect, uint32_t{2}, uint32_t{1}),
                   pack(SearchRowsTail{{{2, id(0x30), 1, {3, 4}, -5}}, {0x3C00, 0xC000}}));
    case Kind::search_block:
      return Draft(kind, table(fb::CreateSearchBlockDirect, uint32_t{2}, uint32_t{1}),
                   pack(SearchBlockTail{{{7, 0.5F, 9, 2}}, "ab"}));
    case Kind::search_bitmap:
      return Draft(kind, table(fb::CreateSearchBitmapDirect, uint32_t{1}),
                   "\x01" + std::string(kSearchBitmapBytes - 1, '\0'));
    default:
      return {};
  }
}

flatbuffers::Offset<fb::EventMark> mark(flatbuffers::FlatBufferBuilder& fbb, const char* event) {
  const fb::Uuid hash = fb_id(0x50);
  return fb::CreateEventMarkDirect(fbb, kCreatedAt, 3, event, &hash);
}

// Tables that hold others.
Draft billing_customer() {
  const fb::Uuid actor = fb_id(0xC0), user = fb_id(0x30);
  flatbuffers::FlatBufferBuilder fbb;
  const auto last = mark(fbb, "evt_1"), link = mark(fbb, "evt_2"), deleted = mark(fbb, "evt_3");
  fbb.Finish(fb::CreateBillingCustomerDirect(fbb, kCommitSeq, kCreatedAt, kEffectiveAt, 2, &actor,
                                             "planner", "cus_1", last, 2, link, &user, deleted));
  return Draft(Kind::billing_customer,
               {reinterpret_cast<const char*>(fbb.GetBufferPointer()), fbb.GetSize()},
               std::string(17, '\x04'));
}

Draft subscription() {
  const fb::Uuid actor = fb_id(0xC0);
  flatbuffers::FlatBufferBuilder fbb;
  const auto last = mark(fbb, "evt_1"), report = mark(fbb, "evt_2"), paid = mark(fbb, "evt_3");
  const auto failed = mark(fbb, "evt_4"), deleted = mark(fbb, "evt_5");
  fbb.Finish(fb::CreateSubscriptionHeadDirect(
      fbb, kCommitSeq, kCreatedAt, kEffectiveAt, 2, &actor, "planner", "sub_1", "cus_1", last,
      report, 4, "price_1", true, true, 7, paid, 8, failed, deleted, 6, true, 9));
  return Draft(Kind::subscription,
               {reinterpret_cast<const char*>(fbb.GetBufferPointer()), fbb.GetSize()});
}

Draft billing_records(Kind kind) {
  const fb::Uuid hash = fb_id(0x50);
  switch (kind) {
    case Kind::billing_delivery:
      return Draft(kind, table(fb::CreateBillingDeliveryDirect, "evt_1", &hash, int64_t{7},
                               uint8_t{3}, uint8_t{1}));
    case Kind::billing_customer:
      return billing_customer();
    case Kind::billing_account:
      return Draft(kind, table(fb::CreateBillingAccountDirect, true, uint8_t{2}),
                   std::string(16, '\x33'));
    case Kind::subscription:
      return subscription();
    case Kind::subscription_change:
      return Draft(kind, table(fb::CreateSubscriptionChangeDirect, uint8_t{4}, "price_1", true,
                               true, int64_t{7}, "evt_1", int64_t{8}, true, "sub_1", "cus_1"));
    default:
      return {};
  }
}

Draft call_records(Kind kind) {
  const fb::Uuid project = fb_id(0x30);
  const fb::Uuid other = fb_id(0x40);
  fb::Currency currency;
  std::memcpy(currency.mutable_letters()->data(), "EUR", 3);
  switch (kind) {
    case Kind::call:
      return Draft(kind, table(fb::CreateCallDirect, "planner", "tea-1", uint8_t{2}, int64_t{3},
                               int64_t{4}, int64_t{5}, int64_t{6}, int64_t{7}, int64_t{8},
                               &currency, &project, &other, uint64_t{9}, uint64_t{10}, &other));
    case Kind::call_rollup:
      return Draft(kind,
                   table(fb::CreateCallRollupDirect, "tea-1", &currency, int64_t{3}, int64_t{4},
                         int64_t{5}, int64_t{6}, int64_t{7}, int64_t{8}, int64_t{9}, int64_t{10}));
    default:
      break;
  }
  Draft made = section_records(kind);
  return made.empty() ? search_records(kind) : std::move(made);
}

Draft integration_and_public_records(Kind kind) {
  switch (kind) {
    case Kind::integration:
      return Draft(
          kind, table(fb::CreateIntegrationHeadDirect, uint8_t{2}, uint32_t{3}, true, int64_t{4}));
    case Kind::integration_change:
      return Draft(kind, table(fb::CreateIntegrationChangeDirect, uint8_t{2}, uint8_t{3}));
    case Kind::secret:
      return Draft(kind, table(fb::CreateSecretDirect, uint32_t{3}), "{}");
    case Kind::public_name:
      return Draft(kind, table(fb::CreatePublicNameDirect, "prices", uint32_t{3}, int64_t{4}));
    case Kind::public_record:
      return Draft(kind, table(fb::CreatePublicRecordDirect, "prices", uint8_t{1}), "{}");
    default:
      return call_records(kind);
  }
}

}  // namespace

Uuid id(uint8_t first) {
  Uuid out;
  for (size_t i = 0; i < out.bytes.size(); ++i) out.bytes[i] = static_cast<uint8_t>(first + i);
  return out;
}

std::string key(Kind kind) {
  const KindInfo* info = kind_info(static_cast<uint8_t>(kind));
  const bool system_only = static_cast<uint8_t>(kind) < 16;
  std::string out = Key(system_only ? Uuid() : id(0xA0), kind).str();
  if (info != nullptr) out.resize(info->key_bytes, '\x11');
  return out;
}

Draft draft(Kind kind) {
  const fb::Uuid hash = fb_id(0x80);
  switch (kind) {
    case Kind::store:
      return Draft(kind, table(fb::CreateStoreRecordDirect, uint32_t{1}, &hash, uint64_t{99}));
    case Kind::commit_link:
      return Draft(kind, pack(Link{kCreatedAt, 2, 3, 4, 5}));
    case Kind::user:
      return Draft(
          kind, table(fb::CreateUserDirect, "ada@example.com", "Ada", "cus_1", true, int64_t{8}));
    case Kind::commit_body:
      return Draft(kind,
                   table(fb::CreateCommitBodyDirect, uint64_t{9}, uint32_t{1}, uint8_t{1},
                         uint64_t{77}, uint32_t{2}),
                   touched());
    case Kind::idempotency:
      return Draft(kind, table(fb::CreateIdempotencyRecordDirect, uint64_t{9}, &hash),
                   std::string(kReceiptOperationBytes, '\x22'));
    case Kind::revision:
      return Draft(kind,
                   table(fb::CreateRevisionDirect, uint8_t{1}, uint64_t{2}, &hash, "typo",
                         uint32_t{4}, uint32_t{3}),
                   "{}", Coding::delta);
    default:
      break;
  }
  const KindInfo* info = kind_info(static_cast<uint8_t>(kind));
  if (info != nullptr && info->payload == Payload::reference) return reference(kind);
  Draft made = project_records(kind);
  if (made.empty()) made = task_and_chat_records(kind);
  if (made.empty()) made = billing_records(kind);
  return made.empty() ? integration_and_public_records(kind) : std::move(made);
}

}  // namespace bcstore::format::golden
