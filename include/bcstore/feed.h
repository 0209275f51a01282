// The change feed: what was committed, in the order of the commits.
//
// Every commit has a number, from 1 without gaps, and becomes visible in that order: who has seen
// commit n + 1 has seen all that there was before it. A feed is read from the disk, page by page,
// from any number on; it names what a commit wrote and copies none of it.
//
//   uint64_t seen = 0;  // kept by the follower, or as a named cursor
//   for (;;) {
//     Result<FeedPage> page = tenant.feed({.after_seq = seen});
//     if (!page.ok()) break;  // failed_precondition: status().oldest() says where it begins now
//     for (const FeedEntry& entry : page->entries) use(entry);
//     seen = page->end_seq;
//     if (page->at_end) (void)tenant.wait_feed(seen, kSecond);
//   }
//
// Delivery is at least once: a follower that stops between a page and keeping its end gets the page
// again. A commit that was relaxed may be lost when the machine loses power, and its number then
// belongs to another one. FeedPage::position tells a follower that this happened, where a plain
// number does not; or it acts on commits up to FeedPage::durable_seq alone.
//
// Commits that hold nothing but bookkeeping are left out unless they are asked for, and wake
// nobody: those that only move named cursors, and the traces of what a service read. So a follower
// that keeps its place in the store, or that reads as a service, never follows itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bcstore/id.h"
#include "bcstore/options.h"
#include "bcstore/records.h"
#include "bcstore/types.h"

namespace bcstore {

inline constexpr size_t kMaxFeedPageBytes = size_t{4} << 20;  // of what a page is read from
inline constexpr size_t kMaxFeedPageLooks = 10'000;  // commits looked at for a page with a filter
inline constexpr size_t kMaxFeedWaiters = 1024;      // in wait_feed at one time
inline constexpr int64_t kMaxFeedWaitUs = int64_t{3600} * 1'000'000;

// What a change is of. Numbers are stable, and those of the records on disk.
enum class ChangeKind : uint8_t {
  billing_delivery = 6,      // id: of its hash
  user = 16,                 // number: the profile's revision
  project = 20,              // it was created, with version 1
  project_version = 22,      // id: the project; number: the version
  project_status = 23,       // id: the project
  document = 24,             // it was created; number: its revision, or 0
  revision = 27,             // id: the document; number: the revision
  document_lock = 28,        // id: the document
  task = 30,                 // it was created, with revision 1
  task_revision = 31,        // id: the task
  task_activity = 32,        // id: the task; number: of the activity
  session = 33,              // it was created
  session_title = 35,        // id: the session
  message = 36,              // id: the session; number: the message's seq
  event = 38,                // number: the event's id
  audit = 41,                // number: the event's id
  credit_entry = 44,         // number: of the ledger's entry
  credit_hold = 45,          // id: the hold
  subscription_change = 49,  // id: of its hash
  integration_change = 51,   // id: the integration; number: its revision
  public_record = 54,        // id: the name's hash; number: the revision
  section_head = 56,         // id: the document; number: the first revision of an imported section
  section_list = 57,         // id: the document; number: the revision
  call = 60,                 // number: the call's id
  feed_cursor = 80,          // id: the name's hash; number: where it stands, or 0 when dropped
};
// The enumerator's name as written here; "unknown" for a number that is none of them.
std::string_view to_string(ChangeKind kind);
std::optional<ChangeKind> parse_change_kind(std::string_view name);

// What one operation of a commit wrote: enough to read it.
struct Change {
  ChangeKind kind{};
  Uuid id{};  // nil where the kind is numbered by its owner alone
  uint64_t number = 0;
  friend bool operator==(const Change&, const Change&) = default;
};

// What a change wrote, as far as it is one record: the version, the revision, the message. Of a
// session, also one that was renamed, and of a hold: as it is now. Nothing for changes of sections,
// which Tenant::sections reads, of a billing service's deliveries and of named cursors.
using FeedRecord = std::variant<std::monostate, User, ProjectVersion, ProjectStatusChange, Document,
                                Revision, DocumentLockChange, TaskRevision, TaskActivity,
                                ChatSession, ChatMessage, Event, CallRecord, CreditEntry,
                                CreditHold, SubscriptionChange, IntegrationChange, PublicRecord>;

struct FeedEntry {
  uint64_t commit_seq = 0;
  // Whose it is; kSystemOwner for reports of a billing service about nobody's customer,
  // kPublicOwner for public records. nullopt when the owner was erased: then only the number and
  // the time are left.
  std::optional<UserId> owner{};
  uint64_t owner_seq = 0;  // the owner's own numbering, dense
  Time time{};
  Actor actor{};
  std::vector<Change> changes{};      // in the order of the operations; those that were asked for
  std::vector<FeedRecord> records{};  // one for each change, with FeedOptions::with_records
};

struct FeedPage {
  std::vector<FeedEntry> entries{};
  // Everything up to here was looked at: the next page begins after it. It moves on also where
  // nothing was to be shown.
  uint64_t end_seq = 0;
  // The same, as opaque bytes that are refused when the store is another one, or went on without
  // this commit.
  std::string position{};
  // Whether there was nothing more; else the next page is worth asking for at once.
  bool at_end = false;
  // No commit up to here can be lost.
  uint64_t durable_seq = 0;
};

struct FeedOptions {
  // Commits after this number; 0: from the first one on.
  uint64_t after_seq = 0;
  // FeedPage::position of a page of the same feed, instead of after_seq.
  std::string_view after = {};
  // Only changes of these kinds, and only commits that have any; empty: all.
  std::span<const ChangeKind> kinds = {};
  bool with_bookkeeping = false;
  // Only changes of this project and of what is in it, and only commits that have any. Of an
  // owner's own feed alone: two owners may have projects of one id.
  std::optional<ProjectId> project{};
  // Reads what the changes wrote, at the time of the page; a page ends after kMaxFeedPageBytes of
  // it, and holds one commit at least.
  bool with_records = false;
  size_t limit = kDefaultPageRows;  // entries; 1 to kMaxPageRows
};

}  // namespace bcstore
