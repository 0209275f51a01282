// Documents for the benchmarks: JSON of 4 to 32 kB, each revision a 3 % edit of the one before.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data.h"

namespace bcstore::bench {

// What is written as the revisions of a document.
class Body {
 public:
  virtual ~Body() = default;
  // On to the next revision.
  virtual void edit() = 0;
  // As JSON; valid until the next edit.
  virtual const std::string& json() const = 0;
};

// A document that is edited again and again. Draws from one seed: the same for every engine.
class EditedDocument : public Body {
 public:
  EditedDocument(const Texts& texts, uint64_t seed);
  // Of about so many bytes.
  EditedDocument(const Texts& texts, uint64_t seed, size_t bytes);
  // Replaces blocks of text until 3 % of the bytes are others.
  void edit() override;
  const std::string& json() const override { return json_; }
  // The texts in it, in their order.
  const std::vector<std::string_view>& blocks() const { return blocks_; }

 private:
  void write();
  const Texts& texts_;
  Random random_;
  std::vector<std::string_view> blocks_;
  std::string json_;
};

}  // namespace bcstore::bench
