#include "engine/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>

#include "engine/credit_merge.h"
#include "engine/insert_hint.h"
#include "engine/last_commit.h"
#include "engine/memtable.h"

namespace bcstore::engine {
namespace {

// Half of what a process may have open by default, 1,024: a store of more tables closes those that
// were not read for longest. Each open one also costs memory.
constexpr int kMaxOpenFiles = 512;
constexpr double kBloomBitsPerKey = 10;
constexpr double kMemtableBloomShare = 0.03;
// A dictionary for each file lets small blocks find what they have in common. It is made of raw
// samples: training one and level 12 saved 5 % more on real data, at four times the processor time,
// and the background could not keep up with two years of chat.
constexpr int kBottomZstdLevel = 6;
constexpr uint32_t kDictionaryBytes = 32u << 10;
constexpr uint32_t kTrainBytes = 0;
// What is read of a file before its dictionary is made. Without a bound the whole file is held in
// memory meanwhile.
constexpr uint32_t kDictionarySampleBytes = 1u << 20;

constexpr uint64_t kFlushesALevel = 8;
// Every commit writes to these families, and what it writes is seldom read: more flushes are
// gathered before they are merged. With that and the larger memtables two years of chat wrote 3.8
// bytes for each byte of text, where it was 5.8.
constexpr int kFlushesOfHistory = 8;
constexpr size_t kLeastFileBytes = size_t{2} << 20;
constexpr size_t kMostFileBytes = size_t{16} << 20;

// How a family differs from the others.
struct Shape {
  size_t memtable_share;  // of 32; over all families RocksDB's write buffer manager holds the sum
  size_t block_bytes;
  bool bloom;  // read by key, often for keys that are not there
  rocksdb::CompressionType upper;
  rocksdb::CompressionType bottom;
};

Shape shape_of(Family family) {
  using rocksdb::kLZ4Compression;
  using rocksdb::kNoCompression;
  using rocksdb::kZSTD;
  switch (family) {
    case Family::system:
      return {1, 4096, false, kNoCompression, kNoCompression};
    case Family::heads:
      return {3, 4096, true, kNoCompression, kZSTD};
    case Family::history:
      return {4, 8192, true, kLZ4Compression, kZSTD};
    case Family::revisions:  // contents are packed already, what stands beside them is not
      return {8, 16384, true, kNoCompression, kZSTD};
    case Family::months:
      return {16, 16384, false, kLZ4Compression, kZSTD};
    case Family::index:
      return {4, 4096, true, kLZ4Compression, kZSTD};
    case Family::log:
      return {8, 16384, false, kLZ4Compression, kZSTD};
    case Family::credits:
      return {2, 4096, true, kNoCompression, kLZ4Compression};
    case Family::sections:  // versions of a block lie side by side: large blocks find what repeats
      return {4, 131072, true, kLZ4Compression, kZSTD};
    case Family::vectors:  // floats stay as long as they are; what stands beside them does not
      return {4, 16384, true, kNoCompression, kZSTD};
    case Family::search:  // a block of codes is larger, and then alone in its own
      return {4, 16384, true, kNoCompression, kNoCompression};
    case Family::secrets:
      return {1, 4096, true, kNoCompression, kNoCompression};
  }
  return {1, 4096, false, kNoCompression, kNoCompression};
}

size_t memtable_bytes(Family family, const MemoryShares& shares) {
  const size_t bytes = shares.memtable_bytes / 32 * shape_of(family).memtable_share;
  // Heads are overwritten: a small memtable is searched faster and flushes little that is stale.
  const size_t most = family == Family::heads ? size_t{4} << 20 : size_t{64} << 20;
  return std::clamp(bytes, size_t{64} << 10, most);
}

}  // namespace

MemoryShares share_memory(size_t budget_bytes) {
  // The rest is the model's caches'.
  const size_t cache_bytes = budget_bytes / 16 * 5;
  return {cache_bytes, budget_bytes / 4};
}

std::shared_ptr<rocksdb::Cache> new_block_cache(const MemoryShares& shares) {
  // A value may be as large as a shard: few shards, so that it does not empty its own.
  const int shard_bits = shares.cache_bytes >= (size_t{128} << 20) ? 3 : 1;
  constexpr double kIndexAndFilterShare = 0.3;
  return rocksdb::NewLRUCache(shares.cache_bytes, shard_bits, /*strict_capacity_limit=*/false,
                              kIndexAndFilterShare);
}

rocksdb::DBOptions database_options(const MemoryShares& shares,
                                    const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::DBOptions options;
  // Recovery. A torn tail is normal after a crash; any other damage of the log is an error. The
  // default mode would drop synced rows in silence.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.best_efforts_recovery = false;
  options.paranoid_checks = true;
  options.track_and_verify_wals_in_manifest = false;  // refuses sound stores in this version
  options.fail_if_options_file_error = true;
  // The log. One row in a quiet family would keep every log file alive without the limit.
  options.max_total_wal_size = uint64_t{64} << 20;
  options.recycle_log_file_num = 0;  // recycling keeps erased bytes and can bring rows back
  options.wal_compression = rocksdb::kNoCompression;
  options.manual_wal_flush = false;
  // One writer, one batch after another: none of the looser write paths.
  options.enable_pipelined_write = false;
  options.unordered_write = false;
  options.two_write_queues = false;
  options.allow_concurrent_memtable_write = false;
  options.atomic_flush = false;
  // After an error the store is read-only until it is opened again.
  options.max_bgerror_resume_count = 0;
  options.allow_data_in_errors = false;
  // Files.
  options.allow_mmap_reads = false;
  options.allow_mmap_writes = false;
  options.use_direct_reads = false;
  options.use_direct_io_for_flush_and_compaction = false;
  options.max_open_files = kMaxOpenFiles;
  // Its default of 16 is for each family: a store with a few files started 150 threads to open.
  options.max_file_opening_threads = 1;
  options.max_background_jobs = 2;
  options.max_manifest_file_size = uint64_t{64} << 20;
  // Its statistics would need a thread that wakes for nothing.
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;  // its default depends on NDEBUG
  options.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(shares.memtable_bytes, cache);
  return options;
}

rocksdb::ColumnFamilyOptions family_options(Family family, const MemoryShares& shares,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
  const Shape shape = shape_of(family);
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = shape.block_bytes;
  table.cache_index_and_filter_blocks = true;  // so that the budget covers them
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  if (shape.bloom) {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  }

  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = memtable_bytes(family, shares);
  options.compression = shape.upper;
  options.bottommost_compression = shape.bottom;
  if (shape.bottom == rocksdb::kZSTD) {
    options.bottommost_compression_opts.enabled = true;
    options.bottommost_compression_opts.level = kBottomZstdLevel;
    options.bottommost_compression_opts.max_dict_bytes = kDictionaryBytes;
    options.bottommost_compression_opts.zstd_max_train_bytes = kTrainBytes;
    options.bottommost_compression_opts.max_dict_buffer_bytes = kDictionarySampleBytes;
  }
  options.level_compaction_dynamic_level_bytes = true;
  // Levels in proportion to what a flush brings. With the default sizes a store below 256 MiB has
  // one level, and every few flushes of a small memtable rewrite all of it.
  options.max_bytes_for_level_base = options.write_buffer_size * kFlushesALevel;
  if (family == Family::months || family == Family::log) {
    options.level0_file_num_compaction_trigger = kFlushesOfHistory;
  }
  options.target_file_size_base =
      std::clamp(options.write_buffer_size, kLeastFileBytes, kMostFileBytes);
  // Deep levels in larger files: opening looks at each table, and terabytes have many.
  options.target_file_size_multiplier = 2;
  options.force_consistency_checks = true;
  // A prefix extractor would let an iterator without bounds walk into another owner's rows.
  options.prefix_extractor = nullptr;
  options.memtable_factory = memtable_factory();  // relies on the bytewise comparator, the default
  options.memtable_insert_with_hint_prefix_extractor = insert_hint();
  // Idempotency keys and given ids are looked for before they are written, and mostly not there.
  if (family == Family::index) {
    options.memtable_whole_key_filtering = true;
    options.memtable_prefix_bloom_size_ratio = kMemtableBloomShare;
  }
  options.compaction_filter = nullptr;
  options.compaction_filter_factory = nullptr;
  if (family == Family::credits) options.merge_operator = credit_merge();
  if (family == Family::log) {
    options.table_properties_collector_factories = {last_commit_collectors()};
  }
  return options;
}

}  // namespace bcstore::engine
