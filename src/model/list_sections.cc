// Lists of sections: the list of a revision names blocks and vectors, which are read in rounds.
#include <algorithm>
#include <utility>

#include "model/reads.h"

namespace bcstore::model {

namespace {

// What one round of reads may pin, as far as that can be told before.
constexpr size_t kRoundBytes = size_t{4} << 20;
constexpr size_t kMaxRound = 256;

}  // namespace

Status CursorBody::place_section(Named& named, RecordBody* row) const {
  row->place(*plan_.sections_of, named.ordinal);
  if (named.vector.key.empty()) return Status();
  if (named.vector.status.code() == Code::not_found) {
    return format::corrupt(named.vector.key, "is missing");
  }
  if (!named.vector.status.ok()) return named.vector.status;
  return row->attach(named.vector.key, std::move(named.vector.value));
}

bool CursorBody::fetch_sections() {
  std::vector<format::SectionEntry> entries;
  Status s = read_entries(core_->engine(), owner_, format::key_uuid(plan_.prefix, 17),
                          *plan_.sections_of, engine_snapshot(), &entries);
  if (!s.ok()) return end(std::move(s));
  const auto count = static_cast<int64_t>(entries.size());
  const int64_t step = plan_.backward ? -1 : 1;
  int64_t i = plan_.backward ? count - 1 : 0;
  if (!position_.empty()) i = int64_t{format::key_u32(position_, plan_.prefix.size())} + step;
  for (; i >= 0 && i < count && named_.size() < plan_.limit; i += step) {
    const format::SectionEntry& entry = entries[static_cast<size_t>(i)];
    Named named;
    named.ordinal = static_cast<uint32_t>(i);
    named.position = plan_.prefix;
    for (int shift = 24; shift >= 0; shift -= 8) {
      named.position += static_cast<char>(named.ordinal >> shift);
    }
    named.read.family = engine::family_of(format::Kind::section_block);
    named.read.key = section_key(owner_, format::key_uuid(plan_.prefix, 17), entry).str();
    if (!entry.vector.none()) {
      named.vector.family = engine::family_of(format::Kind::vector);
      named.vector.key = vector_key(owner_, entry).str();
    }
    named_.push_back(std::move(named));
  }
  return true;
}

// What a round brings is pinned until it is given out. So the first is small, and the next ones are
// as large as the sizes of the last let hope.
void CursorBody::fetch_round() {
  const size_t end = std::min(named_.size(), fetched_ + round_);
  std::vector<engine::Read*> wanted;
  for (size_t i = fetched_; i < end; ++i) {
    wanted.push_back(&named_[i].read);
    if (!named_[i].vector.key.empty()) wanted.push_back(&named_[i].vector);
  }
  std::vector<engine::Read> reads;
  reads.reserve(wanted.size());
  for (engine::Read* read : wanted) reads.push_back(std::move(*read));
  core_->engine().multi_get(reads, engine_snapshot());
  size_t bytes = 1;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (reads[i].status.ok()) bytes += reads[i].value.bytes().size();
    *wanted[i] = std::move(reads[i]);
  }
  round_ = std::clamp<size_t>((end - fetched_) * kRoundBytes / bytes, 1, kMaxRound);
  fetched_ = end;
  if (fetched_ == named_.size()) own_snapshot_.reset();
}

}  // namespace bcstore::model
