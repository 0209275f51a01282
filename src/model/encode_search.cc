// The records of what is searched.
#include "model/encode.h"

namespace bcstore::model {

using format::Kind;

Draft Encoder::search_head(By by, const SearchHeadFields& f) {
  Who w = who(by);
  fb::Uuid document = to_fb(f.document), space = to_fb(f.space);
  fb::SearchHeadBuilder b(fbb_);
  add_common(b, w);
  b.add_document(&document);
  b.add_version(f.version);
  b.add_rev(f.rev);
  b.add_entries(f.entries);
  if (!f.space.is_nil()) b.add_space(&space);
  fbb_.Finish(b.Finish());
  return finish(Kind::search_head, f.tail);
}

SearchSpaceFields fields_of(const fb::SearchSpace& space) {
  SearchSpaceFields f{space.codec(),
                      space.dimension(),
                      static_cast<Metric>(space.metric()),
                      space.count(),
                      space.live(),
                      space.folded(),
                      space.generation(),
                      space.lists(),
                      space.listed(),
                      space.in_lists(),
                      {}};
  if (space.recall() == nullptr) return f;
  for (const fb::SearchRecall* one : *space.recall()) {
    f.recall.push_back({one->nearest(), one->probes(), one->found()});
  }
  return f;
}

Draft Encoder::search_space(By by, const SearchSpaceFields& f) {
  Who w = who(by);
  std::vector<fb::SearchRecall> recall;
  for (const auto& one : f.recall) recall.emplace_back(one.nearest, one.probes, one.found);
  const auto table = recall.empty() ? 0 : fbb_.CreateVectorOfStructs(recall);
  fb::SearchSpaceBuilder b(fbb_);
  add_common(b, w);
  b.add_codec(f.codec);
  b.add_dimension(f.dimension);
  b.add_metric(static_cast<uint8_t>(f.metric));
  b.add_count(f.count);
  b.add_live(f.live);
  b.add_folded(f.folded);
  b.add_generation(f.generation);
  b.add_lists(f.lists);
  b.add_listed(f.listed);
  b.add_in_lists(f.in_lists);
  if (!recall.empty()) b.add_recall(table);
  fbb_.Finish(b.Finish());
  return finish(Kind::search_space);
}

Draft Encoder::search_rows(By by, uint32_t dimension, uint32_t entries, std::string_view tail) {
  Who w = who(by);
  fb::SearchRowsBuilder b(fbb_);
  add_common(b, w);
  b.add_dimension(dimension);
  b.add_entries(entries);
  fbb_.Finish(b.Finish());
  return finish(Kind::search_rows, tail);
}

Draft Encoder::search_block(By by, uint32_t dimension, uint32_t entries, std::string_view tail) {
  Who w = who(by);
  fb::SearchBlockBuilder b(fbb_);
  add_common(b, w);
  b.add_dimension(dimension);
  b.add_entries(entries);
  fbb_.Finish(b.Finish());
  return finish(Kind::search_block, tail);
}

Draft Encoder::search_bitmap(By by, uint32_t live, std::string_view bits) {
  Who w = who(by);
  fb::SearchBitmapBuilder b(fbb_);
  add_common(b, w);
  b.add_live(live);
  fbb_.Finish(b.Finish());
  return finish(Kind::search_bitmap, bits);
}

Draft Encoder::search_lists(By by, uint32_t dimension, uint32_t entries, std::string_view tail) {
  Who w = who(by);
  fb::SearchListsBuilder b(fbb_);
  add_common(b, w);
  b.add_dimension(dimension);
  b.add_entries(entries);
  fbb_.Finish(b.Finish());
  return finish(Kind::search_lists, tail);
}

}  // namespace bcstore::model
