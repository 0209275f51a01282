#include "data.h"

#include <algorithm>
#include <cmath>

namespace bcstore::bench {
namespace {

constexpr size_t kPoolBytes = size_t{4} << 20;
constexpr size_t kLengths = 8192;
constexpr double kMedianBytes = 400;
constexpr double kSigma = 0.8;
constexpr double kMinBytes = 8;
constexpr double kMaxBytes = 16'384;

constexpr std::string_view kSyllables[] = {
    "ta",  "re",  "mi", "so", "la", "con", "ver",      "ing", "per", "ment",
    "pro", "al",  "ti", "en", "de", "ro",  "st",       "un",  "ex",  "or",
    "im",  "ble", "co", "fe", "ga", "ny",  "\xC3\xA9", "ou",  "qui", "th"};

double draw_normal(Random& random) {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - random.unit()));
  return radius * std::cos(6.283185307179586 * random.unit());
}

// One a millisecond.
RawId numbered_id(uint64_t seed, uint64_t kind, uint64_t number) {
  return timed_id(seed, kind, number, kFirstInstantUs / 1000 + static_cast<int64_t>(number));
}

}  // namespace

RawId random_id(uint64_t seed, uint64_t kind, uint64_t number) {
  Random random(seed ^ (kind << 56) ^ (number * 0xD6E8FEB86659FD93ull));
  RawId id;
  for (size_t half = 0; half < 2; ++half) {
    const uint64_t bits = random.next();
    for (size_t i = 0; i < 8; ++i) id[half * 8 + i] = static_cast<uint8_t>(bits >> (56 - 8 * i));
  }
  id[6] = static_cast<uint8_t>(0x70u | (id[6] & 0x0Fu));
  id[8] = static_cast<uint8_t>(0x80u | (id[8] & 0x3Fu));
  return id;
}

RawId timed_id(uint64_t seed, uint64_t kind, uint64_t number, int64_t ms) {
  RawId id = random_id(seed, kind, number);
  const auto time = static_cast<uint64_t>(ms);
  for (size_t i = 0; i < 6; ++i) id[i] = static_cast<uint8_t>(time >> (40 - 8 * i));
  return id;
}

RawId Population::user_id(uint32_t user) const { return random_id(seed, 1, user); }
RawId Population::project_id(uint32_t user) const { return numbered_id(seed, 2, user); }
RawId Population::session_id(uint32_t session) const { return numbered_id(seed, 3, session); }
RawId Population::document_id(uint32_t document) const { return numbered_id(seed, 4, document); }
RawId Population::project_document_id(uint32_t project, uint32_t number) const {
  return numbered_id(seed, 5, uint64_t{project} << 16 | number);
}
RawId Population::task_id(uint32_t project, uint32_t number) const {
  return numbered_id(seed, 6, uint64_t{project} << 16 | number);
}

Texts::Texts(uint64_t seed) {
  Random random(seed ^ 0x7E87u);
  std::vector<std::string> words(4096);
  for (std::string& word : words) {
    for (uint32_t n = 1 + random.below(4); n > 0; --n) {
      word += kSyllables[random.below(static_cast<uint32_t>(std::size(kSyllables)))];
    }
  }
  pool_.reserve(kPoolBytes + 64);
  while (pool_.size() < kPoolBytes) {
    starts_.push_back(static_cast<uint32_t>(pool_.size()));
    // The product of two draws favours the first words of the list, as language does.
    const uint32_t word = (random.below(64) * random.below(64)) % 4096;
    pool_ += words[word];
    pool_ += random.below(40) == 0 ? " \xE2\x80\x93 " : random.below(12) == 0 ? ". " : " ";
  }
  // A body may start at any word that leaves room for the longest.
  while (starts_.back() + kLongestText + 8 > pool_.size()) starts_.pop_back();
  lengths_.resize(kLengths);
  for (uint32_t& length : lengths_) {
    const double bytes = kMedianBytes * std::exp(kSigma * draw_normal(random));
    length = static_cast<uint32_t>(std::clamp(bytes, kMinBytes, kMaxBytes));
  }
}

std::string_view Texts::body(Random& random) const {
  const uint64_t bits = random.next();
  const size_t start = starts_[(bits & 0xFFFFFFFFu) % starts_.size()];
  size_t length = lengths_[(bits >> 40) % kLengths];
  // Never cut a character in two: continuation bytes are 10xxxxxx.
  while ((static_cast<uint8_t>(pool_[start + length]) & 0xC0u) == 0x80u) ++length;
  return std::string_view(pool_).substr(start, length);
}

std::string_view Texts::words(Random& random, size_t most) const {
  const size_t start = starts_[random.below(static_cast<uint32_t>(starts_.size()))];
  size_t length = most / 4 + random.below(static_cast<uint32_t>(most - most / 4));
  while (length > 0 && (static_cast<uint8_t>(pool_[start + length]) & 0xC0u) == 0x80u) --length;
  return std::string_view(pool_).substr(start, length);
}

std::string_view Texts::text(Random& random, size_t bytes) const {
  const size_t start = starts_[random.below(static_cast<uint32_t>(starts_.size()))];
  size_t length = std::min(bytes, kLongestText);
  while (length > 0 && (static_cast<uint8_t>(pool_[start + length]) & 0xC0u) == 0x80u) --length;
  return std::string_view(pool_).substr(start, length);
}

Message draw_message(const Texts& texts, uint32_t session, Random& random) {
  Message message;
  message.session = session;
  message.content = texts.body(random);
  message.role = static_cast<uint8_t>(1 + (message.content.size() & 1));
  message.token_count = static_cast<int32_t>(message.content.size() / 4);
  return message;
}

}  // namespace bcstore::bench
