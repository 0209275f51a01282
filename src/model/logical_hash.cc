#include "model/logical_hash.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/families.h"
#include "model/check_record.h"
#include "model/encode.h"
#include "model/reads.h"

namespace bcstore::model {

using engine::Family;
using format::Kind;

namespace {

constexpr size_t kIdAt = format::kKindOffset + 1;
constexpr size_t kSecondAt = kIdAt + 16;

// One record's facts. Every field carries its length or its presence: no two lists read alike.
class Line {
 public:
  explicit Line(const CheckedRecord& record) : record_(record) {
    text(record.info().name).id(record.owner().uuid());
  }
  Line& number(uint64_t n) {
    for (int i = 0; i < 8; ++i) bytes_.push_back(static_cast<char>(n >> (8 * i)));
    return *this;
  }
  Line& number(int64_t n) { return number(static_cast<uint64_t>(n)); }
  Line& number(int32_t n) { return number(int64_t{n}); }
  Line& number(uint32_t n) { return number(uint64_t{n}); }
  Line& number(uint8_t n) { return number(uint64_t{n}); }
  Line& flag(bool flag) { return number(uint64_t{flag}); }
  Line& text(std::string_view text) {
    number(uint64_t{text.size()});
    bytes_.append(text);
    return *this;
  }
  Line& text(const flatbuffers::String* value) {
    flag(value != nullptr);
    return text(text_of(value));
  }
  Line& id(const Uuid& id) {
    bytes_.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
    return *this;
  }
  Line& id(const fb::Uuid* id) {
    flag(id != nullptr);
    return this->id(from_fb(id));
  }
  Line& key_id(size_t at = kIdAt) { return id(record_.uuid_at(at)); }
  Line& key_u32(size_t at) { return number(~format::key_u32(record_.key(), at)); }
  Line& key_u64(size_t at) { return number(~format::key_u64(record_.key(), at)); }
  // When, as given or by the clock, and by whom.
  Line& origin() {
    const fb::Common& common = record_.common();
    number(common.created_at()).number(common.actor_kind());
    return id(common.actor_id()).text(common.actor_name());
  }
  std::string_view bytes() const { return bytes_; }

 private:
  const CheckedRecord& record_;
  std::string bytes_;
};

bool content_of_project(const CheckedRecord& r, Line& line) {
  switch (r.kind()) {
    case Kind::project:
      line.key_id().origin();
      return true;
    case Kind::project_version: {
      const auto& t = r.table<fb::ProjectVersion>();
      line.key_id().key_u32(kSecondAt).origin().text(t.name()).text(t.idea_prompt());
      line.number(t.status()).text(t.change_note());
      return true;
    }
    case Kind::project_status:
      line.key_id().key_u32(kSecondAt).origin().number(r.table<fb::ProjectStatus>().status());
      return true;
    case Kind::document: {
      const auto& t = r.table<fb::DocumentHead>();
      line.key_id().origin().id(t.project()).number(t.version()).number(t.section());
      return true;
    }
    case Kind::revision: {
      // The content stands for itself by its hash, which check() holds against the bytes.
      const auto& t = r.table<fb::Revision>();
      line.key_id().key_u32(kSecondAt).origin().number(t.content_type());
      line.number(t.content_bytes()).id(t.content_hash()).text(t.change_note());
      return true;
    }
    case Kind::document_lock:
      line.key_id().key_u32(kSecondAt).origin().flag(r.table<fb::LockChange>().is_locked());
      return true;
    default:
      return false;
  }
}

bool content_of_work(const CheckedRecord& r, Line& line) {
  switch (r.kind()) {
    case Kind::task:  // the key: project, phase, age, task
      line.key_id().key_id(r.key().size() - 16).origin();
      return true;
    case Kind::task_revision: {
      const auto& t = r.table<fb::TaskRevision>();
      line.key_id().key_u32(kSecondAt).origin().text(t.title()).flag(t.has_phase());
      line.number(t.phase()).text(r.tail());
      return true;
    }
    case Kind::task_activity:
      line.key_id().key_u64(kSecondAt).origin().number(r.table<fb::TaskActivity>().action());
      return true;
    case Kind::session: {
      const auto& t = r.table<fb::SessionHead>();
      line.key_id().origin().id(t.project()).text(t.title()).text(t.first_title());
      line.id(t.parent()).number(t.parent_seq());
      return true;
    }
    case Kind::session_title:
      line.key_id().key_u32(kSecondAt).origin().text(r.table<fb::SessionTitle>().title());
      return true;
    case Kind::message: {
      const auto& t = r.table<fb::Message>();
      line.key_id().key_u64(kSecondAt + 4).origin().number(t.role()).number(t.token_count());
      line.number(t.replaces()).id(t.given_id()).text(t.call_id()).text(t.name());
      line.text(t.metadata()).text(r.tail());
      return true;
    }
    case Kind::event: {
      const auto& t = r.table<fb::Event>();
      line.origin().text(t.type()).id(t.project()).id(t.document()).number(t.rev());
      line.id(t.session()).number(t.message_seq()).text(t.call_id()).text(r.tail());
      return true;
    }
    default:
      return false;
  }
}

// Ids of events and calls are made of sequences, which are not contents: of the event only that
// there is one.
void content_of_call(const CheckedRecord& r, Line& line) {
  const auto& t = r.table<fb::Call>();
  line.origin().text(t.agent()).text(t.model()).number(t.status()).number(t.input_tokens());
  line.number(t.output_tokens()).number(t.cached_tokens()).number(t.latency_us());
  line.number(t.first_token_us()).number(t.cost_micros()).text(text_of(t.currency()));
  line.id(t.project()).id(t.session()).number(t.message_seq()).flag(t.event() != 0).id(t.hold());
}

bool content_of_the_rest(const CheckedRecord& r, Line& line) {
  switch (r.kind()) {
    case Kind::integration_change: {
      const auto& t = r.table<fb::IntegrationChange>();
      line.key_id().key_u32(kSecondAt).origin().number(t.type()).number(t.action());
      return true;
    }
    case Kind::secret:
      line.key_id().origin().number(r.table<fb::Secret>().rev()).text(r.tail());
      return true;
    case Kind::public_record: {
      const auto& t = r.table<fb::PublicRecord>();
      line.key_u32(kSecondAt).origin().text(t.name()).number(t.content_type()).text(r.tail());
      return true;
    }
    case Kind::billing_delivery: {
      const auto& t = r.table<fb::BillingDelivery>();
      line.origin().text(t.event_id()).id(t.payload_hash()).number(t.occurred_at());
      line.number(t.event_kind()).number(t.outcome());
      return true;
    }
    case Kind::subscription_change: {
      const auto& t = r.table<fb::SubscriptionChange>();
      line.text(t.id()).text(t.customer()).key_u32(kSecondAt).origin().number(t.status());
      line.text(t.price()).flag(t.cancel_at_period_end()).flag(t.has_period_end());
      line.number(t.period_end()).text(t.event_id()).number(t.event_at()).flag(t.is_gone());
      return true;
    }
    case Kind::call:
      content_of_call(r, line);
      return true;
    case Kind::vector_space: {
      const auto& t = r.table<fb::VectorSpace>();
      line.key_id().text(t.name()).number(t.dimension()).number(t.metric());
      return true;
    }
    default:
      return false;
  }
}

// A record's own facts; false for what follows from others, and for the store's own traces.
bool content_line(const CheckedRecord& r, Line& line) {
  if (content_of_project(r, line) || content_of_work(r, line) || content_of_the_rest(r, line)) {
    return true;
  }
  if (r.kind() == Kind::user) {
    const auto& t = r.table<fb::User>();
    line.key_u32(kIdAt).origin().text(t.email()).text(t.full_name());
    line.text(t.stripe_customer_id()).flag(t.is_pro()).number(t.joined_at());
    return true;
  }
  if (r.kind() == Kind::credit_entry) {
    const auto& t = r.table<fb::CreditEntry>();
    line.key_u64(kIdAt).origin().number(t.entry_kind()).number(t.amount());
    line.number(t.allowance_delta()).number(t.granted_delta()).flag(t.is_unlimited());
    line.number(t.plan_allowance()).flag(t.resets()).number(t.reset_at()).text(t.reason());
    line.flag(t.effect() != nullptr);
    if (const fb::HoldEffect* effect = t.effect()) {
      line.id(&effect->hold()).number(effect->held_allowance()).number(effect->held_granted());
      line.number(effect->lapsed()).number(effect->debt());
    }
    return true;
  }
  return false;
}

// Of billing: what any order of the same deliveries comes to. What became of each of them is not.
bool state_of_billing(const CheckedRecord& r, Line& line) {
  switch (r.kind()) {
    case Kind::billing_delivery: {
      const auto& t = r.table<fb::BillingDelivery>();
      line.text(t.event_id()).id(t.payload_hash());
      return true;
    }
    case Kind::billing_customer: {
      const auto& t = r.table<fb::BillingCustomer>();
      line.text(t.id()).number(t.linked_by()).id(t.user()).flag(t.deleted() != nullptr);
      return true;
    }
    case Kind::subscription: {
      const auto& t = r.table<fb::SubscriptionHead>();
      line.text(t.id()).text(t.customer()).number(t.status()).text(t.price());
      line.flag(t.cancel_at_period_end()).flag(t.has_period_end()).number(t.period_end());
      line.text(t.last() ? t.last()->event_id() : nullptr);
      line.number(t.last() ? t.last()->created() : int64_t{0});
      return true;
    }
    default:
      return false;
  }
}

bool state_of_credits(const CheckedRecord& r, Line& line) {
  switch (r.kind()) {
    case Kind::credit_account: {
      const auto& t = r.table<fb::CreditAccount>();
      line.number(t.plan_allowance()).flag(t.resets()).number(t.reset_at());
      line.number(t.anchor_day()).flag(t.is_unlimited()).number(t.unlimited_by());
      line.number(t.debt());
      return true;
    }
    case Kind::credit_counter:
      line.number(r.counter().allowance).number(r.counter().granted);
      line.number(r.counter().held_allowance).number(r.counter().held_granted);
      return true;
    case Kind::credit_hold: {
      const auto& t = r.table<fb::CreditHold>();
      line.key_id().number(t.amount()).number(t.state()).number(t.captured()).number(t.debt());
      line.number(t.from_allowance()).number(t.from_granted()).number(t.expires_at());
      return true;
    }
    default:
      return false;
  }
}

// What is current, without sequences and times. `newest` is set for the newest fact of a stream.
bool state_line(const CheckedRecord& r, bool newest, Line& line) {
  switch (r.kind()) {
    case Kind::user: {
      if (!newest) return false;
      const auto& t = r.table<fb::User>();
      line.text(t.email()).text(t.full_name()).text(t.stripe_customer_id()).flag(t.is_pro());
      return true;
    }
    case Kind::project: {
      const auto& t = r.table<fb::ProjectHead>();
      line.key_id().text(t.name()).text(t.idea_prompt()).number(t.status());
      line.number(t.current_version());
      return true;
    }
    case Kind::document: {
      const auto& t = r.table<fb::DocumentHead>();
      line.key_id().id(t.project()).number(t.version()).number(t.section());
      line.flag(t.is_locked()).number(t.current_rev());
      return true;
    }
    case Kind::revision: {
      if (!newest) return false;
      const auto& t = r.table<fb::Revision>();
      line.key_id().number(t.content_type()).id(t.content_hash());
      return true;
    }
    case Kind::task: {
      const auto& t = r.table<fb::TaskHead>();
      line.key_id().key_id(r.key().size() - 16).text(t.title()).text(r.tail());
      const std::optional<int32_t> phase = format::key_phase(r.key(), kSecondAt);
      line.flag(phase.has_value()).number(phase.value_or(0)).number(t.state()).number(t.rev());
      return true;
    }
    case Kind::session: {
      const auto& t = r.table<fb::SessionHead>();
      line.key_id().id(t.project()).text(t.title()).id(t.parent()).number(t.parent_seq());
      return true;
    }
    case Kind::integration: {
      const auto& t = r.table<fb::IntegrationHead>();
      line.key_id().number(t.type()).number(t.rev()).flag(t.is_removed());
      return true;
    }
    case Kind::secret:
      line.key_id().text(r.tail());
      return true;
    case Kind::public_record: {
      if (!newest) return false;
      const auto& t = r.table<fb::PublicRecord>();
      line.text(t.name()).number(t.content_type()).text(r.tail());
      return true;
    }
    default:
      return state_of_credits(r, line) || state_of_billing(r, line);
  }
}

// Sums modulo 2^128.
class Sum {
 public:
  void add(const Uuid& hash) {
    unsigned carry = 0;
    for (size_t i = hash.bytes.size(); i-- > 0;) {
      carry += unsigned{sum_.bytes[i]} + hash.bytes[i];
      sum_.bytes[i] = static_cast<uint8_t>(carry);
      carry >>= 8;
    }
  }
  const Uuid& value() const { return sum_; }

 private:
  Uuid sum_;
};

// Sections lie by salted hashes and in lists that cover several revisions: their lines are made of
// what a reader of each revision gets.
class SectionSum {
 public:
  SectionSum(engine::Engine& engine, const engine::Snapshot* at) : engine_(engine), at_(at) {}

  Status add(const CheckedRecord& document, Sum* sum) {
    const UserId owner = document.owner();
    const Uuid id = document.uuid_at(kIdAt);
    digests_.clear();
    space_ = Uuid();
    const Uuid project = from_fb(document.table<fb::DocumentHead>().project());
    const uint32_t newest = document.table<fb::DocumentHead>().current_rev();
    for (uint32_t rev = 1; rev <= newest; ++rev) {
      std::vector<format::SectionEntry> entries;
      Uuid space;
      Status s = read_entries(engine_, owner, id, rev, at_, &entries, &space);
      if (!s.ok()) return s;
      if (entries.empty()) continue;
      const bool has_vector = std::any_of(entries.begin(), entries.end(),
                                          [](const auto& e) { return !e.vector.none(); });
      if (!has_vector) space = Uuid();
      if (s = name_space(owner, project, space); !s.ok()) return s;
      Line line(document);
      line.text("sections").id(id).number(rev).number(space.is_nil() ? 0 : 1).text(space_name_);
      for (const format::SectionEntry& entry : entries) {
        Uuid digest;
        if (s = digest_of(owner, id, entry, &digest); !s.ok()) return s;
        line.id(digest);
      }
      sum->add(format::hash128(line.bytes()));
    }
    return Status();
  }

 private:
  // Revisions of one document mostly have one space.
  Status name_space(UserId owner, const Uuid& project, const Uuid& space) {
    if (space == space_) return Status();
    space_ = space;
    space_name_.clear();
    if (space.is_nil()) return Status();
    const format::Key key = with_id(owner, Kind::vector_space, project).append(space);
    engine::Value value;
    Status s = engine_.get(engine::family_of(Kind::vector_space), key, at_, &value);
    if (s.code() == Code::not_found) return format::corrupt(key, "is missing");
    CheckedRecord record;
    if (s.ok()) s = record.load(key, value.bytes(), Tail::unpack);
    if (s.ok()) space_name_ = text_of(record.table<fb::VectorSpace>().name());
    return s;
  }

  // Of a block and its embedding. Bounded: what a document has blocks for a few revisions.
  Status digest_of(UserId owner, const Uuid& document, const format::SectionEntry& entry,
                   Uuid* digest) {
    if (const auto known = digests_.find(entry); known != digests_.end()) {
      *digest = known->second;
      return Status();
    }
    std::vector<engine::Read> reads;
    const format::Key block = section_key(owner, document, entry);
    const format::Key vector = vector_key(owner, entry);
    reads.push_back({engine::family_of(Kind::section_block), block.str()});
    const bool has_vector = entry.vector != format::VectorHash();
    if (has_vector) reads.push_back({engine::family_of(Kind::vector), vector.str()});
    engine_.multi_get(reads, at_);
    CheckedRecord record;
    std::string facts;
    for (const engine::Read& read : reads) {
      if (read.status.code() == Code::not_found) return format::corrupt(read.key, "is missing");
      if (!read.status.ok()) return read.status;
      Status s = record.load(read.key, read.value.bytes(), Tail::unpack);
      if (!s.ok()) return s;
      Line line(record);
      if (record.kind() == Kind::section_block) {
        const auto& t = record.table<fb::SectionBlock>();
        line.text(t.block_id()).text(t.heading());
      }
      line.text(record.tail());
      facts.append(line.bytes());
    }
    *digest = format::hash128(facts);
    if (digests_.size() >= kMaxDigests) digests_.clear();
    digests_.emplace(entry, *digest);
    return Status();
  }

  static constexpr size_t kMaxDigests = size_t{1} << 14;
  Uuid space_;
  std::string space_name_;
  engine::Engine& engine_;
  const engine::Snapshot* at_;
  std::map<format::SectionEntry, Uuid> digests_;
};

// What two facts of one stream have in common: the key up to the number.
std::string_view stream_of(const CheckedRecord& r) {
  return r.key().substr(0, r.kind() == Kind::user ? kIdAt : kSecondAt);
}

}  // namespace

Result<Uuid> logical_hash(engine::Engine& engine, HashScope scope) {
  if (scope != HashScope::content && scope != HashScope::state) {
    return Status(Code::invalid_argument, "scope: is no such value");
  }
  Result<std::unique_ptr<engine::Snapshot>> held = engine.snapshot();
  if (!held.ok()) return held.status();
  const std::unique_ptr<engine::Snapshot> snapshot = *std::move(held);
  snapshot->keep();
  Sum sum;
  SectionSum sections(engine, snapshot.get());
  CheckedRecord record;
  for (size_t i = 0; i < engine::kFamilies; ++i) {
    const auto family = static_cast<Family>(i);
    if (family == Family::log || family == Family::index) continue;  // follows from the rest
    std::string stream;
    auto scan = engine.scan({family, {}, {}, false, snapshot.get(), false, true});
    while (scan->next()) {
      const format::KindInfo* info = format::parse_key(scan->key());
      if (info == nullptr || engine::family_of(info->kind) != family) {
        return format::corrupt(scan->key(), "the key is of no known form");
      }
      if (Status s = record.load(scan->key(), scan->value(), Tail::unpack); !s.ok()) return s;
      const bool newest = stream != stream_of(record);
      stream = stream_of(record);
      Line line(record);
      const bool counts = scope == HashScope::content ? content_line(record, line)
                                                      : state_line(record, newest, line);
      if (counts) sum.add(format::hash128(line.bytes()));
      if (scope == HashScope::content && info->kind == Kind::document) {
        if (Status s = sections.add(record, &sum); !s.ok()) return s;
      }
    }
    if (!scan->status().ok()) return scan->status();
  }
  return sum.value();
}

}  // namespace bcstore::model
