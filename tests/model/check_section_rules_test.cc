// What check_store must say of sections, integrations and public records that were damaged by hand.
#include "damaged.h"

namespace bcstore::model {
namespace {

using format::SectionEntry;
using Rewrite = std::function<void(Damaged&)>;

Key list_key(const Damaged& s, uint32_t rev) {
  return s.of(Kind::section_list).append(s.rich.document).not_u32(rev);
}

std::vector<SectionEntry> entries_of(Damaged& s, uint32_t rev) {
  std::vector<SectionEntry> entries;
  REQUIRE(format::unpack(format::Draft::copy(*s.read(list_key(s, rev))).tail(), &entries));
  return entries;
}

// A list of these entries in the place of the one that is there.
void put_list(Damaged& s, uint32_t rev, const std::vector<SectionEntry>& entries, uint32_t rev_last,
              uint32_t blocks) {
  const Key key = list_key(s, rev);
  const format::Draft stored = format::Draft::copy(*s.read(key));
  const auto* old = root<fb::SectionList>(stored);
  std::string tail;
  for (const SectionEntry& entry : entries) format::append(&tail, entry);
  Encoder encoder;
  const Actor actor = Actor::of_user(s.rich.owner);
  format::Draft list =
      encoder.section_list({actor, s.rich.owner}, {rev_last, blocks, from_fb(old->space()), tail});
  auto* common = mutable_root<fb::Common>(list);
  common->mutate_commit_seq(old->commit_seq());
  common->mutate_created_at(old->created_at());
  common->mutate_effective_at(old->effective_at());
  s.put(key, std::string(list.seal(key)));
}

Key block_key(Damaged& s, uint32_t rev, size_t n) {
  const SectionEntry entry = entries_of(s, rev).at(n);
  return s.of(Kind::section_block).append(s.rich.document).u64(entry.name).u64(entry.block);
}

Key vector_key(Damaged& s) {
  const SectionEntry entry = entries_of(s, 2).at(0);
  return s.of(Kind::vector).u64(entry.vector.high).u32(entry.vector.low);
}

Key space_key(const Damaged& s) {
  return s.of(Kind::vector_space).append(s.rich.project).append(format::text_hash("", s.salt));
}

Key head_key(const Damaged& s) { return s.of(Kind::section_head).append(s.rich.document); }
Key integration(const Damaged& s) { return s.of(Kind::integration).append(s.rich.integration); }
Key change(const Damaged& s, uint32_t rev) {
  return s.of(Kind::integration_change).append(s.rich.integration).not_u32(rev);
}
Key secret(const Damaged& s) { return s.of(Kind::secret).append(s.rich.integration); }
Key public_key(const Damaged& s, Kind kind) {
  return Key(kPublicOwner, kind).append(format::text_hash(s.rich.public_name, s.salt));
}

template <class Table>
Rewrite rewrites(Key (*key)(const Damaged&), bool (*change)(Table*)) {
  return [=](Damaged& s) { s.rewrite<Table>(key(s), change); };
}

}  // namespace

TEST_CASE("check: lists of sections") {
  check_faults({
      {"section_list", "what a list names exists", [](Damaged& s) { s.erase(block_key(s, 1, 1)); }},
      {"section_list", "what a list names exists", [](Damaged& s) { s.erase(vector_key(s)); }},
      {"section_head", "what a list names exists", [](Damaged& s) { s.erase(vector_key(s)); }},
      {"section_list", "parent exists", [](Damaged& s) { s.erase(s.document()); }},
      {"section_head", "parent exists", [](Damaged& s) { s.erase(s.document()); }},
      {"section_list", "sections are of revisions that exist",
       [](Damaged& s) {
         s.rewrite<fb::DocumentHead>(s.document(),
                                     [](auto* h) { return h->mutate_current_rev(1); });
       }},
      {"section_head", "sections are of revisions that exist",
       [](Damaged& s) {
         s.rewrite<fb::DocumentHead>(s.document(),
                                     [](auto* h) { return h->mutate_current_rev(2); });
       }},
      {"section_list", "the tail lists every section",
       [](Damaged& s) { put_list(s, 1, entries_of(s, 1), 1, 3); }},
      {"section_list", "the tail lists every section",
       [](Damaged& s) { put_list(s, 1, {}, 1, 0); }},
      {"section_list", "a list covers a revision",
       [](Damaged& s) { put_list(s, 2, entries_of(s, 2), 1, 1); }},
      {"section_list", "a revision has one list",
       [](Damaged& s) { put_list(s, 1, entries_of(s, 1), 2, 2); }},
      {"section_list", "a block stands once in a revision",
       [](Damaged& s) {
         std::vector<SectionEntry> entries = entries_of(s, 1);
         entries.push_back(entries.back());
         put_list(s, 1, entries, 1, 3);
       }},
      {"section_head", "an interval reaches the newest start, or ends right before it",
       [](Damaged& s) {
         s.rewrite<fb::SectionHead>(head_key(s), [](auto* h) { return h->mutate_rev(2); });
       }},
      {"section_head", "an interval reaches the newest start, or ends right before it",
       [](Damaged& s) {
         s.rewrite<fb::SectionHead>(head_key(s), [](auto* h) { return h->mutate_rev(5); });
       }},
      {"section_head", "the interval that came last is there",
       [](Damaged& s) {
         s.rewrite<fb::SectionHead>(head_key(s), [](auto* h) { return h->mutate_last(2); });
       }},
      {"commit_body", "what a commit wrote exists", [](Damaged& s) { s.erase(list_key(s, 1)); }},
      {"commit_body", "what a commit wrote exists", [](Damaged& s) { s.erase(head_key(s)); }},
  });
}

TEST_CASE("check: contents of sections and their space") {
  check_faults({
      {"section_block", "contents are in the sections of their first revision",
       [](Damaged& s) { s.erase(list_key(s, 1)); }},
      {"section_block", "contents are in the sections of their first revision",
       [](Damaged& s) { s.erase(head_key(s)); }},
      {"vector", "contents are in the sections of their first revision",
       [](Damaged& s) { put_list(s, 1, {entries_of(s, 1).at(0)}, 1, 1); }},
      {"section_block", "the key is the content's hash",
       [](Damaged& s) { s.copy(block_key(s, 1, 0), block_key(s, 1, 1)); }},
      {"vector", "the key is the content's hash",
       [](Damaged& s) { s.copy(vector_key(s), s.of(Kind::vector).u64(1).u32(2)); }},
      {"vector", "a vector has as many floats as its dimension",
       [](Damaged& s) {
         s.rewrite<fb::Vector>(vector_key(s), [](auto* v) { return v->mutate_dimension(2); });
       }},
      {"section_list", "embeddings have the dimension of their space",
       [](Damaged& s) {
         s.rewrite<fb::VectorSpace>(space_key(s), [](auto* v) { return v->mutate_dimension(2); });
       }},
      {"section_list", "embeddings have their space", [](Damaged& s) { s.erase(space_key(s)); }},
      {"vector_space", "a space has a dimension",
       [](Damaged& s) {
         s.rewrite<fb::VectorSpace>(space_key(s),
                                    [](auto* v) { return v->mutate_dimension(kMaxDimension + 1); });
       }},
      {"vector_space", "enumerators are known",
       [](Damaged& s) {
         s.rewrite<fb::VectorSpace>(space_key(s), [](auto* v) { return v->mutate_metric(9); });
       }},
      {"vector_space", "the key is the name's hash",
       [](Damaged& s) {
         s.copy(space_key(s), s.of(Kind::vector_space).append(s.rich.project).append(s.rich.task));
       }},
      {"vector_space", "parent exists", [](Damaged& s) { s.erase(s.project()); }},
  });
}

TEST_CASE("check: floats and directions of embeddings") {
  const auto put = [](Damaged& s, std::string_view floats) {
    const Key key = vector_key(s);
    const format::Draft stored = format::Draft::copy(*s.read(key));
    format::Draft made(Kind::vector, {stored.meta(), stored.meta_bytes()}, floats);
    s.put(key, std::string(made.seal(key)));
  };
  check_faults({
      {"vector", "floats are finite",
       [&](Damaged& s) { put(s, std::string(8, '\0') + std::string("\0\0\x80\x7f", 4)); }},
      {"section_list", "an embedding under cosine is not zero",
       [&](Damaged& s) { put(s, std::string(12, '\0')); }},
      {"section_list", "an embedding under cosine is not zero",
       [&](Damaged& s) { put(s, std::string("\0\0\0\x80\0\0\0\x80\0\0\0\x80", 12)); }},
  });
}

TEST_CASE("check: integrations and their secrets") {
  check_faults({
      {"integration", "a secret is there until it is removed",
       [](Damaged& s) { s.erase(secret(s)); }},
      {"integration", "a secret is there until it is removed",
       rewrites<fb::IntegrationHead>(integration,
                                     [](auto* h) { return h->mutate_is_removed(true); })},
      {"integration", "is_removed is the newest change",
       rewrites<fb::IntegrationHead>(integration,
                                     [](auto* h) { return h->mutate_is_removed(true); })},
      {"integration", "type is that of the changes",
       rewrites<fb::IntegrationHead>(integration, [](auto* h) { return h->mutate_type(1); })},
      {"integration", "enumerators are known",
       rewrites<fb::IntegrationHead>(integration, [](auto* h) { return h->mutate_type(9); })},
      {"integration", "rev is the newest change",
       rewrites<fb::IntegrationHead>(integration, [](auto* h) { return h->mutate_rev(3); })},
      {"integration", "rev is the newest change",
       rewrites<fb::IntegrationHead>(integration, [](auto* h) { return h->mutate_rev(1); })},
      {"integration", "rev_effective_at is the newest one's",
       rewrites<fb::IntegrationHead>(integration,
                                     [](auto* h) { return h->mutate_rev_effective_at(1); })},
      {"integration_change", "parent exists", [](Damaged& s) { s.erase(integration(s)); }},
      {"secret", "parent exists", [](Damaged& s) { s.erase(integration(s)); }},
      {"integration_change", "rev is dense from 1", [](Damaged& s) { s.erase(change(s, 1)); }},
      {"integration_change", "enumerators are known",
       [](Damaged& s) {
         s.rewrite<fb::IntegrationChange>(change(s, 1), [](auto* c) { return c->mutate_type(9); });
       }},
      {"secret", "a secret is of its integration's revision",
       rewrites<fb::Secret>(secret, [](auto* r) { return r->mutate_rev(1); })},
  });
}

TEST_CASE("check: public records") {
  const auto name = [](Damaged& s) { return public_key(s, Kind::public_name); };
  const auto record = [](Damaged& s) { return public_key(s, Kind::public_record).not_u32(1); };
  check_faults({
      {"public_name", "rev is the newest one", [=](Damaged& s) { s.erase(record(s)); }},
      {"public_record", "parent exists", [=](Damaged& s) { s.erase(name(s)); }},
      {"public_record", "rev is dense from 1",
       [=](Damaged& s) { s.copy(record(s), public_key(s, Kind::public_record).not_u32(3)); }},
      {"public_name", "rev_effective_at is the newest one's",
       [=](Damaged& s) {
         s.rewrite<fb::PublicName>(name(s), [](auto* h) { return h->mutate_rev_effective_at(1); });
       }},
      {"public_name", "the key is the name's hash",
       [=](Damaged& s) {
         s.copy(name(s), Key(kPublicOwner, Kind::public_name).append(s.rich.task));
       }},
      {"public_record", "enumerators are known",
       [=](Damaged& s) {
         s.rewrite<fb::PublicRecord>(record(s), [](auto* r) { return r->mutate_content_type(9); });
       }},
      {"public_name", "public records are the public owner's",
       [=](Damaged& s) { s.copy(name(s), s.of(Kind::public_name).append(s.rich.task)); }},
  });
}

}  // namespace bcstore::model
