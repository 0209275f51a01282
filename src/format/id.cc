#include "bcstore/id.h"

#include <chrono>

namespace bcstore {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = 86'400 * kSecondUs;

constexpr int64_t us_of_day(int year, unsigned month, unsigned day) {
  const std::chrono::sys_days days = std::chrono::year_month_day(
      std::chrono::year(year), std::chrono::month(month), std::chrono::day(day));
  return days.time_since_epoch().count() * kDayUs;
}

constexpr int64_t kFirstUs = us_of_day(1, 1, 1);
constexpr int64_t kLastUs = us_of_day(9999, 12, 31) + kDayUs - 1;

// A date and the microseconds into that day. An instant outside years 1 to 9999 is read as the
// nearest one inside: it has no four-digit year.
struct Civil {
  int year;
  unsigned month;
  unsigned day;
  int64_t us;
};

Civil civil(Time time) {
  int64_t us = time.us;
  if (us < kFirstUs) us = kFirstUs;
  if (us > kLastUs) us = kLastUs;
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::microseconds(us));
  const std::chrono::year_month_day date{std::chrono::sys_days(days)};
  return {static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()), us - std::chrono::microseconds(days).count()};
}

void append_digits(std::string& text, int64_t number, int width) {
  int64_t divisor = 1;
  for (int i = 1; i < width; ++i) divisor *= 10;
  for (; divisor > 0; divisor /= 10) text += static_cast<char>('0' + number / divisor % 10);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_hyphen_place(size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

// Takes a text apart from the left. After the first mismatch ok() stays false.
class TextReader {
 public:
  explicit TextReader(std::string_view text) : rest_(text) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

  // Exactly `width` decimal digits, as a number of at most `last`.
  int number(size_t width, int last) {
    if (rest_.size() < width) return fail();
    int value = 0;
    for (size_t i = 0; i < width; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return fail();
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(width);
    return value <= last ? value : fail();
  }

  // One of `accepted`, or 0.
  char one_of(std::string_view accepted) {
    if (rest_.empty() || accepted.find(rest_.front()) == std::string_view::npos) {
      fail();
      return 0;
    }
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  // ".d" to ".ddddddddd" as whole microseconds; 0 where there is no dot. Dropping the digits past
  // the sixth moves the instant toward the past, whatever its year, as the fraction only ever adds.
  int64_t fraction_us() {
    if (rest_.empty() || rest_.front() != '.') return 0;
    rest_.remove_prefix(1);
    int64_t us = 0;
    int64_t unit = kSecondUs / 10;
    size_t digits = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; ++digits) {
      us += (rest_.front() - '0') * unit;
      unit /= 10;
      rest_.remove_prefix(1);
    }
    return digits >= 1 && digits <= 9 ? us : fail();
  }

 private:
  int fail() {
    ok_ = false;
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

std::string to_string(const Uuid& id) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(36, '-');
  size_t at = 0;
  for (uint8_t byte : id.bytes) {
    if (is_hyphen_place(at)) ++at;
    text[at++] = kDigits[byte >> 4];
    text[at++] = kDigits[byte & 15];
  }
  return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid id;
  size_t nibbles = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_hyphen_place(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int digit = hex_digit(text[i]);
    if (digit < 0) return std::nullopt;
    uint8_t& byte = id.bytes[nibbles / 2];
    byte = static_cast<uint8_t>(nibbles % 2 == 0 ? digit << 4 : byte | digit);
    ++nibbles;
  }
  return id;
}

std::string to_string(Time time) {
  const Civil at = civil(time);
  const int64_t second = at.us / kSecondUs;
  std::string text;
  text.reserve(27);
  append_digits(text, at.year, 4);
  append_digits(text += '-', at.month, 2);
  append_digits(text += '-', at.day, 2);
  append_digits(text += 'T', second / 3600, 2);
  append_digits(text += ':', second / 60 % 60, 2);
  append_digits(text += ':', second % 60, 2);
  append_digits(text += '.', at.us % kSecondUs, 6);
  text += 'Z';
  return text;
}

std::optional<Time> parse_time(std::string_view text) {
  TextReader in(text);
  const int year = in.number(4, 9999);
  in.one_of("-");
  const int month = in.number(2, 12);
  in.one_of("-");
  const int day = in.number(2, 31);
  in.one_of("Tt ");
  const int hour = in.number(2, 23);
  in.one_of(":");
  const int minute = in.number(2, 59);
  in.one_of(":");
  const int second = in.number(2, 60);
  const int64_t fraction_us = in.fraction_us();
  const char zone = in.one_of("Zz+-");
  int64_t offset_minutes = 0;
  if (zone == '+' || zone == '-') {
    offset_minutes = in.number(2, 23) * 60;
    in.one_of(":");
    offset_minutes += in.number(2, 59);
    if (zone == '-') offset_minutes = -offset_minutes;
  }
  if (!in.ok() || !in.at_end()) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (year == 0 || !date.ok()) return std::nullopt;
  const int64_t minutes = hour * 60 + minute - offset_minutes;
  const int64_t us = us_of_day(year, static_cast<unsigned>(month), static_cast<unsigned>(day)) +
                     (minutes * 60 + second) * kSecondUs + fraction_us;
  if (us < kFirstUs || us > kLastUs) return std::nullopt;
  return Time{us};
}

uint32_t month_of(Time time) {
  const Civil at = civil(time);
  return static_cast<uint32_t>(at.year) * 100 + at.month;
}

}  // namespace bcstore
