// Rows of the LMDB engine that several of its workers write and read.
#pragma once

#include <mutex>

#include "lmdb_environment.h"
#include "peer.h"

namespace bcstore::bench {

// What an open engine's workers share.
struct LmdbShare {
  std::unique_ptr<LmdbEnvironment> environment;
  Population population;
};

struct LmdbCredits {
  int64_t remaining = 0;
  int64_t granted = 0;
  int64_t allowance = 0;
  int64_t reset_at_us = 0;
  int64_t is_unlimited = 0;
};

// Value of a project: its owner, its version, the length of the name, the name and the prompt.
inline constexpr size_t kLmdbVersionAt = 16;
inline constexpr size_t kLmdbNameBytesAt = 20;
inline constexpr size_t kLmdbNameAt = 24;

// Appends to the session, which must be the user's. The new sequence.
uint64_t append_lmdb_message(LmdbWrite& write, const RawId& user, const RawId& session,
                             const Message& message, int64_t at_us);
void fold_lmdb_messages(LmdbReader& reader, const RawId& user, const RawId& session, uint32_t count,
                        Fold* fold);
// Appends to the document, which must be the user's. The new revision's number.
uint32_t append_lmdb_revision(LmdbWrite& write, const RawId& user, const RawId& document,
                              int64_t at_us, std::string_view content);
std::string_view content_of_lmdb_revision(std::string_view value);

void create_lmdb_user(LmdbWrite& write, const RawId& user, std::string_view email,
                      std::string_view full_name, const LmdbCredits& credits);
void create_lmdb_project(LmdbWrite& write, const RawId& user, const RawId& project,
                         std::string_view name, std::string_view prompt, uint32_t version);
void create_lmdb_session(LmdbWrite& write, const RawId& user, const RawId& project,
                         const RawId& session);
void create_lmdb_document(LmdbWrite& write, const RawId& user, const RawId& project,
                          const RawId& document, uint32_t version, uint8_t section);
void append_lmdb_event(LmdbWrite& write, const RawId& user, int64_t at_us, std::string_view type,
                       std::string_view payload);
// Throws unless there is one to spend. What remains.
int64_t consume_lmdb_credit(LmdbWrite& write, const RawId& user);

// Throws unless the row, which begins with its owner, is the user's.
void require_owner(std::string_view row, const RawId& user);
// The same for what belongs to a project.
void require_lmdb_project(const LmdbWrite& write, const RawId& user, const RawId& project);

std::unique_ptr<ProjectWorker> make_lmdb_project_worker(LmdbShare& share);
std::unique_ptr<TurnWorker> make_lmdb_turn_worker(LmdbShare& share, Mode mode);
std::unique_ptr<UpkeepWorker> make_lmdb_upkeep_worker(LmdbShare& share);
std::unique_ptr<ProductSink> make_lmdb_sink(LmdbShare& share);

}  // namespace bcstore::bench
