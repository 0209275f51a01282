#include "model/search_lists.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>

#include "model/core.h"
#include "model/record_body.h"
#include "vector/kernels.h"
#include "vector/lists.h"
#include "vector/sieve.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::kSearchBlockOrdinals;

namespace {

constexpr uint32_t kNowhere = UINT32_MAX;
constexpr uint32_t kMostLists = 4096;
constexpr double kListsByRoot = 4;   // times the root of the embeddings
constexpr size_t kSampleTimes = 16;  // of the lists
constexpr size_t kPassShare = 8;     // of the memory budget: codes in hand at one time
constexpr size_t kMostPassBytes = size_t{64} << 20;
constexpr size_t kWriteShare = 16;    // of the codes in hand
constexpr size_t kMeanBytes = 8 + 1;  // of a list and dimension, while middles are sought
constexpr uint32_t kListsInRow = 64;  // whose codes are not above those of a block in no list
constexpr size_t kQueries = 200;
// What is measured is for so many nearest: more than are mostly asked for, since some of those that
// were near when the lists were made may be gone.
constexpr uint32_t kNearest[] = {16, 128};
// A search looks at no more of the lists than this share: the rest would not take long.
constexpr double kMostShare = 0.4;

}  // namespace

bool lists_are_due(const SearchSpaceFields& fields) {
  if (fields.folded < kLeastListed || fields.live < kLeastListed) return false;
  if (fields.generation == 0) return true;
  const uint32_t beside = fields.folded - fields.listed;
  return beside >= std::max(fields.in_lists / 4, kLeastListed / 4) ||
         fields.in_lists / 2 > fields.live;
}

uint32_t lists_of(uint32_t embeddings, uint32_t dimension, size_t memory_budget_bytes) {
  const double wanted = kListsByRoot * std::sqrt(static_cast<double>(embeddings));
  const size_t fitting =
      memory_budget_bytes / kPassShare / (kMeanBytes * vector::padded(dimension));
  return static_cast<uint32_t>(
      std::clamp<size_t>(static_cast<size_t>(wanted), 1, std::min<size_t>(fitting, kMostLists)));
}

uint32_t list_block_rows(uint32_t dimension) {
  const size_t rows = format::kListBlockBytes / vector::padded(dimension);
  return static_cast<uint32_t>(std::clamp<size_t>(rows, 1, format::kMostBlockEntries));
}

std::optional<uint32_t> probes_for(const SearchSpaceFields& fields, size_t k, double min_recall) {
  if (min_recall >= 1) return std::nullopt;
  // Of what is in lists at least so many are live: the nearest k may have been more once.
  const uint32_t beside = fields.count - fields.listed;
  const uint32_t live = std::max(fields.live, beside) - beside;
  if (fields.lists == 0 || live == 0) return std::nullopt;
  const double nearest = std::ceil(static_cast<double>(k) * fields.in_lists / live);
  // One standard error of what was measured.
  const double share = min_recall + std::sqrt(min_recall * (1 - min_recall) / (4 * kQueries));
  uint32_t of = 0;
  for (const SearchSpaceFields::Recall& one : fields.recall) {
    if (static_cast<double>(one.nearest) < nearest || (of != 0 && one.nearest != of)) continue;
    of = one.nearest;
    if (one.found >= share * 10'000) return one.probes;
  }
  return std::nullopt;
}

namespace {

class ListMaker {
 public:
  ListMaker(Core& core, const SearchPlace& place, const engine::Snapshot* at,
            const SearchSpaceFields& fields)
      : core_(core),
        place_(place),
        at_(at),
        fields_(fields),
        generation_(fields.generation + 1),
        pass_bytes_(std::min(core.options().memory_budget_bytes / kPassShare, kMostPassBytes)),
        list_of_(fields.folded, kNowhere),
        centers_(fields.dimension) {}

  Status run(uint64_t* listed);

 private:
  // `is_first`: of this block no row was visited before.
  using Visitor = std::function<void(const CodeBlock& block, size_t row, bool is_first)>;
  Status read_live();
  // Every embedding that is to be in a list, in the order in which it lies.
  Status each(const Visitor& visit);
  Status each_of(std::string lower, std::string upper, const Visitor& visit);
  bool is_live(uint32_t ordinal) const { return (live_[ordinal / 64] >> (ordinal % 64) & 1) != 0; }
  Status find_centers();
  Status assign();
  Status write_blocks();
  // Some lists as a whole, or rows of one list: the ordinals from `from` to before `to`.
  struct Pass {
    uint32_t first_list, end_list;
    uint32_t from, to;
    uint32_t first_block;
  };
  Status write_long_list(uint32_t list);
  Status write_pass(const Pass& pass);
  Status write_centers();
  Status measure();
  void count_found(const std::vector<std::vector<vector::Near>>& nearest,
                   const vector::CodeRows& queries);
  Status put(const Key& key, Draft row);
  Status flush();
  By by() const { return {actor_, place_.owner}; }

  Core& core_;
  const SearchPlace& place_;
  const engine::Snapshot* at_;
  const SearchSpaceFields& fields_;
  const uint32_t generation_;
  const size_t pass_bytes_;
  Actor actor_ = Actor::of_user(place_.owner);
  Encoder encoder_;
  std::vector<uint64_t> live_;
  uint32_t embeddings_ = 0;
  std::vector<uint32_t> list_of_;  // by ordinal
  vector::CodeRows centers_;
  std::vector<uint32_t> sizes_;
  ListsWrite write_{place_, generation_, true, {}, {}};
  size_t write_bytes_ = 0;
  std::vector<SearchSpaceFields::Recall> recall_;
};

Status ListMaker::run(uint64_t* listed) {
  if (Status s = read_live(); !s.ok()) return s;
  if (embeddings_ == 0) return Status();
  if (Status s = find_centers(); !s.ok()) return s;
  if (Status s = assign(); !s.ok()) return s;
  if (Status s = write_blocks(); !s.ok()) return s;
  if (Status s = write_centers(); !s.ok()) return s;
  if (Status s = measure(); !s.ok()) return s;
  SearchSpaceFields step;
  step.lists = static_cast<uint32_t>(sizes_.size());
  step.listed = fields_.folded;
  step.in_lists = embeddings_;
  step.recall = recall_;
  write_.step = std::move(step);
  if (Status s = flush(); !s.ok()) return s;
  *listed = embeddings_;
  return Status();
}

Status ListMaker::read_live() {
  if (Status s = read_live_bits(core_.engine(), at_, place_, fields_, &live_); !s.ok()) return s;
  for (uint32_t ordinal = 0; ordinal < fields_.folded; ++ordinal) {
    embeddings_ += is_live(ordinal) ? 1u : 0u;
  }
  return Status();
}

Status ListMaker::each(const Visitor& visit) {
  const Key of_blocks = place_.key(Kind::search_block);
  const uint32_t first = fields_.listed / kSearchBlockOrdinals;
  const uint32_t end = fields_.folded / kSearchBlockOrdinals;
  Status s = each_of(block_key(of_blocks, 0, 0, first).str(), block_key(of_blocks, 0, 0, end).str(),
                     visit);
  if (!s.ok() || fields_.generation == 0) return s;
  return each_of(Key(of_blocks).u32(fields_.generation).str(),
                 Key(of_blocks).u32(fields_.generation + 1).str(), visit);
}

Status ListMaker::each_of(std::string lower, std::string upper, const Visitor& visit) {
  auto scan = core_.engine().scan({engine::family_of(Kind::search_block), std::move(lower),
                                   std::move(upper), false, at_, false});
  while (scan->next()) {
    auto block = CodeBlock::read(scan->key(), scan->value());
    if (!block.ok()) return block.status();
    if (Status s = check_block(scan->key(), **block, fields_); !s.ok()) return s;
    bool is_first = true;
    for (size_t i = 0; i < (*block)->size(); ++i) {
      const uint32_t ordinal = (*block)->ordinals[i];
      if (ordinal >= fields_.folded) {
        return format::corrupt(scan->key(), "an ordinal that is in no block");
      }
      if (is_live(ordinal)) visit(**block, i, std::exchange(is_first, false));
    }
  }
  return scan->status();
}

// From every so many-th.
Status ListMaker::find_centers() {
  const uint32_t lists =
      lists_of(embeddings_, fields_.dimension, core_.options().memory_budget_bytes);
  const size_t fitting = pass_bytes_ / vector::padded(fields_.dimension);
  const size_t wanted = std::min({size_t{embeddings_}, lists * kSampleTimes, fitting});
  vector::CodeRows sample(fields_.dimension);
  sample.reserve(wanted);
  size_t met = 0;
  Status s = each([&](const CodeBlock& block, size_t row, bool) {
    const bool is_taken = met * wanted / embeddings_ != (met + 1) * wanted / embeddings_;
    ++met;
    if (!is_taken) return;
    sample.add(block.codes.get() + row * block.stride, block.scales[row], block.squares[row]);
  });
  if (!s.ok()) return s;
  centers_ = vector::find_centers(sample, fields_.metric, lists, fields_.count);
  return Status();
}

Status ListMaker::assign() {
  sizes_.assign(centers_.size(), 0);
  vector::NearestRow rows(centers_);
  std::vector<uint32_t> nearest;
  uint32_t met = 0;
  bool is_twice = false;
  Status s = each([&](const CodeBlock& block, size_t row, bool is_first) {
    if (is_first) {
      nearest.resize(block.size());
      rows.find(block.codes.get(), block.scales.data(), block.size(), nearest.data());
    }
    const uint32_t list = nearest[row];
    uint32_t& known = list_of_[block.ordinals[row]];
    is_twice |= known != kNowhere;
    known = list;
    ++sizes_[list];
    ++met;
  });
  if (!s.ok()) return s;
  if (is_twice || met != embeddings_) {
    return format::corrupt(place_.name(), "what is live is in no block, or in two");
  }
  return Status();
}

// As many lists at a time as fit into memory.
Status ListMaker::write_blocks() {
  const size_t stride = vector::padded(fields_.dimension) + format::SearchCode::kBytes;
  for (uint32_t first = 0; first < sizes_.size();) {
    uint32_t end = first;
    for (size_t bytes = 0; end < sizes_.size(); ++end) {
      bytes += sizes_[end] * stride;
      if (bytes > pass_bytes_) break;
    }
    Status s =
        end == first ? write_long_list(end++) : write_pass({first, end, 0, fields_.folded, 0});
    if (!s.ok()) return s;
    first = end;
  }
  return Status();
}

// In passes of whole blocks, by the order in which its rows lie.
Status ListMaker::write_long_list(uint32_t list) {
  const size_t stride = vector::padded(fields_.dimension) + format::SearchCode::kBytes;
  const uint32_t most = list_block_rows(fields_.dimension);
  const auto blocks = static_cast<uint32_t>(std::max<size_t>(pass_bytes_ / stride / most, 1));
  Pass pass{list, list + 1, 0, 0, 0};
  uint32_t rows = 0;
  for (uint32_t ordinal = 0; ordinal < fields_.folded; ++ordinal) {
    rows += list_of_[ordinal] == list ? 1u : 0u;
    const bool is_last = ordinal + 1 == fields_.folded;
    if (rows < blocks * most && !(is_last && rows > 0)) continue;
    pass.to = ordinal + 1;
    if (Status s = write_pass(pass); !s.ok()) return s;
    pass.from = pass.to;
    pass.first_block += blocks;
    rows = 0;
  }
  return Status();
}

Status ListMaker::write_pass(const Pass& pass) {
  const uint32_t first = pass.first_list, end = pass.end_list;
  struct Row {
    format::SearchCode code;
    size_t at;
  };
  std::vector<std::vector<Row>> lists(end - first);
  std::string codes;
  const size_t dimension = fields_.dimension;
  const size_t rows_wanted =
      std::accumulate(sizes_.begin() + first, sizes_.begin() + end, size_t{0});
  codes.reserve(std::min(rows_wanted * dimension, pass_bytes_));
  Status s = each([&](const CodeBlock& block, size_t row, bool) {
    const uint32_t ordinal = block.ordinals[row];
    const uint32_t list = list_of_[ordinal];
    if (list < first || list >= end || ordinal < pass.from || ordinal >= pass.to) return;
    lists[list - first].push_back(
        {{ordinal, block.scales[row], block.squares[row], block.sections[row]}, codes.size()});
    codes.append(reinterpret_cast<const char*>(block.codes.get() + row * block.stride), dimension);
  });
  if (!s.ok()) return s;
  const uint32_t most = list_block_rows(fields_.dimension);
  for (uint32_t list = first; list < end; ++list) {
    std::vector<Row>& rows = lists[list - first];
    std::sort(rows.begin(), rows.end(),
              [](const Row& a, const Row& b) { return a.code.ordinal < b.code.ordinal; });
    for (size_t from = 0; from < rows.size(); from += most) {
      format::SearchBlockTail tail;
      for (size_t i = from; i < std::min<size_t>(from + most, rows.size()); ++i) {
        tail.rows.push_back(rows[i].code);
        tail.codes.append(codes, rows[i].at, dimension);
      }
      const auto entries = static_cast<uint32_t>(tail.rows.size());
      const Key key = block_key(place_.key(Kind::search_block), generation_, list,
                                pass.first_block + static_cast<uint32_t>(from / most));
      s = put(key, encoder_.search_block(by(), fields_.dimension, entries, pack(tail)));
      if (!s.ok()) return s;
    }
  }
  return Status();
}

Status ListMaker::write_centers() {
  for (uint32_t first = 0; first < sizes_.size(); first += kListsInRow) {
    const auto end = std::min(first + kListsInRow, static_cast<uint32_t>(sizes_.size()));
    std::string tail;
    format::SearchBlockTail block;
    for (uint32_t list = first; list < end; ++list) {
      format::append_u32(&tail, sizes_[list]);
      block.rows.push_back({list, centers_.scale(list), centers_.squares(list), 0});
      block.codes.append(reinterpret_cast<const char*>(centers_.codes(list)), fields_.dimension);
    }
    tail += pack(block);
    const Key key = place_.key(Kind::search_lists).u32(generation_).u32(first / kListsInRow);
    Status s = put(key, encoder_.search_lists(by(), fields_.dimension, end - first, tail));
    if (!s.ok()) return s;
  }
  return Status();
}

// Some of the embeddings are asked for, themselves not counted: in which lists do those lie that a
// search of everything finds?
Status ListMaker::measure() {
  const size_t wanted = std::min<size_t>(kQueries, embeddings_);
  vector::CodeRows rows(fields_.dimension);
  std::vector<uint32_t> own;
  size_t met = 0;
  Status s = each([&](const CodeBlock& block, size_t row, bool) {
    const bool is_taken = met * wanted / embeddings_ != (met + 1) * wanted / embeddings_;
    ++met;
    if (!is_taken) return;
    rows.add(block.codes.get() + row * block.stride, block.scales[row], block.squares[row]);
    own.push_back(block.ordinals[row]);
  });
  if (!s.ok()) return s;
  std::vector<std::vector<float>> floats;
  for (size_t i = 0; i < rows.size(); ++i) floats.push_back(rows.floats(i));
  std::vector<vector::Query> queries;
  for (const auto& one : floats) queries.emplace_back(one, fields_.metric);
  std::vector<vector::Sieve> sieves(queries.size(), vector::Sieve(kNearest[1]));
  // Side by side, and none where the last few are fewer.
  const size_t stride = rows.stride();
  std::vector<int8_t> codes((queries.size() + vector::kQueriesAtOnce - 1) / vector::kQueriesAtOnce *
                            vector::kQueriesAtOnce * stride);
  for (size_t q = 0; q < queries.size(); ++q) {
    std::copy_n(queries[q].codes(), stride, codes.data() + q * stride);
  }
  std::vector<int32_t> products;
  s = each([&](const CodeBlock& block, size_t row, bool is_first) {
    // All queries at the first of a block's rows: it is in the nearest cache then.
    if (is_first) {
      products.resize(codes.size() / block.stride * block.size());
      for (size_t q = 0; q < queries.size(); q += vector::kQueriesAtOnce) {
        vector::dots_at_once(vector::kernels(), block.codes.get(), block.stride, block.size(),
                             codes.data() + q * block.stride, block.stride,
                             products.data() + q * block.size());
      }
    }
    for (size_t q = 0; q < queries.size(); ++q) {
      const double distance = queries[q].by_codes(products[q * block.size() + row],
                                                  block.scales[row], block.squares[row]);
      if (distance > sieves[q].bound() || block.ordinals[row] == own[q]) continue;
      sieves[q].offer(distance, block.ordinals[row]);
    }
  });
  if (!s.ok()) return s;
  std::vector<std::vector<vector::Near>> nearest;
  for (vector::Sieve& sieve : sieves) {
    nearest.push_back(sieve.take());
  }
  count_found(nearest, rows);
  return Status();
}

void ListMaker::count_found(const std::vector<std::vector<vector::Near>>& nearest,
                            const vector::CodeRows& queries) {
  const size_t lists = sizes_.size();
  std::vector<std::vector<uint64_t>> found(std::size(kNearest), std::vector<uint64_t>(lists));
  std::vector<uint64_t> all(std::size(kNearest));
  std::vector<int32_t> products(lists);
  for (size_t q = 0; q < nearest.size(); ++q) {
    const std::vector<float> floats = queries.floats(q);
    const vector::Query query(floats, fields_.metric);
    vector::kernels().dots_u8(centers_.codes(), centers_.stride(), lists, query.codes(),
                              centers_.stride(), products.data(), nullptr);
    std::vector<vector::Near> order;
    for (size_t list = 0; list < lists; ++list) {
      order.push_back(
          {query.by_codes(products[list], centers_.scale(list), centers_.squares(list)), list});
    }
    std::sort(order.begin(), order.end());
    std::vector<size_t> rank(lists);
    for (size_t i = 0; i < lists; ++i) rank[order[i].number] = i;
    for (size_t of = 0; of < std::size(kNearest); ++of) {
      for (size_t i = 0; i < std::min<size_t>(kNearest[of], nearest[q].size()); ++i) {
        ++found[of][rank[list_of_[nearest[q][i].number]]];
        ++all[of];
      }
    }
  }
  for (size_t of = 0; of < std::size(kNearest); ++of) {
    uint64_t sum = 0, told = 0;
    const auto most = static_cast<size_t>(kMostShare * static_cast<double>(lists));
    for (size_t probes = 1; probes <= most; ++probes) {
      sum += found[of][probes - 1];
      const uint64_t share = all[of] == 0 ? 0 : sum * 10'000 / all[of];
      if (share < 8'000 || share == told) continue;  // less is not asked for
      recall_.push_back(
          {kNearest[of], static_cast<uint32_t>(probes), static_cast<uint32_t>(share)});
      told = share;
    }
  }
}

Status ListMaker::put(const Key& key, Draft row) {
  write_bytes_ += row.bytes();
  write_.rows.emplace_back(key.str(), std::move(row));
  return write_bytes_ >= pass_bytes_ / kWriteShare ? flush() : Status();
}

Status ListMaker::flush() {
  const auto chore = [this](Executor& executor) {
    if (executor.replica().role == ReplicaRole::standby) return refused_by_standby();
    return executor.write_lists(write_);
  };
  Status s = core_.queue().run_chore(chore, Durability::relaxed);
  write_.rows.clear();
  write_.is_first = false;
  write_bytes_ = 0;
  return s;
}

}  // namespace

Status make_lists(Core& core, const SearchPlace& place, const engine::Snapshot* at,
                  const SearchSpaceFields& fields, uint64_t* listed) {
  *listed = 0;
  Status s = ListMaker(core, place, at, fields).run(listed);
  // Whoever looks next makes them of what there is then.
  return s.code() == Code::failed_precondition ? Status() : s;
}

}  // namespace bcstore::model
