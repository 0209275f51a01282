#include "engine/rocks_status.h"

namespace bcstore::engine {
namespace {

Code code_of(const rocksdb::Status& status) {
  using Rocks = rocksdb::Status;
  if (status.IsNoSpace()) return Code::no_space;  // a subcode of several codes
  switch (status.code()) {
    case Rocks::kOk:
      return Code::ok;
    case Rocks::kNotFound:
      return Code::not_found;
    case Rocks::kCorruption:
      return Code::corruption;
    case Rocks::kNotSupported:
      return Code::unsupported_format;
    case Rocks::kIOError:
      return Code::io_error;
    case Rocks::kBusy:
    case Rocks::kIncomplete:
    case Rocks::kTimedOut:
    case Rocks::kAborted:
    case Rocks::kTryAgain:
      return Code::unavailable;
    case Rocks::kShutdownInProgress:
      return Code::closed;
    default:
      return Code::internal;
  }
}

}  // namespace

Status from_rocks(const rocksdb::Status& status, std::string_view doing) {
  const Code code = code_of(status);
  if (code == Code::ok) return Status();
  return Status(code, std::string(doing) + ": " + status.ToString());
}

rocksdb::IOStatus to_rocks(const Status& status, const std::string& path) {
  const std::string detail(status.message());
  switch (status.code()) {
    case Code::ok:
      return rocksdb::IOStatus::OK();
    case Code::not_found:
      return rocksdb::IOStatus::PathNotFound(path, detail);
    case Code::no_space:
      return rocksdb::IOStatus::NoSpace(path, detail);
    case Code::busy:
      return rocksdb::IOStatus::Busy(path, detail);
    case Code::invalid_argument:
      return rocksdb::IOStatus::InvalidArgument(path, detail);
    default:
      return rocksdb::IOStatus::IOError(path, detail);
  }
}

std::string name_key(Family family, std::string_view key) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "family ";
  text.append(to_string(family)).append(", key ");
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace bcstore::engine
