#include "format/key.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/record.h"

namespace bcstore::format {
namespace {

Uuid filled(uint8_t first) {
  Uuid id;
  for (size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<uint8_t>(first + i);
  return id;
}

constexpr std::string_view kSystemHex = "00000000000000000000000000000000";
constexpr std::string_view kOwnerHex = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
constexpr std::string_view kIdHex = "101112131415161718191a1b1c1d1e1f";
constexpr std::string_view kOtherHex = "404142434445464748494a4b4c4d4e4f";

const UserId kOwner{filled(0xA0)};
const Uuid kId = filled(0x10);
const Uuid kOther = filled(0x40);

struct GoldenKey {
  Key key;
  std::string hex;
};

std::string joined(std::string_view owner, std::string_view rest) {
  return std::string(owner) + std::string(rest);
}

Key task_key(std::optional<int32_t> phase, uint64_t age, const Uuid& task) {
  Key key(kOwner, Kind::task);
  key.append(kId);
  append_phase(key, phase);
  key.u64(age).append(task);
  return key;
}

// Of billing, and of the kinds from 50 on.
void add_later_keys(std::map<Kind, GoldenKey>& rows) {
  const std::string id(kIdHex);
  auto owned = [&](Kind kind, const Key& key, const std::string& rest) {
    rows.insert({kind, {key, joined(kOwnerHex, rest)}});
  };
  auto of = [](Kind kind) { return Key(kOwner, kind); };
  owned(Kind::credit_hold, of(Kind::credit_hold).append(kId), "2d" + id);
  owned(Kind::live_hold, of(Kind::live_hold).time(Time{258}).append(kId),
        "2e8000000000000102" + id);
  owned(Kind::rate_state, of(Kind::rate_state), "3f");
  owned(Kind::feed_cursor, of(Kind::feed_cursor).append(kId), "50" + id);
  rows.insert(
      {Kind::feed_floor, {Key(kSystemOwner, Kind::feed_floor), std::string(32, '0') + "51"}});
  rows.insert({Kind::replica_keys,
               {Key(kSystemOwner, Kind::replica_keys).u64(258),
                std::string(32, '0') + "520000000000000102"}});
  rows.insert(
      {Kind::replica_state, {Key(kSystemOwner, Kind::replica_state), std::string(32, '0') + "53"}});
  rows.insert(
      {Kind::billing_delivery,
       {Key(kSystemOwner, Kind::billing_delivery).append(kId), std::string(32, '0') + "06" + id}});
  rows.insert(
      {Kind::billing_customer,
       {Key(kSystemOwner, Kind::billing_customer).append(kId), std::string(32, '0') + "07" + id}});
  owned(Kind::billing_account, of(Kind::billing_account), "2f");
  owned(Kind::subscription, of(Kind::subscription).append(kId), "30" + id);
  owned(Kind::subscription_change, of(Kind::subscription_change).append(kId).not_u32(2),
        "31" + id + "fffffffd");
  owned(Kind::integration, of(Kind::integration).append(kId), "32" + id);
  owned(Kind::integration_change, of(Kind::integration_change).append(kId).not_u32(2),
        "33" + id + "fffffffd");
  owned(Kind::secret, of(Kind::secret).append(kId), "34" + id);
  owned(Kind::public_name, of(Kind::public_name).append(kId), "35" + id);
  owned(Kind::public_record, of(Kind::public_record).append(kId).not_u32(2),
        "36" + id + "fffffffd");
  owned(Kind::vector_space, of(Kind::vector_space).append(kId).append(kOther),
        "37" + id + std::string(kOtherHex));
  owned(Kind::section_head, of(Kind::section_head).append(kId), "38" + id);
  owned(Kind::section_list, of(Kind::section_list).append(kId).not_u32(843),
        "39" + id + "fffffcb4");
  owned(Kind::section_block, of(Kind::section_block).append(kId).u64(258).u64(0x0123456789ABCDEF),
        "3a" + id + "0000000000000102" + "0123456789abcdef");
  owned(Kind::vector, of(Kind::vector).u64(0x0123456789ABCDEF).u32(0x89ABCDEF),
        "3b0123456789abcdef89abcdef");
  const std::string space = id + std::string(kOtherHex);
  const auto in_space = [&](Kind kind) { return of(kind).append(kId).append(kOther); };
  owned(Kind::search_head, of(Kind::search_head).append(kId).u8(2), "40" + id + "02");
  owned(Kind::search_space, in_space(Kind::search_space), "41" + space);
  owned(Kind::search_rows, in_space(Kind::search_rows).u32(258), "42" + space + "00000102");
  owned(Kind::search_block, in_space(Kind::search_block).u32(1).u32(2).u32(258),
        "43" + space + "000000010000000200000102");
  owned(Kind::search_bitmap, in_space(Kind::search_bitmap).u32(258), "44" + space + "00000102");
  owned(Kind::search_lists, in_space(Kind::search_lists).u32(1).u32(258),
        "45" + space + "0000000100000102");
  owned(Kind::call, of(Kind::call).not_u32(202508).not_u64(0x10001), "3cfffce8f3fffffffffffefffe");
  owned(Kind::call_rollup, of(Kind::call_rollup).u32(202508).append(kId), "3d0003170c" + id);
  owned(Kind::call_month, of(Kind::call_month).not_u64(0x10000), "3efffffffffffeffff");
}

// One key of every kind, and its bytes as they are on disk for good.
std::map<Kind, GoldenKey> golden_keys() {
  const std::string id(kIdHex);
  std::map<Kind, GoldenKey> rows;
  auto system = [&](Kind kind, const Key& key, const std::string& rest) {
    rows.insert({kind, {key, joined(kSystemHex, rest)}});
  };
  auto owned = [&](Kind kind, const Key& key, const std::string& rest) {
    rows.insert({kind, {key, joined(kOwnerHex, rest)}});
  };
  auto of = [](Kind kind) { return Key(kOwner, kind); };
  auto of_system = [](Kind kind) { return Key(kSystemOwner, kind); };

  system(Kind::store, of_system(Kind::store), "01");
  system(Kind::email, of_system(Kind::email).append(kId), "02" + id);
  system(Kind::customer, of_system(Kind::customer).append(kId), "03" + id);
  system(Kind::owner_hash, of_system(Kind::owner_hash).u64(0x0123456789ABCDEF),
         "040123456789abcdef");
  system(Kind::commit_link, of_system(Kind::commit_link).u64(258), "050000000000000102");
  owned(Kind::user, of(Kind::user).not_u32(1), "10fffffffe");
  owned(Kind::commit_body, of(Kind::commit_body).u64(258), "110000000000000102");
  owned(Kind::idempotency, of(Kind::idempotency).u32(20315).append(kId), "1200004f5b" + id);
  owned(Kind::import_identity, of(Kind::import_identity).append(kId), "13" + id);
  owned(Kind::project, of(Kind::project).append(kId), "14" + id);
  owned(Kind::project_by_age, of(Kind::project_by_age).not_u64(3), "15fffffffffffffffc");
  owned(Kind::project_version, of(Kind::project_version).append(kId).not_u32(2),
        "16" + id + "fffffffd");
  owned(Kind::project_status, of(Kind::project_status).append(kId).not_u32(2),
        "17" + id + "fffffffd");
  owned(Kind::document, of(Kind::document).append(kId), "18" + id);
  owned(Kind::document_slot, of(Kind::document_slot).append(kId).u32(7).u8(2),
        "19" + id + "0000000702");
  owned(Kind::document_by_section, of(Kind::document_by_section).append(kId).u8(2).not_u32(7),
        "1a" + id + "02fffffff8");
  owned(Kind::revision, of(Kind::revision).append(kId).not_u32(843), "1b" + id + "fffffcb4");
  owned(Kind::document_lock, of(Kind::document_lock).append(kId).not_u32(1),
        "1c" + id + "fffffffe");
  owned(Kind::task_place, of(Kind::task_place).append(kId), "1d" + id);
  owned(Kind::task, task_key(-1, 258, kOther),
        "1e" + id + "017fffffff" + "0000000000000102" + std::string(kOtherHex));
  owned(Kind::task_revision, of(Kind::task_revision).append(kId).not_u32(1),
        "1f" + id + "fffffffe");
  owned(Kind::task_activity, of(Kind::task_activity).append(kId).not_u64(1),
        "20" + id + "fffffffffffffffe");
  owned(Kind::session, of(Kind::session).append(kId), "21" + id);
  owned(Kind::session_by_age, of(Kind::session_by_age).append(kId).not_u64(3),
        "22" + id + "fffffffffffffffc");
  owned(Kind::session_title, of(Kind::session_title).append(kId).not_u32(1),
        "23" + id + "fffffffe");
  // 202508 is 0x0003170c.
  owned(Kind::message, of(Kind::message).append(kId).not_u32(202508).not_u64(1),
        "24" + id + "fffce8f3" + "fffffffffffffffe");
  owned(Kind::message_id, of(Kind::message_id).append(kId), "25" + id);
  owned(Kind::event, of(Kind::event).not_u32(202508).not_u64(0x10001),
        "26fffce8f3fffffffffffefffe");
  owned(Kind::session_month, of(Kind::session_month).append(kId).not_u64(1),
        "27" + id + "fffffffffffffffe");
  owned(Kind::event_month, of(Kind::event_month).not_u64(0x10000), "28fffffffffffeffff");
  owned(Kind::audit, of(Kind::audit).not_u64(0x10001), "29fffffffffffefffe");
  owned(Kind::credit_account, of(Kind::credit_account), "2a");
  owned(Kind::credit_counter, of(Kind::credit_counter), "2b");
  owned(Kind::credit_entry, of(Kind::credit_entry).not_u64(1), "2cfffffffffffffffe");
  add_later_keys(rows);
  return rows;
}

// Builds keys for rising numbers and expects the given order of their bytes.
template <class Number, class Build>
void check_order(const std::vector<Number>& rising, bool newest_first, Build build) {
  for (size_t i = 0; i + 1 < rising.size(); ++i) {
    const std::string low = build(rising[i]).str();
    const std::string high = build(rising[i + 1]).str();
    INFO(to_hex(low), " and ", to_hex(high));
    CHECK((newest_first ? high < low : low < high));
  }
}

const std::vector<uint32_t> kRising32 = {0,     1,     2,          255,        256,
                                         65535, 65536, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
const std::vector<uint64_t> kRising64 = {
    0, 1, 255, 256, 65535, 0xFFFFFFFF, 0x100000000, uint64_t{1} << 63, ~uint64_t{0}};

}  // namespace

TEST_CASE("every kind of key has its golden bytes") {
  const std::map<Kind, GoldenKey> rows = golden_keys();
  for (const KindInfo& info : kKinds) {
    INFO(info.name);
    auto row = rows.find(info.kind);
    REQUIRE(row != rows.end());
    const std::string_view key = row->second.key.view();
    CHECK(to_hex(key) == row->second.hex);
    CHECK(key.size() == info.key_bytes);
    CHECK(key.size() <= kMaxKeyBytes);
    CHECK(parse_key(key) == &info);
  }
  CHECK(rows.size() == std::size(kKinds));
}

TEST_CASE("the catalogue of kinds is consistent") {
  std::map<std::string_view, size_t> names;
  for (const KindInfo& info : kKinds) {
    INFO(info.name);
    const auto number = static_cast<uint8_t>(info.kind);
    CHECK(number != 0);
    CHECK(kind_info(number) == &info);
    CHECK(to_string(info.kind) == info.name);
    CHECK(++names[info.name] == 1);
    // The widths in brackets add up to the length.
    size_t bytes = kOwnerBytes + 1;
    for (size_t at = info.key.find('('); at != std::string_view::npos;
         at = info.key.find('(', at + 1)) {
      bytes += static_cast<size_t>(std::stoi(std::string(info.key.substr(at + 1))));
    }
    CHECK(bytes == info.key_bytes);
  }
  CHECK(kind_info(0) == nullptr);
  CHECK(kind_info(255) == nullptr);
  CHECK(to_string(static_cast<Kind>(0)) == "unknown");
}

TEST_CASE("numbers sort by value") {
  check_order(kRising64, false, [](uint64_t n) { return Key(kOwner, Kind::commit_body).u64(n); });
  check_order(kRising32, false,
              [](uint32_t n) { return Key(kOwner, Kind::idempotency).u32(n).append(kId); });
  check_order(kRising32, false,
              [](uint32_t n) { return Key(kOwner, Kind::document_slot).append(kId).u32(n).u8(9); });
  check_order(kRising64, false, [](uint64_t n) { return task_key(3, n, kOther); });
}

TEST_CASE("complemented numbers sort newest first") {
  check_order(kRising32, true,
              [](uint32_t n) { return Key(kOwner, Kind::revision).append(kId).not_u32(n); });
  check_order(kRising64, true,
              [](uint64_t n) { return Key(kOwner, Kind::task_activity).append(kId).not_u64(n); });
  // The month stands before the sequence.
  const std::string later_month =
      Key(kOwner, Kind::message).append(kId).not_u32(202509).not_u64(1).str();
  const std::string earlier_month =
      Key(kOwner, Kind::message).append(kId).not_u32(202508).not_u64(99).str();
  CHECK(later_month < earlier_month);
}

TEST_CASE("phases sort in signed order, and tasks without one come last") {
  const std::vector<std::optional<int32_t>> rising = {
      std::numeric_limits<int32_t>::min(), -256,        -1, 0, 1, 255, 256,
      std::numeric_limits<int32_t>::max(), std::nullopt};
  check_order(rising, false,
              [](std::optional<int32_t> phase) { return task_key(phase, 5, kOther); });
  for (std::optional<int32_t> phase : rising) {
    const Key key = task_key(phase, 5, kOther);
    CHECK(key_phase(key, 33) == phase);
    CHECK(key_u64(key, 38) == 5);
    CHECK(key_uuid(key, 46) == kOther);
  }
}

TEST_CASE("the keys of two owners never interleave") {
  // Neighbours by one bit, by one, and at the edges.
  std::vector<Uuid> owners = {filled(0), filled(1)};
  Uuid edge;
  owners.push_back(edge);
  edge.bytes[15] = 1;
  owners.push_back(edge);
  edge.bytes.fill(0xFF);
  owners.push_back(edge);
  edge.bytes[15] = 0xFE;
  owners.push_back(edge);
  std::sort(owners.begin(), owners.end());

  std::string last_of_previous;
  for (const Uuid& owner : owners) {
    std::vector<std::string> keys;
    for (const KindInfo& info : kKinds) {
      // The smallest and the largest key of the kind.
      const std::string head = Key(owner, info.kind).str();
      keys.push_back(head + std::string(info.key_bytes - head.size(), '\x00'));
      keys.push_back(head + std::string(info.key_bytes - head.size(), '\xFF'));
    }
    const auto [first, last] = std::minmax_element(keys.begin(), keys.end());
    CHECK(last_of_previous < *first);
    last_of_previous = *last;
  }
}

TEST_CASE("the kinds of one owner do not interleave") {
  std::string last;
  for (const KindInfo& info : kKinds) {
    const std::string head = Key(kOwner, info.kind).str();
    CHECK(last < head);
    last = head + std::string(info.key_bytes - head.size(), '\xFF');
  }
}

TEST_CASE("after_prefix is the smallest key above every key with the prefix") {
  auto after = [](std::string_view prefix) { return to_hex(after_prefix(prefix)); };
  CHECK(after("ab") == "6163");
  CHECK(after(std::string_view("a\0", 2)) == "6101");
  CHECK(after("a\xFE") == "61ff");
  CHECK(after("a\xFF") == "62");
  CHECK(after("a\xFF\xFF") == "62");
  CHECK(after("\x7F\xFF") == "80");
  // Nothing is above: no bound.
  CHECK(after("\xFF\xFF").empty());
  CHECK(after("").empty());

  const std::string prefix = Key(kOwner, Kind::event).not_u32(0).str();
  const std::string bound = after_prefix(prefix);
  CHECK(prefix < bound);
  CHECK(prefix + std::string(40, '\xFF') < bound);
  CHECK(parse_key(bound) == nullptr);
}

TEST_CASE("parse_key refuses what is no key") {
  CHECK(parse_key("") == nullptr);
  CHECK(parse_key(std::string(16, 'x')) == nullptr);
  for (const auto& golden : golden_keys()) {
    INFO(to_string(golden.first));
    const std::string key = golden.second.key.str();
    CHECK(parse_key(key + '\0') == nullptr);
    for (size_t bytes = 0; bytes < key.size(); ++bytes) {
      const KindInfo* shorter = parse_key(std::string_view(key).substr(0, bytes));
      CHECK(shorter == nullptr);
    }
  }
}

TEST_CASE("parse_key refuses unknown kinds at every length") {
  for (unsigned number = 0; number < 256; ++number) {
    if (kind_info(static_cast<uint8_t>(number)) != nullptr) continue;
    for (size_t rest = 0; rest <= kMaxKeyBytes - kOwnerBytes; ++rest) {
      std::string key(kOwnerBytes, 'o');
      key += static_cast<char>(number);
      key.append(rest, 'r');
      CHECK(parse_key(key) == nullptr);
    }
  }
}

TEST_CASE("kinds of the system lie under the system owner alone") {
  for (const KindInfo& info : kKinds) {
    INFO(info.name);
    const bool system_only = static_cast<uint8_t>(info.kind) < 16;
    for (const UserId& owner : {kOwner, kPublicOwner}) {
      std::string key = Key(owner, info.kind).str();
      key.resize(info.key_bytes, '\x01');
      CHECK((parse_key(key) == nullptr) == system_only);
      CHECK(key_owner(key) == owner);
    }
    std::string key = Key(kSystemOwner, info.kind).str();
    key.resize(info.key_bytes, '\x01');
    CHECK(parse_key(key) == &info);
  }
}

TEST_CASE("numbers and ids are read back, and a short key reads as zeros") {
  const Key key = Key(kOwner, Kind::message).append(kId).not_u32(202508).not_u64(77);
  CHECK(key_owner(key) == kOwner);
  CHECK(key_uuid(key, 17) == kId);
  CHECK(~key_u32(key, 33) == 202508);
  CHECK(~key_u64(key, 37) == 77);
  CHECK(key_u64(key, 38) == 0);
  CHECK(key_u32(key, 42) == 0);
  CHECK(key_uuid(key, 30) == Uuid{});
  CHECK(key_phase(key, 45) == std::nullopt);
}

}  // namespace bcstore::format
