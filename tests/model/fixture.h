// What every test of the public API stands on: a temporary directory, a clock and ids that the test
// holds in its hand, a store over them, and tables of calls with the code that each must answer.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bcstore/bcstore.h"
#include "temp_directory.h"

namespace bcstore::fixture {

// 2025-08-15T10:00:00Z.
inline constexpr int64_t kStartUs = 1'755'252'000'000'000;
inline constexpr int64_t kSecondUs = 1'000'000;
inline constexpr int64_t kDayUs = 86'400 * kSecondUs;

using TempDir = test::TempDirectory;

// Stands still until it is told to move, in either direction.
class ManualClock : public Clock {
 public:
  Time now() override { return Time{us_.load()}; }
  void set(int64_t us) { us_.store(us); }
  void advance(int64_t us) { us_.fetch_add(us); }

 private:
  std::atomic<int64_t> us_{kStartUs};
};

// The same ids in every run, in rising order.
class SeededIds : public IdSource {
 public:
  Uuid next() override { return make(++count_); }
  static Uuid make(uint64_t n) {
    uint64_t half[2] = {0x0190'0000'0000'0000u + n, (n + 1) * 0x9E37'79B9'7F4A'7C15u};
    Uuid id;
    for (size_t i = 0; i < 16; ++i) {
      id.bytes[i] = static_cast<uint8_t>(half[i / 8] >> (56 - 8 * (i % 8)));
    }
    return id;
  }

 private:
  std::atomic<uint64_t> count_{0};
};

// An id that no test's IdSource makes.
template <class SomeId>
SomeId forged(uint8_t n) {
  Uuid id;
  id.bytes.fill(0xF0);
  id.bytes[15] = n;
  return SomeId(id);
}

inline uint64_t seed_from_environment(uint64_t otherwise) {
  const char* text = std::getenv("BCSTORE_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : otherwise;
}

inline Status status_of(const Status& status) { return status; }
template <class T>
Status status_of(const Result<T>& result) {
  return result.status();
}
// Reads a list to its end.
template <class T>
Status status_of(Cursor<T> cursor) {
  while (cursor.next()) {
  }
  return cursor.status();
}

// One row of a table of calls.
struct Call {
  std::string what;
  Code expected;
  std::function<Status()> call;
};

#define CALL(code, ...)                                            \
  ::bcstore::fixture::Call {                                       \
#__VA_ARGS__, ::bcstore::Code::code,                           \
        [&] { return ::bcstore::fixture::status_of(__VA_ARGS__); } \
  }

#define CHECK_CODE(code, ...)                                                            \
  do {                                                                                   \
    const ::bcstore::Status answer_of_call = ::bcstore::fixture::status_of(__VA_ARGS__); \
    INFO(#__VA_ARGS__, " -> ", answer_of_call.to_string());                              \
    CHECK(::bcstore::fixture::name_of(answer_of_call) == std::string_view(#code));       \
  } while (false)

inline std::string name_of(const Status& status) { return std::string(to_string(status.code())); }

// Copies a directory of files as it is at one moment, also that of an open store: while no call is
// under way only RocksDB's own threads can change it, and then it is copied again.
inline void copy_files(const std::string& from, const std::string& to) {
  namespace fs = std::filesystem;
  const auto sizes = [&] {
    std::map<std::string, uintmax_t> found;
    std::error_code gone;  // meanwhile
    for (const auto& file : fs::directory_iterator(from)) {
      found[file.path().filename().string()] = file.file_size(gone);
    }
    return found;
  };
  int tries = 0;
  for (bool whole = false; !whole; ++tries) {
    REQUIRE(tries < 100);
    const auto before = sizes();
    std::error_code failed;
    fs::remove_all(to);
    fs::copy(from, to, failed);
    whole = !failed && sizes() == before;
  }
}

// A store with its directory, clock and ids. Members may be changed by `tweak` before it opens.
struct World {
  using Tweak = std::function<void(Options&)>;
  using Opener = std::function<Result<Store>(const std::string&, const Options&)>;

  explicit World(const Tweak& tweak = {}, Opener how = Store::open) : opener(std::move(how)) {
    options.clock = clock;
    options.ids = ids;
    options.memory_budget_bytes = size_t{32} << 20;
    options.group_fill_us = 0;
    options.rate_limits = {{.name = "rich",
                            .free = {.rate = 1, .period_us = 3600 * kSecondUs, .burst = 1000},
                            .strict = true}};
    if (tweak) tweak(options);
    open();
  }

  void open() { held.emplace(opener(path, options).value()); }
  // Every record, cursor and snapshot must be gone; tenants of the old store answer `closed`.
  void reopen() {
    close();
    open();
  }
  // kill -9 of the process at this moment, and a new one: what the kernel has of the directory is
  // there, and nothing else. No call may be under way; the rest is as with reopen().
  void kill() {
    const std::string left = directory.sub("left " + std::to_string(++kills));
    copy_files(path, left);
    go_on_with(left);
  }
  // Goes on with another directory, and leaves nothing of this one.
  void go_on_with(const std::string& other) {
    close();
    std::filesystem::remove_all(path);
    path = other;
    open();
  }
  void close() {
    const Status closed = held->close();
    INFO(closed.to_string());
    REQUIRE(closed.ok());
    held.reset();
  }
  Store& store() { return *held; }
  Service service(std::string_view reason = "test") { return held->service(reason); }
  UserId user(std::string_view email) { return service().create_user({.email = email}).value(); }
  Tenant tenant(std::string_view email) { return held->tenant(user(email)); }
  uint64_t commits() { return held->stats().last_commit_seq; }

  TempDir directory;
  std::string path = directory.sub("store");
  unsigned kills = 0;
  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
  std::shared_ptr<SeededIds> ids = std::make_shared<SeededIds>();
  Options options;
  Opener opener;
  std::optional<Store> held;
};

inline void check_calls(const std::vector<Call>& calls) {
  for (const Call& row : calls) {
    const Status answer = row.call();
    INFO(row.what, " -> ", answer.to_string());
    CHECK(name_of(answer) == to_string(row.expected));
    // A refusal says something.
    if (!answer.ok()) CHECK(!answer.message().empty());
  }
}

// As check_calls; a row that is refused must not have committed anything.
inline void check_writes(World& world, const std::vector<Call>& calls) {
  for (const Call& row : calls) {
    const uint64_t before = world.commits();
    const Status answer = row.call();
    INFO(row.what, " -> ", answer.to_string());
    CHECK(name_of(answer) == to_string(row.expected));
    CHECK((world.commits() == before) == (row.expected != Code::ok));
  }
}

// The rows of one page, each turned into a value by `pick`.
template <class T, class Pick>
auto rows_of(Cursor<T> cursor, Pick pick) {
  std::vector<decltype(pick(*cursor))> rows;
  while (cursor.next()) rows.push_back(pick(*cursor));
  const Status status = cursor.status();
  INFO(status.to_string());
  CHECK(status.ok());
  return rows;
}

inline std::string repeat(std::string_view text, size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

inline constexpr std::string_view kNul{"a\0b", 3};
// Every way of being no UTF-8: a lone continuation, cut short, overlong, surrogate, too large.
inline constexpr std::string_view kBadUtf8[] = {
    "\x80",         "a\xFFz",           "\xC3",
    "\xE2\x82",     "\xF0\x9F\x98",     "\xC0\xAF",
    "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xED\xA0\x80",
    "\xED\xBF\xBF", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80",
    "\xC3\x28",
};

}  // namespace bcstore::fixture
