#include "engine/memtable.h"

#include <rocksdb/version.h>

#include <new>
#include <string>

#include "engine/skip_list.h"

namespace bcstore::engine {
namespace {

// Get and GetIterator rely on what its headers do not promise.
static_assert(ROCKSDB_MAJOR == 7 && ROCKSDB_MINOR == 8, "read them in the other version first");

using rocksdb::Allocator;
using rocksdb::Arena;
using rocksdb::KeyHandle;
using rocksdb::MemTableRep;
using rocksdb::Slice;

SkipList::Key sought(const Slice& internal_key, const char* memtable_key) {
  if (memtable_key != nullptr) return SkipList::key_of(memtable_key);
  return SkipList::internal_key({internal_key.data(), internal_key.size()});
}

// `bytes` of the allocator's memory by way of RocksDB's own Allocate: only its private headers know
// the type. It is aligned as a rule, when all of the arena's users ask for whole words.
char* take_aligned(MemTableRep& rep, size_t bytes, size_t alignment) {
  char* memory = nullptr;
  rep.MemTableRep::Allocate(bytes, &memory);
  if (reinterpret_cast<uintptr_t>(memory) % alignment == 0) return memory;
  rep.MemTableRep::Allocate(bytes + alignment - 1, &memory);
  const size_t beyond = reinterpret_cast<uintptr_t>(memory) % alignment;
  return beyond == 0 ? memory : memory + (alignment - beyond);
}

class ListIterator final : public MemTableRep::Iterator {
 public:
  explicit ListIterator(const SkipList& list) : list_(list) {}

  bool Valid() const override { return entry_ != nullptr; }
  const char* key() const override { return entry_; }
  void Next() override { entry_ = SkipList::after(entry_); }
  void Prev() override { entry_ = list_.before(entry_); }
  void Seek(const Slice& internal_key, const char* memtable_key) override {
    entry_ = list_.at_or_after(sought(internal_key, memtable_key));
  }
  void SeekForPrev(const Slice& internal_key, const char* memtable_key) override {
    entry_ = list_.at_or_before(sought(internal_key, memtable_key));
  }
  void SeekToFirst() override { entry_ = list_.first(); }
  void SeekToLast() override { entry_ = list_.last(); }

 private:
  const SkipList& list_;
  const char* entry_ = nullptr;
};

// What RocksDB can only be asked for through a representation of its own.
class Bridge final : public MemTableRep {
 public:
  Bridge(Allocator* allocator, Iterator* iterator) : MemTableRep(allocator), iterator_(iterator) {}

  void Insert(KeyHandle /*handle*/) override {}
  bool Contains(const char* /*key*/) const override { return false; }
  size_t ApproximateMemoryUsage() override { return 0; }
  Iterator* GetIterator(Arena* /*arena*/) override { return iterator_; }

 private:
  Iterator* const iterator_;
};

class Memtable final : public MemTableRep {
 public:
  explicit Memtable(Allocator* allocator) : MemTableRep(allocator) {}

  KeyHandle Allocate(size_t bytes, char** entry) override {
    *entry = list_.place(take_aligned(*this, list_.next_node_bytes(bytes), SkipList::kAlignment));
    return *entry;
  }
  void Insert(KeyHandle handle) override { (void)list_.insert(static_cast<char*>(handle)); }
  bool InsertKey(KeyHandle handle) override { return list_.insert(static_cast<char*>(handle)); }
  void InsertWithHint(KeyHandle handle, void** hint) override {
    (void)InsertKeyWithHint(handle, hint);
  }
  bool InsertKeyWithHint(KeyHandle handle, void** hint) override {
    if (*hint == nullptr) {
      // In the arena: RocksDB never frees hints.
      *hint = new (take_aligned(*this, sizeof(SkipList::Finger), alignof(SkipList::Finger)))
          SkipList::Finger();
    }
    return list_.insert(static_cast<char*>(handle), static_cast<SkipList::Finger*>(*hint));
  }

  bool Contains(const char* key) const override { return list_.contains(SkipList::key_of(key)); }
  void Get(const rocksdb::LookupKey& key, void* argument,
           bool (*take)(void* argument, const char* entry)) override {
    // The base's Get knows what is in a LookupKey. It does not free the iterator that it asks for.
    ListIterator iterator(list_);
    Bridge(nullptr, &iterator).MemTableRep::Get(key, argument, take);
  }
  uint64_t ApproximateNumEntries(const Slice& start, const Slice& end) override {
    const uint64_t before_start = list_.estimate_before(sought(start, nullptr));
    const uint64_t before_end = list_.estimate_before(sought(end, nullptr));
    return before_end > before_start ? before_end - before_start : 0;
  }
  void UniqueRandomSample(uint64_t entries, uint64_t wanted,
                          std::unordered_set<const char*>* sample) override;
  size_t ApproximateMemoryUsage() override { return 0; }  // all is the arena's

  Iterator* GetIterator(Arena* arena) override {
    if (arena == nullptr) return new ListIterator(list_);
    // An Arena is an Allocator before all else; RocksDB destroys the iterator and no more.
    Bridge bridge(static_cast<Allocator*>(static_cast<void*>(arena)), nullptr);
    return new (take_aligned(bridge, sizeof(ListIterator), alignof(ListIterator)))
        ListIterator(list_);
  }

 private:
  SkipList list_;
};

// Every so many-th entry: as good as any for entries whose keys and values are not in step.
void Memtable::UniqueRandomSample(uint64_t entries, uint64_t wanted,
                                  std::unordered_set<const char*>* sample) {
  if (wanted == 0) return;
  const uint64_t step = entries > wanted ? entries / wanted : 1;
  uint64_t n = 0;
  for (const char* entry = list_.first(); entry != nullptr; entry = SkipList::after(entry)) {
    if (n++ % step == 0) sample->insert(entry);
  }
}

std::string entry_of(std::string_view user_key, uint64_t number) {
  const uint64_t tag = number << 8;
  std::string entry(1, static_cast<char>(user_key.size() + sizeof(tag)));
  entry.append(user_key);
  entry.append(reinterpret_cast<const char*>(&tag), sizeof(tag));
  return entry;
}

// Keys where other orders that one may think of differ from that of the bytes.
bool is_bytewise(const MemTableRep::KeyComparator& order) {
  const std::string ascending[] = {entry_of("", 0),        entry_of(std::string(1, '\0'), 1),
                                   entry_of("B", 1),       entry_of("a", uint64_t{1} << 40),
                                   entry_of("a", 256),     entry_of("a", 1),
                                   entry_of("aa", 2),      entry_of("b", 1),
                                   entry_of("\x7f", 1),    entry_of("\x80", 1),
                                   entry_of("\xff\x01", 1)};
  for (size_t i = 1; i < std::size(ascending); ++i) {
    if (order(ascending[i - 1].data(), ascending[i].data()) >= 0) return false;
  }
  return true;
}

class MemtableFactory final : public rocksdb::MemTableRepFactory {
 public:
  using MemTableRepFactory::CreateMemTableRep;
  MemTableRep* CreateMemTableRep(const MemTableRep::KeyComparator& order, Allocator* allocator,
                                 const rocksdb::SliceTransform* transform,
                                 rocksdb::Logger* logger) override {
    if (is_bytewise(order)) return new Memtable(allocator);
    return rocksdb::SkipListFactory().CreateMemTableRep(order, allocator, transform, logger);
  }
  const char* Name() const override { return "bcstore.SkipList"; }
  bool CanHandleDuplicatedKey() const override { return true; }
};

}  // namespace

std::shared_ptr<rocksdb::MemTableRepFactory> memtable_factory() {
  return std::make_shared<MemtableFactory>();
}

}  // namespace bcstore::engine
