#include "format/record.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "format/little_endian.h"
#include "records_generated.h"

namespace bcstore::format {

namespace {

// The seed binds the meta part to the key and to the first eight header bytes.
uint64_t seed_of(std::string_view key, const char* header) {
  return hash64(key) ^ (get_le<uint64_t>(header) * 0x9E3779B97F4A7C15ull);
}

}  // namespace

uint64_t hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

Uuid hash128(std::string_view bytes, uint64_t seed) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed));
  Uuid out;
  std::memcpy(out.bytes.data(), canonical.digest, out.bytes.size());
  return out;
}

Draft::Draft(Kind kind, std::string_view meta)
    : words_(static_cast<char*>(::operator new(kHeaderBytes + meta.size()))),
      size_(kHeaderBytes + meta.size()),
      meta_bytes_(meta.size()) {
  words_[0] = static_cast<char>(kMagic);
  words_[1] = static_cast<char>(kind);
  words_[2] = static_cast<char>(kSchema);
  words_[3] = 0;
  put_le(words_ + 4, static_cast<uint32_t>(meta.size()));
  std::memcpy(words_ + kHeaderBytes, meta.data(), meta.size());
}

Draft::Draft(Kind kind, std::string_view meta, std::string_view tail, Coding coding)
    : words_(static_cast<char*>(
          ::operator new(kHeaderBytes + meta.size() + kTailHeaderBytes + tail.size()))),
      size_(kHeaderBytes + meta.size() + kTailHeaderBytes + tail.size()),
      meta_bytes_(meta.size()),
      tail_hash_(hash64(tail)) {
  words_[0] = static_cast<char>(kMagic);
  words_[1] = static_cast<char>(kind);
  words_[2] = static_cast<char>(kSchema);
  words_[3] = static_cast<char>(kTail | static_cast<uint8_t>(coding));
  put_le(words_ + 4, static_cast<uint32_t>(meta.size()));
  char* to = words_ + kHeaderBytes;
  std::memcpy(to, meta.data(), meta.size());
  to += meta.size();
  put_le(to, tail_hash_);
  if (!tail.empty()) std::memcpy(to + kTailHeaderBytes, tail.data(), tail.size());
}

Draft::Draft(Draft&& other) noexcept { *this = std::move(other); }

Draft& Draft::operator=(Draft&& other) noexcept {
  std::swap(words_, other.words_);
  std::swap(size_, other.size_);
  std::swap(meta_bytes_, other.meta_bytes_);
  std::swap(tail_hash_, other.tail_hash_);
  return *this;
}

Draft::~Draft() { ::operator delete(words_); }

Draft Draft::copy(std::string_view value) {
  Draft copy;
  if (value.size() < kHeaderBytes) return copy;
  size_t meta_bytes = get_le<uint32_t>(value.data() + 4);
  bool has_tail = (static_cast<uint8_t>(value[3]) & kTail) != 0;
  if (meta_bytes + (has_tail ? kTailHeaderBytes : 0) > value.size() - kHeaderBytes) return copy;
  copy.words_ = static_cast<char*>(::operator new(value.size()));
  std::memcpy(copy.words_, value.data(), value.size());
  copy.size_ = value.size();
  copy.meta_bytes_ = meta_bytes;
  return copy;
}

Draft Draft::clone() const {
  Draft copy;
  if (empty()) return copy;
  copy.words_ = static_cast<char*>(::operator new(size_));
  std::memcpy(copy.words_, words_, size_);
  copy.size_ = size_;
  copy.meta_bytes_ = meta_bytes_;
  copy.tail_hash_ = tail_hash_;
  return copy;
}

std::string_view Draft::tail() const {
  if (empty() || (static_cast<uint8_t>(words_[3]) & kTail) == 0) return {};
  size_t offset = kHeaderBytes + meta_bytes_ + kTailHeaderBytes;
  return {words_ + offset, size_ - offset};
}

std::string_view Draft::seal(std::string_view key) {
  if (empty()) return {};
  bool has_tail = (static_cast<uint8_t>(words_[3]) & kTail) != 0;
  std::string_view covered(words_ + kHeaderBytes, meta_bytes_ + (has_tail ? kTailHeaderBytes : 0));
  put_le(words_ + 8, hash64(covered, seed_of(key, words_)));
  return {words_, size_};
}

std::string to_hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char c : bytes) {
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

Status corrupt(std::string_view key, std::string_view reason) {
  const KindInfo* info = parse_key(key);
  std::string message(info ? info->name : std::string_view("unknown table"));
  message += " record ";
  message += to_hex(key);
  message += ": ";
  message += reason;
  return Status(Code::corruption, std::move(message));
}

Status parse_record(std::string_view key, std::string_view value, Parsed* parsed, bool with_tail) {
  const KindInfo* info = parse_key(key);
  if (info == nullptr) return corrupt(key, "the key is of no known form");
  if (value.size() < kHeaderBytes) return corrupt(key, "shorter than a header");
  const char* header = value.data();
  if (static_cast<uint8_t>(header[0]) != kMagic) return corrupt(key, "no magic byte");
  if (static_cast<uint8_t>(header[1]) != static_cast<uint8_t>(info->kind)) {
    return corrupt(key, "the kind in the value is not the key's");
  }
  auto flags = static_cast<uint8_t>(header[3]);
  size_t meta_bytes = get_le<uint32_t>(header + 4);
  size_t rest = value.size() - kHeaderBytes;
  size_t tail_header = (flags & kTail) != 0 ? kTailHeaderBytes : 0;
  if (meta_bytes > rest || rest - meta_bytes < tail_header ||
      (tail_header == 0 && rest != meta_bytes)) {
    return corrupt(key, "lengths do not add up");
  }
  std::string_view covered = value.substr(kHeaderBytes, meta_bytes + tail_header);
  if (hash64(covered, seed_of(key, header)) != get_le<uint64_t>(header + 8)) {
    return corrupt(key, "checksum mismatch");
  }
  // Only after the checksum: these tell a newer writer from damage.
  if (static_cast<uint8_t>(header[2]) > kSchema || (flags & ~kKnownFlags) != 0) {
    return Status(Code::unsupported_format,
                  std::string(info->name) + " record was written by a newer library");
  }
  const bool coded_well =
      ((flags & kZstd) == 0 || (tail_header != 0 && info->kind == Kind::revision)) &&
      ((flags & kDelta) == 0 || (flags & kZstd) != 0);
  if (header[2] == 0 || meta_bytes > kMaxMetaBytes || !coded_well) {
    return corrupt(key, "outside the format's limits");
  }
  parsed->kind = info->kind;
  parsed->flags = flags;
  parsed->meta = covered.substr(0, meta_bytes);
  parsed->tail = value.substr(kHeaderBytes + meta_bytes + tail_header);
  if (with_tail && tail_header != 0 &&
      hash64(parsed->tail) != get_le<uint64_t>(covered.data() + meta_bytes)) {
    return corrupt(key, "tail checksum mismatch");
  }
  return Status();
}

namespace {

using Verify = bool (*)(flatbuffers::Verifier&);

template <class Table>
bool verify_table(flatbuffers::Verifier& verifier) {
  return verifier.VerifyBuffer<Table>();
}

struct TableOf {
  Kind kind;
  Verify verify;
};
constexpr TableOf kTables[] = {
    {Kind::store, verify_table<fb::StoreRecord>},
    {Kind::user, verify_table<fb::User>},
    {Kind::commit_body, verify_table<fb::CommitBody>},
    {Kind::idempotency, verify_table<fb::IdempotencyRecord>},
    {Kind::project, verify_table<fb::ProjectHead>},
    {Kind::project_version, verify_table<fb::ProjectVersion>},
    {Kind::project_status, verify_table<fb::ProjectStatus>},
    {Kind::document, verify_table<fb::DocumentHead>},
    {Kind::revision, verify_table<fb::Revision>},
    {Kind::document_lock, verify_table<fb::LockChange>},
    {Kind::task, verify_table<fb::TaskHead>},
    {Kind::task_revision, verify_table<fb::TaskRevision>},
    {Kind::task_activity, verify_table<fb::TaskActivity>},
    {Kind::session, verify_table<fb::SessionHead>},
    {Kind::session_title, verify_table<fb::SessionTitle>},
    {Kind::message, verify_table<fb::Message>},
    {Kind::event, verify_table<fb::Event>},
    {Kind::audit, verify_table<fb::Event>},
    {Kind::credit_account, verify_table<fb::CreditAccount>},
    {Kind::credit_entry, verify_table<fb::CreditEntry>},
    {Kind::credit_hold, verify_table<fb::CreditHold>},
    {Kind::rate_state, verify_table<fb::RateState>},
    {Kind::feed_cursor, verify_table<fb::FeedCursor>},
    {Kind::feed_floor, verify_table<fb::FeedFloor>},
    {Kind::replica_keys, verify_table<fb::ReplicaKeys>},
    {Kind::replica_state, verify_table<fb::ReplicaState>},
    {Kind::billing_delivery, verify_table<fb::BillingDelivery>},
    {Kind::billing_customer, verify_table<fb::BillingCustomer>},
    {Kind::billing_account, verify_table<fb::BillingAccount>},
    {Kind::subscription, verify_table<fb::SubscriptionHead>},
    {Kind::subscription_change, verify_table<fb::SubscriptionChange>},
    {Kind::integration, verify_table<fb::IntegrationHead>},
    {Kind::integration_change, verify_table<fb::IntegrationChange>},
    {Kind::secret, verify_table<fb::Secret>},
    {Kind::public_name, verify_table<fb::PublicName>},
    {Kind::public_record, verify_table<fb::PublicRecord>},
    {Kind::vector_space, verify_table<fb::VectorSpace>},
    {Kind::section_head, verify_table<fb::SectionHead>},
    {Kind::section_list, verify_table<fb::SectionList>},
    {Kind::section_block, verify_table<fb::SectionBlock>},
    {Kind::vector, verify_table<fb::Vector>},
    {Kind::call, verify_table<fb::Call>},
    {Kind::call_rollup, verify_table<fb::CallRollup>},
    {Kind::search_head, verify_table<fb::SearchHead>},
    {Kind::search_space, verify_table<fb::SearchSpace>},
    {Kind::search_rows, verify_table<fb::SearchRows>},
    {Kind::search_block, verify_table<fb::SearchBlock>},
    {Kind::search_bitmap, verify_table<fb::SearchBitmap>},
    {Kind::search_lists, verify_table<fb::SearchLists>},
};

// By kind; null for those whose meta part is no table.
constexpr std::array<Verify, 256> by_kind() {
  std::array<Verify, 256> all{};
  for (const TableOf& table : kTables) all[static_cast<uint8_t>(table.kind)] = table.verify;
  return all;
}
constexpr std::array<Verify, 256> kVerify = by_kind();

}  // namespace

bool verify_meta(Kind kind, const void* meta, size_t bytes) {
  const Verify verify = kVerify[static_cast<uint8_t>(kind)];
  if (verify == nullptr || bytes == 0 || bytes > kMaxMetaBytes) return false;
  flatbuffers::Verifier verifier(static_cast<const uint8_t*>(meta), bytes, kMaxTableDepth,
                                 kMaxTables);
  return verify(verifier);
}

std::string pack(const Reference& reference) {
  std::string out(Reference::kBytes, '\0');
  std::memcpy(out.data(), reference.id.bytes.data(), 16);
  put_le(out.data() + 16, reference.number);
  put_le(out.data() + 24, reference.extra);
  return out;
}

bool unpack(std::string_view meta, Reference* reference) {
  if (meta.size() != Reference::kBytes) return false;
  std::memcpy(reference->id.bytes.data(), meta.data(), 16);
  reference->number = get_le<uint64_t>(meta.data() + 16);
  reference->extra = get_le<uint32_t>(meta.data() + 24);
  return true;
}

std::string pack(const Link& link) {
  std::string out(Link::kBytes, '\0');
  put_le(out.data(), link.time_us);
  put_le(out.data() + 8, link.owner_hash);
  put_le(out.data() + 16, link.prev_hash);
  put_le(out.data() + 24, link.body_hash);
  put_le(out.data() + 32, link.durable_seq);
  return out;
}

bool unpack(std::string_view meta, Link* link) {
  if (meta.size() != Link::kBytes) return false;
  link->time_us = get_le<int64_t>(meta.data());
  link->owner_hash = get_le<uint64_t>(meta.data() + 8);
  link->prev_hash = get_le<uint64_t>(meta.data() + 16);
  link->body_hash = get_le<uint64_t>(meta.data() + 24);
  link->durable_seq = get_le<uint64_t>(meta.data() + 32);
  return true;
}

void append(std::string* out, const Touched& touched) {
  char packed[Touched::kBytes];
  packed[0] = static_cast<char>(touched.kind);
  packed[1] = 0;
  std::memcpy(packed + 2, touched.id.bytes.data(), 16);
  put_le(packed + 18, touched.number);
  out->append(packed, sizeof packed);
}

bool unpack(std::string_view tail, std::vector<Touched>* touched) {
  if (tail.size() % Touched::kBytes != 0) return false;
  touched->clear();
  for (; !tail.empty(); tail.remove_prefix(Touched::kBytes)) {
    const KindInfo* info = kind_info(static_cast<uint8_t>(tail[0]));
    if (info == nullptr || tail[1] != 0) return false;
    Touched one;
    one.kind = info->kind;
    std::memcpy(one.id.bytes.data(), tail.data() + 2, 16);
    one.number = get_le<uint64_t>(tail.data() + 18);
    touched->push_back(one);
  }
  return true;
}

void append(std::string* out, const SectionEntry& entry) {
  char packed[SectionEntry::kBytes];
  put_le(packed, entry.name);
  put_le(packed + 8, entry.block);
  put_le(packed + 16, entry.vector.high);
  put_le(packed + 24, entry.vector.low);
  out->append(packed, sizeof packed);
}

void append(std::string* out, const SectionSpan& span) {
  append(out, span.entry);
  char packed[8];
  put_le(packed, span.rev_first);
  put_le(packed + 4, span.rev_last);
  out->append(packed, sizeof packed);
}

namespace {
SectionEntry entry_at(const char* from) {
  return {get_le<uint64_t>(from),
          get_le<uint64_t>(from + 8),
          {get_le<uint64_t>(from + 16), get_le<uint32_t>(from + 24)}};
}
}  // namespace

bool unpack(std::string_view tail, std::vector<SectionEntry>* entries) {
  entries->clear();
  if (tail.size() % SectionEntry::kBytes != 0) return false;
  entries->reserve(tail.size() / SectionEntry::kBytes);
  for (; !tail.empty(); tail.remove_prefix(SectionEntry::kBytes)) {
    entries->push_back(entry_at(tail.data()));
  }
  return true;
}

bool unpack(std::string_view tail, std::vector<SectionSpan>* spans) {
  spans->clear();
  if (tail.size() % SectionSpan::kBytes != 0) return false;
  spans->reserve(tail.size() / SectionSpan::kBytes);
  for (; !tail.empty(); tail.remove_prefix(SectionSpan::kBytes)) {
    const char* from = tail.data();
    spans->push_back({entry_at(from), get_le<uint32_t>(from + SectionEntry::kBytes),
                      get_le<uint32_t>(from + SectionEntry::kBytes + 4)});
  }
  return true;
}

uint64_t block_name_hash(std::string_view block_id, uint64_t store_salt) {
  return hash64(block_id, store_salt);
}

uint64_t block_hash(std::string_view block_id, std::optional<std::string_view> heading,
                    std::optional<std::string_view> body, uint64_t store_salt) {
  // An absent part differs from an empty one.
  char parts[48] = {};
  put_le(parts, block_id.size());
  put_le(parts + 8, hash64(block_id, store_salt));
  parts[16] = heading ? 1 : 0;
  put_le(parts + 24, heading ? hash64(*heading, store_salt) : 0);
  parts[17] = body ? 1 : 0;
  put_le(parts + 32, body ? hash64(*body, store_salt) : 0);
  put_le(parts + 40, body ? body->size() : 0);
  return hash64({parts, sizeof parts}, store_salt);
}

VectorHash vector_hash(std::string_view floats, uint64_t store_salt) {
  const Uuid hash = hash128(floats, store_salt);
  VectorHash out;
  for (size_t i = 0; i < 8; ++i) out.high = out.high << 8 | hash.bytes[i];
  for (size_t i = 8; i < 12; ++i) out.low = out.low << 8 | hash.bytes[i];
  if (out.none()) out.low = 1;  // zeros mean that there is none
  return out;
}

uint64_t body_hash(std::string_view body_value, uint64_t salt) {
  return hash64(body_value.substr(std::min(kHeaderBytes, body_value.size())), salt);
}

uint64_t owner_hash(UserId owner, uint64_t store_salt) {
  return hash64({reinterpret_cast<const char*>(owner.uuid().bytes.data()), 16}, store_salt);
}

Uuid text_hash(std::string_view text, uint64_t store_salt) { return hash128(text, store_salt); }

std::string fold_case(std::string_view text) {
  std::string folded(text);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

}  // namespace bcstore::format
