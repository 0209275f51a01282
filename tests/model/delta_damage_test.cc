// A damaged link of a chain: the revisions that are decoded through it say so and name it; all
// others are read, and check() finds each.
#include <zstd.h>

#include <cstring>
#include <set>

#include "edited.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Coding;
using format::Key;
using format::Kind;

// Eight revisions: 1 whole, 2 to 6 deltas one after another, 7 against 3 as a late writer leaves
// it, 8 whole.
struct ChainWorld : EngineWorld {
  ChainWorld() : EngineWorld([](Options& o) { o.revision_cache_bytes = 0; }) {
    const Tenant t = tenant("a@x");
    owner = t.owner();
    const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
    document = t.create_document(p, {.section = Section::prd}).value();
    std::mt19937_64 random(3);
    const std::string base = random_words(random, 6'000);
    for (uint32_t rev = 1; rev <= 3; ++rev) append(edited(base, rev));
    append_late(base);
    append(random_words(random, 6'000));
  }
  void append(const std::string& text) {
    contents.push_back(text);
    store().tenant(owner).add_revision(document, text_of(text)).value();
  }
  static NewRevision text_of(std::string_view text) {
    return {.content = text, .content_type = ContentType::text};
  }
  // Two are handed in after revision 3. The first becomes 4 to 6, the second is 7 and against 3.
  void append_late(const std::string& base) {
    const Tenant t = store().tenant(owner);
    WriteBatch chain = t.batch(), late = t.batch();
    for (uint32_t rev = 4; rev <= 6; ++rev) {
      contents.push_back(edited(base, rev));
      chain.add_revision(document, text_of(contents.back()));
    }
    contents.push_back(base + "late");
    late.add_revision(document, text_of(contents.back()));
    PendingCommit first = t.submit(std::move(chain));
    PendingCommit second = t.submit(std::move(late));
    REQUIRE(store().drive().ok());
    REQUIRE(first.wait().ok());
    REQUIRE(second.wait().ok());
  }
  // Of another length each: a delta against another one than its own gives another content.
  static std::string edited(const std::string& base, uint32_t rev) {
    return base.substr(0, 3'000) + std::string(7 * rev, static_cast<char>('0' + rev)) +
           base.substr(3'000);
  }
  Row row(uint32_t rev) {
    return row_at(*this, Key(owner, Kind::revision).append(document).not_u32(rev));
  }
  Status read(uint32_t rev) {
    const Result<Revision> one = store().tenant(owner).revision(document, rev);
    if (!one.ok()) return one.status();
    const Result<std::string_view> content = one->content();
    if (content.ok()) CHECK(*content == contents[rev - 1]);
    return content.status();
  }
  std::set<uint32_t> unreadable() {
    std::set<uint32_t> found;
    for (uint32_t rev = 1; rev <= contents.size(); ++rev) {
      const Status s = read(rev);
      if (s.ok()) continue;
      CHECK(name_of(s) == "corruption");
      found.insert(rev);
    }
    return found;
  }
  // The revisions that check() has something to say of.
  std::set<uint32_t> found_by_check() {
    std::set<uint32_t> found;
    for (const Violation& v : store().check().value().listed) {
      for (uint32_t rev = 1; rev <= contents.size(); ++rev) {
        const Key key = Key(owner, Kind::revision).append(document).not_u32(rev);
        if (v.key == format::to_hex(key)) found.insert(rev);
      }
    }
    return found;
  }

  UserId owner;
  DocumentId document;
  std::vector<std::string> contents;
};

// What goes with each revision.
const std::map<uint32_t, std::set<uint32_t>> kDependents = {{1, {1, 2, 3, 4, 5, 6, 7}},
                                                            {2, {2, 3, 4, 5, 6, 7}},
                                                            {3, {3, 4, 5, 6, 7}},
                                                            {4, {4, 5, 6}},
                                                            {5, {5, 6}},
                                                            {6, {6}},
                                                            {7, {7}},
                                                            {8, {8}}};

TEST_CASE("delta: the chain of these tests is what they take it for") {
  ChainWorld w;
  const auto stored = stored_revisions(w, w.owner, w.document);
  REQUIRE(stored.size() == 8);
  check_chain_bounds(stored);
  const uint32_t parents[] = {0, 1, 2, 3, 4, 5, 3, 0};
  for (const StoredRevision& one : stored) {
    CHECK(one.delta_of == parents[one.rev - 1]);
    CHECK(one.keyframe == (parents[one.rev - 1] == 0 ? 0u : 1u));
  }
  CHECK(w.unreadable().empty());
  CHECK(w.found_by_check().empty());
}

TEST_CASE("delta: exactly what is decoded through a damaged link is corruption, and names it") {
  ChainWorld w;
  for (const auto& damaged : kDependents) {
    const uint32_t rev = damaged.first;
    const auto& dependents = damaged.second;
    CAPTURE(rev);
    const Row row = w.row(rev);
    // In the checksum, in the meta part, in the frame; and gone altogether.
    for (const size_t byte : {size_t{9}, size_t{30}, row.value.size() - 1, row.value.size()}) {
      CAPTURE(byte);
      if (byte == row.value.size()) {
        w.erase(row.family, row.key);
      } else {
        w.put(row.family, row.key, flipped(row.value, byte, 3));
      }
      std::set<uint32_t> expected = dependents;
      CHECK(w.found_by_check() == [&] {
        std::set<uint32_t> all = expected;
        // The next newer row tells of the gap.
        if (byte == row.value.size()) {
          all.erase(rev);
          if (rev < 8) all.insert(rev + 1);
        }
        return all;
      }());
      if (byte == row.value.size()) {
        CHECK_CODE(not_found, w.read(rev));
        expected.erase(rev);
      }
      for (const uint32_t one : expected) {
        const Status s = w.read(one);
        INFO(s.to_string());
        CHECK(name_of(s) == "corruption");
        const std::string message(s.message());
        CHECK(message.find("revision record") != std::string::npos);
        CHECK(message.find(format::to_hex(row.key)) != std::string::npos);
        CHECK(message.find(format::to_hex(w.row(one).key)) != std::string::npos);
        if (one != rev)
          CHECK(message.find("revision " + std::to_string(rev) + ",") != std::string::npos);
      }
      for (uint32_t one = 1; one <= 8; ++one) {
        if (one != rev && !expected.contains(one)) CHECK_CODE(ok, w.read(one));
      }
      w.put(row.family, row.key, row.value);
    }
  }
  CHECK(w.unreadable().empty());
}

TEST_CASE("delta: a damaged newest does not stop the next one, which begins a chain") {
  ChainWorld w;
  const Row row = w.row(8);
  w.put(row.family, row.key, flipped(row.value, row.value.size() - 1));
  w.append(w.contents[6] + "goes on");
  w.put(row.family, row.key, row.value);
  const auto stored = stored_revisions(w, w.owner, w.document);
  REQUIRE(stored.size() == 9);
  CHECK(stored.back().coding == Coding::zstd);
  CHECK(w.unreadable().empty());
  CHECK(w.found_by_check().empty());
}

TEST_CASE("delta: a chain whose frames are longer than the format allows is found") {
  ChainWorld w;
  const Row row = w.row(7);
  std::mt19937_64 random(7);
  std::string content;
  while (content.size() < 3'000) content += static_cast<char>('!' + random() % 90);
  std::string frame(ZSTD_compressBound(content.size()), '\0');
  frame.resize(ZSTD_compress(frame.data(), frame.size(), content.data(), content.size(), 1));
  REQUIRE(frame.size() > content.size() / 2);
  const std::string made = remade<fb::Revision>(row, row.key, [&](fb::Revision& r) {
    r.mutate_content_bytes(content.size());
    const Uuid hash = format::hash128(content);
    std::memcpy(const_cast<uint8_t*>(r.content_hash()->bytes()->data()), hash.bytes.data(), 16);
  });
  format::Parsed parsed;
  REQUIRE(format::parse_record(row.key, made, &parsed).ok());
  format::Draft draft(Kind::revision, parsed.meta, frame, Coding::delta);
  w.put(row.family, row.key, std::string(draft.seal(row.key)));
  w.contents[6] = content;
  CHECK(w.unreadable().empty());
  CHECK(w.found_by_check() == std::set<uint32_t>{7});
}

TEST_CASE("delta: a chain that says it decodes to more than the format allows is not decoded") {
  ChainWorld w;
  for (uint32_t rev = 2; rev <= 5; ++rev) {
    const Row row = w.row(rev);
    w.put(row.family, row.key, remade<fb::Revision>(row, row.key, [](fb::Revision& r) {
            r.mutate_content_bytes(kMaxRevisionBytes);
          }));
  }
  const Status s = w.read(6);
  INFO(s.to_string());
  CHECK(name_of(s) == "corruption");
  CHECK(s.message().find("longer than any") != std::string_view::npos);
  CHECK(w.found_by_check().contains(6));
}

struct Forgery {
  std::string_view what;
  uint32_t rev;
  std::function<void(fb::Revision&)> change;
  std::set<uint32_t> unreadable;
};

TEST_CASE("delta: forged places in a chain are corruption, never a crash or another content") {
  ChainWorld w;
  const auto flip_hash = [](fb::Revision& r) {
    uint8_t* byte = const_cast<uint8_t*>(r.content_hash()->bytes()->data());
    *byte = static_cast<uint8_t>(*byte ^ 1);
  };
  const std::vector<Forgery> forgeries = {
      {"against itself", 5, [](auto& r) { r.mutate_delta_of(5); }, {5, 6}},
      {"against a newer one", 5, [](auto& r) { r.mutate_delta_of(6); }, {5, 6}},
      {"against none", 5, [](auto& r) { r.mutate_delta_of(0); }, {5, 6}},
      {"against one below the keyframe", 5, [](auto& r) { r.mutate_keyframe(5); }, {5, 6}},
      {"no keyframe", 5, [](auto& r) { r.mutate_keyframe(0); }, {5, 6}},
      {"a keyframe that is a delta", 5, [](auto& r) { r.mutate_keyframe(2); }, {5, 6}},
      {"against another content", 5, [](auto& r) { r.mutate_delta_of(2); }, {5, 6}},
      {"a longer content", 5, [](auto& r) { r.mutate_content_bytes(7'000); }, {5, 6}},
      {"a huge content", 5, [](auto& r) { r.mutate_content_bytes(uint64_t{1} << 60); }, {5, 6}},
      {"a huge keyframe",
       1,
       [](auto& r) { r.mutate_content_bytes(kMaxRevisionBytes + 1); },
       {1, 2, 3, 4, 5, 6, 7}},
      // The bytes are whole, and so are those that come of them.
      {"another hash", 5, flip_hash, {5}},
  };
  for (const Forgery& forgery : forgeries) {
    CAPTURE(forgery.what);
    const Row row = w.row(forgery.rev);
    w.put(row.family, row.key, remade<fb::Revision>(row, row.key, forgery.change));
    CHECK(w.unreadable() == forgery.unreadable);
    CHECK(w.found_by_check().contains(forgery.rev));
    w.put(row.family, row.key, row.value);
  }
  // A frame that says it holds more than any content may.
  const Row row = w.row(8);
  std::string frame = "\x28\xB5\x2F\xFD\xE0" + std::string(8, '\x7F') + std::string(3, '\0');
  format::Draft draft = format::Draft::copy(row.value);
  format::Draft bomb(Kind::revision, {draft.meta(), draft.meta_bytes()}, frame, Coding::zstd);
  model::mutable_root<fb::Revision>(bomb)->mutate_content_bytes(0x7F7F'7F7F'7F7F'7F7F);
  w.put(row.family, row.key, bomb.seal(row.key));
  CHECK(w.unreadable() == std::set<uint32_t>{8});
  CHECK(w.found_by_check().contains(8));
}

}  // namespace
}  // namespace bcstore
