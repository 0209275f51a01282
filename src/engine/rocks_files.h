// What RocksDB sees as its file system: the operating system's, or an injected FileSystem of ours.
#pragma once

#include <rocksdb/file_system.h>

#include <cstddef>
#include <memory>
#include <string>

#include "bcstore/file_system.h"

namespace bcstore::engine {

// RocksDB's own access to the operating system's files. Different are
//   - the lock: the engine holds LOCK already, so RocksDB's request for it is granted without a
//     second lock;
//   - CURRENT: before it is replaced the directory is synced, or a loss of power may keep the new
//     CURRENT and lose the manifest that it names;
//   - files of the log: they are laid out ahead of what is written, by at most `log_ahead_bytes`
//     and only once they are synced, so that a sync has no new length to record.
std::shared_ptr<rocksdb::FileSystem> system_files(
    const std::shared_ptr<rocksdb::FileSystem>& base = rocksdb::FileSystem::Default(),
    size_t log_ahead_bytes = 0);
// Every file operation of RocksDB as calls of `files`; lock, CURRENT and log as above.
std::shared_ptr<rocksdb::FileSystem> injected_files(std::shared_ptr<FileSystem> files,
                                                    size_t log_ahead_bytes = 0);

// The directory that holds `path`: "." for a bare name.
std::string parent_directory(std::string path);

}  // namespace bcstore::engine
