#include "model/context_id.h"

#include "format/record.h"

namespace bcstore::model {

namespace {

constexpr uint8_t kVersion = 1;

class Writer {
 public:
  Writer& number(uint64_t n, size_t bytes = 8) {
    for (size_t i = bytes; i-- > 0;) out_ += static_cast<char>(n >> (8 * i));
    return *this;
  }
  Writer& id(const Uuid& id) {
    out_.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
    return *this;
  }
  std::string& bytes() { return out_; }

 private:
  std::string out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}
  uint64_t number(size_t bytes = 8) {
    uint64_t n = 0;
    if (!has(bytes)) return 0;
    for (size_t i = 0; i < bytes; ++i) n = n << 8 | static_cast<unsigned char>(left_[i]);
    left_.remove_prefix(bytes);
    return n;
  }
  Uuid id() {
    Uuid id;
    if (!has(id.bytes.size())) return id;
    id = format::key_uuid(left_, 0);
    left_.remove_prefix(id.bytes.size());
    return id;
  }
  bool is_whole() const { return ok_ && left_.empty(); }
  bool ok() const { return ok_; }

 private:
  bool has(size_t bytes) {
    ok_ = ok_ && left_.size() >= bytes;
    return ok_;
  }
  std::string_view left_;
  bool ok_ = true;
};

bool from_hex(std::string_view text, std::string* bytes) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (text.size() % 2 != 0) return false;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    *bytes += static_cast<char>(high << 4 | low);
  }
  return true;
}

}  // namespace

std::string to_context_id(const ContextRequest& request, uint64_t store_hash) {
  const ContextOptions& o = request.options;
  Writer writer;
  writer.number(kVersion, 1).number(store_hash).number(request.commit_seq);
  writer.id(request.project.uuid());
  writer.number(static_cast<uint64_t>(o.as_of.by), 1).number(o.as_of.number);
  writer.number(static_cast<uint64_t>(o.as_of.at.us)).number(o.as_of.known_commit);
  writer.number(o.token_budget).number(o.documents_percent, 1).number(o.tasks_percent, 1);
  writer.number(static_cast<uint64_t>(o.tasks), 1).number(o.count ? 1 : 0, 1);
  writer.number(o.sections.size(), 1);
  for (const Section section : o.sections) writer.number(static_cast<uint64_t>(section), 1);
  writer.number(o.sessions.size(), 1);
  for (const ChatSessionId& session : o.sessions) writer.id(session.uuid());
  writer.number(format::hash64(writer.bytes()));
  return format::to_hex(writer.bytes());
}

Result<ContextRequest> parse_context_id(std::string_view id, uint64_t store_hash) {
  const Status bad(Code::invalid_argument, "id: of no context of this store");
  constexpr size_t kMostBytes = 128 + 16 * kMaxContextSessions + kSections;
  std::string bytes;
  if (id.size() > 2 * kMostBytes || !from_hex(id, &bytes) || bytes.size() < 8) return bad;
  const std::string_view covered = std::string_view(bytes).substr(0, bytes.size() - 8);
  if (format::key_u64(bytes, covered.size()) != format::hash64(covered)) return bad;
  Reader reader(covered);
  if (reader.number(1) != kVersion || reader.number() != store_hash) return bad;
  ContextRequest request;
  ContextOptions& o = request.options;
  request.commit_seq = reader.number();
  request.project = ProjectId(reader.id());
  o.as_of.by = static_cast<AsOf::By>(reader.number(1));
  o.as_of.number = reader.number();
  o.as_of.at.us = static_cast<int64_t>(reader.number());
  o.as_of.known_commit = reader.number();
  o.token_budget = reader.number();
  o.documents_percent = static_cast<uint32_t>(reader.number(1));
  o.tasks_percent = static_cast<uint32_t>(reader.number(1));
  o.tasks = static_cast<ContextTasks>(reader.number(1));
  request.has_count = reader.number(1) != 0;
  for (uint64_t n = reader.number(1); n > 0 && reader.ok(); --n) {
    o.sections.push_back(static_cast<Section>(reader.number(1)));
  }
  for (uint64_t n = reader.number(1); n > 0 && reader.ok(); --n) {
    o.sessions.push_back(ChatSessionId(reader.id()));
  }
  if (!reader.is_whole()) return bad;
  return request;
}

}  // namespace bcstore::model
