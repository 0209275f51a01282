// Ids: sixteen bytes with a type, and the time that is stored with every record.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace bcstore {

// Any sixteen bytes; written as a UUID. Order is byte order.
struct Uuid {
  std::array<uint8_t, 16> bytes{};

  static constexpr Uuid nil() { return Uuid{}; }
  bool is_nil() const { return *this == Uuid{}; }
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

// "0190f3c4-....": 36 characters, lower case.
std::string to_string(const Uuid& id);
// Accepts exactly that form, in either case; anything else is nullopt.
std::optional<Uuid> parse_uuid(std::string_view text);

// An id of one kind of thing. Ids of different kinds do not convert into each other, so a
// ChatSessionId where a ProjectId belongs does not compile.
template <class Kind>
class Id {
 public:
  constexpr Id() = default;  // nil: names nothing; every verb refuses it
  constexpr explicit Id(const Uuid& uuid) : uuid_(uuid) {}

  constexpr const Uuid& uuid() const { return uuid_; }
  bool is_nil() const { return uuid_.is_nil(); }
  static std::optional<Id> parse(std::string_view text) {
    std::optional<Uuid> uuid = parse_uuid(text);
    return uuid ? std::optional<Id>(Id(*uuid)) : std::nullopt;
  }
  friend auto operator<=>(const Id&, const Id&) = default;

 private:
  Uuid uuid_;
};

template <class Kind>
std::string to_string(const Id<Kind>& id) {
  return to_string(id.uuid());
}

using UserId = Id<struct UserKind>;
using ProjectId = Id<struct ProjectKind>;
using DocumentId = Id<struct DocumentKind>;
using TaskId = Id<struct TaskKind>;
using ChatSessionId = Id<struct ChatSessionKind>;
using MessageId = Id<struct MessageKind>;
using CreditHoldId = Id<struct CreditHoldKind>;
using IntegrationId = Id<struct IntegrationKind>;

// Two owner ids are reserved and never name a user: `invalid_argument` wherever one is given.
inline constexpr UserId kSystemOwner{Uuid{}};
inline constexpr UserId kPublicOwner{Uuid{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}};

// An instant: microseconds since 1970-01-01T00:00:00Z, without leap seconds. Years 1 to 9999.
struct Time {
  int64_t us = 0;

  friend auto operator<=>(const Time&, const Time&) = default;
};

// RFC 3339 in UTC with six fraction digits: "2025-08-01T09:30:00.000000Z".
std::string to_string(Time time);
// Reads RFC 3339: any offset, 0 to 9 fraction digits (those past the sixth are dropped, toward the
// past), 'T', 't' or a space between, 'Z' or 'z'. A leap second (:60) is read as the next second.
// Anything else, or a year outside 1 to 9999, is nullopt.
std::optional<Time> parse_time(std::string_view text);
// The UTC month of an instant as yyyymm, such as 202508.
uint32_t month_of(Time time);

}  // namespace bcstore

template <class Kind>
struct std::hash<bcstore::Id<Kind>> {
  size_t operator()(const bcstore::Id<Kind>& id) const noexcept {
    uint64_t half[2];
    std::memcpy(half, id.uuid().bytes.data(), sizeof half);
    return static_cast<size_t>((half[0] ^ (half[1] * 0x9E3779B97F4A7C15ull)) *
                               0xD6E8FEB86659FD93ull);
  }
};
