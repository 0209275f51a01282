#include "cli/message_order.h"

#include <fmt/format.h>

#include <optional>
#include <string>

namespace bcstore::cli {
namespace {

Status uncertain(uint64_t first_number) {
  return Status(Code::failed_precondition,
                fmt::format("the session starts at {} in this file, and a row that could not be "
                            "read may be the one before",
                            first_number));
}

bool is_same(const ChatMessage& stored, Row& row) {
  return stored.content() == row.text("content") && to_string(stored.role()) == row.text("role") &&
         stored.created_at() == row.time("created_at");
}

// The number under which the store already holds this row, if it does.
std::optional<uint64_t> stored_number(const Tenant& tenant, ChatSessionId session, uint64_t number,
                                      Row& row) {
  if (std::optional<Uuid> id = row.maybe_id("id")) {
    Result<ChatMessage> stored = tenant.message(MessageId(*id));
    if (!stored || stored->session() != session) return std::nullopt;
    return stored->seq();
  }
  for (uint64_t candidate : {number, number + 1}) {
    Result<ChatMessage> stored = tenant.message(session, candidate);
    if (stored && is_same(*stored, row)) return candidate;
  }
  return std::nullopt;
}

}  // namespace

void MessageOrder::look_at(const std::vector<Spill::Entry>& entries) {
  for (size_t i = 0; i < entries.size(); ++i) {
    bool is_first = i == 0 || entries[i].group != entries[i - 1].group;
    if (is_first && entries[i].order == 0) counts_from_zero_ = true;
    if (is_first && entries[i].order == 1) ++sessions_from_one_;
  }
}

Result<uint64_t> MessageOrder::shift(const Tenant& tenant, ChatSessionId session,
                                     uint64_t first_number, Row& first_row) const {
  if (first_number == 0) return uint64_t{1};
  Result<uint64_t> last = tenant.last_seq(session);
  if (!last) return last.status();
  if (*last == 0) return shift_of_new(first_number);

  std::optional<uint64_t> stored = stored_number(tenant, session, first_number, first_row);
  if (stored == first_number) return uint64_t{0};
  if (stored == first_number + 1) return uint64_t{1};
  // A row without an id at number 1 is rather a changed first message, which is a conflict, than
  // the second one.
  bool continues_from_zero =
      first_number == *last && (first_number > 1 || first_row.maybe_id("id").has_value());
  if (continues_from_zero) return uint64_t{1};
  if (first_number == *last + 1 && unreadable_rows_ > 0) return uncertain(first_number);
  if (first_number == *last + 1) return uint64_t{0};
  return uint64_t{counts_from_zero_ ? 1u : 0u};  // neither continues it nor is there: refused
}

Result<uint64_t> MessageOrder::shift_of_new(uint64_t first_number) const {
  // Every row that could not be read can have been the row 0 of one session only.
  bool counts_from_one = !counts_from_zero_ && sessions_from_one_ > unreadable_rows_;
  if (unreadable_rows_ == 0 || counts_from_one) return uint64_t{0};
  return first_number == 1 ? Result<uint64_t>(uncertain(first_number)) : uint64_t{0};
}

}  // namespace bcstore::cli
