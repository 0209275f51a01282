#include "engine/manifest_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/decode.h"

namespace bcstore::engine {
namespace {

constexpr std::string_view kManifestPrefix = "MANIFEST-";
constexpr size_t kMaxCurrentBytes = 64;
// A manifest begins with one record for each family that lists its tables, about 200 bytes each.
constexpr size_t kMaxEditBytes = size_t{256} << 20;

// Fields of an edit, by their tag.
enum Tag : uint32_t {
  kComparator = 1,
  kLogNumber = 2,
  kNextFileNumber = 3,
  kLastSequence = 4,
  kCompactCursor = 5,
  kDeletedFile = 6,
  kPreviousLogNumber = 9,
  kMinLogNumberToKeep = 10,
  kNewFile = 103,
  kFamily = 200,
  kFamilyAdd = 201,
  kFamilyDrop = 202,
  kMaxFamily = 203,
  kAtomicGroup = 300,
  kIgnorable = 1 << 13,  // this bit: a text that may be left unread
};
constexpr uint32_t kNewFileEnd = 1;
constexpr uint32_t kNewFileMinLogNumberToKeep = 3;

struct Edit {
  uint32_t family = 0;
  std::optional<uint64_t> log_number;
  uint64_t kept_log_number = 0;
  uint64_t largest_sequence = 0;
  std::vector<uint64_t> tables;
  std::vector<uint64_t> gone_tables;
  std::optional<std::string> add;
  bool drop = false;
  bool is_change = false;  // it changes a state; those that begin a manifest only list one
  std::optional<uint32_t> group_left;  // how many edits of its group come after it
};

class EditReader {
 public:
  explicit EditReader(std::string_view bytes) : bytes_(bytes) {}

  // Empty when the edit cannot be read.
  std::optional<Edit> read() {
    Edit edit;
    while (good_ && !bytes_.empty()) field(static_cast<uint32_t>(number()), &edit);
    return good_ ? std::optional<Edit>(std::move(edit)) : std::nullopt;
  }

 private:
  void field(uint32_t tag, Edit* edit) {
    switch (tag) {
      case kLogNumber:
        edit->log_number = number();
        return;
      case kMinLogNumberToKeep:
        edit->kept_log_number = number();
        return;
      case kNextFileNumber:
        number();
        edit->is_change = true;
        return;
      case kLastSequence:
      case kPreviousLogNumber:
      case kMaxFamily:
        number();
        return;
      case kComparator:
        text();
        return;
      case kCompactCursor:
        number();
        text();
        return;
      case kDeletedFile:
        number();
        edit->gone_tables.push_back(number());
        return;
      case kNewFile:
        new_file(edit);
        return;
      case kFamily:
        edit->family = static_cast<uint32_t>(number());
        return;
      case kFamilyAdd:
        edit->add = std::string(text());
        return;
      case kFamilyDrop:
        edit->drop = true;
        return;
      case kAtomicGroup:
        edit->group_left = static_cast<uint32_t>(number());
        return;
      default:
        if ((tag & kIgnorable) == 0) good_ = false;
        text();
    }
  }

  void new_file(Edit* edit) {
    number();  // its level
    edit->tables.push_back(number());
    number();  // its bytes
    text();    // its first and
    text();    // its last key
    number();
    edit->largest_sequence = std::max(edit->largest_sequence, number());
    while (good_) {
      const uint64_t tag = number();
      if (tag == kNewFileEnd) return;
      const std::string_view value = text();
      if (tag == kNewFileMinLogNumberToKeep) {
        edit->kept_log_number = std::max(edit->kept_log_number, little_endian(value.substr(0, 8)));
      }
    }
  }

  uint64_t number() {
    const std::optional<uint64_t> value = take_varint(&bytes_);
    if (!value) good_ = false;
    return value.value_or(0);
  }

  std::string_view text() {
    const uint64_t size = number();
    if (size > bytes_.size()) good_ = false;
    if (!good_) return {};
    const std::string_view value = bytes_.substr(0, static_cast<size_t>(size));
    bytes_.remove_prefix(value.size());
    return value;
  }

  std::string_view bytes_;
  bool good_ = true;
};

class EditTaker final : public LogRecords {
 public:
  explicit EditTaker(Manifest* manifest) : manifest_(manifest) {}

  void begin(uint64_t) override { record_.clear(); }
  void piece(std::string_view bytes) override {
    if (record_.size() <= kMaxEditBytes) record_.append(bytes);
  }
  Status end() override {
    std::optional<Edit> edit;
    if (record_.size() <= kMaxEditBytes) edit = EditReader(record_).read();
    if (!edit) return Status(Code::corruption, "an edit that this version cannot read");
    // A group counts once its last edit is there.
    const bool last = edit->group_left.value_or(0) == 0;
    group_.push_back(*std::move(edit));
    if (!last) return Status();
    for (const Edit& one : group_) apply(one);
    group_.clear();
    return Status();
  }

  // Before CURRENT names a manifest a first change stands behind the list of families and tables.
  bool in_force() const { return in_force_; }

 private:
  void apply(const Edit& edit) {
    in_force_ = in_force_ || edit.is_change;
    auto& families = manifest_->families;
    auto place = std::find_if(families.begin(), families.end(),
                              [&](const Manifest::Family& f) { return f.number == edit.family; });
    // The first family is there without being added.
    if (place == families.end() && (edit.add || edit.family == 0)) {
      families.push_back({edit.family, edit.add.value_or("default"), 0});
      place = families.end() - 1;
    }
    manifest_->kept_log_number = std::max(manifest_->kept_log_number, edit.kept_log_number);
    manifest_->largest_sequence = std::max(manifest_->largest_sequence, edit.largest_sequence);
    // A table that moves to another level goes and comes in one edit.
    for (const uint64_t table : edit.gone_tables) manifest_->tables.erase(table);
    manifest_->tables.insert(edit.tables.begin(), edit.tables.end());
    if (place == families.end()) return;
    if (edit.log_number) place->log_number = std::max(place->log_number, *edit.log_number);
    if (edit.log_number && !edit.tables.empty()) {
      manifest_->flushed_log_number = std::max(manifest_->flushed_log_number, *edit.log_number);
    }
    if (edit.drop) families.erase(place);
  }

  Manifest* manifest_;
  bool in_force_ = false;
  std::string record_;
  std::vector<Edit> group_;
};

Result<std::string> current_manifest(FileSystem& files, const std::string& directory) {
  const std::string path = directory + "/CURRENT";
  Result<std::unique_ptr<Reader>> reader = files.open_reader(path);
  if (!reader) return reader.status();
  std::string name(kMaxCurrentBytes, '\0');
  Result<size_t> size = (*reader)->read(0, name.size(), name.data());
  if (!size) return size.status();
  name.resize(*size);
  const bool ends = name.ends_with('\n');
  if (ends) name.pop_back();
  const std::string_view digits =
      std::string_view(name).substr(std::min(name.size(), kManifestPrefix.size()));
  const bool number = !digits.empty() && digits.find_first_not_of("0123456789") == digits.npos;
  if (ends && number && name.starts_with(kManifestPrefix)) return name;
  return Status(Code::corruption, path + " does not name a manifest");
}

}  // namespace

uint64_t Manifest::first_log_number() const {
  uint64_t oldest = UINT64_MAX;
  for (const Family& one : families) oldest = std::min(oldest, one.log_number);
  return std::max(oldest == UINT64_MAX ? 0 : oldest, kept_log_number);
}

uint64_t Manifest::newest_log_number() const {
  uint64_t newest = kept_log_number;
  for (const Family& one : families) newest = std::max(newest, one.log_number);
  return newest;
}

const Manifest::Family* Manifest::family(std::string_view wanted) const {
  const auto place = std::find_if(families.begin(), families.end(),
                                  [&](const Family& one) { return one.name == wanted; });
  return place == families.end() ? nullptr : &*place;
}

Result<Manifest> read_manifest(FileSystem& files, const std::string& directory) {
  Result<std::string> name = current_manifest(files, directory);
  if (!name) return name.status();
  Manifest manifest;
  manifest.name = *name;
  const std::string path = directory + "/" + manifest.name;
  Result<FileInfo> info = files.info(path);
  if (info.code() == Code::not_found) {
    return Status(Code::corruption,
                  directory + "/CURRENT names " + manifest.name + ", which is not there");
  }
  if (!info) return info.status();
  Result<std::unique_ptr<Reader>> reader = files.open_reader(path);
  if (!reader) return reader.status();
  EditTaker taker(&manifest);
  Result<LogEnd> end = read_log(**reader, path, info->size, taker);
  if (!end) return end.status();
  if (!taker.in_force()) {
    return Status(Code::corruption,
                  fmt::format("{} is damaged at offset {}: it ends there, before its first change",
                              path, end->whole_bytes));
  }
  manifest.end = *end;
  return manifest;
}

}  // namespace bcstore::engine
