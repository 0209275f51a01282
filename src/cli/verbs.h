// The verbs of the command that look at a store, and the replay. Each answers the exit code: 0, or
// 1 with a sentence on `err`. None but the replay makes a store that is not there.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "bcstore/bcstore.h"

namespace bcstore::cli {

struct CheckArgs {
  std::string db;
  bool json = false;
  bool is_deep = false;  // reads every block of every file too
};
// 1 also when something is violated.
int run_check(const CheckArgs& args, std::ostream& out, std::ostream& err);

struct StatsArgs {
  std::string db;
  bool json = false;
};
int run_stats(const StatsArgs& args, std::ostream& out, std::ostream& err);

struct CompactArgs {
  std::string db;
};
// Merges every file into its last level: what was replaced is gone, and what is kept is packed.
int run_compact(const CompactArgs& args, std::ostream& out, std::ostream& err);

struct HashArgs {
  std::string db;
  HashScope scope = HashScope::content;
};
// Prints one logical hash, 32 hexadecimal digits.
int run_hash(const HashArgs& args, std::ostream& out, std::ostream& err);

struct DocShowArgs {
  std::string db;
  UserId user{};
  DocumentId document{};
  std::optional<uint32_t> rev = std::nullopt;  // default: the newest
};
// Writes the content's exact bytes and nothing else.
int run_doc_show(const DocShowArgs& args, std::ostream& out, std::ostream& err);

struct ShowArgs {
  std::string db;
  std::optional<UserId> user = std::nullopt;
  std::optional<ProjectId> project = std::nullopt;
};
// One project: its newest documents, its open tasks and its last messages. Without a project the
// first that has all of them, else the first that comes closest.
int run_show(const ShowArgs& args, std::ostream& out, std::ostream& err);

struct SearchArgs {
  std::string db;
  UserId user{};
  ProjectId project{};
  std::string vector_file;  // .fvecs, packed or not
  uint64_t row = 0;         // of it, which is the query
  SearchOptions options{};
  std::string space{};
  bool json = false;
};
// The sections of a project that are nearest to a vector, nearest first.
int run_search(const SearchArgs& args, std::ostream& out, std::ostream& err);

struct UserListArgs {
  std::string db;
  bool json = false;
};
int run_user_list(const UserListArgs& args, std::ostream& out, std::ostream& err);

struct UserFindArgs {
  std::string db;
  std::string email;
  bool json = false;
};
// 1 also when nobody has the address.
int run_user_find(const UserFindArgs& args, std::ostream& out, std::ostream& err);

struct StripeReplayArgs {
  std::string file;  // JSON Lines of deliveries, packed or not
  std::string db;
  bool json = false;
  bool in_reverse = false;  // the last delivery first
};
// Applies recorded webhook deliveries; each row's own time stands for now. Makes a store that is
// not there, as a load does. 0 when it ran to its end, also with deliveries refused.
int run_stripe_replay(const StripeReplayArgs& args, std::ostream& out, std::ostream& err);

struct ContextArgs {
  std::string db;
  UserId user{};
  ProjectId project{};
  uint64_t budget = 8'000;
  AsOf as_of{};
  std::string again{};  // the id of a context: that one, instead
  bool json = false;
};
// What a model is told of a project, as Markdown or JSON. The context's id goes to `err`.
int run_context(const ContextArgs& args, std::ostream& out, std::ostream& err);

struct DiffArgs {
  std::string db;
  UserId user{};
  ProjectId project{};
  AsOf before{};
  AsOf after{};
  bool json = false;
};
int run_diff(const DiffArgs& args, std::ostream& out, std::ostream& err);

// "commit:7", "version:2", or a time as ISO 8601; a date alone is its first moment in UTC.
std::optional<AsOf> parse_as_of(std::string_view text);

struct FeedArgs {
  std::string db;
  std::optional<UserId> user = std::nullopt;  // else everybody's
  uint64_t after_seq = 0;
  std::vector<ChangeKind> kinds{};
  bool with_bookkeeping = false;
  bool json = false;
  // Opens the store again and again for what is new, and lets others in between.
  bool is_following = false;
  uint64_t interval_ms = 1000;
  uint64_t rounds = 0;  // ends after so many; 0: never
};
// One commit a line.
int run_feed(const FeedArgs& args, std::ostream& out, std::ostream& err);

struct StandbyArgs {
  std::string from;
  std::string to;  // made when it is not there
  bool drops = false;
};
// Takes over what is new, until both are the same; or gives up what is kept for standbys.
int run_standby(const StandbyArgs& args, std::ostream& out, std::ostream& err);

struct PromoteArgs {
  std::string db;
};
int run_promote(const PromoteArgs& args, std::ostream& out, std::ostream& err);

// Opens a store that is there; says on `err` why it can not.
Result<Store> open_existing(const std::string& db, std::ostream& err);
// One line about what opening the store cut off its files; nothing when it cut nothing.
void tell_cuts(const Store& store, std::ostream& err);
// Says it on `err`, and answers the exit code 1.
int failed(const Status& status, std::ostream& err);

}  // namespace bcstore::cli
