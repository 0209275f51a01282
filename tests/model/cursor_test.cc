// Cursors: every list can be left at any row and taken up again there, in either direction, by a
// later process, whatever was appended meanwhile; a token that is not of this list is refused.
#include <algorithm>
#include <string>
#include <vector>

#include "lists.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

using Rows = std::vector<std::string>;

Window with(Window window, size_t limit, std::string_view after) {
  window.limit = limit;
  window.after = after;
  return window;
}

bool is_refused(const Page& page) {
  return page.rows.empty() && page.status.code() == Code::invalid_argument;
}

TEST_CASE("cursor: each list is the same in pages of any size") {
  Listed w;
  w.each([&](const List& list, const Window& window) {
    const Page whole = list.page(w.t, w.a, window);
    REQUIRE(whole.status.ok());
    REQUIRE(whole.rows.size() >= 3);
    for (const size_t limit : {1u, 2u, 3u, 5u}) {
      Rows rows;
      std::string after;
      for (;;) {
        const Page page = list.page(w.t, w.a, with(window, limit, after));
        REQUIRE(page.status.ok());
        CHECK(page.rows.size() <= limit);
        rows.insert(rows.end(), page.rows.begin(), page.rows.end());
        if (page.rows.empty()) break;
        // Only the last page is not full.
        if (page.rows.size() < limit) CHECK(rows.size() == whole.rows.size());
        after = page.tokens.back();
      }
      CHECK(rows == whole.rows);
    }
  });
}

TEST_CASE("cursor: reverse is the same list from its other end") {
  Listed w;
  for (const List& list : w.lists) {
    if (!list.has_reverse) continue;
    CAPTURE(list.name);
    Page forward = list.page(w.t, w.a, {});
    const Page backward = list.page(w.t, w.a, {.reverse = true});
    CHECK(forward.rows == Rows(backward.rows.rbegin(), backward.rows.rend()));
  }
}

TEST_CASE("cursor: a list can be resumed after every row, also by a later process") {
  Listed w;
  std::vector<Page> wholes;
  w.each([&](const List& list, const Window& window) {
    wholes.push_back(list.page(w.t, w.a, window));
  });
  for (int process = 0; process < 2; ++process) {
    const Tenant t = w.store().tenant(w.a.owner);
    size_t n = 0;
    w.each([&](const List& list, const Window& window) {
      const Page& whole = wholes[n++];
      for (size_t i = 0; i < whole.rows.size(); ++i) {
        const Page rest = list.page(t, w.a, with(window, kMaxPageRows, whole.tokens[i]));
        REQUIRE(rest.status.ok());
        CHECK(rest.rows ==
              Rows(whole.rows.begin() + static_cast<ptrdiff_t>(i + 1), whole.rows.end()));
      }
    });
    if (process == 0) w.reopen();
  }
}

TEST_CASE("cursor: what is appended meanwhile neither repeats nor hides a row") {
  Listed w;
  w.each([&](const List& list, const Window& window) {
    // A row's first two words say which it is; later fields of heads may change.
    const auto name = [](const std::string& row) {
      return row.substr(0, row.find(' ', row.find(' ', row.find(' ') + 1) + 1));
    };
    const Page before = list.page(w.t, w.a, window);
    Rows seen;
    std::string after;
    for (size_t round = 0; round < 200; ++round) {
      const Page page = list.page(w.t, w.a, with(window, 1, after));
      REQUIRE(page.status.ok());
      if (page.rows.empty()) break;
      seen.push_back(page.rows[0]);
      after = page.tokens[0];
      if (round < 3) list.append(w.t, w.a);
    }
    size_t at = 0;
    for (const std::string& row : seen) {
      if (at < before.rows.size() && name(row) == name(before.rows[at])) ++at;
    }
    CHECK(at == before.rows.size());
    Rows sorted = seen;
    std::sort(sorted.begin(), sorted.end());
    CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
  });
}

TEST_CASE("cursor: an open one shows what was there when it was opened") {
  Listed w;
  Cursor<ChatMessage> rows = w.t.messages(w.a.chat, {.limit = kMaxPageRows});
  const uint64_t last = w.t.last_seq(w.a.chat).value();
  uint64_t seen = 0;
  while (rows.next()) {
    if (seen++ < 3) w.t.append_message(w.a.chat, {.role = Role::user, .content = "late"}).value();
    CHECK(rows->seq() == seen);
  }
  CHECK(rows.status().ok());
  CHECK(seen == last);
}

TEST_CASE("cursor: before its first row, past its last, and moved") {
  Listed w;
  Cursor<ChatMessage> rows = w.t.messages(w.a.chat, {.limit = 2});
  CHECK(rows.token().empty());
  CHECK_FALSE(rows->valid());
  CHECK(rows->seq() == 0);
  CHECK(rows->content().empty());
  CHECK(rows.next());
  CHECK(rows->valid());
  const std::string first = rows.token();
  Cursor<ChatMessage> moved = std::move(rows);
  CHECK(moved->seq() == 1);
  CHECK(moved->content() == "What first?");
  CHECK(moved.token() == first);
  CHECK(moved.next());
  const std::string second = moved.token();
  CHECK(second != first);
  CHECK_FALSE(moved.next());
  CHECK_FALSE(moved.next());
  CHECK(moved.status().ok());
  // The page's end is not the list's.
  const auto seq = [](const ChatMessage& m) { return m.seq(); };
  CHECK(rows_of(w.t.messages(w.a.chat, {.limit = 1, .after = second}), seq) ==
        std::vector<uint64_t>{3});
}

TEST_CASE("cursor: limits of 0 and 1001 are refused, before anything is looked for") {
  Listed w;
  Rich none = w.a;
  none.project = forged<ProjectId>(1);
  none.document = forged<DocumentId>(1);
  none.task = forged<TaskId>(1);
  none.chat = forged<ChatSessionId>(1);
  none.integration = forged<IntegrationId>(1);
  w.each([&](const List& list, const Window& window) {
    CHECK(list.page(w.t, w.a, with(window, kMaxPageRows, {})).status.ok());
    for (const size_t limit : {size_t{0}, kMaxPageRows + 1, ~size_t{0}}) {
      CHECK(is_refused(list.page(w.t, w.a, with(window, limit, {}))));
      CHECK(is_refused(list.page(w.t, none, with(window, limit, {}))));
    }
    if (list.has_parent) {
      CHECK(list.page(w.t, none, window).status.code() == Code::not_found);
    }
  });
}

TEST_CASE("cursor: a token that was cut, changed or made up is refused") {
  Listed w;
  w.each([&](const List& list, const Window& window) {
    const Page whole = list.page(w.t, w.a, with(window, 2, {}));
    REQUIRE(whole.tokens.size() == 2);
    const std::string& token = whole.tokens[0];
    std::vector<std::string> bad = {token + "x",
                                    token + token,
                                    "x",
                                    std::string(1, '\0'),
                                    std::string(token.size(), '\0'),
                                    std::string(100'000, 'x')};
    for (size_t cut = 1; cut < token.size(); ++cut) bad.push_back(token.substr(0, cut));
    for (size_t bit = 0; bit < 8 * token.size(); ++bit) {
      std::string flipped = token;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      bad.push_back(flipped);
    }
    size_t accepted = 0;
    for (const std::string& after : bad) {
      accepted += is_refused(list.page(w.t, w.a, with(window, 2, after))) ? 0u : 1u;
    }
    CHECK(accepted == 0);
  });
}

TEST_CASE("cursor: a token of another list, object, owner or store is refused") {
  Listed w;
  const Rich b = enrich(w.store(), w.user("b@x"), "b");
  const Tenant other_owner = w.store().tenant(b.owner);
  // The same calls make the same ids there, so that only the store differs.
  Listed elsewhere;
  REQUIRE(elsewhere.a.project == w.a.project);
  REQUIRE(elsewhere.a.chat == w.a.chat);
  Rich neighbour = w.a;
  neighbour.project = w.a.neighbour;
  neighbour.document = w.a.bare;
  neighbour.task = w.a.unphased;
  neighbour.chat = w.a.quiet;
  neighbour.integration = forged<IntegrationId>(7);
  w.each([&](const List& list, const Window& window) {
    const std::string token = list.page(w.t, w.a, with(window, 1, {})).tokens.at(0);
    const Window resumed = with(window, 2, token);
    CHECK(is_refused(list.page(other_owner, b, resumed)));
    CHECK(is_refused(list.page(elsewhere.t, elsewhere.a, resumed)));
    if (list.has_parent) CHECK(is_refused(list.page(w.t, neighbour, resumed)));
    for (const List& other : w.lists) {
      if (other.family == list.family) continue;
      CAPTURE(other.name);
      CHECK(is_refused(other.page(w.t, w.a, resumed)));
    }
  });
}

TEST_CASE("cursor: of users") {
  World w;
  for (int i = 0; i < 5; ++i) w.user("u" + std::to_string(i) + "@x");
  const auto id = [](const User& user) { return user.id(); };
  const Service s = w.service();
  for (const bool reverse : {false, true}) {
    std::vector<UserId> whole;
    std::vector<std::string> tokens;
    {
      Cursor<User> rows = s.users({.reverse = reverse});
      while (rows.next()) {
        whole.push_back(rows->id());
        tokens.push_back(rows.token());
      }
    }
    REQUIRE(whole.size() >= 5);
    w.user("late" + std::to_string(reverse) + "@x");
    for (size_t i = 0; i < tokens.size(); ++i) {
      const std::vector<UserId> rest =
          rows_of(s.users({.reverse = reverse, .after = tokens[i]}), id);
      size_t known = 0;
      for (const UserId& user : rest) {
        known += static_cast<size_t>(std::count(whole.begin(), whole.end(), user));
      }
      CHECK(known == whole.size() - i - 1);
    }
    size_t accepted = 0;
    for (size_t bit = 0; bit < 8 * tokens[0].size(); ++bit) {
      std::string flipped = tokens[0];
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      accepted += is_refused(page_of(s.users({.reverse = reverse, .after = flipped}))) ? 0u : 1u;
    }
    CHECK(accepted == 0);
  }
}

}  // namespace
}  // namespace bcstore
