// Any bytes as a record of any kind: parsing never crashes and never reads outside them, and what
// the verifier accepts can be walked to its last field.
//
// Input: one byte, the kind; one that says how many bytes at the end are tail; then the bytes.
#include <flatbuffers/minireflect.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "format/counter.h"
#include "format/record.h"
#include "format/search.h"
#include "records_reflected.h"

namespace {

using namespace bcstore;
using namespace bcstore::format;

void require(bool holds) {
  if (!holds) std::abort();
}

// At exactly its size, so that a read past the end is seen; aligned as the engine's copy is.
std::unique_ptr<char[]> exact_copy(std::string_view bytes) {
  std::unique_ptr<char[]> copy(new char[bytes.size()]);
  if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
  return copy;
}

struct Reflected {
  Kind kind;
  const flatbuffers::TypeTable* (*table)();
};
const Reflected kReflected[] = {
    {Kind::store, fb::StoreRecordTypeTable},
    {Kind::user, fb::UserTypeTable},
    {Kind::commit_body, fb::CommitBodyTypeTable},
    {Kind::idempotency, fb::IdempotencyRecordTypeTable},
    {Kind::project, fb::ProjectHeadTypeTable},
    {Kind::project_version, fb::ProjectVersionTypeTable},
    {Kind::project_status, fb::ProjectStatusTypeTable},
    {Kind::document, fb::DocumentHeadTypeTable},
    {Kind::revision, fb::RevisionTypeTable},
    {Kind::document_lock, fb::LockChangeTypeTable},
    {Kind::task, fb::TaskHeadTypeTable},
    {Kind::task_revision, fb::TaskRevisionTypeTable},
    {Kind::task_activity, fb::TaskActivityTypeTable},
    {Kind::session, fb::SessionHeadTypeTable},
    {Kind::session_title, fb::SessionTitleTypeTable},
    {Kind::message, fb::MessageTypeTable},
    {Kind::event, fb::EventTypeTable},
    {Kind::audit, fb::EventTypeTable},
    {Kind::credit_account, fb::CreditAccountTypeTable},
    {Kind::credit_entry, fb::CreditEntryTypeTable},
    {Kind::credit_hold, fb::CreditHoldTypeTable},
    {Kind::rate_state, fb::RateStateTypeTable},
    {Kind::feed_cursor, fb::FeedCursorTypeTable},
    {Kind::feed_floor, fb::FeedFloorTypeTable},
    {Kind::replica_keys, fb::ReplicaKeysTypeTable},
    {Kind::replica_state, fb::ReplicaStateTypeTable},
    {Kind::billing_delivery, fb::BillingDeliveryTypeTable},
    {Kind::billing_customer, fb::BillingCustomerTypeTable},
    {Kind::billing_account, fb::BillingAccountTypeTable},
    {Kind::subscription, fb::SubscriptionHeadTypeTable},
    {Kind::subscription_change, fb::SubscriptionChangeTypeTable},
    {Kind::integration, fb::IntegrationHeadTypeTable},
    {Kind::integration_change, fb::IntegrationChangeTypeTable},
    {Kind::secret, fb::SecretTypeTable},
    {Kind::public_name, fb::PublicNameTypeTable},
    {Kind::public_record, fb::PublicRecordTypeTable},
    {Kind::vector_space, fb::VectorSpaceTypeTable},
    {Kind::section_head, fb::SectionHeadTypeTable},
    {Kind::section_list, fb::SectionListTypeTable},
    {Kind::section_block, fb::SectionBlockTypeTable},
    {Kind::vector, fb::VectorTypeTable},
    {Kind::call, fb::CallTypeTable},
    {Kind::call_rollup, fb::CallRollupTypeTable},
    {Kind::search_head, fb::SearchHeadTypeTable},
    {Kind::search_space, fb::SearchSpaceTypeTable},
    {Kind::search_rows, fb::SearchRowsTypeTable},
    {Kind::search_block, fb::SearchBlockTypeTable},
    {Kind::search_bitmap, fb::SearchBitmapTypeTable},
    {Kind::search_lists, fb::SearchListsTypeTable},
};

const flatbuffers::TypeTable* table_of(Kind kind) {
  for (const Reflected& one : kReflected) {
    if (one.kind == kind) return one.table();
  }
  return nullptr;
}

void look(std::string_view key, std::string_view value) {
  std::unique_ptr<char[]> copy = exact_copy(value);
  Parsed parsed;
  if (!parse_record(key, {copy.get(), value.size()}, &parsed).ok()) return;
  std::unique_ptr<char[]> meta = exact_copy(parsed.meta);
  if (!verify_meta(parsed.kind, meta.get(), parsed.meta.size())) return;
  const flatbuffers::TypeTable* table = table_of(parsed.kind);
  require(table != nullptr);
  flatbuffers::FlatBufferToString(reinterpret_cast<const uint8_t*>(meta.get()), table);
}

void look_packed(std::string_view bytes) {
  if (Reference reference; unpack(bytes, &reference)) require(pack(reference) == bytes);
  if (Link link; unpack(bytes, &link)) require(pack(link) == bytes);
  if (Counter counter; unpack(bytes, &counter)) require(pack(counter) == bytes);
  if (std::vector<Touched> touched; unpack(bytes, &touched)) {
    require(touched.size() * Touched::kBytes == bytes.size());
  }
  if (std::vector<SectionEntry> entries; unpack(bytes, &entries)) {
    std::string again;
    for (const SectionEntry& entry : entries) append(&again, entry);
    require(again == bytes);
  }
  if (std::vector<SectionSpan> spans; unpack(bytes, &spans)) {
    std::string again;
    for (const SectionSpan& span : spans) append(&again, span);
    require(again == bytes);
  }
}

void look_searched(std::string_view bytes) {
  if (std::vector<SearchEntry> entries; unpack(bytes, &entries)) {
    std::string again;
    for (const SearchEntry& entry : entries) append(&again, entry);
    require(again == bytes);
  }
  constexpr uint32_t kDimension = 3;
  for (uint32_t entries = 0; entries <= kSearchRowsOrdinals; ++entries) {
    SearchRowsTail rows;
    if (unpack(bytes, entries, kDimension, &rows)) require(pack(rows) == bytes);
  }
}

// The merge operator's two functions answer any bytes, and nonsense with poison.
void look_merge(std::string_view bytes) {
  const Key key(Uuid{{1}}, Kind::credit_counter);
  const std::string delta = delta_value(key, {1, {-1, 0}, {1, 0}});
  const std::string base = counter_value(key, {5, 5, 1});
  const std::string_view half = bytes.substr(0, bytes.size() / 2);
  for (const std::string_view any : {bytes, half}) {
    const bool sound = parse_delta(key, any).has_value();
    require((apply_delta(key, base, any) == kPoison) == !sound || sound);
    require(sound || combine_deltas(key, any, delta) == kPoison);
    require(sound || combine_deltas(key, delta, any) == kPoison);
    apply_delta(key, any, delta);
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  look_merge({reinterpret_cast<const char*>(data), size});
  const KindInfo* named = kind_info(data[0]);
  const KindInfo& info = named != nullptr ? *named : kKinds[data[0] % std::size(kKinds)];
  size_t cut = data[1];
  std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);

  // Kinds below 16 are the system owner's, whose id is nil.
  std::string key(info.key_bytes, static_cast<uint8_t>(info.kind) < 16 ? '\0' : '\x11');
  key[kKindOffset] = static_cast<char>(info.kind);
  require(parse_key(key) == &info);
  if (const KindInfo* other = parse_key(bytes)) require(other->key_bytes == bytes.size());

  look(key, bytes);
  look_packed(bytes);
  look_searched(bytes);
  // With a right checksum the bytes get past it, to the verifier and the fields.
  look(key, Draft(info.kind, bytes).seal(key));
  std::string_view tail = bytes.substr(bytes.size() - std::min(cut, bytes.size()));
  std::string_view meta = bytes.substr(0, bytes.size() - tail.size());
  const Coding coding = cut % 2 == 1 ? Coding::zstd : Coding::plain;
  Draft draft(info.kind, meta, tail, coding);
  require(draft.tail() == tail);
  look(key, draft.seal(key));
  return 0;
}
