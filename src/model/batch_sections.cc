// The verbs of a batch on sections of revisions.
#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

#include "model/batch_arguments.h"
#include "model/core.h"

namespace bcstore::model {

namespace {

static_assert(std::endian::native == std::endian::little,
              "floats are stored as they lie in memory");

std::string_view bytes_of(std::span<const float> floats) {
  return {reinterpret_cast<const char*>(floats.data()), floats.size_bytes()};
}

Status invalid(std::string reason) { return Status(Code::invalid_argument, std::move(reason)); }

Status check_embedding(std::span<const float> floats) {
  if (floats.size() > kMaxDimension) {
    return invalid(
        fmt::format("embedding: has {} dimensions, the limit is {}", floats.size(), kMaxDimension));
  }
  for (size_t i = 0; i < floats.size(); ++i) {
    if (!std::isfinite(floats[i])) {
      return invalid(fmt::format("embedding: component {} is not finite", i));
    }
  }
  return Status();
}

Status check_block(const NewBlock& block) {
  BCSTORE_TRY(check_text("block_id", block.block_id, kMaxBlockIdBytes, Empty::refused));
  BCSTORE_TRY(check_optional("heading", block.heading, kMaxNameBytes, Empty::allowed));
  BCSTORE_TRY(check_optional("body_md", block.body_md, kMaxBlockBytes, Empty::allowed));
  return check_embedding(block.embedding);
}

// Every one by itself, and then together.
Status check_blocks(std::span<const NewBlock> blocks) {
  if (blocks.empty() || blocks.size() > kMaxBlocks) {
    return invalid(fmt::format("blocks: {} is outside 1 to {}", blocks.size(), kMaxBlocks));
  }
  size_t dimension = 0, bytes = 0;
  std::vector<std::string_view> ids;
  for (const NewBlock& block : blocks) {
    BCSTORE_TRY(check_block(block));
    ids.push_back(block.block_id);
    bytes += block.body_md.value_or("").size() + block.embedding.size_bytes();
    if (block.embedding.empty()) continue;
    if (dimension == 0) dimension = block.embedding.size();
    if (dimension != block.embedding.size()) {
      return invalid(fmt::format("embedding: {} and {} dimensions in one call", dimension,
                                 block.embedding.size()));
    }
  }
  if (bytes > kMaxBatchBytes) {
    return invalid(fmt::format("blocks: {} bytes, the limit is {}", bytes, kMaxBatchBytes));
  }
  std::sort(ids.begin(), ids.end());
  const auto twice = std::adjacent_find(ids.begin(), ids.end());
  if (twice == ids.end()) return Status();
  return Status(Code::already_exists, fmt::format("block_id: {} comes twice", *twice));
}

Status check_space(const EmbeddingSpace& space) {
  BCSTORE_TRY(check_text("space", space.name, kMaxSpaceNameBytes, Empty::allowed));
  return space.metric ? check_enum("metric", *space.metric) : Status();
}

bool is_zero(std::span<const float> floats) {
  return std::all_of(floats.begin(), floats.end(), [](float x) { return x == 0; });
}

}  // namespace

SectionItem BatchBody::encode_section(const Op& op, const NewBlock& block) {
  const uint64_t salt = salt_of(core_.get());
  const uint32_t rev = op.sections->rev_first;
  SectionItem item;
  item.entry.name = format::block_name_hash(block.block_id, salt);
  item.entry.block = format::block_hash(block.block_id, block.heading, block.body_md, salt);
  item.block_check = format::block_hash(block.block_id, block.heading, block.body_md, ~salt);
  item.block = encoder_.section_block(by(op), {block.block_id, block.heading, block.body_md, rev});
  if (block.embedding.empty()) return item;
  const std::string_view floats = bytes_of(block.embedding);
  item.entry.vector = format::vector_hash(floats, salt);
  item.vector_check = format::hash64(floats, ~salt);
  item.vector = encoder_.vector(by(op), op.parent, rev, floats);
  return item;
}

void BatchBody::put_sections(Op op, std::span<const NewBlock> blocks, const EmbeddingSpace& space) {
  Sections& sections = *op.sections;
  auto check = [&]() -> Status {
    BCSTORE_TRY(check_id("document id", op.parent));
    BCSTORE_TRY(check_number("rev", sections.rev_first, INT32_MAX));
    BCSTORE_TRY(check_number("rev_last", sections.rev_last, INT32_MAX));
    if (sections.rev_last < sections.rev_first) {
      return invalid(
          fmt::format("rev_last: {} is below rev_first {}", sections.rev_last, sections.rev_first));
    }
    BCSTORE_TRY(check_space(space));
    return check_blocks(blocks);
  };
  Status checked = check();
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.parent).number(sections.rev_first).number(sections.rev_last);
    arguments.text(space.name).number(space.metric ? static_cast<uint64_t>(*space.metric) : 0);
    sections.space = std::string(space.name);
    sections.space_hash = format::text_hash(space.name, salt_of(core_.get()));
    sections.metric = space.metric;
    sections.items.reserve(blocks.size());
    for (const NewBlock& block : blocks) {
      arguments.text(block.block_id).text(block.heading).text(block.body_md);
      arguments.text(bytes_of(block.embedding));
      sections.items.push_back(encode_section(op, block));
      if (block.embedding.empty()) continue;
      sections.dimension = static_cast<uint32_t>(block.embedding.size());
      sections.has_zero |= is_zero(block.embedding);
    }
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::add_sections(DocumentId document, uint32_t rev, std::span<const NewBlock> blocks,
                             const EmbeddingSpace& space) {
  Op op;
  op.verb = Verb::add_sections;
  op.parent = document.uuid();
  op.sections = std::make_unique<Sections>();
  op.sections->rev_first = op.sections->rev_last = rev;
  put_sections(std::move(op), blocks, space);
}

void BatchBody::import_section(DocumentId document, uint32_t rev_first, uint32_t rev_last,
                               const NewBlock& block, const EmbeddingSpace& space,
                               std::optional<uint32_t> ordinal) {
  Op op;
  op.verb = Verb::import_section;
  op.parent = document.uuid();
  op.sections = std::make_unique<Sections>();
  op.sections->rev_first = rev_first;
  op.sections->rev_last = rev_last;
  op.sections->ordinal = ordinal;
  put_sections(std::move(op), {&block, 1}, space);
}

}  // namespace bcstore::model
