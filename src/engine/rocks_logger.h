// RocksLogger and RocksListener: how RocksDB tells us things.
//
// RocksDB's own log file is never used: on a full disk it ends the process, and it keeps keys. Its
// warnings and errors go to Options::log, with our own lines about flushes and compactions; when
// there is no such function they are dropped. A line that may hold a key is replaced by a fixed
// sentence.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <cstdarg>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "bcstore/options.h"
#include "engine/latch.h"

namespace bcstore::engine {

// Options::log behind a guard: an exception that it throws goes no further.
class LogSink {
 public:
  explicit LogSink(std::function<void(LogLevel, std::string_view)> log) : log_(std::move(log)) {}

  bool wanted() const { return log_ != nullptr; }
  void write(LogLevel level, std::string_view line) const noexcept;

 private:
  std::function<void(LogLevel, std::string_view)> log_;
};

class RocksLogger final : public rocksdb::Logger {
 public:
  explicit RocksLogger(LogSink sink)
      : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL), sink_(std::move(sink)) {}

  void LogHeader(const char*, va_list) override {}
  void Logv(const char*, va_list) override {}
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override;

 private:
  const LogSink sink_;
};

// Sets the latch at the first background error, and forbids RocksDB to recover by itself: writing
// on after such a recovery is not safe in this version.
class RocksListener final : public rocksdb::EventListener {
 public:
  RocksListener(std::shared_ptr<Latch> latch, LogSink sink)
      : latch_(std::move(latch)), sink_(std::move(sink)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason, rocksdb::Status error,
                            bool* auto_recovery) override;
  // The database that is open now; null before and after.
  void watch(rocksdb::DB* db) { db_.store(db); }
  // A new log has begun and nothing is in it yet. What is not synced of the one before is now: else
  // a loss of power might take its end and leave the younger log, a hole in the order of commits.
  void OnMemTableSealed(const rocksdb::MemTableInfo& info) override;
  void OnFlushCompleted(rocksdb::DB* db, const rocksdb::FlushJobInfo& info) override;
  void OnCompactionCompleted(rocksdb::DB* db, const rocksdb::CompactionJobInfo& info) override;

 private:
  const std::shared_ptr<Latch> latch_;
  const LogSink sink_;
  std::atomic<rocksdb::DB*> db_{nullptr};
};

// True when a line of RocksDB can be passed on: it names no key and holds no foreign bytes.
bool is_safe_line(std::string_view line);

}  // namespace bcstore::engine
