// What the tests of the engine share: a temporary directory, keys, and short forms of the calls.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "temp_directory.h"

namespace bcstore {

inline std::ostream& operator<<(std::ostream& out, Code code) { return out << to_string(code); }

}  // namespace bcstore

namespace bcstore::engine {

class ScratchDirectory {
 public:
  ScratchDirectory() { REQUIRE_FALSE(directory_.path().empty()); }

  std::string path() const { return directory_.path(); }
  std::string at(const std::string& name) const { return directory_.sub(name); }

 private:
  test::TempDirectory directory_;
};

// A key of the owner whose sixteen bytes are all `owner`.
inline std::string key_of(int owner, const std::string& rest = "") {
  return std::string(16, static_cast<char>(owner)) + rest;
}

inline Options small_options() {
  Options options;
  options.memory_budget_bytes = size_t{16} << 20;
  return options;
}

inline std::unique_ptr<Engine> open_engine(const std::string& path,
                                           const Options& options = small_options()) {
  bool fresh = false;
  Result<std::unique_ptr<Engine>> engine = open_rocks(path, options, &fresh);
  INFO(engine.status().to_string());
  REQUIRE(engine.ok());
  return std::move(*engine);
}

inline Status open_status(const std::string& path, const Options& options = small_options()) {
  bool fresh = false;
  return open_rocks(path, options, &fresh).status();
}

inline Status put(Engine& engine, Family family, const std::string& key, const std::string& value,
                  bool sync = false) {
  const std::unique_ptr<ChangeSet> changes = engine.new_changes();
  changes->put(family, key, value);
  return engine.apply(*changes, sync);
}

// The value of a key, or the name of the code that there is instead.
inline std::string get(Engine& engine, Family family, const std::string& key,
                       const Snapshot* snapshot = nullptr) {
  Value value;
  const Status status = engine.get(family, key, snapshot, &value);
  return std::string(status.ok() ? value.bytes() : to_string(status.code()));
}

inline std::vector<std::string> scan_keys(Engine& engine, const ScanRequest& request) {
  std::vector<std::string> keys;
  const std::unique_ptr<Scan> scan = engine.scan(request);
  while (scan->next()) keys.emplace_back(scan->key());
  CHECK(scan->status().ok());
  return keys;
}

inline std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

}  // namespace bcstore::engine
