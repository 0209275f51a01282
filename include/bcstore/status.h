// Status and Result: how every call answers.
//
// Errors are values. A Status is a code, a sentence that names the thing and the reason, and for
// some codes a fact that a program can act on: the actual value behind a `conflict`, the object
// that already exists. An ok Status is one null pointer; copying it costs nothing.
//
// Thread contract: like std::string. Const calls are safe from many threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "bcstore/id.h"

namespace bcstore {

// The whole list. Numbers are stable: they may be logged and compared across versions.
enum class Code : uint8_t {
  ok = 0,
  not_found = 1,            // does not exist, or belongs to another owner: never tells which
  already_exists = 2,       // existing() names the object, where it has an id
  invalid_argument = 3,     // the request can never be accepted as it is
  failed_precondition = 4,  // the state of the store refuses it now
  conflict = 5,             // an expectation differs (actual()), or the idempotency key is taken
  out_of_credits = 6,       // remaining() and resets_at() say what there is and when there is more
  rate_limited = 7,         // retry_after_us() says when there is more
  erased = 8,
  legal_hold = 9,
  blocked = 10,
  corruption = 11,          // a record on disk is damaged; the message names table and key
  io_error = 12,            // a read failed
  no_space = 13,            // refused before anything was written
  read_only = 14,           // the store latched after a storage error; reads go on
  unknown_outcome = 15,     // may have been applied: retry with the same idempotency key
  unavailable = 16,         // try again later
  busy = 17,                // the directory is open elsewhere
  wrong_process = 18,       // used in a child after fork
  unsupported_format = 19,  // written by a newer library, or not a store of ours
  closed = 20,
  internal = 21,  // our own invariant failed; please report it
};

// The code's name as it is written in this header, such as "not_found".
std::string_view to_string(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // ok
  Status(Code code, std::string message);
  Status(const Status& other);
  Status& operator=(const Status& other);
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  static Status conflict(std::string message, uint64_t actual);
  static Status already_exists(std::string message, const Uuid& existing);
  // invalid_argument, with what would have been enough.
  static Status too_small(std::string message, uint64_t needed);
  static Status rate_limited(std::string message, int64_t retry_after_us);
  static Status out_of_credits(std::string message, uint64_t remaining,
                               std::optional<Time> resets_at);
  static Status behind(std::string message, uint64_t oldest);

  bool ok() const { return state_ == nullptr; }
  explicit operator bool() const { return ok(); }
  Code code() const { return state_ ? state_->code : Code::ok; }
  // Empty when ok.
  std::string_view message() const& {
    return state_ ? std::string_view(state_->message) : std::string_view();
  }
  std::string_view message() const&& = delete;
  // The value that was there instead of the expected one: a version, revision, sequence or the
  // number of an enumerator, as the verb's comment says. Only with Code::conflict.
  std::optional<uint64_t> actual() const;
  // What would have been enough. Only of Tenant::context, with Code::invalid_argument.
  std::optional<uint64_t> needed() const;
  // The id of the object in the way. Only with Code::already_exists.
  std::optional<Uuid> existing() const;
  // What there was to spend, and the next reset of the allowance; no reset: nullopt. Only with
  // Code::out_of_credits.
  std::optional<uint64_t> remaining() const;
  std::optional<Time> resets_at() const;
  // Microseconds until the same request would pass. Only with Code::rate_limited.
  std::optional<int64_t> retry_after_us() const;
  // The oldest number after which a feed can still be read. Only with Code::failed_precondition, of
  // a reader or cursor that is behind it.
  std::optional<uint64_t> oldest() const;
  // For a refused batch: the operation that was refused, counted from 0.
  std::optional<uint32_t> operation() const;
  // This status, marked as the answer of operation `index`.
  Status at_operation(uint32_t index) &&;
  // "conflict: document ... is at revision 7, expected 6"
  std::string to_string() const;

 private:
  struct State {
    Code code;
    std::string message;
    std::optional<uint64_t> actual;  // or what remains, or the oldest
    std::optional<Uuid> existing;
    std::optional<uint32_t> operation;
    std::optional<Time> resets_at;
    std::optional<int64_t> retry_after_us;
  };
  std::unique_ptr<State> state_;
};

// A value or the Status that says why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(*-explicit-*)
  Result(Status status) : held_(an_error(std::move(status))) {}         // NOLINT(*-explicit-*)

  bool ok() const { return held_.index() == 0; }
  explicit operator bool() const { return ok(); }
  Status status() const { return ok() ? Status() : std::get<1>(held_); }
  Code code() const { return ok() ? Code::ok : std::get<1>(held_).code(); }

  // The value; undefined when !ok(). A Result that is a temporary gives its value away by move, so
  // no reference into it can dangle.
  T& operator*() & { return *std::get_if<0>(&held_); }
  const T& operator*() const& { return *std::get_if<0>(&held_); }
  T operator*() && { return std::move(*std::get_if<0>(&held_)); }
  // Not of a temporary: what it points to would be gone.
  T* operator->() & { return std::get_if<0>(&held_); }
  const T* operator->() const& { return std::get_if<0>(&held_); }
  const T* operator->() const&& = delete;

  // The value, or std::runtime_error with the status's sentence: the one call that throws.
  T& value() & { return checked(), *std::get_if<0>(&held_); }
  const T& value() const& { return checked(), *std::get_if<0>(&held_); }
  T value() && { return checked(), std::move(*std::get_if<0>(&held_)); }

 private:
  static std::variant<T, Status> an_error(Status status) {
    if (status.ok()) status = Status(Code::internal, "ok without a value");
    return std::variant<T, Status>(std::in_place_index<1>, std::move(status));
  }
  void checked() const {
    if (!ok()) throw std::runtime_error(std::get<1>(held_).to_string());
  }
  std::variant<T, Status> held_;
};

}  // namespace bcstore
