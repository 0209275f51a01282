// Stores that are damaged by hand, record by record, and what check_store must say of each fault.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/families.h"
#include "list_neighbour.h"
#include "model/check.h"
#include "model/encode.h"
#include "rich.h"

namespace bcstore::model {

using engine::Family;
using engine::family_of;
using fixture::Rich;
using fixture::World;
using format::Key;
using format::Kind;
using format::Reference;

// Two rich owners, months and edits; then the engine alone, with faults that can be taken back.
class Damaged {
 public:
  Damaged() {
    const UserId ada = world_.user("ada@example.com");
    const UserId bob = world_.user("bob@example.com");
    rich = fixture::enrich(world_.store(), ada, "ada");
    other = fixture::enrich(world_.store(), bob, "bob");
    fixture::list_neighbour(world_.store().tenant(bob), other);
    const Tenant tenant = world_.store().tenant(ada);
    // The ledger: opening, grant, hold, plan, spending; a reset, the hold's end, a spending;
    // unlimited, a spending, limited; a hold that stays; holds that are captured, with a debt, and
    // voided.
    const Service service = world_.service();
    const Time first_reset = *parse_time("2025-08-31T00:00:00Z");
    service.set_credit_plan(ada, {.allowance = 20, .resets_at = first_reset, .refill = true})
        .value();
    tenant.consume_credit({.amount = 2}).value();
    world_.clock->advance(40 * fixture::kDayUs);
    tenant.consume_credit({.amount = 3}).value();
    service.set_unlimited(ada, true).value();
    tenant.consume_credit().value();
    service.set_unlimited(ada, false).value();
    live = tenant.reserve_credits({.amount = 18, .ttl_us = kMaxHoldTtlUs}).value().hold;
    captured = tenant.reserve_credits({.amount = 4, .ttl_us = kMaxHoldTtlUs}).value().hold;
    tenant.capture_credits(captured, {.amount = 3}).value();
    const auto last = tenant.reserve_credits({.amount = 1, .ttl_us = kMaxHoldTtlUs}).value().hold;
    tenant.void_hold(last).value();
    tenant.append_event({.type = "later"}).value();
    for (int i = 0; i < 2; ++i) {
      tenant
          .record_call({.agent = "a",
                        .model = fixture::kRichModel,
                        .latency_us = 10 * i,
                        .cost_micros = 5,
                        .currency = "USD"})
          .value();
    }
    tenant.append_message(rich.chat, {.role = Role::user, .content = "next month"}).value();
    world_.clock->advance(-80 * fixture::kDayUs);
    tenant.append_event({.type = "back"}).value();
    tenant.edit_profile({.email = "Ada2@example.com"}).value();
    first_call = fixture::rows_of(tenant.calls(), [](const CallRecord& c) { return c.id(); }).at(0);
    REQUIRE(world_.held->close().ok());
    world_.held.reset();
    bool fresh = false;
    engine_ = engine::open_rocks(world_.path, world_.options, &fresh).value();
    Bytes bytes = read(Key(kSystemOwner, Kind::store));
    salt = root<fb::StoreRecord>(format::Draft::copy(*bytes))->salt();
  }

  using Bytes = std::optional<std::string>;
  static Family family_at(std::string_view key) { return family_of(format::parse_key(key)->kind); }

  Bytes read(std::string_view key) { return read_from(family_at(key), key); }
  Bytes read_from(Family family, std::string_view key) {
    engine::Value value;
    const Status s = engine_->get(family, key, nullptr, &value);
    return s.ok() ? Bytes(value.bytes()) : std::nullopt;
  }

  void put_in(Family family, std::string_view key, const Bytes& value) {
    undo_.push_back({family, std::string(key), read_from(family, key)});
    set(family, key, value);
  }
  void put(std::string_view key, const Bytes& value) { put_in(family_at(key), key, value); }
  void erase(std::string_view key) {
    REQUIRE(read(key).has_value());
    put(key, std::nullopt);
  }
  void put_reference(std::string_view key, const Reference& reference) {
    format::Draft draft(format::parse_key(key)->kind, format::pack(reference));
    put(key, std::string(draft.seal(key)));
  }
  // Changes fields of a record and seals it again.
  template <class Table>
  void rewrite(std::string_view key, const std::function<bool(Table*)>& change) {
    const Bytes bytes = read(key);
    REQUIRE(bytes.has_value());
    format::Draft draft = format::Draft::copy(*bytes);
    REQUIRE(change(flatbuffers::GetMutableRoot<Table>(draft.meta())));
    put(key, std::string(draft.seal(key)));
  }
  void common(std::string_view key, const std::function<bool(fb::Common*)>& change) {
    rewrite<fb::Common>(key, change);
  }
  void link(uint64_t seq, const std::function<void(format::Link*)>& change) {
    const Key key = Key(kSystemOwner, Kind::commit_link).u64(seq);
    const Bytes bytes = read(key);
    REQUIRE(bytes.has_value());
    format::Link fields;
    REQUIRE(format::unpack(std::string_view(*bytes).substr(format::kHeaderBytes), &fields));
    change(&fields);
    format::Draft draft(Kind::commit_link, format::pack(fields));
    put(key, std::string(draft.seal(key)));
  }
  // The record of one key, under another.
  void copy(std::string_view from, std::string_view to) {
    format::Draft draft = format::Draft::copy(*read(from));
    put(to, std::string(draft.seal(to)));
  }

  engine::Engine& engine() { return *engine_; }
  CheckReport check(const CheckOptions& options = {}) {
    Result<CheckReport> report = check_store(*engine_, options);
    INFO(report.status().to_string());
    REQUIRE(report.ok());
    return *report;
  }
  void take_back() {
    for (; !undo_.empty(); undo_.pop_back()) {
      set(undo_.back().family, undo_.back().key, undo_.back().value);
    }
  }
  std::vector<std::string> keys() {
    std::vector<std::string> found;
    for (size_t i = 0; i < engine::kFamilies; ++i) {
      auto scan = engine_->scan({static_cast<Family>(i), {}, {}, false, nullptr, false, true});
      while (scan->next()) found.emplace_back(scan->key());
    }
    return found;
  }

  Key of(Kind kind) const { return Key(rich.owner, kind); }
  Key project() const { return of(Kind::project).append(rich.project); }
  Key document() const { return of(Kind::document).append(rich.document); }
  Key session() const { return of(Kind::session).append(rich.chat); }
  Key message(uint64_t seq, uint32_t month = 202508) const {
    return of(Kind::message).append(rich.chat).not_u32(month).not_u64(seq);
  }
  Key event(uint64_t id) const { return of(Kind::event).not_u32(202508).not_u64(id); }
  std::string task() {
    const std::string prefix = of(Kind::task).append(rich.project).u8(1).str();
    auto scan = engine_->scan({Family::heads, prefix, format::after_prefix(prefix)});
    REQUIRE(scan->next());
    return std::string(scan->key());
  }
  uint64_t newest_event() {
    const std::string prefix = of(Kind::event).str();
    auto scan = engine_->scan({Family::months, prefix, format::after_prefix(prefix)});
    REQUIRE(scan->next());
    return ~format::key_u64(scan->key(), 21);
  }
  uint64_t age() { return root<fb::ProjectHead>(format::Draft::copy(*read(project())))->age(); }

  Rich rich, other;
  CreditHoldId live, captured;
  uint64_t salt = 0;
  uint64_t first_call = 0;  // of the rich owner

 private:
  struct Undo {
    Family family;
    std::string key;
    Bytes value;
  };
  void set(Family family, std::string_view key, const Bytes& value) {
    auto changes = engine_->new_changes();
    if (value) {
      changes->put(family, key, *value);
    } else {
      changes->erase(family, key);
    }
    REQUIRE(engine_->apply(*changes, false).ok());
  }

  World world_;
  std::unique_ptr<engine::Engine> engine_;
  std::vector<Undo> undo_;
};

inline std::string shown(const CheckReport& report) {
  std::string text;
  for (const Violation& v : report.listed) {
    text += v.table + " " + v.key + " [" + v.rule + "] " + v.detail + "\n";
  }
  return text;
}

struct Fault {
  std::string table;
  std::string rule;
  std::function<void(Damaged&)> plant;
};

inline void check_faults(const std::vector<Fault>& faults) {
  Damaged store;
  for (const Fault& fault : faults) {
    fault.plant(store);
    const CheckReport report = store.check();
    INFO(fault.table, ": ", fault.rule, "\nfound:\n", shown(report));
    bool found = false;
    for (const Violation& v : report.listed) {
      found = found || (v.table == fault.table && v.rule == fault.rule && !v.detail.empty());
    }
    CHECK(found);
    store.take_back();
  }
  const CheckReport after = store.check();
  INFO(shown(after));
  CHECK(after.violations == 0);
}

}  // namespace bcstore::model
