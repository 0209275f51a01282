#include "format/record.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "format/golden_records.h"
#include "records_generated.h"

namespace bcstore::format {
namespace {

uint64_t little_endian(std::string_view bytes, size_t at, size_t width) {
  uint64_t n = 0;
  for (size_t i = 0; i < width; ++i) n |= uint64_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  return n;
}

void set_little_endian(std::string* bytes, size_t at, size_t width, uint64_t n) {
  for (size_t i = 0; i < width; ++i) (*bytes)[at + i] = static_cast<char>(n >> (8 * i));
}

// The checksum as the layout describes it, computed apart from the code under test.
void reseal(std::string_view key, std::string* value, size_t covered) {
  const uint64_t seed = hash64(key) ^ (little_endian(*value, 0, 8) * 0x9E3779B97F4A7C15u);
  set_little_endian(value, 8, 8, hash64(std::string_view(*value).substr(16, covered), seed));
}

void reseal(std::string_view key, std::string* value) {
  const size_t meta_bytes = static_cast<size_t>(little_endian(*value, 4, 4));
  reseal(key, value, meta_bytes + ((static_cast<uint8_t>((*value)[3]) & kTail) != 0 ? 8 : 0));
}

std::string from_hex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

std::string sealed(Kind kind) {
  Draft draft = golden::draft(kind);
  return std::string(draft.seal(golden::key(kind)));
}

Code code_of(std::string_view key, std::string_view value) {
  Parsed parsed;
  return parse_record(key, value, &parsed).code();
}

// A copy that ends where the bytes end, at an address aligned to 8.
std::unique_ptr<char[]> exact_copy(std::string_view bytes) {
  std::unique_ptr<char[]> copy(new char[bytes.size()]);
  if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
  return copy;
}

uint64_t seed_of_this_run() {
  const char* text = std::getenv("BCSTORE_SEED");
  const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device{}();
  MESSAGE("BCSTORE_SEED=" << seed);
  return seed;
}

}  // namespace

TEST_CASE("every kind of record has its golden bytes") {
  for (const KindInfo& info : kKinds) {
    INFO(info.name);
    const std::string_view hex = golden::value_hex(info.kind);
    INFO("made: ", to_hex(sealed(info.kind)));
    CHECK(!hex.empty());
    if (hex.empty()) continue;
    const std::string key = golden::key(info.kind);
    const std::string value = from_hex(hex);
    CHECK(to_hex(sealed(info.kind)) == hex);

    Parsed parsed;
    REQUIRE(parse_record(key, value, &parsed).ok());
    CHECK(parsed.kind == info.kind);
    CHECK(parsed.meta.size() == little_endian(value, 4, 4));
    CHECK(((parsed.flags & kTail) != 0) == info.has_tail);
    const std::unique_ptr<char[]> meta = exact_copy(parsed.meta);
    CHECK(verify_meta(info.kind, meta.get(), parsed.meta.size()) ==
          (info.payload == Payload::flat_buffer));
  }
}

TEST_CASE("every record can be read as a Common") {
  for (const KindInfo& info : kKinds) {
    if (info.payload != Payload::flat_buffer) continue;
    INFO(info.name);
    const std::string value = from_hex(golden::value_hex(info.kind));
    Parsed parsed;
    REQUIRE(parse_record(golden::key(info.kind), value, &parsed).ok());
    const std::unique_ptr<char[]> meta = exact_copy(parsed.meta);
    REQUIRE(verify_meta(info.kind, meta.get(), parsed.meta.size()));
    const auto* common = flatbuffers::GetRoot<fb::Common>(meta.get());
    CHECK(common->commit_seq() == golden::kCommitSeq);
    CHECK(common->created_at() == golden::kCreatedAt);
    CHECK(common->effective_at() == golden::kEffectiveAt);
    CHECK(common->actor_kind() == golden::kActorKind);
    REQUIRE(common->actor_id() != nullptr);
    CHECK(std::memcmp(common->actor_id()->bytes()->data(), golden::id(0xC0).bytes.data(), 16) == 0);
    REQUIRE(common->actor_name() != nullptr);
    CHECK(common->actor_name()->str() == golden::kActorName);
  }
}

TEST_CASE("a record written before a field was added is read with its default") {
  // The oldest writer that can be: it knows the common fields only.
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(fb::CreateCommonDirect(builder, 7, 8, 9));
  for (const KindInfo& info : kKinds) {
    if (info.payload != Payload::flat_buffer) continue;
    CHECK(verify_meta(info.kind, builder.GetBufferPointer(), builder.GetSize()));
  }
  const auto* message = flatbuffers::GetRoot<fb::Message>(builder.GetBufferPointer());
  CHECK(message->commit_seq() == 7);
  CHECK(message->token_count() == -1);
  CHECK(message->call_id() == nullptr);
}

TEST_CASE("a draft is read back as it was made, at any address") {
  const std::string key = golden::key(Kind::message);
  for (std::string_view tail : {std::string_view("text"), std::string_view()}) {
    Draft draft(Kind::message, "eight by", tail);
    CHECK(draft.tail() == tail);
    CHECK(draft.meta_bytes() == 8);
    CHECK(draft.bytes() == kHeaderBytes + 8 + kTailHeaderBytes + tail.size());
    const std::string value(draft.seal(key));
    for (size_t shift = 0; shift < 8; ++shift) {
      const std::string moved = std::string(shift, ' ') + value;
      Parsed parsed;
      REQUIRE(parse_record(key, std::string_view(moved).substr(shift), &parsed).ok());
      CHECK(parsed.meta == "eight by");
      CHECK(parsed.tail == tail);
      CHECK(parsed.flags == kTail);
    }
  }
  Draft bare(Kind::project, "meta");
  CHECK(bare.tail().empty());
  Parsed parsed;
  REQUIRE(parse_record(golden::key(Kind::project), bare.seal(golden::key(Kind::project)), &parsed)
              .ok());
  CHECK(parsed.meta == "meta");
  CHECK(parsed.flags == 0);
}

TEST_CASE("a draft may be patched before it is sealed, and its clone apart from it") {
  const std::string key = golden::key(Kind::task);
  Draft draft = golden::draft(Kind::task);
  const std::string before(draft.seal(key));
  Draft copy = draft.clone();
  auto* common = flatbuffers::GetMutableRoot<fb::Common>(copy.meta());
  REQUIRE(common->mutate_commit_seq(12));
  CHECK(draft.seal(key) == before);
  const std::string after(copy.seal(key));
  CHECK(after != before);
  CHECK(code_of(key, after) == Code::ok);
  CHECK(copy.tail() == draft.tail());

  Draft moved = std::move(copy);
  CHECK(moved.seal(key) == after);
  CHECK(Draft().empty());
  CHECK(Draft().tail().empty());
  CHECK(Draft().clone().empty());
}

TEST_CASE("every flipped bit of a record is found") {
  for (const KindInfo& info : kKinds) {
    INFO(info.name);
    const std::string key = golden::key(info.kind);
    std::string value = sealed(info.kind);
    for (size_t bit = 0; bit < value.size() * 8; ++bit) {
      const char mask = static_cast<char>(1u << (bit % 8));
      value[bit / 8] = static_cast<char>(value[bit / 8] ^ mask);
      if (code_of(key, value) != Code::corruption) FAIL_CHECK("bit " << bit << " was missed");
      value[bit / 8] = static_cast<char>(value[bit / 8] ^ mask);
    }
    CHECK(code_of(key, value) == Code::ok);
  }
}

TEST_CASE("a reader of the meta part alone does not look at the tail") {
  const std::string key = golden::key(Kind::message);
  std::string value = sealed(Kind::message);
  value.back() = static_cast<char>(value.back() ^ 1);
  Parsed parsed;
  CHECK(parse_record(key, value, &parsed, true).code() == Code::corruption);
  CHECK(parse_record(key, value, &parsed, false).ok());
  // The tail's stored checksum is covered with the meta part.
  const size_t meta_bytes = static_cast<size_t>(little_endian(value, 4, 4));
  value[kHeaderBytes + meta_bytes] = static_cast<char>(value[kHeaderBytes + meta_bytes] ^ 1);
  CHECK(parse_record(key, value, &parsed, false).code() == Code::corruption);
}

TEST_CASE("a record under another key does not verify") {
  for (const KindInfo& info : kKinds) {
    INFO(info.name);
    const std::string key = golden::key(info.kind);
    const std::string value = sealed(info.kind);
    for (size_t i = 0; i < key.size(); ++i) {
      std::string other = key;
      other[i] = static_cast<char>(other[i] ^ 1);
      CHECK(code_of(other, value) == Code::corruption);
    }
  }
  // Two tables with keys of one form and the same fields.
  CHECK(code_of(golden::key(Kind::session_title), sealed(Kind::project_status)) ==
        Code::corruption);
}

TEST_CASE("a record that was cut short, or has more behind it, is refused") {
  for (const KindInfo& info : kKinds) {
    INFO(info.name);
    const std::string key = golden::key(info.kind);
    const std::string value = sealed(info.kind);
    for (size_t bytes = 0; bytes < value.size(); ++bytes) {
      const std::unique_ptr<char[]> copy = exact_copy(std::string_view(value).substr(0, bytes));
      if (code_of(key, {copy.get(), bytes}) != Code::corruption) FAIL_CHECK("at " << bytes);
    }
    CHECK(code_of(key, value + '\0') == Code::corruption);
  }
}

TEST_CASE("lengths that do not fit are refused without a look past the end") {
  for (Kind kind : {Kind::message, Kind::project}) {
    const std::string key = golden::key(kind);
    const std::string value = sealed(kind);
    const uint64_t meta_bytes = little_endian(value, 4, 4);
    const uint64_t rest = value.size() - kHeaderBytes;
    for (uint64_t claimed :
         {uint64_t{0}, meta_bytes - 1, meta_bytes + 1, rest - 8, rest - 7, rest - 1, rest, rest + 1,
          uint64_t{0x7FFFFFFF}, uint64_t{0xFFFFFFF0}, uint64_t{0xFFFFFFFF}}) {
      if (claimed == meta_bytes) continue;
      INFO(claimed);
      const std::unique_ptr<char[]> copy = exact_copy(value);
      std::string patched = value;
      set_little_endian(&patched, 4, 4, claimed);
      std::memcpy(copy.get(), patched.data(), patched.size());
      CHECK(code_of(key, {copy.get(), value.size()}) == Code::corruption);
    }
  }
}

TEST_CASE("a meta part above the limit is refused though its checksum is right") {
  const std::string key = golden::key(Kind::project);
  Draft largest(Kind::project, std::string(kMaxMetaBytes, 'm'));
  CHECK(code_of(key, largest.seal(key)) == Code::ok);
  Draft larger(Kind::project, std::string(kMaxMetaBytes + 1, 'm'));
  CHECK(code_of(key, larger.seal(key)) == Code::corruption);
  const std::string bytes(kMaxMetaBytes + 1, '\0');
  CHECK(!verify_meta(Kind::project, bytes.data(), bytes.size()));
  CHECK(!verify_meta(Kind::project, bytes.data(), 0));
}

TEST_CASE("a newer schema and unknown flags are told from damage") {
  const std::string key = golden::key(Kind::message);
  const std::string value = sealed(Kind::message);
  auto patched = [&](size_t at, unsigned byte) {
    std::string out = value;
    out[at] = static_cast<char>(byte);
    reseal(key, &out);
    return code_of(key, out);
  };
  CHECK(patched(2, kSchema) == Code::ok);
  CHECK(patched(2, kSchema + 1) == Code::unsupported_format);
  CHECK(patched(2, 255) == Code::unsupported_format);
  CHECK(patched(2, 0) == Code::corruption);
  for (unsigned flag = 8; flag < 256; flag *= 2) {
    CHECK(patched(3, kTail | flag) == Code::unsupported_format);
  }
  CHECK(patched(0, 0xBD) == Code::corruption);
  CHECK(patched(1, static_cast<unsigned>(Kind::event)) == Code::corruption);
  CHECK(patched(1, 0) == Code::corruption);

  // A compressed tail that is not there.
  Draft bare(Kind::project, "meta");
  const std::string project = golden::key(Kind::project);
  std::string odd(bare.seal(project));
  odd[3] = kZstd;
  reseal(project, &odd);
  CHECK(code_of(project, odd) == Code::corruption);

  // A delta of another kind than a revision, and one without a frame.
  CHECK(patched(3, kTail | kZstd | kDelta) == Code::corruption);
  // Nor is anything else compressed but a revision.
  CHECK(patched(3, kTail | kZstd) == Code::corruption);
  const std::string revision = golden::key(Kind::revision);
  for (const int flags : {kTail | kZstd | kDelta, kTail | kDelta}) {
    Draft draft = golden::draft(Kind::revision);
    std::string delta(draft.seal(revision));
    delta[3] = static_cast<char>(flags);
    reseal(revision, &delta);
    CHECK(code_of(revision, delta) == ((flags & kZstd) != 0 ? Code::ok : Code::corruption));
  }
}

TEST_CASE("corruption names the table and the key") {
  const std::string key = golden::key(Kind::message);
  const Status status = corrupt(key, "for a test");
  CHECK(status.code() == Code::corruption);
  CHECK(status.message() == "message record " + to_hex(key) + ": for a test");
  const Status unknown = corrupt("\x01", "odd");
  CHECK(unknown.message() == "unknown table record 01: odd");
}

TEST_CASE("packed payloads have their golden bytes") {
  const Reference reference{golden::id(0x70), 0x0102030405060708, 0x090A0B0C};
  CHECK(to_hex(pack(reference)) == "707172737475767778797a7b7c7d7e7f08070605040302010c0b0a09");
  Reference reference_back;
  REQUIRE(unpack(pack(reference), &reference_back));
  CHECK(reference_back == reference);

  const Link link{-2, 0x0102030405060708, 3, 4, 5};
  CHECK(to_hex(pack(link)) ==
        "feffffffffffffff0807060504030201030000000000000004000000000000000500000000000000");
  Link link_back;
  REQUIRE(unpack(pack(link), &link_back));
  CHECK(link_back == link);

  std::string tail;
  append(&tail, {Kind::event, golden::id(0x10), 0x0102030405060708});
  CHECK(to_hex(tail) == "2600101112131415161718191a1b1c1d1e1f0807060504030201");
  append(&tail, {Kind::store, Uuid{}, 0});
  std::vector<Touched> touched;
  REQUIRE(unpack(tail, &touched));
  REQUIRE(touched.size() == 2);
  CHECK(touched[0].kind == Kind::event);
  CHECK(touched[0].id == golden::id(0x10));
  CHECK(touched[0].number == 0x0102030405060708);
  CHECK(touched[1].kind == Kind::store);
  REQUIRE(unpack({}, &touched));
  CHECK(touched.empty());
}

TEST_CASE("packed payloads of another length or with unknown parts are refused") {
  Reference reference;
  Link link;
  std::vector<Touched> touched;
  for (size_t bytes = 0; bytes < 100; ++bytes) {
    const std::string packed(bytes, '\0');
    CHECK(unpack(packed, &reference) == (bytes == Reference::kBytes));
    CHECK(unpack(packed, &link) == (bytes == Link::kBytes));
    // Kind 0 is never written.
    CHECK(unpack(packed, &touched) == (bytes == 0));
  }
  std::string tail;
  append(&tail, {Kind::event, golden::id(0x10), 1});
  tail[1] = 1;  // reserved
  CHECK(!unpack(tail, &touched));
  CHECK(!unpack(tail.substr(1), &touched));
}

TEST_CASE("hashes have their golden values") {
  // Values on disk depend on them.
  CHECK(hash64("") == 0x2d06800538d394c2u);
  CHECK(to_hex(std::string_view(reinterpret_cast<const char*>(hash128("").bytes.data()), 16)) ==
        "99aa06d3014798d86001c324468d497f");
  CHECK(hash64("a", 1) != hash64("a", 2));
  const UserId owner{golden::id(0xA0)};
  CHECK(owner_hash(owner, 1) != owner_hash(owner, 2));
  CHECK(owner_hash(owner, 7) ==
        hash64({reinterpret_cast<const char*>(owner.uuid().bytes.data()), 16}, 7));
  CHECK(text_hash("a", 1) != text_hash("a", 2));
  CHECK(text_hash("a", 1) == hash128("a", 1));

  // Everything of the body but its header, which differs between keys, under the salt.
  const std::string body = sealed(Kind::commit_body);
  CHECK(body_hash(body, 5) == hash64(std::string_view(body).substr(kHeaderBytes), 5));
  CHECK(body_hash(body, 5) != body_hash(body, 6));
  CHECK(body_hash("short", 5) == hash64("", 5));
}

TEST_CASE("fold_case folds ASCII letters and nothing else") {
  CHECK(fold_case("Ada@Example.COM") == "ada@example.com");
  CHECK(fold_case("@[`{AZaz09") == "@[`{azaz09");
  CHECK(fold_case("\xC3\x84"
                  "A") ==
        "\xC3\x84"
        "a");
  CHECK(fold_case("").empty());
}

TEST_CASE("random bytes are refused, and what verifies can be read") {
  std::mt19937_64 random(seed_of_this_run());
  size_t accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    const KindInfo& info = kKinds[random() % std::size(kKinds)];
    const std::string key = golden::key(info.kind);
    std::string value = sealed(info.kind);
    if (random() % 4 == 0) {
      value.resize(random() % 200);
      for (char& c : value) c = static_cast<char>(random());
    } else {
      const size_t count = 1 + random() % 6;
      for (size_t i = 0; i < count; ++i) {
        value[kHeaderBytes + random() % (value.size() - kHeaderBytes)] =
            static_cast<char>(random());
      }
    }
    // With a right checksum the bytes get as far as the structure's verifier.
    const bool seal = value.size() >= kHeaderBytes && random() % 8 != 0 &&
                      little_endian(value, 4, 4) + kTailHeaderBytes <= value.size() - kHeaderBytes;
    if (seal) reseal(key, &value);
    const std::unique_ptr<char[]> copy = exact_copy(value);
    Parsed parsed;
    const Status status = parse_record(key, {copy.get(), value.size()}, &parsed, random() % 2 == 0);
    if (!status.ok() || info.payload != Payload::flat_buffer) continue;
    const std::unique_ptr<char[]> meta = exact_copy(parsed.meta);
    if (!verify_meta(info.kind, meta.get(), parsed.meta.size())) continue;
    ++accepted;
    const auto* common = flatbuffers::GetRoot<fb::Common>(meta.get());
    size_t sum = common->commit_seq() % 2 + common->actor_kind();
    if (common->actor_id() != nullptr) sum += common->actor_id()->bytes()->Get(15);
    if (common->actor_name() != nullptr) sum += common->actor_name()->str().size();
    CHECK(sum < (size_t{1} << 32));
  }
  CHECK(accepted > 0);
}

}  // namespace bcstore::format
