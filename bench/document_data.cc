#include "document_data.h"

#include <fmt/format.h>

namespace bcstore::bench {
namespace {

constexpr uint32_t kLeastBytes = 4096;
constexpr uint32_t kMostBytes = 32'768;
constexpr size_t kEditDivisor = 33;
constexpr size_t kMostBlockBytes = 160;

}  // namespace

EditedDocument::EditedDocument(const Texts& texts, uint64_t seed)
    : EditedDocument(texts, seed, kLeastBytes + Random(~seed).below(kMostBytes - kLeastBytes)) {}

EditedDocument::EditedDocument(const Texts& texts, uint64_t seed, size_t bytes)
    : texts_(texts), random_(seed) {
  size_t drawn = 0;
  while (drawn < bytes) {
    blocks_.push_back(texts_.words(random_, kMostBlockBytes));
    drawn += blocks_.back().size() + 20;
  }
  write();
}

void EditedDocument::edit() {
  size_t edited = 0;
  while (edited < json_.size() / kEditDivisor) {
    std::string_view& block = blocks_[random_.below(static_cast<uint32_t>(blocks_.size()))];
    block = texts_.words(random_, kMostBlockBytes);
    edited += block.size();
  }
  write();
}

void EditedDocument::write() {
  json_.assign("{\"blocks\":[");
  for (size_t i = 0; i < blocks_.size(); ++i) {
    fmt::format_to(std::back_inserter(json_), "{}{{\"id\":{},\"text\":\"{}\"}}", i == 0 ? "" : ", ",
                   i, blocks_[i]);
  }
  json_ += "]}";
}

}  // namespace bcstore::bench
