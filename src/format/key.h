// Every key byte of bcstore, and the catalogue of record kinds.
//
//   key   = owner(16) kind(1) rest
//
// Numbers are big-endian, so that byte order is numeric order; ~n is the number's complement, for
// lists that begin with the newest. Keys hold ids, numbers and hashes, never personal data: keys
// leak into MANIFEST, LOG and OPTIONS. Kind numbers are on disk: never reuse one.
//
// The map (kinds below 16 belong to the system owner alone; the others to any owner):
//
//   1  store                system
//   2  email                system hash(16)                    -> owner
//   3  customer             system hash(16)                    -> owner
//   4  owner_hash           system hash(8)                     -> owner
//   5  commit_link          system seq(8)
//   6  billing_delivery     system hash(16)
//   7  billing_customer     system hash(16)
//  16  user                 owner ~rev(4)
//  17  commit_body          owner seq(8)
//  18  idempotency          owner day(4) hash(16)
//  19  import_identity      owner hash(16)                     -> object, number
//  20  project              owner project(16)
//  21  project_by_age       owner ~age(8)                      -> project
//  22  project_version      owner project(16) ~version(4)
//  23  project_status       owner project(16) ~n(4)
//  24  document             owner document(16)
//  25  document_slot        owner project(16) version(4) section(1)   -> document
//  26  document_by_section  owner project(16) section(1) ~version(4)  -> document
//  27  revision             owner document(16) ~rev(4)
//  28  document_lock        owner document(16) ~n(4)
//  29  task_place           owner task(16)                     -> project, phase, age
//  30  task                 owner project(16) phase(5) age(8) task(16)
//  31  task_revision        owner task(16) ~rev(4)
//  32  task_activity        owner task(16) ~seq(8)
//  33  session              owner session(16)
//  34  session_by_age       owner project(16) ~age(8)          -> session
//  35  session_title        owner session(16) ~n(4)
//  36  message              owner session(16) ~month(4) ~seq(8)
//  37  message_id           owner message(16)                  -> session, seq, month
//  38  event                owner ~month(4) ~id(8)
//  39  session_month        owner session(16) ~first_seq(8)    -> month
//  40  event_month          owner ~first_id(8)                 -> month
//  41  audit                owner ~id(8)
//  42  credit_account       owner
//  43  credit_counter       owner
//  44  credit_entry         owner ~number(8)
//  45  credit_hold          owner hold(16)
//  46  live_hold            owner expires_at(8) hold(16)       -> hold
//  47  billing_account      owner
//  48  subscription         owner hash(16)
//  49  subscription_change  owner hash(16) ~n(4)
//  50  integration          owner integration(16)
//  51  integration_change   owner integration(16) ~rev(4)
//  52  secret               owner integration(16)
//  53  public_name          public hash(16)
//  54  public_record        public hash(16) ~rev(4)
//  55  vector_space         owner project(16) hash(16)
//  56  section_head         owner document(16)
//  57  section_list         owner document(16) ~rev(4)
//  58  section_block        owner document(16) name(8) hash(8)
//  59  vector               owner hash(12)
//  60  call                 owner ~month(4) ~id(8)
//  61  call_rollup          owner month(4) hash(16)
//  62  call_month           owner ~first_id(8)                 -> month
//  63  rate_state           owner
//  64  search_head          owner project(16) section(1)
//  65  search_space         owner project(16) hash(16)
//  66  search_rows          owner project(16) hash(16) group(4)
//  67  search_block         owner project(16) hash(16) generation(4) list(4) block(4)
//  68  search_bitmap        owner project(16) hash(16) part(4)
//  69  search_lists         owner project(16) hash(16) generation(4) part(4)
//  80  feed_cursor          owner hash(16)
//  81  feed_floor           system
//  82  replica_keys         system number(8)
//  83  replica_state        system
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "bcstore/id.h"

namespace bcstore::format {

enum class Kind : uint8_t {
  store = 1,
  email = 2,
  customer = 3,
  owner_hash = 4,
  commit_link = 5,
  billing_delivery = 6,
  billing_customer = 7,
  user = 16,
  commit_body = 17,
  idempotency = 18,
  import_identity = 19,
  project = 20,
  project_by_age = 21,
  project_version = 22,
  project_status = 23,
  document = 24,
  document_slot = 25,
  document_by_section = 26,
  revision = 27,
  document_lock = 28,
  task_place = 29,
  task = 30,
  task_revision = 31,
  task_activity = 32,
  session = 33,
  session_by_age = 34,
  session_title = 35,
  message = 36,
  message_id = 37,
  event = 38,
  session_month = 39,
  event_month = 40,
  audit = 41,
  credit_account = 42,
  credit_counter = 43,
  credit_entry = 44,
  credit_hold = 45,
  live_hold = 46,
  billing_account = 47,
  subscription = 48,
  subscription_change = 49,
  integration = 50,
  integration_change = 51,
  secret = 52,
  public_name = 53,
  public_record = 54,
  vector_space = 55,
  section_head = 56,
  section_list = 57,
  section_block = 58,
  vector = 59,
  call = 60,
  call_rollup = 61,
  call_month = 62,
  rate_state = 63,
  search_head = 64,
  search_space = 65,
  search_rows = 66,
  search_block = 67,
  search_bitmap = 68,
  search_lists = 69,
  feed_cursor = 80,
  feed_floor = 81,
  replica_keys = 82,
  replica_state = 83,
};

// What kind of bytes a record's meta part is.
enum class Payload : uint8_t { flat_buffer, reference, link, counter };

struct KindInfo {
  Kind kind;
  std::string_view name;
  std::string_view key;  // what follows the kind
  size_t key_bytes;      // of the whole key
  Payload payload;
  bool has_tail;
};

inline constexpr KindInfo kKinds[] = {
    {Kind::store, "store", "", 17, Payload::flat_buffer, false},
    {Kind::email, "email", "hash(16)", 33, Payload::reference, false},
    {Kind::customer, "customer", "hash(16)", 33, Payload::reference, false},
    {Kind::owner_hash, "owner_hash", "hash(8)", 25, Payload::reference, false},
    {Kind::commit_link, "commit_link", "seq(8)", 25, Payload::link, false},
    {Kind::billing_delivery, "billing_delivery", "hash(16)", 33, Payload::flat_buffer, false},
    {Kind::billing_customer, "billing_customer", "hash(16)", 33, Payload::flat_buffer, true},
    {Kind::user, "user", "~rev(4)", 21, Payload::flat_buffer, false},
    {Kind::commit_body, "commit_body", "seq(8)", 25, Payload::flat_buffer, true},
    {Kind::idempotency, "idempotency", "day(4) hash(16)", 37, Payload::flat_buffer, true},
    {Kind::import_identity, "import_identity", "hash(16)", 33, Payload::reference, false},
    {Kind::project, "project", "project(16)", 33, Payload::flat_buffer, false},
    {Kind::project_by_age, "project_by_age", "~age(8)", 25, Payload::reference, false},
    {Kind::project_version, "project_version", "project(16) ~version(4)", 37, Payload::flat_buffer,
     false},
    {Kind::project_status, "project_status", "project(16) ~n(4)", 37, Payload::flat_buffer, false},
    {Kind::document, "document", "document(16)", 33, Payload::flat_buffer, false},
    {Kind::document_slot, "document_slot", "project(16) version(4) section(1)", 38,
     Payload::reference, false},
    {Kind::document_by_section, "document_by_section", "project(16) section(1) ~version(4)", 38,
     Payload::reference, false},
    {Kind::revision, "revision", "document(16) ~rev(4)", 37, Payload::flat_buffer, true},
    {Kind::document_lock, "document_lock", "document(16) ~n(4)", 37, Payload::flat_buffer, false},
    {Kind::task_place, "task_place", "task(16)", 33, Payload::reference, false},
    {Kind::task, "task", "project(16) phase(5) age(8) task(16)", 62, Payload::flat_buffer, true},
    {Kind::task_revision, "task_revision", "task(16) ~rev(4)", 37, Payload::flat_buffer, true},
    {Kind::task_activity, "task_activity", "task(16) ~seq(8)", 41, Payload::flat_buffer, false},
    {Kind::session, "session", "session(16)", 33, Payload::flat_buffer, false},
    {Kind::session_by_age, "session_by_age", "project(16) ~age(8)", 41, Payload::reference, false},
    {Kind::session_title, "session_title", "session(16) ~n(4)", 37, Payload::flat_buffer, false},
    {Kind::message, "message", "session(16) ~month(4) ~seq(8)", 45, Payload::flat_buffer, true},
    {Kind::message_id, "message_id", "message(16)", 33, Payload::reference, false},
    {Kind::event, "event", "~month(4) ~id(8)", 29, Payload::flat_buffer, true},
    {Kind::session_month, "session_month", "session(16) ~first_seq(8)", 41, Payload::reference,
     false},
    {Kind::event_month, "event_month", "~first_id(8)", 25, Payload::reference, false},
    {Kind::audit, "audit", "~id(8)", 25, Payload::flat_buffer, true},
    {Kind::credit_account, "credit_account", "", 17, Payload::flat_buffer, false},
    {Kind::credit_counter, "credit_counter", "", 17, Payload::counter, false},
    {Kind::credit_entry, "credit_entry", "~number(8)", 25, Payload::flat_buffer, false},
    {Kind::credit_hold, "credit_hold", "hold(16)", 33, Payload::flat_buffer, false},
    {Kind::live_hold, "live_hold", "expires_at(8) hold(16)", 41, Payload::reference, false},
    {Kind::billing_account, "billing_account", "", 17, Payload::flat_buffer, true},
    {Kind::subscription, "subscription", "hash(16)", 33, Payload::flat_buffer, false},
    {Kind::subscription_change, "subscription_change", "hash(16) ~n(4)", 37, Payload::flat_buffer,
     false},
    {Kind::integration, "integration", "integration(16)", 33, Payload::flat_buffer, false},
    {Kind::integration_change, "integration_change", "integration(16) ~rev(4)", 37,
     Payload::flat_buffer, false},
    {Kind::secret, "secret", "integration(16)", 33, Payload::flat_buffer, true},
    {Kind::public_name, "public_name", "hash(16)", 33, Payload::flat_buffer, false},
    {Kind::public_record, "public_record", "hash(16) ~rev(4)", 37, Payload::flat_buffer, true},
    {Kind::vector_space, "vector_space", "project(16) hash(16)", 49, Payload::flat_buffer, false},
    {Kind::section_head, "section_head", "document(16)", 33, Payload::flat_buffer, true},
    {Kind::section_list, "section_list", "document(16) ~rev(4)", 37, Payload::flat_buffer, true},
    {Kind::section_block, "section_block", "document(16) name(8) hash(8)", 49, Payload::flat_buffer,
     true},
    {Kind::vector, "vector", "hash(12)", 29, Payload::flat_buffer, true},
    {Kind::call, "call", "~month(4) ~id(8)", 29, Payload::flat_buffer, false},
    {Kind::call_rollup, "call_rollup", "month(4) hash(16)", 37, Payload::flat_buffer, false},
    {Kind::call_month, "call_month", "~first_id(8)", 25, Payload::reference, false},
    {Kind::rate_state, "rate_state", "", 17, Payload::flat_buffer, true},
    {Kind::search_head, "search_head", "project(16) section(1)", 34, Payload::flat_buffer, true},
    {Kind::search_space, "search_space", "project(16) hash(16)", 49, Payload::flat_buffer, false},
    {Kind::search_rows, "search_rows", "project(16) hash(16) group(4)", 53, Payload::flat_buffer,
     true},
    {Kind::search_block, "search_block", "project(16) hash(16) generation(4) list(4) block(4)", 61,
     Payload::flat_buffer, true},
    {Kind::search_bitmap, "search_bitmap", "project(16) hash(16) part(4)", 53, Payload::flat_buffer,
     true},
    {Kind::search_lists, "search_lists", "project(16) hash(16) generation(4) part(4)", 57,
     Payload::flat_buffer, true},
    {Kind::feed_cursor, "feed_cursor", "hash(16)", 33, Payload::flat_buffer, false},
    {Kind::feed_floor, "feed_floor", "", 17, Payload::flat_buffer, false},
    {Kind::replica_keys, "replica_keys", "number(8)", 25, Payload::flat_buffer, true},
    {Kind::replica_state, "replica_state", "", 17, Payload::flat_buffer, true},
};

// Null for a number that is no kind.
const KindInfo* kind_info(uint8_t number);
std::string_view to_string(Kind kind);

inline constexpr size_t kOwnerBytes = 16;
inline constexpr size_t kKindOffset = 16;
inline constexpr size_t kMaxKeyBytes = 64;

// A key under construction, without allocation.
class Key {
 public:
  Key(const Uuid& owner, Kind kind) {
    append(owner);
    bytes_[size_++] = static_cast<char>(kind);
  }
  Key(UserId owner, Kind kind) : Key(owner.uuid(), kind) {}

  Key& append(const Uuid& id) {
    std::memcpy(bytes_ + size_, id.bytes.data(), id.bytes.size());
    size_ += id.bytes.size();
    return *this;
  }
  template <class K>
  Key& append(const Id<K>& id) {
    return append(id.uuid());
  }
  Key& u8(uint8_t n) {
    bytes_[size_++] = static_cast<char>(n);
    return *this;
  }
  Key& u32(uint32_t n) { return big_endian(n, 4); }
  Key& u64(uint64_t n) { return big_endian(n, 8); }
  Key& not_u32(uint32_t n) { return u32(~n); }
  Key& not_u64(uint64_t n) { return u64(~n); }
  // In the order of time, also before 1970.
  Key& time(Time at) { return u64(static_cast<uint64_t>(at.us) ^ uint64_t{1} << 63); }

  std::string_view view() const { return {bytes_, size_}; }
  operator std::string_view() const { return view(); }  // NOLINT(*-explicit-*)
  std::string str() const { return std::string(view()); }

 private:
  Key& big_endian(uint64_t n, size_t width) {
    for (size_t i = width; i-- > 0;) bytes_[size_++] = static_cast<char>(n >> (8 * i));
    return *this;
  }
  char bytes_[kMaxKeyBytes];
  size_t size_ = 0;
};

// A task's phase in a key, 5 bytes: 1 and the phase in signed order, or 2 and zeros for none, which
// so comes last.
void append_phase(Key& key, std::optional<int32_t> phase);
std::optional<int32_t> key_phase(std::string_view key, size_t offset);

// The smallest key that is larger than every key with this prefix.
std::string after_prefix(std::string_view prefix);

// Reads numbers and ids out of a key that parse_key accepted.
Uuid key_uuid(std::string_view key, size_t offset);
uint32_t key_u32(std::string_view key, size_t offset);
uint64_t key_u64(std::string_view key, size_t offset);
inline Time key_time(std::string_view key, size_t offset) {
  return Time{static_cast<int64_t>(key_u64(key, offset) ^ uint64_t{1} << 63)};
}

// The kind of a key whose length fits it, or nullptr: disk contents are untrusted input.
const KindInfo* parse_key(std::string_view key);
UserId key_owner(std::string_view key);

}  // namespace bcstore::format
