#include "engine/rocks_logger.h"

#include <rocksdb/db.h>

#include <algorithm>
#include <cstdio>

#include "engine/rocks_status.h"

namespace bcstore::engine {
namespace {

// Every key starts with an owner of sixteen bytes, which is 32 hexadecimal digits. File numbers and
// RocksDB's own identifiers have fewer in a row.
constexpr size_t kLongestSafeHexRun = 20;
constexpr size_t kLineBytes = 1024;

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

LogLevel level_of(rocksdb::InfoLogLevel level) {
  if (level >= rocksdb::InfoLogLevel::ERROR_LEVEL) return LogLevel::error;
  return level == rocksdb::InfoLogLevel::WARN_LEVEL ? LogLevel::warning : LogLevel::info;
}

}  // namespace

void LogSink::write(LogLevel level, std::string_view line) const noexcept {
  if (!log_) return;
  try {
    log_(level, line);
  } catch (...) {
    // The caller may be one of RocksDB's threads, which no exception may enter; and there is no
    // other place to report it to.
  }
}

bool is_safe_line(std::string_view line) {
  size_t run = 0;
  for (const char c : line) {
    if (c == '\'' || c < ' ' || c > '~') return false;  // quoted keys, raw bytes
    run = is_hex_digit(c) ? run + 1 : 0;
    if (run > kLongestSafeHexRun) return false;
  }
  return true;
}

void RocksLogger::Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) {
  if (level < rocksdb::InfoLogLevel::WARN_LEVEL || level > rocksdb::InfoLogLevel::FATAL_LEVEL) {
    return;
  }
  if (!sink_.wanted()) return;
  char line[kLineBytes];
  const int size = std::vsnprintf(line, sizeof line, format, arguments);
  if (size < 0) return;
  std::string_view text(line, std::min(static_cast<size_t>(size), sizeof line - 1));
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  if (!is_safe_line(text)) text = "RocksDB reported something that is left out: it may name keys";
  sink_.write(level_of(level), text);
}

void RocksListener::OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) {
  if (!latch_->set(from_rocks(*error, "a background error"))) return;
  const std::string line = "the store is read-only now: " + error->ToString();
  sink_.write(LogLevel::error, is_safe_line(line) ? line : "the store is read-only now");
}

void RocksListener::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status error,
                                         bool* auto_recovery) {
  error.PermitUncheckedError();
  *auto_recovery = false;
}

void RocksListener::OnMemTableSealed(const rocksdb::MemTableInfo&) {
  rocksdb::DB* db = db_.load();
  if (db == nullptr) return;
  const rocksdb::Status synced = db->SyncWAL();
  if (synced.ok()) return;
  latch_->leave_log_open();
  latch_->set(from_rocks(synced, "cannot sync the log"));
}

void RocksListener::OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& info) {
  if (!sink_.wanted()) return;
  sink_.write(LogLevel::info, "flushed family " + info.cf_name + ": " +
                                  std::to_string(info.table_properties.num_entries) +
                                  " entries in file " + std::to_string(info.file_number));
}

void RocksListener::OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo& info) {
  if (!sink_.wanted()) return;
  sink_.write(LogLevel::info, "compacted family " + info.cf_name + ": " +
                                  std::to_string(info.input_files.size()) + " files into " +
                                  std::to_string(info.output_files.size()) + " at level " +
                                  std::to_string(info.output_level));
}

}  // namespace bcstore::engine
