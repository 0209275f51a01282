// libpq as values: a connection in pipeline mode, the values of a statement, its rows. All values
// travel in their binary form. Whatever goes wrong is a Failure with the server's own words.
#pragma once

#include <libpq-fe.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine.h"

namespace bcstore::bench {

// The values of one call; what they point to must live until it is sent.
class PostgresValues {
 public:
  PostgresValues() = default;
  PostgresValues(const PostgresValues&) = delete;  // it points into itself
  PostgresValues& operator=(const PostgresValues&) = delete;

  PostgresValues& add(std::string_view bytes) {
    values_[count_] = bytes.data() == nullptr ? "" : bytes.data();
    lengths_[count_++] = static_cast<int>(bytes.size());
    return *this;
  }
  PostgresValues& add(const RawId& id) {
    return add(std::string_view(reinterpret_cast<const char*>(id.data()), id.size()));
  }
  PostgresValues& add_null() {
    values_[count_] = nullptr;
    lengths_[count_++] = 0;
    return *this;
  }
  PostgresValues& add_int2(int16_t number) { return add_big_endian(static_cast<uint16_t>(number)); }
  PostgresValues& add_int4(int32_t number) { return add_big_endian(static_cast<uint32_t>(number)); }
  PostgresValues& add_bool(bool is_true) { return add_big_endian(static_cast<uint8_t>(is_true)); }
  // A timestamptz; 0: null.
  PostgresValues& add_time(int64_t at_us);

  int count() const { return static_cast<int>(count_); }
  const char* const* values() const { return values_.data(); }
  const int* lengths() const { return lengths_.data(); }

 private:
  static constexpr size_t kMost = 12;

  template <class Unsigned>
  PostgresValues& add_big_endian(Unsigned number) {
    char* const at = room_[count_].data();
    for (size_t i = 0; i < sizeof number; ++i) {
      at[i] = static_cast<char>(number >> (8 * (sizeof number - 1 - i)));
    }
    return add(std::string_view(at, sizeof number));
  }

  std::array<const char*, kMost> values_{};
  std::array<int, kMost> lengths_{};
  std::array<std::array<char, 8>, kMost> room_{};
  size_t count_ = 0;
};

class PostgresRows {
 public:
  explicit PostgresRows(PGresult* result) : result_(result) {}

  PGresult* handle() const { return result_.get(); }
  int count() const { return ::PQntuples(result_.get()); }
  bool is_null(int row, int column) const { return ::PQgetisnull(result_.get(), row, column) != 0; }
  // An integer or a boolean of any width.
  int64_t number(int row, int column) const;
  int64_t time_us(int row, int column) const;
  std::string_view text(int row, int column) const {
    return {::PQgetvalue(result_.get(), row, column),
            static_cast<size_t>(::PQgetlength(result_.get(), row, column))};
  }

 private:
  struct Clear {
    void operator()(PGresult* result) const { ::PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

// For one thread at a time.
class PostgresConnection {
 public:
  PostgresConnection(const std::string& host, const char* role, Mode mode);
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  void execute(const std::string& sql);
  void prepare(const char* name, const std::string& sql);

  // From here on calls are sent without waiting. What is sent up to a sync() is one transaction
  // and, unless it is large, one message.
  void begin_pipeline();
  void send(const char* name, const PostgresValues& values = {});
  void sync();
  // Of the call sent first whose rows were not received; throws what the server complains about.
  PostgresRows receive();
  // All that was sent before the first sync().
  void receive_sync();
  void receive_all(size_t calls) {
    for (; calls > 0; --calls) receive();
    receive_sync();
  }

 private:
  [[noreturn]] void fail(std::string_view what) const;
  PostgresRows checked(PGresult* result, std::string_view what) const;

  struct Finish {
    void operator()(PGconn* handle) const { ::PQfinish(handle); }
  };
  std::unique_ptr<PGconn, Finish> handle_;
};

// As the server writes it.
std::string uuid_text(const RawId& id);

}  // namespace bcstore::bench
