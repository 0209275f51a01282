#include "lmdb_rows.h"

#include "failure.h"

namespace bcstore::bench {
namespace {

// Value of a message.
constexpr size_t kTokensAt = 8;
constexpr size_t kRoleAt = 12;
constexpr size_t kTextAt = 13;
// Value of a revision.
constexpr size_t kContentAt = 8;

}  // namespace

void require_owner(std::string_view row, const RawId& user) {
  if (row.substr(0, user.size()) != bytes_of(user)) {
    throw Failure("lmdb: the row belongs to somebody else");
  }
}

void require_lmdb_project(const LmdbWrite& write, const RawId& user, const RawId& project) {
  require_owner(write.get(LmdbTable::projects, bytes_of(project)), user);
}

uint64_t append_lmdb_message(LmdbWrite& write, const RawId& user, const RawId& session,
                             const Message& message, int64_t at_us) {
  require_owner(write.get(LmdbTable::sessions, bytes_of(session)), user);
  LmdbKey key(bytes_of(session));
  const uint64_t seq = write.newest_u64(LmdbTable::messages, key.view()) + 1;
  key.add_u64(~seq);
  char* const value =
      write.reserve(LmdbTable::messages, key.view(), kTextAt + message.content.size());
  std::memcpy(value, &at_us, sizeof at_us);
  std::memcpy(value + kTokensAt, &message.token_count, sizeof message.token_count);
  value[kRoleAt] = static_cast<char>(message.role);
  std::memcpy(value + kTextAt, message.content.data(), message.content.size());
  return seq;
}

void fold_lmdb_messages(LmdbReader& reader, const RawId& user, const RawId& session, uint32_t count,
                        Fold* fold) {
  require_owner(reader.get(LmdbTable::sessions, bytes_of(session)), user);
  const LmdbKey prefix(bytes_of(session));
  LmdbReader::Row row;
  bool is_there = reader.seek(LmdbTable::messages, prefix.view(), &row);
  for (uint32_t i = 0; i < count && is_there; ++i) {
    if (row.key.substr(0, prefix.view().size()) != prefix.view()) break;
    fold_message(~read_u64(row.key, prefix.view().size()), static_cast<uint8_t>(row.value[kRoleAt]),
                 read_plain<uint32_t>(row.value, kTokensAt), read_plain<int64_t>(row.value, 0),
                 row.value.substr(kTextAt), fold);
    is_there = i + 1 < count && reader.next(LmdbTable::messages, &row);
  }
}

uint32_t append_lmdb_revision(LmdbWrite& write, const RawId& user, const RawId& document,
                              int64_t at_us, std::string_view content) {
  const std::string_view place = write.get(LmdbTable::documents, bytes_of(document));
  require_owner(place, user);
  LmdbKey key(place);
  const uint32_t rev = write.newest_u32(LmdbTable::revisions, key.view()) + 1;
  key.add_u32(~rev);
  char* const value = write.reserve(LmdbTable::revisions, key.view(), kContentAt + content.size());
  std::memcpy(value, &at_us, sizeof at_us);
  std::memcpy(value + kContentAt, content.data(), content.size());
  return rev;
}

std::string_view content_of_lmdb_revision(std::string_view value) {
  return value.substr(kContentAt);
}

void create_lmdb_user(LmdbWrite& write, const RawId& user, std::string_view email,
                      std::string_view full_name, const LmdbCredits& credits) {
  std::string value(email);
  value += '\0';
  value += full_name;
  write.put(LmdbTable::users, bytes_of(user), value);
  write.put(LmdbTable::credits, bytes_of(user), plain_bytes(credits));
}

void create_lmdb_project(LmdbWrite& write, const RawId& user, const RawId& project,
                         std::string_view name, std::string_view prompt, uint32_t version) {
  std::string value(bytes_of(user));
  value += plain_bytes(version);
  value += plain_bytes(static_cast<uint32_t>(name.size()));
  value += name;
  value += prompt;
  write.put(LmdbTable::projects, bytes_of(project), value);
}

void create_lmdb_session(LmdbWrite& write, const RawId& user, const RawId& project,
                         const RawId& session) {
  require_lmdb_project(write, user, project);
  LmdbKey value;
  value.add(user).add(project);
  write.put(LmdbTable::sessions, bytes_of(session), value.view());
}

void create_lmdb_document(LmdbWrite& write, const RawId& user, const RawId& project,
                          const RawId& document, uint32_t version, uint8_t section) {
  require_lmdb_project(write, user, project);
  LmdbKey place;
  place.add(user).add(project).add_u32(version).add_byte(section);
  write.put(LmdbTable::documents, bytes_of(document), place.view());
}

void append_lmdb_event(LmdbWrite& write, const RawId& user, int64_t at_us, std::string_view type,
                       std::string_view payload) {
  LmdbKey key;
  key.add(user);
  key.add_u64(~(write.newest_u64(LmdbTable::events, key.view()) + 1));
  std::string value(plain_bytes(at_us));
  value += static_cast<char>(type.size());
  value += type;
  value += payload;
  write.put(LmdbTable::events, key.view(), value);
}

int64_t consume_lmdb_credit(LmdbWrite& write, const RawId& user) {
  auto credits = read_plain<LmdbCredits>(write.get(LmdbTable::credits, bytes_of(user)), 0);
  if (credits.remaining <= 0) throw Failure("lmdb: out of credits");
  --credits.remaining;
  write.put(LmdbTable::credits, bytes_of(user), plain_bytes(credits));
  return credits.remaining;
}

}  // namespace bcstore::bench
