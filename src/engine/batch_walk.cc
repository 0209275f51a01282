#include "engine/batch_walk.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/decode.h"

namespace bcstore::engine {
namespace {

constexpr size_t kBatchHeaderBytes = 12;
constexpr size_t kLinkKeyBytes = format::kOwnerBytes + 1 + 8;
constexpr size_t kLinkValueBytes = format::kHeaderBytes + format::Link::kBytes;
constexpr uint64_t kMaxSequence = (uint64_t{1} << 56) - 1;
constexpr uint32_t kLastVarintShift = 28;  // lengths and families are 32-bit numbers

// Tags of changes. With a family of its own each comes a second time.
enum Tag : uint8_t {
  kDelete = 0x0,
  kPut = 0x1,
  kMerge = 0x2,
  kNote = 0x3,  // bytes that change nothing
  kFamilyDelete = 0x4,
  kFamilyPut = 0x5,
  kFamilyMerge = 0x6,
  kSingleDelete = 0x7,
  kFamilySingleDelete = 0x8,
  kNothing = 0xd,
  kFamilyRangeDelete = 0xe,
  kRangeDelete = 0xf,
};

}  // namespace

bool may_be_batch(std::string_view beginning, uint64_t last) {
  constexpr uint64_t kMostChanges = uint64_t{1} << 40;  // more than a log can hold
  if (beginning.size() < kBatchHeaderBytes) return false;
  const uint64_t sequence = little_endian(beginning.substr(0, 8));
  if (last == 0) return sequence <= kMaxSequence;
  return sequence > last && sequence - last <= kMostChanges;
}

void BatchWalk::begin() {
  expect_ = Expect::header;
  header_.clear();
  sequence_ = 0;
  count_ = seen_ = 0;
  links_.clear();
  defect_ = Status();
}

void BatchWalk::feed(std::string_view bytes) {
  while (!bytes.empty() && defect_.ok()) bytes.remove_prefix(take(bytes));
}

size_t BatchWalk::take(std::string_view bytes) {
  const bool key = expect_ == Expect::key;
  if (!key && expect_ != Expect::value) {
    take_byte(static_cast<uint8_t>(bytes.front()));
    return 1;
  }
  const size_t size = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
  std::string& kept = key ? key_ : value_;
  const size_t room = (key ? kLinkKeyBytes : kLinkValueBytes) + 1 - kept.size();
  kept.append(bytes.substr(0, std::min(size, room)));
  left_ -= size;
  if (left_ == 0) finish_string();
  return size;
}

void BatchWalk::take_byte(uint8_t byte) {
  if (expect_ == Expect::tag) {
    take_tag(byte);
  } else if (expect_ == Expect::header) {
    header_ += static_cast<char>(byte);
    if (header_.size() < kBatchHeaderBytes) return;
    sequence_ = little_endian(std::string_view(header_).substr(0, 8));
    count_ = static_cast<uint32_t>(little_endian(std::string_view(header_).substr(8)));
    expect_ = Expect::tag;
  } else {
    take_varint(byte);
  }
}

void BatchWalk::take_tag(uint8_t tag) {
  const bool family = tag == kFamilyDelete || tag == kFamilyPut || tag == kFamilyMerge ||
                      tag == kFamilySingleDelete || tag == kFamilyRangeDelete;
  const bool known = family || tag == kDelete || tag == kPut || tag == kMerge || tag == kNote ||
                     tag == kSingleDelete || tag == kRangeDelete;
  if (tag == kNothing) return;
  if (!known) return fail(fmt::format("a change of the unknown kind {}", tag));
  has_value_ = tag == kPut || tag == kFamilyPut || tag == kMerge || tag == kFamilyMerge ||
               tag == kRangeDelete || tag == kFamilyRangeDelete;
  puts_ = tag == kPut || tag == kFamilyPut;
  counts_ = tag != kNote;
  key_.clear();
  value_.clear();
  number_ = shift_ = 0;
  expect_ = family ? Expect::family : Expect::key_size;
}

void BatchWalk::take_varint(uint8_t byte) {
  number_ |= uint64_t{byte & 0x7fu} << shift_;
  if ((byte & 0x80) != 0) {
    if (shift_ == kLastVarintShift) return fail("a number of more than 32 bits");
    shift_ += 7;
    return;
  }
  left_ = number_;
  number_ = shift_ = 0;
  if (expect_ == Expect::family) {
    expect_ = Expect::key_size;
    return;
  }
  expect_ = expect_ == Expect::key_size ? Expect::key : Expect::value;
  if (left_ == 0) finish_string();
}

void BatchWalk::finish_string() {
  if (expect_ == Expect::key && has_value_) {
    expect_ = Expect::value_size;
    return;
  }
  expect_ = Expect::tag;
  if (counts_) ++seen_;
  if (puts_) take_link();
}

void BatchWalk::take_link() {
  const format::KindInfo* info = format::parse_key(key_);
  if (info == nullptr || info->kind != format::Kind::commit_link) return;
  format::Parsed parsed;
  LoggedLink found;
  if (!format::parse_record(key_, value_, &parsed).ok() ||
      !format::unpack(parsed.meta, &found.link)) {
    return fail("a commit link that is none");
  }
  found.seq = format::key_u64(key_, format::kKindOffset + 1);
  found.hash = format::hash64(parsed.meta);
  links_.push_back(found);
}

void BatchWalk::fail(std::string_view reason) {
  if (defect_.ok()) defect_ = Status(Code::corruption, "the record holds " + std::string(reason));
}

Status BatchWalk::end() const {
  if (!defect_.ok()) return defect_;
  if (expect_ != Expect::tag) return Status(Code::corruption, "the record ends inside a change");
  if (seen_ == count_) return Status();
  return Status(Code::corruption,
                fmt::format("the record holds {} changes instead of {}", seen_, count_));
}

}  // namespace bcstore::engine
