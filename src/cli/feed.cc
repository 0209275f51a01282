// feed: what was committed, one commit a line.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "cli/display.h"
#include "cli/json_out.h"
#include "cli/verbs.h"

namespace bcstore::cli {
namespace {

constexpr size_t kActorColumns = 40;
constexpr size_t kShownChanges = 16;  // of an import there may be a thousand; in JSON are all

std::string text_of(const Actor& actor) {
  if (actor.kind == ActorKind::user) return "user";
  return fmt::format("{} {}", to_string(actor.kind), one_line(actor.name, kActorColumns));
}

std::string text_of(const Change& change) {
  std::string text(to_string(change.kind));
  if (!change.id.is_nil()) text += " " + to_string(change.id);
  if (change.number != 0) text += fmt::format(" {}", change.number);
  return text;
}

void print_entry(const FeedEntry& entry, std::ostream& out) {
  fmt::print(out, "{}  {}  {}  {}", entry.commit_seq, to_string(entry.time),
             entry.owner ? to_string(*entry.owner) : "erased", text_of(entry.actor));
  std::string_view before = ": ";
  const size_t shown = std::min(entry.changes.size(), kShownChanges);
  for (size_t i = 0; i < shown; ++i) {
    fmt::print(out, "{}{}", before, text_of(entry.changes[i]));
    before = "; ";
  }
  if (shown < entry.changes.size()) {
    fmt::print(out, "; and {} more", grouped(entry.changes.size() - shown));
  }
  out << '\n';
}

void write_entry(const FeedEntry& entry, std::ostream& out) {
  JsonWriter json;
  json.begin_object().key("commit_seq").number(entry.commit_seq);
  json.key("time").text(to_string(entry.time)).key("owner");
  if (entry.owner) {
    json.text(to_string(*entry.owner));
  } else {
    json.null();
  }
  json.key("owner_seq").number(entry.owner_seq);
  json.key("actor").begin_object().key("kind").text(to_string(entry.actor.kind));
  json.key("name").text(entry.actor.name).end_object().key("changes").begin_array();
  for (const Change& change : entry.changes) {
    json.begin_object().key("kind").text(to_string(change.kind));
    json.key("id").text(to_string(change.id)).key("number").number(change.number).end_object();
  }
  json.end_array().end_object();
  out << json.str() << '\n';
}

Result<FeedPage> read_page(const Store& store, const FeedArgs& args, const FeedOptions& o) {
  return args.user ? store.tenant(*args.user).feed(o) : store.service("bcstore feed").feed(o);
}

// Shows what there is, and moves `position` behind it.
Status show_all(const Store& store, const FeedArgs& args, std::string* position,
                std::ostream& out) {
  FeedOptions o;
  o.kinds = args.kinds;
  o.with_bookkeeping = args.with_bookkeeping;
  o.limit = kMaxPageRows;
  for (;;) {
    o.after_seq = position->empty() ? args.after_seq : 0;
    o.after = *position;
    Result<FeedPage> page = read_page(store, args, o);
    if (!page) return page.status();
    for (const FeedEntry& entry : page->entries) {
      args.json ? write_entry(entry, out) : print_entry(entry, out);
    }
    *position = std::move(page->position);
    if (page->at_end || !out.good()) return {};
  }
}

}  // namespace

int run_feed(const FeedArgs& args, std::ostream& out, std::ostream& err) {
  std::string position;
  for (uint64_t round = 1;; ++round) {
    Options options;
    options.create_if_missing = false;
    Result<Store> store = Store::open(args.db, options);
    // One process has a store open at a time: others are let in between the rounds, and waited for.
    const bool waits = args.is_following && store.code() == Code::busy;
    if (!store && !waits) return failed(store.status(), err);
    if (store) {
      tell_cuts(*store, err);
      Status shown = show_all(*store, args, &position, out);
      if (!shown.ok()) {
        if (shown.oldest()) fmt::print(err, "bcstore: use --after {}\n", *shown.oldest());
        return failed(shown, err);
      }
      if (Status closed = store->close(); !closed.ok()) return failed(closed, err);
    }
    out.flush();
    if (!args.is_following || !out.good() || round == args.rounds) return 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(args.interval_ms));
  }
}

}  // namespace bcstore::cli
