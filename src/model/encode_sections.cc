// The records of sections, integrations and public data.
#include "model/encode.h"

namespace bcstore::model {

using format::Kind;
using TextOffset = flatbuffers::Offset<flatbuffers::String>;

Draft Encoder::integration_head(By by, IntegrationType type) {
  Who w = who(by);
  fb::IntegrationHeadBuilder b(fbb_);
  add_common(b, w);
  always(b, [](auto& h) {
    h.add_rev_effective_at(0);
    h.add_rev(1);
    h.add_is_removed(false);
  });
  b.add_type(static_cast<uint8_t>(type));
  fbb_.Finish(b.Finish());
  return finish(Kind::integration);
}

Draft Encoder::integration_change(By by, IntegrationType type, IntegrationAction action) {
  Who w = who(by);
  fb::IntegrationChangeBuilder b(fbb_);
  add_common(b, w);
  always(b, [&](auto& c) { c.add_type(static_cast<uint8_t>(type)); });
  b.add_action(static_cast<uint8_t>(action));
  fbb_.Finish(b.Finish());
  return finish(Kind::integration_change);
}

Draft Encoder::secret(By by, uint32_t rev, std::string_view metadata) {
  Who w = who(by);
  fb::SecretBuilder b(fbb_);
  add_common(b, w);
  always(b, [&](auto& s) { s.add_rev(rev); });
  fbb_.Finish(b.Finish());
  return finish(Kind::secret, metadata);
}

Draft Encoder::public_name(By by, std::string_view name_text) {
  Who w = who(by);
  TextOffset name = text(name_text);
  fb::PublicNameBuilder b(fbb_);
  add_common(b, w);
  always(b, [](auto& h) {
    h.add_rev_effective_at(0);
    h.add_rev(0);
  });
  b.add_name(name);
  fbb_.Finish(b.Finish());
  return finish(Kind::public_name);
}

Draft Encoder::public_record(By by, std::string_view name_text, ContentType type,
                             std::string_view content) {
  Who w = who(by);
  TextOffset name = text(name_text);
  fb::PublicRecordBuilder b(fbb_);
  add_common(b, w);
  b.add_name(name);
  b.add_content_type(static_cast<uint8_t>(type));
  fbb_.Finish(b.Finish());
  return finish(Kind::public_record, content);
}

Draft Encoder::vector_space(By by, std::string_view name_text, uint32_t dimension, Metric metric) {
  Who w = who(by);
  TextOffset name = text(name_text);
  fb::VectorSpaceBuilder b(fbb_);
  add_common(b, w);
  b.add_name(name);
  b.add_dimension(dimension);
  b.add_metric(static_cast<uint8_t>(metric));
  fbb_.Finish(b.Finish());
  return finish(Kind::vector_space);
}

Draft Encoder::section_head(By by, const IntakeFields& f) {
  Who w = who(by);
  fb::Uuid hash = to_fb(f.space);
  fb::SectionHeadBuilder b(fbb_);
  add_common(b, w);
  b.add_rev(f.rev);
  b.add_last(f.last);
  if (!f.space.is_nil()) b.add_space(&hash);
  fbb_.Finish(b.Finish());
  return finish(Kind::section_head, f.spans);
}

Draft Encoder::section_list(By by, const ListFields& f) {
  Who w = who(by);
  fb::Uuid hash = to_fb(f.space);
  fb::SectionListBuilder b(fbb_);
  add_common(b, w);
  b.add_rev_last(f.rev_last);
  b.add_blocks(f.blocks);
  if (!f.space.is_nil()) b.add_space(&hash);
  fbb_.Finish(b.Finish());
  return finish(Kind::section_list, f.entries);
}

Draft Encoder::section_block(By by, const BlockFields& f) {
  Who w = who(by);
  TextOffset id = text(f.block_id), heading = text(f.heading);
  fb::SectionBlockBuilder b(fbb_);
  add_common(b, w);
  b.add_block_id(id);
  b.add_heading(heading);
  b.add_rev(f.rev);
  fbb_.Finish(b.Finish());
  return f.body ? finish(Kind::section_block, *f.body) : finish(Kind::section_block);
}

Draft Encoder::vector(By by, const Uuid& document, uint32_t rev, std::string_view floats) {
  Who w = who(by);
  fb::Uuid where = to_fb(document);
  fb::VectorBuilder b(fbb_);
  add_common(b, w);
  b.add_dimension(static_cast<uint32_t>(floats.size() / sizeof(float)));
  b.add_document(&where);
  b.add_rev(rev);
  fbb_.Finish(b.Finish());
  return finish(Kind::vector, floats);
}

}  // namespace bcstore::model
