// The reader of log files, on files made by hand: what is whole, what is torn, what is damage.
#include "engine/log_file.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/log_maker.h"

namespace bcstore::engine {
namespace {

// Bytes in memory, at exactly their size.
class Bytes final : public Reader {
 public:
  explicit Bytes(std::string_view bytes) : size_(bytes.size()), copy_(new char[size_]) {
    std::copy(bytes.begin(), bytes.end(), copy_.get());
  }
  Result<size_t> read(uint64_t offset, size_t size, char* buffer) const override {
    if (offset >= size_) return size_t{0};
    size = std::min<size_t>(size, size_ - offset);
    std::copy_n(copy_.get() + offset, size, buffer);
    return size;
  }

 private:
  const size_t size_;
  const std::unique_ptr<char[]> copy_;
};

class Collected final : public LogRecords {
 public:
  explicit Collected(bool takes_holes) : takes_holes_(takes_holes) {}
  void begin(uint64_t) override { now_.clear(); }
  void piece(std::string_view bytes) override { now_ += bytes; }
  Status end() override {
    records.push_back(now_);
    return Status();
  }
  // Made-up records begin with a letter each.
  bool may_follow(std::string_view beginning) const override {
    return beginning.empty() || beginning[0] != '#';
  }
  Status hole() override {
    ++holes;
    return takes_holes_ ? Status() : LogRecords::hole();
  }
  std::vector<std::string> records;
  size_t holes = 0;

 private:
  const bool takes_holes_;
  std::string now_;
};

struct Outcome {
  Status status;
  LogEnd end;
  std::vector<std::string> records;
  size_t holes = 0;
};

Outcome read(const std::string& bytes, bool takes_holes = false) {
  const Bytes reader(bytes);
  Collected collected(takes_holes);
  const Result<LogEnd> end = read_log(reader, "dir/7.log", bytes.size(), collected);
  return {end.status(), end ? *end : LogEnd(), collected.records, collected.holes};
}

std::string text(size_t size, char seed) {
  std::string out;
  for (size_t i = 0; i < size; ++i) out += static_cast<char>(seed + static_cast<char>(i * 7 % 61));
  return out;
}

bool refuses(const Outcome& outcome, uint64_t offset) {
  const std::string place = "dir/7.log is damaged at offset " + std::to_string(offset) + ":";
  return outcome.status.code() == Code::corruption &&
         outcome.status.message().find(place) != std::string_view::npos;
}

TEST_CASE("log file: the checksum is CRC-32C, whatever pieces it is computed in") {
  CHECK(crc32c("123456789") == 0xe3069283u);  // the check value of the standard
  const std::string bytes = text(100, 'a');
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    CHECK(crc32c(bytes.substr(cut), crc32c(bytes.substr(0, cut))) == crc32c(bytes));
  }
  CHECK(unmask_crc(mask_crc(0x12345678u)) == 0x12345678u);
}

TEST_CASE("log file: one changed byte is found again from the checksums alone") {
  const std::string bytes = text(300, 'a');
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const int change : {1, 0x80, 0xff}) {
      std::string other = bytes;
      other[at] = static_cast<char>(other[at] ^ change);
      const auto found = one_byte_apart(crc32c(bytes) ^ crc32c(other), bytes.size());
      REQUIRE(found);
      CHECK(found->position == at);
      CHECK(found->change == change);
    }
  }
  std::string two = bytes;
  two[5] ^= 1;
  two[290] ^= 1;
  CHECK_FALSE(one_byte_apart(crc32c(bytes) ^ crc32c(two), bytes.size()));
}

TEST_CASE("log file: records of every size around the edge of a block come back") {
  for (size_t last = kLogBlockBytes - 40; last <= kLogBlockBytes + 20; ++last) {
    LogMaker log;
    const std::vector<std::string> records = {text(last, 'a'), text(1, 'b'), text(30, 'c'),
                                              text(2 * kLogBlockBytes + last, 'd'), text(5, 'e')};
    for (const std::string& record : records) log.add(record);
    const Outcome outcome = read(log.bytes());
    INFO(outcome.status.to_string());
    CHECK(outcome.status.ok());
    CHECK(outcome.records == records);
    CHECK_FALSE(outcome.end.torn());
  }
  CHECK(read("").status.ok());
}

TEST_CASE("log file: cut at any length it opens with the records before the cut") {
  LogMaker log;
  std::vector<std::string> records;
  for (const size_t size : {20u, 300u, 32'700u, 40u, 70'000u, 9u}) {
    records.push_back(text(size, static_cast<char>('a' + records.size())));
    log.add(records.back());
  }
  for (size_t size = 0; size <= log.bytes().size(); size += size % 997 < 30 ? 1u : 41u) {
    const Outcome outcome = read(log.bytes().substr(0, size));
    CAPTURE(size);
    REQUIRE(outcome.status.ok());
    size_t whole = 0;
    while (whole < records.size() && log.ends()[whole] <= size) ++whole;
    REQUIRE(outcome.records.size() == whole);
    REQUIRE(outcome.end.whole_bytes <= size);
    // What is cut off never holds a record, and what is left ends behind one or in padding.
    if (outcome.end.torn() && whole < records.size()) {
      REQUIRE(outcome.end.whole_bytes >= (whole > 0 ? log.ends()[whole - 1] : 0));
      REQUIRE(outcome.end.whole_bytes <= log.starts()[whole]);
    }
  }
}

TEST_CASE("log file: any changed byte of any record is damage, of the last one too") {
  LogMaker log;
  for (const size_t size : {20u, 33'000u, 50u, 61u}) log.add(text(size, 'a'));
  const std::string& bytes = log.bytes();
  const auto check = [&](size_t at, int change) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ change);
    const Outcome outcome = read(changed);
    CAPTURE(at);
    CAPTURE(change);
    REQUIRE(outcome.status.code() == Code::corruption);
    REQUIRE(outcome.status.message().find("dir/7.log is damaged at offset") == 0);
  };
  const size_t last = log.starts().back();
  for (size_t at = 0; at<bytes.size(); at += at> 60 && at + 200 < last ? 101 : 1) {
    for (const int change : {1, 2, 4, 8, 16, 32, 64, 128, 0xff}) check(at, change);
    if (bytes[at] != 0) check(at, bytes[at]);
  }
}

TEST_CASE("log file: an end of other bytes is torn, and the same before a whole record is damage") {
  LogMaker log;
  log.add(text(100, 'a')).add(text(600, 'b'));
  const size_t whole = log.ends()[0];
  for (const bool zeros : {true, false}) {
    for (size_t from = whole; from < log.bytes().size(); from += 9) {
      std::string torn = log.bytes();
      for (size_t at = from; at < torn.size(); ++at) {
        torn[at] = zeros ? '\0' : static_cast<char>(at * at * 31 + at / 7 + 1);
      }
      if (torn == log.bytes()) continue;
      CAPTURE(from);
      CAPTURE(zeros);
      const Outcome end = read(torn);
      INFO(end.status.to_string());
      REQUIRE(end.status.ok());
      CHECK(end.end.whole_bytes == whole);
      CHECK(end.records.size() == 1);
      const bool block_follows = from + 200 < torn.size();
      if (block_follows) CHECK(refuses(read(torn + log_piece(1, text(30, 'c'))), whole));
      std::string later = torn;
      later.resize(kLogBlockBytes, '\0');
      CHECK(refuses(read(later + log_piece(1, text(30, 'c'))), whole));
    }
  }
}

TEST_CASE("log file: zeros behind the last record are cut, whole blocks of them too") {
  LogMaker log;
  log.add(text(100, 'a'));
  for (const size_t zeros : {1u, 6u, 7u, 100u, 32'768u, 100'000u}) {
    const Outcome outcome = read(log.bytes() + std::string(zeros, '\0'));
    CAPTURE(zeros);
    REQUIRE(outcome.status.ok());
    CHECK(outcome.end.whole_bytes == log.bytes().size());
    CHECK(outcome.end.ends_early());
    CHECK_FALSE(outcome.end.torn());
  }
}

TEST_CASE("log file: zeros are a tear when a record began before them, or another byte follows") {
  LogMaker log;
  log.add(text(100, 'a')).add(text(2 * kLogBlockBytes, 'b'));
  const std::string zeros(100'000, '\0');
  const size_t second = log.starts()[1];
  for (const size_t size : {second + 3, second + 7, second + 600, kLogBlockBytes}) {
    CAPTURE(size);
    const Outcome outcome = read(log.bytes().substr(0, size) + zeros);
    REQUIRE(outcome.status.ok());
    CHECK(outcome.end.whole_bytes == second);
    CHECK(outcome.end.torn());
  }
  for (const size_t place : {0u, 1u, 510u, 40'000u, 99'999u}) {
    CAPTURE(place);
    std::string other = zeros;
    other[place] = 'x';
    const Outcome outcome = read(log.bytes() + other);
    REQUIRE(outcome.status.ok());
    CHECK(outcome.end.whole_bytes == log.bytes().size());
    CHECK(outcome.end.torn());
  }
}

TEST_CASE("log file: a record that ends in its middle piece is torn at its beginning") {
  LogMaker log;
  log.add(text(100, 'a')).add(text(3 * kLogBlockBytes, 'b'));
  const Outcome outcome = read(log.bytes().substr(0, 2 * kLogBlockBytes));
  REQUIRE(outcome.status.ok());
  CHECK(outcome.end.whole_bytes == log.starts()[1]);
}

TEST_CASE("log file: whole pieces in a wrong order are damage") {
  const std::string full = log_piece(1, "full");
  const std::string first = log_piece(2, "first");
  const std::string middle = log_piece(3, "middle");
  const std::string last = log_piece(4, "last");
  CHECK(read(first + middle + last + full).records.size() == 2);
  CHECK(refuses(read(full + last), full.size()));
  CHECK(refuses(read(middle), 0));
  CHECK(refuses(read(first + full), first.size()));
  CHECK(refuses(read(first + first), first.size()));
  for (const unsigned number : {0u, 5u, 6u, 8u, 9u, 200u}) {
    const auto type = static_cast<uint8_t>(number);
    CHECK(refuses(read(log_piece(type, "payload")), 0));
    CHECK(refuses(read(log_piece(type, "payload") + full), 0));
  }
}

TEST_CASE("log file: bytes that look like a record inside one that was cut short are no record") {
  LogMaker log;
  log.add("before");
  const std::string inner = text(50, 'a') + log_piece(1, "#looks whole") + text(500, 'b');
  log.add(inner);
  const Outcome outcome = read(log.bytes().substr(0, log.bytes().size() - 100));
  INFO(outcome.status.to_string());
  REQUIRE(outcome.status.ok());
  CHECK(outcome.end.whole_bytes == log.ends()[0]);
}

// Two bytes of one length changed, and what the length then spans was not searched: nine whole
// records behind it were cut off.
TEST_CASE("log file: a length that lies does not hide the records that it spans") {
  LogMaker log;
  for (int i = 0; i < 10; ++i) log.add(text(100, 'a'));
  const size_t second = log.starts()[1];
  for (size_t low = 0; low < 8; ++low) {
    for (size_t high = 0; high < 8; ++high) {
      std::string changed = log.bytes();
      changed[second + 4] = static_cast<char>(changed[second + 4] ^ (1 << low));
      changed[second + 5] = static_cast<char>(changed[second + 5] ^ (1 << high));
      CAPTURE(low);
      CAPTURE(high);
      REQUIRE(refuses(read(changed), second));
      REQUIRE(refuses(read(changed, /*takes_holes=*/true), second));
    }
  }
}

TEST_CASE("log file: behind sectors that were never written the records are read on") {
  LogMaker log;
  std::vector<std::string> records;
  for (int i = 0; i < 40; ++i) {
    records.push_back(text(100 + static_cast<size_t>(i) * 60, static_cast<char>('a' + i % 20)));
    log.add(records.back());
  }
  const auto record_at = [&](size_t offset) {
    size_t i = 0;
    while (log.ends()[i] <= offset) ++i;
    return i;
  };
  for (size_t sector = 1; sector + 8 < log.bytes().size() / kSectorBytes; ++sector) {
    CAPTURE(sector);
    std::string holed = log.bytes();
    const size_t at = sector * kSectorBytes;
    const size_t size = sector % 3 == 0 ? 8 * kSectorBytes : kSectorBytes;
    std::fill_n(holed.begin() + static_cast<ptrdiff_t>(at), size, '\0');
    const size_t first = record_at(at);
    const size_t last = record_at(at + size - 1);
    const bool at_end = last + 1 >= records.size();
    const Outcome outcome = read(holed, /*takes_holes=*/true);
    INFO(outcome.status.to_string());
    REQUIRE(outcome.status.ok());
    REQUIRE(outcome.end.whole_bytes <= log.starts()[first]);
    REQUIRE(outcome.end.whole_bytes + kLogHeaderBytes > log.starts()[first]);
    REQUIRE(outcome.holes == (at_end ? 0 : 1));
    REQUIRE(outcome.records.size() == first + records.size() - 1 - last);
    REQUIRE(std::equal(outcome.records.begin() + static_cast<ptrdiff_t>(first),
                       outcome.records.end(), records.begin() + static_cast<ptrdiff_t>(last) + 1));
    if (!at_end) REQUIRE(read(holed).status.code() == Code::corruption);
    // Other bytes in their place are no trace of a loss of power.
    holed.replace(at, size, text(size, '!'));
    if (!at_end) REQUIRE(read(holed, true).status.code() == Code::corruption);
  }
}

TEST_CASE("log file: a record whose last byte alone was not written is torn") {
  for (const size_t size : {kSectorBytes, 9 * kSectorBytes}) {
    LogMaker log;
    log.add("before");
    log.add(text(size - log.bytes().size() - kLogHeaderBytes + 1, 'a'));
    REQUIRE(log.bytes().size() == size + 1);
    for (const char other : {'\0', 'X'}) {
      std::string torn = log.bytes();
      torn.back() = other;
      CHECK(read(torn).status.ok());
      CHECK(read(torn).end.whole_bytes == log.starts()[1]);
      torn = log.bytes();
      torn[torn.size() - 2] = other;
      CHECK(refuses(read(torn), log.starts()[1]));
    }
  }
}

// A piece of 32 KiB that was cut short is explained by one byte in 512 tries, by chance.
TEST_CASE(
    "log file: zeros behind the beginning of a large record are torn, whatever its checksum") {
  LogMaker log;
  log.add("before").add(text(40'000, 'a'));
  const size_t at = log.starts()[1];
  std::string torn = log.bytes().substr(0, kLogBlockBytes);
  std::fill(torn.begin() + static_cast<ptrdiff_t>(kSectorBytes), torn.end(), '\0');
  // A checksum that one other byte far behind would explain.
  std::string other = torn.substr(at + kLogHeaderBytes - 1);
  other[20'000] = 'x';
  std::string checksum;
  put_number(&checksum, mask_crc(crc32c(other)), 4);
  torn.replace(at, 4, checksum);
  const Outcome outcome = read(torn);
  INFO(outcome.status.to_string());
  REQUIRE(outcome.status.ok());
  CHECK(outcome.end.whole_bytes == at);
}

TEST_CASE("log file: a large end of random bytes is torn, and is searched to its end") {
  LogMaker log;
  log.add("before");
  std::string torn = log.bytes();
  uint64_t state = 20251123;
  while (torn.size() < (size_t{12} << 20)) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    put_number(&torn, state >> 24, 5);
  }
  const Outcome outcome = read(torn);
  INFO(outcome.status.to_string());
  REQUIRE(outcome.status.ok());
  CHECK(outcome.end.whole_bytes == log.bytes().size());
}

TEST_CASE("log file: a search that a forged file would make endless ends in a refusal") {
  std::string forged = text(1, 'a') + "forged";
  // Every third byte begins a header of the longest piece that fits.
  while (forged.size() < 60 * kLogBlockBytes) forged += std::string("\x01\x3f\x01\x01", 4);
  const Outcome outcome = read(forged);
  CHECK(outcome.status.message().find("cannot be told") != std::string_view::npos);
}

}  // namespace
}  // namespace bcstore::engine
