// Which family each kind of record lies in.
#pragma once

#include <array>
#include <cstdint>
#include <iterator>

#include "engine/engine.h"
#include "format/key.h"

namespace bcstore::engine {

struct FamilyRow {
  format::Kind kind;
  Family family;
};

inline constexpr FamilyRow kFamilyRows[] = {
    {format::Kind::store, Family::system},
    {format::Kind::project, Family::heads},
    {format::Kind::document, Family::heads},
    {format::Kind::credit_account, Family::heads},
    {format::Kind::credit_hold, Family::heads},
    {format::Kind::rate_state, Family::heads},
    {format::Kind::feed_cursor, Family::heads},
    {format::Kind::feed_floor, Family::heads},
    {format::Kind::replica_keys, Family::log},
    {format::Kind::replica_state, Family::heads},
    {format::Kind::task_place, Family::heads},
    {format::Kind::task, Family::heads},
    {format::Kind::session, Family::heads},
    {format::Kind::integration, Family::heads},
    {format::Kind::public_name, Family::heads},
    {format::Kind::vector_space, Family::heads},
    {format::Kind::section_head, Family::heads},
    {format::Kind::billing_customer, Family::heads},
    {format::Kind::billing_account, Family::heads},
    {format::Kind::subscription, Family::heads},
    {format::Kind::call_rollup, Family::heads},
    {format::Kind::search_head, Family::heads},
    {format::Kind::search_space, Family::heads},
    {format::Kind::search_bitmap, Family::heads},
    {format::Kind::user, Family::history},
    {format::Kind::project_version, Family::history},
    {format::Kind::project_status, Family::history},
    {format::Kind::document_lock, Family::history},
    {format::Kind::task_revision, Family::history},
    {format::Kind::task_activity, Family::history},
    {format::Kind::session_title, Family::history},
    {format::Kind::audit, Family::history},
    {format::Kind::credit_entry, Family::history},
    {format::Kind::integration_change, Family::history},
    {format::Kind::public_record, Family::history},
    {format::Kind::billing_delivery, Family::history},
    {format::Kind::subscription_change, Family::history},
    {format::Kind::credit_counter, Family::credits},
    {format::Kind::revision, Family::revisions},
    {format::Kind::message, Family::months},
    {format::Kind::event, Family::months},
    {format::Kind::call, Family::months},
    {format::Kind::section_list, Family::sections},
    {format::Kind::section_block, Family::sections},
    {format::Kind::vector, Family::vectors},
    {format::Kind::secret, Family::secrets},
    {format::Kind::search_rows, Family::search},
    {format::Kind::search_block, Family::search},
    {format::Kind::search_lists, Family::search},
    {format::Kind::commit_link, Family::log},
    {format::Kind::commit_body, Family::log},
    {format::Kind::email, Family::index},
    {format::Kind::customer, Family::index},
    {format::Kind::owner_hash, Family::index},
    {format::Kind::idempotency, Family::index},
    {format::Kind::import_identity, Family::index},
    {format::Kind::project_by_age, Family::index},
    {format::Kind::document_slot, Family::index},
    {format::Kind::document_by_section, Family::index},
    {format::Kind::session_by_age, Family::index},
    {format::Kind::message_id, Family::index},
    {format::Kind::session_month, Family::index},
    {format::Kind::event_month, Family::index},
    {format::Kind::live_hold, Family::index},
    {format::Kind::call_month, Family::index},
};

constexpr std::array<Family, 256> families_by_kind() {
  std::array<Family, 256> all{};
  all.fill(Family::system);
  for (const FamilyRow& row : kFamilyRows) all[static_cast<uint8_t>(row.kind)] = row.family;
  return all;
}
inline constexpr std::array<Family, 256> kFamilyOf = families_by_kind();

constexpr Family family_of(format::Kind kind) { return kFamilyOf[static_cast<uint8_t>(kind)]; }

// No kind was forgotten.
static_assert(std::size(kFamilyRows) == std::size(format::kKinds));

}  // namespace bcstore::engine
