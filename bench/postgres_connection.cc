#include "postgres_connection.h"

#include <fmt/core.h>

#include "failure.h"

namespace bcstore::bench {
namespace {

// The server counts from 2000-01-01.
constexpr int64_t kServerEpochUs = int64_t{946'684'800} * 1'000'000;

std::string trimmed(std::string_view words) {
  while (!words.empty() && words.back() == '\n') words.remove_suffix(1);
  return std::string(words);
}

}  // namespace

PostgresValues& PostgresValues::add_time(int64_t at_us) {
  return at_us == 0 ? add_null() : add_big_endian(static_cast<uint64_t>(at_us - kServerEpochUs));
}

int64_t PostgresRows::number(int row, int column) const {
  const std::string_view bytes = text(row, column);
  if (bytes.empty()) return 0;
  // The first byte has the sign.
  uint64_t number = (static_cast<uint8_t>(bytes[0]) & 0x80u) != 0 ? ~uint64_t{0} : 0;
  for (const char byte : bytes) number = number << 8 | static_cast<uint8_t>(byte);
  return static_cast<int64_t>(number);
}

int64_t PostgresRows::time_us(int row, int column) const {
  return number(row, column) + kServerEpochUs;
}

PostgresConnection::PostgresConnection(const std::string& host, const char* role, Mode mode) {
  const std::string target = fmt::format(
      "host={} user={} dbname=postgres application_name=bench options='-c synchronous_commit={}'",
      host, role, mode == Mode::durable ? "on" : "off");
  handle_.reset(::PQconnectdb(target.c_str()));
  if (!handle_ || ::PQstatus(handle_.get()) != CONNECTION_OK) fail("connect");
}

void PostgresConnection::execute(const std::string& sql) {
  checked(::PQexec(handle_.get(), sql.c_str()), std::string_view(sql).substr(0, 60));
}

void PostgresConnection::prepare(const char* name, const std::string& sql) {
  checked(::PQprepare(handle_.get(), name, sql.c_str(), 0, nullptr), name);
}

void PostgresConnection::begin_pipeline() {
  if (::PQenterPipelineMode(handle_.get()) != 1) fail("pipeline mode");
}

void PostgresConnection::send(const char* name, const PostgresValues& values) {
  static constexpr int kBinary[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  if (::PQsendQueryPrepared(handle_.get(), name, values.count(), values.values(), values.lengths(),
                            kBinary, 1) != 1) {
    fail(name);
  }
}

void PostgresConnection::sync() {
  if (::PQpipelineSync(handle_.get()) != 1) fail("sync");
}

PostgresRows PostgresConnection::receive() {
  PostgresRows rows = checked(::PQgetResult(handle_.get()), "call");
  ::PQclear(::PQgetResult(handle_.get()));  // null: the end of this call's results
  return rows;
}

void PostgresConnection::receive_sync() {
  const PostgresRows end(::PQgetResult(handle_.get()));
  if (::PQresultStatus(end.handle()) != PGRES_PIPELINE_SYNC) fail("sync");
}

void PostgresConnection::fail(std::string_view what) const {
  throw Failure(fmt::format("postgres: {}: {}", what,
                            handle_ ? trimmed(::PQerrorMessage(handle_.get())) : "out of memory"));
}

PostgresRows PostgresConnection::checked(PGresult* result, std::string_view what) const {
  PostgresRows rows(result);
  const ExecStatusType status = ::PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return rows;
  const char* words = ::PQresultErrorMessage(result);
  if (words == nullptr || *words == '\0') fail(what);
  throw Failure(fmt::format("postgres: {}: {}", what, trimmed(words)));
}

std::string uuid_text(const RawId& id) {
  std::string text;
  for (size_t i = 0; i < id.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    static constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[id[i] >> 4];
    text += kDigits[id[i] & 15];
  }
  return text;
}

}  // namespace bcstore::bench
