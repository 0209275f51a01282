// What check_store must say of what is searched when it was damaged by hand, and what a search then
// answers.
#include "damaged.h"
#include "format/search.h"

namespace bcstore::model {
namespace {

Key of_space(const Damaged& s, Kind kind) {
  return s.of(kind).append(s.rich.neighbour).append(format::text_hash("", s.salt));
}
Key head(const Damaged& s) { return s.of(Kind::search_head).append(s.rich.neighbour).u8(2); }
Key space(const Damaged& s) { return of_space(s, Kind::search_space); }
Key rows(const Damaged& s, uint32_t group) { return of_space(s, Kind::search_rows).u32(group); }
Key bits(const Damaged& s) { return of_space(s, Kind::search_bitmap).u32(0); }
Key block(const Damaged& s) { return of_space(s, Kind::search_block).u32(0).u32(0).u32(0); }

// The record with another tail, sealed again.
void change_tail(Damaged& s, const Key& key, const std::function<void(std::string*)>& change) {
  const format::Draft stored = format::Draft::copy(*s.read(key));
  std::string tail(stored.tail());
  change(&tail);
  format::Draft made(format::parse_key(key)->kind, {stored.meta(), stored.meta_bytes()}, tail);
  s.put(key, std::string(made.seal(key)));
}

std::function<void(Damaged&)> tail_of(Key (*key)(const Damaged&), size_t at) {
  return [=](Damaged& s) {
    change_tail(s, key(s),
                [&](std::string* tail) { (*tail)[at] = static_cast<char>((*tail)[at] ^ 1); });
  };
}

TEST_CASE("check: heads of what is searched") {
  check_faults({
      {"section_list", "the newest sections are searched", [](Damaged& s) { s.erase(head(s)); }},
      {"section_head", "the newest sections are searched",
       [](Damaged& s) { s.erase(s.of(Kind::search_head).append(s.rich.project).u8(2)); }},
      {"search_head", "the newest sections are searched", tail_of(head, 3)},
      {"search_head", "the newest sections are searched",
       [](Damaged& s) {
         s.rewrite<fb::SearchHead>(head(s), [](auto* h) { return h->mutate_rev(2); });
       }},
      {"search_head", "a head is of a document of its section",
       [](Damaged& s) {
         s.rewrite<fb::SearchHead>(head(s), [](auto* h) { return h->mutate_version(2); });
       }},
      {"search_head", "a head is of a document of its section",
       [](Damaged& s) { s.copy(head(s), s.of(Kind::search_head).append(s.rich.neighbour).u8(3)); }},
      {"search_head", "the tail lists every section",
       [](Damaged& s) {
         s.rewrite<fb::SearchHead>(head(s), [](auto* h) { return h->mutate_entries(3); });
       }},
      {"search_head", "parent exists",
       [](Damaged& s) {
         const Uuid id =
             from_fb(root<fb::SearchHead>(format::Draft::copy(*s.read(head(s))))->document());
         s.erase(s.of(Kind::document).append(id));
       }},
      // Two embeddings change places.
      {"search_head", "an ordinal is its embedding's",
       [](Damaged& s) {
         change_tail(s, head(s), [](std::string* tail) { std::swap((*tail)[28], (*tail)[60]); });
       }},
      {"search_head", "an ordinal is its embedding's", [](Damaged& s) { s.erase(rows(s, 0)); }},
      {"search_head", "what is searched is live", tail_of(bits, 0)},
  });
}

TEST_CASE("check: spaces, rows, blocks and bitmaps of what is searched") {
  const auto space_with = [](auto change) {
    return [=](Damaged& s) { s.rewrite<fb::SearchSpace>(space(s), change); };
  };
  check_faults({
      {"search_space", "live is what the heads name",
       space_with([](fb::SearchSpace* h) { return h->mutate_live(69); })},
      {"search_space", "live is what the heads name", [](Damaged& s) { s.erase(head(s)); }},
      {"search_space", "live is what the heads name", [](Damaged& s) { s.erase(bits(s)); }},
      {"search_space", "whole blocks are folded",
       space_with([](fb::SearchSpace* h) { return h->mutate_folded(70); })},
      {"search_space", "dimension and metric are the space's",
       space_with([](fb::SearchSpace* h) { return h->mutate_dimension(4); })},
      {"search_space", "the codec is known",
       space_with([](fb::SearchSpace* h) { return h->mutate_codec(9); })},
      {"search_space", "what is live is in a block", [](Damaged& s) { s.erase(block(s)); }},
      {"search_space", "parent exists",
       [](Damaged& s) { s.erase(of_space(s, Kind::vector_space)); }},
      {"search_rows", "parent exists", [](Damaged& s) { s.erase(space(s)); }},
      {"search_rows", "rows fit their space", [](Damaged& s) { s.copy(rows(s, 0), rows(s, 9)); }},
      {"search_rows", "rows fit their space",
       [](Damaged& s) {
         s.rewrite<fb::SearchRows>(rows(s, 1), [](auto* h) { return h->mutate_entries(7); });
       }},
      {"search_rows", "halves are what the floats give",
       [](Damaged& s) { change_tail(s, rows(s, 2), [](std::string* tail) { ++tail->back(); }); }},
      {"search_head", "an ordinal is its embedding's",
       [](Damaged& s) { s.copy(rows(s, 0), rows(s, 1)); }},
      {"search_block", "codes are what the halves give",
       [](Damaged& s) { change_tail(s, block(s), [](std::string* tail) { ++tail->back(); }); }},
      {"search_block", "codes are what the halves give", tail_of(block, 4)},
      {"search_block", "a block fits its space",
       [](Damaged& s) { s.copy(block(s), of_space(s, Kind::search_block).u32(0).u32(0).u32(1)); }},
      {"search_block", "a block fits its space",
       [](Damaged& s) { s.copy(block(s), of_space(s, Kind::search_block).u32(0).u32(1).u32(0)); }},
      {"search_block", "dead blocks are gone",
       [](Damaged& s) {
         change_tail(s, bits(s), [](std::string* tail) { tail->replace(0, 8, 8, '\0'); });
       }},
      {"search_rows", "rows of dead blocks are gone",
       [](Damaged& s) {
         change_tail(s, bits(s), [](std::string* tail) { tail->replace(0, 8, 8, '\0'); });
       }},
      {"search_bitmap", "live counts the bits", tail_of(bits, 0)},
      {"search_bitmap", "bits are of ordinals that were given", tail_of(bits, 100)},
  });
}

}  // namespace
}  // namespace bcstore::model
