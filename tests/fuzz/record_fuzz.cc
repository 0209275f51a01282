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

const flatbuffers::TypeTable* table_of(Kind kind) {
  switch (kind) {
    case Kind::store:
      return fb::StoreRecordTypeTable();
    case Kind::user:
      return fb::UserTypeTable();
    case Kind::commit_body:
      return fb::CommitBodyTypeTable();
    case Kind::idempotency:
      return fb::IdempotencyRecordTypeTable();
    case Kind::project:
      return fb::ProjectHeadTypeTable();
    case Kind::project_version:
      return fb::ProjectVersionTypeTable();
    case Kind::project_status:
      return fb::ProjectStatusTypeTable();
    case Kind::document:
      return fb::DocumentHeadTypeTable();
    case Kind::revision:
      return fb::RevisionTypeTable();
    case Kind::document_lock:
      return fb::LockChangeTypeTable();
    case Kind::task:
      return fb::TaskHeadTypeTable();
    case Kind::task_revision:
      return fb::TaskRevisionTypeTable();
    case Kind::task_activity:
      return fb::TaskActivityTypeTable();
    case Kind::session:
      return fb::SessionHeadTypeTable();
    case Kind::session_title:
      return fb::SessionTitleTypeTable();
    case Kind::message:
      return fb::MessageTypeTable();
    case Kind::event:
    case Kind::audit:
      return fb::EventTypeTable();
    case Kind::credit_account:
      return fb::CreditAccountTypeTable();
    case Kind::credit_entry:
      return fb::CreditEntryTypeTable();
    case Kind::integration:
      return fb::IntegrationHeadTypeTable();
    case Kind::integration_change:
      return fb::IntegrationChangeTypeTable();
    case Kind::secret:
      return fb::SecretTypeTable();
    case Kind::public_name:
      return fb::PublicNameTypeTable();
    case Kind::public_record:
      return fb::PublicRecordTypeTable();
    case Kind::vector_space:
      return fb::VectorSpaceTypeTable();
    case Kind::section_head:
      return fb::SectionHeadTypeTable();
    case Kind::section_list:
      return fb::SectionListTypeTable();
    case Kind::section_block:
      return fb::SectionBlockTypeTable();
    case Kind::call:
      return fb::CallTypeTable();
    case Kind::call_rollup:
      return fb::CallRollupTypeTable();
    case Kind::vector:
      return fb::VectorTypeTable();
    default:
      return nullptr;
  }
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
