// What RocksDB sees as its file system: the operating system's, or an injected FileSystem of ours.
#pragma once

#include <rocksdb/file_system.h>

#include <memory>
#include <string>

#include "bcstore/file_system.h"

namespace bcstore::engine {

// RocksDB's own access to the operating system's files. Only the lock is different: the engine
// holds LOCK already, so RocksDB's request for it is granted without a second lock; and before
// CURRENT is replaced the directory is synced, or a loss of power may keep the new CURRENT and lose
// the manifest that it names.
std::shared_ptr<rocksdb::FileSystem> system_files(
    const std::shared_ptr<rocksdb::FileSystem>& base = rocksdb::FileSystem::Default());
// Every file operation of RocksDB as calls of `files`; lock and CURRENT as above.
std::shared_ptr<rocksdb::FileSystem> injected_files(std::shared_ptr<FileSystem> files);

// The directory that holds `path`: "." for a bare name.
std::string parent_directory(std::string path);

}  // namespace bcstore::engine
