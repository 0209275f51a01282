// What names a context: everything that it was asked with, and the last commit that it knew.
//
// As text: the bytes in hexadecimal. The bytes: version u8, hash of the store u64, commit u64,
// project 16 bytes, as_of (kind u8, number u64, time i64, known u64), budget u64, the two shares u8
// each, tasks u8, whether the caller counts u8, number of sections u8 and each u8, number of
// sessions u8 and each 16 bytes, and the XXH3-64 of all before it. Numbers are big-endian.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bcstore/context.h"
#include "bcstore/status.h"

namespace bcstore::model {

struct ContextRequest {
  ProjectId project;
  ContextOptions options;
  uint64_t commit_seq = 0;
  bool has_count = false;
};

std::string to_context_id(const ContextRequest& request, uint64_t store_hash);
// invalid_argument for what is no id, or another store's.
Result<ContextRequest> parse_context_id(std::string_view id, uint64_t store_hash);

}  // namespace bcstore::model
