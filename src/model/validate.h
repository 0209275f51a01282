// Checks of arguments that need no store. Each answers ok or `invalid_argument` naming the argument
// and the reason.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "bcstore/id.h"
#include "bcstore/status.h"

namespace bcstore::model {

enum class Empty : uint8_t { refused, allowed };

// UTF-8 without NUL, at most `max_bytes` long.
Status check_text(std::string_view what, std::string_view text, size_t max_bytes, Empty empty);

// Reserved or nil owners name no user.
Status check_owner(UserId owner);
Status check_id(std::string_view what, const Uuid& id);
Status check_time(std::string_view what, Time time);

// Validates JSON (RFC 8259) without keeping it: any value, numbers of any size, at most
// kMaxJsonDepth deep, no \u0000, no unpaired surrogate. Reuses its buffers; one thread at a time.
class JsonChecker {
 public:
  JsonChecker();
  ~JsonChecker();
  JsonChecker(JsonChecker&&) noexcept;
  JsonChecker& operator=(JsonChecker&&) noexcept;
  Status check(std::string_view what, std::string_view json, size_t max_bytes);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace bcstore::model
