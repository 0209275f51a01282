#include "engine/credit_merge.h"

#include <optional>
#include <string>
#include <string_view>

#include "format/counter.h"

namespace bcstore::engine {
namespace {

std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

class CreditMerge final : public rocksdb::MergeOperator {
 public:
  const char* Name() const override { return "bcstore.CreditMerge"; }

  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    const std::string_view key = view(in.key);
    std::optional<std::string_view> value;
    if (in.existing_value != nullptr) value = view(*in.existing_value);
    out->new_value = value ? std::string(*value) : std::string(format::kPoison);
    for (const rocksdb::Slice& delta : in.operand_list) {
      out->new_value = format::apply_delta(key, value, view(delta));
      value = out->new_value;  // which the next turn reads before it replaces it
    }
    return true;
  }

  bool PartialMerge(const rocksdb::Slice& key, const rocksdb::Slice& first,
                    const rocksdb::Slice& second, std::string* both,
                    rocksdb::Logger*) const override {
    *both = format::combine_deltas(view(key), view(first), view(second));
    return true;
  }
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> credit_merge() { return std::make_shared<CreditMerge>(); }

}  // namespace bcstore::engine
