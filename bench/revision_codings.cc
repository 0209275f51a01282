#include "revision_codings.h"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>
#include <zstd.h>

#include <cstring>
#include <unordered_map>
#include <utility>

#include "failure.h"
#include "model/delta.h"

namespace bcstore::bench {
namespace {

void check(const rocksdb::Status& status) {
  if (!status.ok()) throw Failure("revisions: " + status.ToString());
}

class SilentLog : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// document (4, big endian) | ~rev (4)
std::string key_of(uint32_t document, uint32_t rev) {
  std::string key(8, '\0');
  for (size_t i = 0; i < 4; ++i) {
    key[i] = static_cast<char>(document >> (24 - 8 * i));
    key[4 + i] = static_cast<char>(~rev >> (24 - 8 * i));
  }
  return key;
}

class RawKeeper : public RevisionKeeper {
 public:
  // 0: blocks are not compressed, and small.
  explicit RawKeeper(size_t zstd_block_bytes) : zstd_block_bytes_(zstd_block_bytes) {}

  void open(const std::string& directory, size_t cache_bytes) override {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.info_log = std::make_shared<SilentLog>();
    options.compression = zstd_block_bytes_ != 0 ? rocksdb::kZSTD : rocksdb::kNoCompression;
    rocksdb::BlockBasedTableOptions table;
    table.block_size = zstd_block_bytes_ != 0 ? zstd_block_bytes_ : 8192;
    table.block_cache = rocksdb::NewLRUCache(cache_bytes);
    table.checksum = rocksdb::kXXH3;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB* opened = nullptr;
    check(rocksdb::DB::Open(options, directory, &opened));
    db_.reset(opened);
  }
  void settle() override {
    rocksdb::CompactRangeOptions all;
    all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    check(db_->Flush({}));
    check(db_->CompactRange(all, nullptr, nullptr));
  }
  void close() override {
    check(db_->Close());
    db_.reset();
  }

 protected:
  void put(uint32_t document, uint32_t rev, std::string_view value) {
    check(db_->Put({}, key_of(document, rev), rocksdb::Slice(value.data(), value.size())));
  }
  std::unique_ptr<rocksdb::Iterator> seek(uint32_t document, uint32_t rev) {
    std::unique_ptr<rocksdb::Iterator> rows(db_->NewIterator({}));
    rows->Seek(key_of(document, rev));
    check(rows->status());
    if (!rows->Valid()) throw Failure("revisions: a revision is missing");
    return rows;
  }
  model::ContentCoder coder_;

 private:
  size_t zstd_block_bytes_;
  std::unique_ptr<rocksdb::DB> db_;
};

// As it was given; RocksDB compresses blocks of many.
class PlainKeeper : public RawKeeper {
 public:
  using RawKeeper::RawKeeper;
  void append(uint32_t document, uint32_t rev, std::string_view content) override {
    put(document, rev, content);
  }
  size_t newest(uint32_t document, Fold* fold) override { return old(document, UINT32_MAX, fold); }
  size_t old(uint32_t document, uint32_t rev, Fold* fold) override {
    const auto rows = seek(document, rev);
    fold->text({rows->value().data(), rows->value().size()});
    return rows->value().size();
  }
};

// Each in a zstd frame of its own.
class FrameKeeper : public RawKeeper {
 public:
  FrameKeeper() : RawKeeper(0) {}
  void append(uint32_t document, uint32_t rev, std::string_view content) override {
    const model::CodedContent coded = coder_.code_whole(content);
    put(document, rev,
        std::string(1, static_cast<char>(coded.coding)) +
            (coded.bytes.empty() ? std::string(content) : coded.bytes));
  }
  size_t newest(uint32_t document, Fold* fold) override { return old(document, UINT32_MAX, fold); }
  size_t old(uint32_t document, uint32_t rev, Fold* fold) override {
    const auto rows = seek(document, rev);
    std::string_view value(rows->value().data(), rows->value().size());
    std::string content(value.substr(1));
    if (value[0] != 0) {
      value.remove_prefix(1);
      const uint64_t bytes = ZSTD_getFrameContentSize(value.data(), value.size());
      if (!coder_.decode(value, bytes, {}, &content).ok()) throw Failure("revisions: no frame");
    }
    fold->text(content);
    return content.size();
  }
};

// A chain of deltas with a keyframe after so many. The newest content is kept for the next append.
class ChainKeeper : public RawKeeper {
 public:
  explicit ChainKeeper(uint32_t most_links) : RawKeeper(0), most_links_(most_links) {}

  void append(uint32_t document, uint32_t rev, std::string_view content) override {
    Newest& newest = newest_[document];
    // The library's own bound is stepped over by a place that claims a shorter chain.
    model::ChainPlace parent = newest.place, place;
    parent.keyframe = parent.rev - (newest.links >= most_links_ ? model::kMaxChainLinks : 0);
    const model::CodedContent coded = coder_.code(content, newest.content, parent, &place);
    const bool is_delta = coded.coding == format::Coding::delta;
    newest.links = is_delta ? newest.links + 1 : 0;
    newest.place = place;
    newest.content.assign(content);
    put(document, rev,
        std::string(1, static_cast<char>(coded.coding)) +
            (coded.coding == format::Coding::plain ? std::string(content) : coded.bytes));
  }
  size_t newest(uint32_t document, Fold* fold) override { return old(document, UINT32_MAX, fold); }
  size_t old(uint32_t document, uint32_t rev, Fold* fold) override {
    const auto rows = seek(document, rev);
    std::vector<std::string> frames;
    for (; rows->Valid(); rows->Next()) {
      frames.push_back(rows->value().ToString());
      if (frames.back()[0] != static_cast<char>(format::Coding::delta)) break;
    }
    std::string content, next;
    for (size_t i = frames.size(); i-- > 0;) {
      const std::string_view frame = std::string_view(frames[i]).substr(1);
      if (frames[i][0] == 0) {
        next = frame;
      } else if (!coder_
                      .decode(frame, ZSTD_getFrameContentSize(frame.data(), frame.size()), content,
                              &next)
                      .ok()) {
        throw Failure("revisions: a chain does not unpack");
      }
      content.swap(next);
    }
    fold->text(content);
    return content.size();
  }

 private:
  struct Newest {
    model::ChainPlace place;
    uint32_t links = 0;
    std::string content;
  };
  uint32_t most_links_;
  std::unordered_map<uint32_t, Newest> newest_;
};

}  // namespace

std::vector<RevisionCoding> raw_codings() {
  std::vector<RevisionCoding> all;
  all.push_back({"whole, a zstd frame each", [] { return std::make_unique<FrameKeeper>(); }});
  for (const size_t kb : {16u, 64u, 256u}) {
    all.push_back({fmt::format("whole, zstd blocks of {} kB", kb),
                   [kb] { return std::make_unique<PlainKeeper>(kb << 10); }});
  }
  for (const uint32_t links : {16u, 32u, 64u}) {
    all.push_back({fmt::format("deltas, at most {} links", links),
                   [links] { return std::make_unique<ChainKeeper>(links); }});
  }
  return all;
}

}  // namespace bcstore::bench
