#include "bcstore/status.h"

namespace bcstore {

std::string_view to_string(Code code) {
  switch (code) {
    case Code::ok:
      return "ok";
    case Code::not_found:
      return "not_found";
    case Code::already_exists:
      return "already_exists";
    case Code::invalid_argument:
      return "invalid_argument";
    case Code::failed_precondition:
      return "failed_precondition";
    case Code::conflict:
      return "conflict";
    case Code::out_of_credits:
      return "out_of_credits";
    case Code::rate_limited:
      return "rate_limited";
    case Code::erased:
      return "erased";
    case Code::legal_hold:
      return "legal_hold";
    case Code::blocked:
      return "blocked";
    case Code::corruption:
      return "corruption";
    case Code::io_error:
      return "io_error";
    case Code::no_space:
      return "no_space";
    case Code::read_only:
      return "read_only";
    case Code::unknown_outcome:
      return "unknown_outcome";
    case Code::unavailable:
      return "unavailable";
    case Code::busy:
      return "busy";
    case Code::wrong_process:
      return "wrong_process";
    case Code::unsupported_format:
      return "unsupported_format";
    case Code::closed:
      return "closed";
    case Code::internal:
      return "internal";
  }
  return "unknown";
}

Status::Status(Code code, std::string message) {
  if (code == Code::ok) return;
  state_ = std::make_unique<State>();
  state_->code = code;
  state_->message = std::move(message);
}

Status::Status(const Status& other)
    : state_(other.state_ ? std::make_unique<State>(*other.state_) : nullptr) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) state_ = other.state_ ? std::make_unique<State>(*other.state_) : nullptr;
  return *this;
}

Status Status::conflict(std::string message, uint64_t actual) {
  Status status(Code::conflict, std::move(message));
  status.state_->actual = actual;
  return status;
}

Status Status::too_small(std::string message, uint64_t needed) {
  Status status(Code::invalid_argument, std::move(message));
  status.state_->actual = needed;
  return status;
}

Status Status::already_exists(std::string message, const Uuid& existing) {
  Status status(Code::already_exists, std::move(message));
  status.state_->existing = existing;
  return status;
}

Status Status::rate_limited(std::string message, int64_t retry_after_us) {
  Status status(Code::rate_limited, std::move(message));
  status.state_->retry_after_us = retry_after_us;
  return status;
}

Status Status::out_of_credits(std::string message, uint64_t remaining,
                              std::optional<Time> resets_at) {
  Status status(Code::out_of_credits, std::move(message));
  status.state_->actual = remaining;
  status.state_->resets_at = resets_at;
  return status;
}

Status Status::behind(std::string message, uint64_t oldest) {
  Status status(Code::failed_precondition, std::move(message));
  status.state_->actual = oldest;
  return status;
}

std::optional<uint64_t> Status::actual() const {
  return code() == Code::conflict ? state_->actual : std::nullopt;
}

std::optional<uint64_t> Status::needed() const {
  return code() == Code::invalid_argument ? state_->actual : std::nullopt;
}

std::optional<uint64_t> Status::oldest() const {
  return code() == Code::failed_precondition ? state_->actual : std::nullopt;
}

std::optional<uint64_t> Status::remaining() const {
  return code() == Code::out_of_credits ? state_->actual : std::nullopt;
}

std::optional<Time> Status::resets_at() const { return state_ ? state_->resets_at : std::nullopt; }

std::optional<int64_t> Status::retry_after_us() const {
  return state_ ? state_->retry_after_us : std::nullopt;
}

std::optional<Uuid> Status::existing() const { return state_ ? state_->existing : std::nullopt; }

std::optional<uint32_t> Status::operation() const {
  return state_ ? state_->operation : std::nullopt;
}

Status Status::at_operation(uint32_t index) && {
  if (state_) state_->operation = index;
  return std::move(*this);
}

std::string Status::to_string() const {
  if (ok()) return "ok";
  std::string text(bcstore::to_string(state_->code));
  if (state_->operation) text += " (operation " + std::to_string(*state_->operation) + ")";
  if (!state_->message.empty()) text.append(": ").append(state_->message);
  return text;
}

}  // namespace bcstore
