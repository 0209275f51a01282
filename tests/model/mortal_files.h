// A file system that stops in the middle of something.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bcstore/file_system.h"

namespace bcstore::fixture {

// Files of a process that dies: at the chosen write a part of its bytes still gets out, and after
// it nothing does.
class MortalFiles final : public FileSystemWrapper {
 public:
  enum class Last : uint8_t { nothing, half, all };

  MortalFiles() : FileSystemWrapper(default_file_system()) {}

  void die_at(uint64_t write, Last last) {
    last_ = last;
    left_ = static_cast<int64_t>(write);
  }
  bool dead() const { return left_ <= 0 && left_ != kImmortal; }

  Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path,
                                                      Create create) override {
    if (Status s = pass(); !s.ok()) return s;
    auto file = FileSystemWrapper::open_writable(path, create);
    if (!file.ok()) return file.status();
    return std::unique_ptr<WritableFile>(std::make_unique<File>(*this, *std::move(file)));
  }
  Status remove(const std::string& path) override {
    Status due = pass();
    return due.ok() ? FileSystemWrapper::remove(path) : due;
  }
  Status rename(const std::string& from, const std::string& to) override {
    Status due = pass();
    return due.ok() ? FileSystemWrapper::rename(from, to) : due;
  }

 private:
  static constexpr int64_t kImmortal = INT64_MIN;

  class File final : public WritableFile {
   public:
    File(MortalFiles& files, std::unique_ptr<WritableFile> target)
        : files_(files), target_(std::move(target)) {}
    Status append(std::string_view data) override {
      Status due = files_.pass();
      if (due.ok()) return target_->append(data);
      if (files_.is_last_word()) {
        const size_t out = files_.last_ == Last::half ? data.size() / 2 : data.size();
        if (files_.last_ != Last::nothing) {
          (void)target_->append(data.substr(0, out));
          (void)target_->flush();
        }
      }
      return due;
    }
    Status flush() override { return files_.dead() ? died() : target_->flush(); }
    Status sync() override { return files_.pass(); }
    void lay_out(uint64_t bytes) override { target_->lay_out(bytes); }
    Status truncate(uint64_t size) override {
      Status due = files_.pass();
      return due.ok() ? target_->truncate(size) : due;
    }
    Status close() override {
      if (files_.dead()) return died();
      return target_->close();
    }
    uint64_t size() override { return target_->size(); }

   private:
    MortalFiles& files_;
    std::unique_ptr<WritableFile> target_;
  };

  static Status died() { return Status(Code::io_error, "the process is dead"); }
  Status pass() {
    if (left_ == kImmortal) return Status();
    return --left_ > 0 ? Status() : died();
  }
  bool is_last_word() const { return left_ == 0; }

  std::atomic<int64_t> left_{kImmortal};
  std::atomic<Last> last_{Last::nothing};
};

}  // namespace bcstore::fixture
