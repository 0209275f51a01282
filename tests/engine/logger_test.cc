// What reaches Options::log, and what never does.
#include "engine/rocks_logger.h"

#include <cstdarg>
#include <mutex>

#include "engine/disturbed_files.h"
#include "engine/engine_fixture.h"
#include "engine/rocks_status.h"

namespace bcstore::engine {
namespace {

struct Lines {
  std::mutex mutex;
  std::vector<std::pair<LogLevel, std::string>> all;

  std::function<void(LogLevel, std::string_view)> sink() {
    return [this](LogLevel level, std::string_view line) {
      std::lock_guard<std::mutex> lock(mutex);
      all.emplace_back(level, line);
    };
  }
};

void log_to(RocksLogger& logger, rocksdb::InfoLogLevel level, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  logger.Logv(level, format, arguments);
  va_end(arguments);
}

TEST_CASE("logger: lines that may name a key are not safe") {
  const std::string key = "0123456789abcdef";
  CHECK(is_safe_line("plain words and file 000123.sst at level 6"));
  CHECK(is_safe_line("crc 0xdeadbeef 3405691582"));
  CHECK_FALSE(is_safe_line("from 'abc' to 'def'"));
  CHECK_FALSE(is_safe_line("key " + key + key));
  CHECK_FALSE(is_safe_line("key 0x" + key + "ABCDEF"));
  CHECK_FALSE(is_safe_line(std::string("raw \x01", 5)));
  CHECK_FALSE(is_safe_line("raw \xff"));
  CHECK_FALSE(is_safe_line("two\nlines"));
}

TEST_CASE("logger: warnings and errors pass and the rest is dropped") {
  Lines lines;
  RocksLogger logger{LogSink(lines.sink())};
  log_to(logger, rocksdb::InfoLogLevel::DEBUG_LEVEL, "debug");
  log_to(logger, rocksdb::InfoLogLevel::INFO_LEVEL, "info");
  log_to(logger, rocksdb::InfoLogLevel::HEADER_LEVEL, "header");
  log_to(logger, rocksdb::InfoLogLevel::WARN_LEVEL, "warning %d\n", 7);
  log_to(logger, rocksdb::InfoLogLevel::ERROR_LEVEL, "error");
  log_to(logger, rocksdb::InfoLogLevel::WARN_LEVEL, "key '%s'", "secret");
  log_to(logger, rocksdb::InfoLogLevel::WARN_LEVEL, "%s", std::string(5000, '.').c_str());
  REQUIRE(lines.all.size() == 4);
  CHECK(lines.all[0] == std::pair(LogLevel::warning, std::string("warning 7")));
  CHECK(lines.all[1] == std::pair(LogLevel::error, std::string("error")));
  CHECK(lines.all[2].second.find("secret") == std::string::npos);
  CHECK(lines.all[3].second.size() == 1023);
  CHECK(logger.GetInfoLogLevel() == rocksdb::InfoLogLevel::WARN_LEVEL);
}

TEST_CASE("logger: a sink that throws or is missing does no harm") {
  RocksLogger none{LogSink(nullptr)};
  log_to(none, rocksdb::InfoLogLevel::ERROR_LEVEL, "error");
  RocksLogger thrower{LogSink([](LogLevel, std::string_view) { throw 1; })};
  log_to(thrower, rocksdb::InfoLogLevel::ERROR_LEVEL, "error");
}

TEST_CASE("logger: a store with errors tells neither keys nor contents") {
  const ScratchDirectory scratch;
  Lines lines;
  const auto files = std::make_shared<DisturbedFiles>();
  Options options = small_options();
  options.file_system = files;
  options.log = lines.sink();
  const std::string secret = "a-secret-content";
  const std::string key = "sixteen-of-owner" + secret;
  std::unique_ptr<Engine> engine = open_engine(scratch.path(), options);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(put(*engine, Family::months, key + std::to_string(i), secret).ok());
    REQUIRE(engine->flush(/*compact=*/true).ok());
  }
  files->fail_at(1, Code::io_error, /*sticky=*/true);
  CHECK_FALSE(put(*engine, Family::months, key, secret, /*sync=*/true).ok());
  (void)engine->close();
  engine.reset();
  size_t levels[3] = {};
  for (const auto& [level, line] : lines.all) {
    ++levels[static_cast<size_t>(level)];
    CHECK(line.find(secret) == std::string::npos);
    CHECK(line.find("sixteen") == std::string::npos);
    CHECK(line.find(name_key(Family::months, "sixteen").substr(20)) == std::string::npos);
  }
  CHECK(levels[static_cast<size_t>(LogLevel::info)] > 0);
  CHECK(levels[static_cast<size_t>(LogLevel::error)] > 0);
  for (const std::string& name : names_in(scratch.path())) CHECK_FALSE(name.starts_with("LOG"));
}

TEST_CASE("logger: the translation of RocksDB's status covers every code") {
  using Rocks = rocksdb::Status;
  const std::pair<Rocks, Code> cases[] = {
      {Rocks::OK(), Code::ok},
      {Rocks::NotFound("m"), Code::not_found},
      {Rocks::Corruption("m"), Code::corruption},
      {Rocks::NotSupported("m"), Code::unsupported_format},
      {Rocks::InvalidArgument("m"), Code::internal},
      {Rocks::IOError("m"), Code::io_error},
      {Rocks::NoSpace("m"), Code::no_space},
      {Rocks::Busy("m"), Code::unavailable},
      {Rocks::Incomplete("m"), Code::unavailable},
      {Rocks::TimedOut("m"), Code::unavailable},
      {Rocks::Aborted("m"), Code::unavailable},
      {Rocks::TryAgain("m"), Code::unavailable},
      {Rocks::ShutdownInProgress("m"), Code::closed},
      {Rocks::MergeInProgress("m"), Code::internal},
      {Rocks::Expired("m"), Code::internal},
      {Rocks::ColumnFamilyDropped("m"), Code::internal},
  };
  for (const auto& [rocks, code] : cases) {
    const Status status = from_rocks(rocks, "doing this");
    CHECK(status.code() == code);
    if (!status.ok()) CHECK(status.message().starts_with("doing this: "));
  }
}

TEST_CASE("logger: our codes become RocksDB's") {
  CHECK(to_rocks(Status(), "p").ok());
  CHECK(to_rocks(Status(Code::not_found, "m"), "p").IsPathNotFound());
  CHECK(to_rocks(Status(Code::no_space, "m"), "p").IsNoSpace());
  CHECK(to_rocks(Status(Code::busy, "m"), "p").IsBusy());
  CHECK(to_rocks(Status(Code::invalid_argument, "m"), "p").IsInvalidArgument());
  CHECK(to_rocks(Status(Code::io_error, "m"), "p").IsIOError());
  CHECK(to_rocks(Status(Code::already_exists, "m"), "p").IsIOError());
}

}  // namespace
}  // namespace bcstore::engine
