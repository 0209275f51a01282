// standby: one store follows another, until it is what that one is.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <string>

#include "cli/display.h"
#include "cli/verbs.h"

namespace bcstore::cli {
namespace {

struct Carried {
  uint64_t pages = 0, bytes = 0;
};

Status follow(Store& from, Store& to, Carried* carried) {
  for (;;) {
    Result<StandbyState> state = to.standby_state();
    if (!state) return state.status();
    Result<std::string> page = from.standby_page(state->position);
    if (!page) return page.status();
    if (Status s = to.apply_standby_page(*page); !s.ok()) return s;
    ++carried->pages;
    carried->bytes += page->size();
    state = to.standby_state();
    if (!state) return state.status();
    if (state->is_consistent) return {};
  }
}

// The standby, made if there is none.
Result<Store> open_standby(const Store& from, const StandbyArgs& args) {
  Options options;
  options.create_if_missing = false;
  Result<Store> to = Store::open(args.to, options);
  if (to || to.code() != Code::not_found) return to;
  Result<std::string> identity = from.standby_identity();
  if (!identity) return identity.status();
  if (Status made = Store::make_standby(args.to, *identity); !made.ok()) return made;
  return Store::open(args.to, options);
}

}  // namespace

int run_standby(const StandbyArgs& args, std::ostream& out, std::ostream& err) {
  Result<Store> from = open_existing(args.from, err);
  if (!from) return 1;
  if (args.drops) {
    Status s = from->drop_standbys();
    if (s.ok()) s = from->close();
    if (!s.ok()) return failed(s, err);
    fmt::print(out, "{} keeps nothing for standbys now\n", args.from);
    return 0;
  }
  Result<Store> to = open_standby(*from, args);
  if (!to) return failed(to.status(), err);
  Carried carried;
  if (Status s = follow(*from, *to, &carried); !s.ok()) return failed(s, err);
  fmt::print(out, "{} is what {} is after commit {}: {} pages, {}\n", args.to, args.from,
             grouped(to->stats().last_commit_seq), grouped(carried.pages),
             human_bytes(carried.bytes));
  if (Status s = to->close(); !s.ok()) return failed(s, err);
  if (Status s = from->close(); !s.ok()) return failed(s, err);
  return 0;
}

int run_promote(const PromoteArgs& args, std::ostream& out, std::ostream& err) {
  if (Status s = Store::promote_standby(args.db); !s.ok()) return failed(s, err);
  fmt::print(out, "{} takes commits now; the store that it followed must not\n", args.db);
  return 0;
}

}  // namespace bcstore::cli
