#include "format/golden_records.h"

#include <cstring>

#include "format/counter.h"
#include "records_generated.h"

namespace bcstore::format::golden {
namespace {

struct Row {
  Kind kind;
  std::string_view hex;
};

constexpr Row kRows[] = {
    {Kind::store,
     "bc01010080000000670544dbde91a5ca20000000000000000000160054003000380040000700080018001c00"
     "200048001600000000000002c0c1c2c3c4c5c6c7c8c9cacbcccdcecf3c000000010000008081828384858687"
     "88898a8b8c8d8e8f08070605040302010188f373643c06000288f373643c0600630000000000000000000000"
     "07000000706c616e6e657200"},
    {Kind::email,
     "bc0201001c000000759a25025321c806707172737475767778797a7b7c7d7e7f0d0c0b0a000000000c170300"},
    {Kind::customer,
     "bc0301001c000000491431d09a7104d1707172737475767778797a7b7c7d7e7f0d0c0b0a000000000c170300"},
    {Kind::owner_hash,
     "bc0401001c00000068516c50eaf845a6707172737475767778797a7b7c7d7e7f0d0c0b0a000000000c170300"},
    {Kind::commit_link,
     "bc050100280000001e69fcc6459c059d0188f373643c06000200000000000000030000000000000004000000"
     "000000000500000000000000"},
    {Kind::user,
     "bc100100a00000006a13c7ed592a7dcd2000000000001a004c002800300038000600080018001c0020002400"
     "070040001a00000000000201c0c1c2c3c4c5c6c7c8c9cacbcccdcecf5c000000440000003800000028000000"
     "08070605040302010188f373643c06000288f373643c0600080000000000000000000000050000006375735f"
     "3100000003000000416461000f000000616461406578616d706c652e636f6d0007000000706c616e6e657200"},
    {Kind::commit_body,
     "bc1101018000000024de47189edba0b0240000000000000000001a00500024002c0034000600080018003c00"
     "1c000700440020001a00000000000201c0c1c2c3c4c5c6c7c8c9cacbcccdcecf380000000100000002000000"
     "08070605040302010188f373643c06000288f373643c060009000000000000004d0000000000000000000000"
     "07000000706c616e6e65720001080f37b18230421400505152535455565758595a5b5c5d5e5f010000000000"
     "00002400606162636465666768696a6b6c6d6e6f8877665544332211"},
    {Kind::idempotency,
     "bc12010178000000450fc7f4db44bfa31c00000000000000140050002c0034003c0007000800180044001c00"
     "1400000000000002c0c1c2c3c4c5c6c7c8c9cacbcccdcecf38000000808182838485868788898a8b8c8d8e8f"
     "08070605040302010188f373643c06000288f373643c060009000000000000000000000007000000706c616e"
     "6e6572004cb9bd3f8181e73f222222222222222222222222222222222222222222222222"},
    {Kind::import_identity,
     "bc1301001c00000078911847b4493cea707172737475767778797a7b7c7d7e7f0d0c0b0a000000000c170300"},
    {Kind::project,
     "bc140100b0000000d32d0932dd9706cd24000000200060002c0034003c000600080018001c00200007002400"
     "280044004c0054002000000000000202c0c1c2c3c4c5c6c7c8c9cacbcccdcecf680000005400000040000000"
     "030000000400000008070605040302010188f373643c06000288f373643c0600050000000000000006000000"
     "000000000700000000000000000000000900000053656c6c2074656173000000080000005465612073686f70"
     "0000000007000000706c616e6e657200"},
    {Kind::project_by_age,
     "bc1501001c00000027dad2ebaceca393707172737475767778797a7b7c7d7e7f0d0c0b0a000000000c170300"},
    {Kind::project_version,
     "bc16010098000000f7fbcd4fb3fbfd0c2000000000000000180040002800300038000600080018001c002000"
     "070024001800000000000202c0c1c2c3c4c5c6c7c8c9cacbcccdcecf54000000400000002c0000001c000000"
     "08070605040302010188f373643c06000288f373643c06000500000066697273740000000900000053656c6c"
     "2074656173000000080000005465612073686f700000000007000000706c616e6e657200"},
    {Kind::project_status,
     "bc170100600000000114ab2438812c6a1c000000000000000000120038001c0024002c000600080018000700"
     "1200000000000203c0c1c2c3c4c5c6c7c8c9cacbcccdcecf2000000008070605040302010188f373643c0600"
     "0288f373643c06000000000007000000706c616e6e657200"},
    {Kind::document,
     "bc18010098000000a43817a75aff61022800000000000000200064003800400048000500080018001c002c00"
     "0600070030003400500058002000000000020201c0c1c2c3c4c5c6c7c8c9cacbcccdcecf4c00000030313233"
     "3435363738393a3b3c3d3e3f03000000040000000500000008070605040302010188f373643c06000288f373"
     "643c0600060000000000000007000000000000000000000007000000706c616e6e657200"},
    {Kind::document_slot,
     "bc1901001c000000d8dbb12d6a73a06d707172737475767778797a7b7c7d7e7f0d0c0b0a000000000c170300"},
    {Kind::document_by_section,
     "bc1a01001c0000009cbaebb877c87567707172737475767778797a7b7c7d7e7f0d0c0b0a000000000c170300"},
    {Kind::revision,
     "bc1b010790000000129533be2476b37d200000001c005800380040004800060008001800070050001c002c00"
     "300034001c00000000000201c0c1c2c3c4c5c6c7c8c9cacbcccdcecf4c000000808182838485868788898a8b"
     "8c8d8e8f2c000000040000000300000008070605040302010188f373643c06000288f373643c060002000000"
     "00000000040000007479706f0000000007000000706c616e6e657200165c7027e1cd49137b7d"},
    {Kind::document_lock,
     "bc1c010060000000db24e4b95b4ed0581c000000000000000000120038001c0024002c000600080018000700"
     "1200000000000201c0c1c2c3c4c5c6c7c8c9cacbcccdcecf2000000008070605040302010188f373643c0600"
     "0288f373643c06000000000007000000706c616e6e657200"},
    {Kind::task_place,
     "bc1d01001c000000f34f17df93342511707172737475767778797a7b7c7d7e7f0d0c0b0a000000000c170300"},
    {Kind::task,
     "bc1e010190000000b692ed91ae2b02c924000000000000001c00540024002c0034000600080018001c000700"
     "20003c0044004c001c00000000000202c0c1c2c3c4c5c6c7c8c9cacbcccdcecf480000003800000003000000"
     "08070605040302010188f373643c06000288f373643c06000400000000000000050000000000000006000000"
     "0000000005000000546173746500000007000000706c616e6e657200dd4fbde6fef931ff477265656e207465"
     "61"},
    {Kind::task_revision,
     "bc1f0101700000000858de9bc5c437721c000000000016003c0024002c0034000600080018001c0007002000"
     "1600000000000201c0c1c2c3c4c5c6c7c8c9cacbcccdcecf3000000020000000fdffffff0807060504030201"
     "0188f373643c06000288f373643c060005000000546173746500000007000000706c616e6e657200dd4fbde6"
     "fef931ff477265656e20746561"},
    {Kind::task_activity,
     "bc2001006000000004ce8e52166fadc91c000000000000000000120038001c0024002c000600080018000700"
     "1200000000000201c0c1c2c3c4c5c6c7c8c9cacbcccdcecf2000000008070605040302010188f373643c0600"
     "0288f373643c06000000000007000000706c616e6e657200"},
    {Kind::session,
     "bc2101009800000094932f296aaf7d36240000000000000000001a005c0034003c0044000700080018001c00"
     "2c0030004c0054001a00000000000002c0c1c2c3c4c5c6c7c8c9cacbcccdcecf500000003031323334353637"
     "38393a3b3c3d3e3f300000000200000008070605040302010188f373643c06000288f373643c060003000000"
     "000000000400000000000000070000004d6f726e696e670007000000706c616e6e657200"},
    {Kind::session_by_age,
     "bc2201001c00000063c282862c6eee97707172737475767778797a7b7c7d7e7f0d0c0b0a000000000c170300"},
    {Kind::session_title,
     "bc23010068000000afb73b9a0d1c9b99180000000000120038002000280030000700080018001c0012000000"
     "00000002c0c1c2c3c4c5c6c7c8c9cacbcccdcecf2c0000001c00000008070605040302010188f373643c0600"
     "0288f373643c0600070000004576656e696e670007000000706c616e6e657200"},
    {Kind::message,
     "bc240101b00000005cd028fbedf3b0022400000000001e0060003c0044004c0006000800180007001c005400"
     "20003000340038001e00000000000202c0c1c2c3c4c5c6c7c8c9cacbcccdcecf680000001100000040414243"
     "4445464748494a4b4c4d4e4f44000000340000002800000008070605040302010188f373643c06000288f373"
     "643c0600030000000000000000000000020000007b7d00000600000073656172636800000600000063616c6c"
     "2d31000007000000706c616e6e6572001676a7a2f53be23848656c6c6f"},
    {Kind::message_id,
     "bc2501001c0000008f85cb97f4cc95b9707172737475767778797a7b7c7d7e7f0d0c0b0a000000000c170300"},
    {Kind::event,
     "bc260101c800000049ea879e8d65ccba280000000000000020007c005800600068000600080018001c000700"
     "2000300040004400700054002000000000000201c0c1c2c3c4c5c6c7c8c9cacbcccdcecf7c0000006c000000"
     "303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f050000004041424344454647"
     "48494a4b4c4d4e4f2800000008070605040302010188f373643c06000288f373643c06000600000000000000"
     "000000000600000063616c6c2d31000004000000746f6f6c0000000007000000706c616e6e657200e1443c42"
     "ecb685b76e756c6c"},
    {Kind::session_month,
     "bc2701001c000000393c8471809f177a707172737475767778797a7b7c7d7e7f0d0c0b0a000000000c170300"},
    {Kind::event_month,
     "bc2801001c0000008ec67318b1ecac4b707172737475767778797a7b7c7d7e7f0d0c0b0a000000000c170300"},
    {Kind::audit,
     "bc290101c8000000ff8aefc4acebd8a1280000000000000020007c005800600068000600080018001c000700"
     "2000300040004400700054002000000000000201c0c1c2c3c4c5c6c7c8c9cacbcccdcecf7c0000006c000000"
     "303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f050000004041424344454647"
     "48494a4b4c4d4e4f2800000008070605040302010188f373643c06000288f373643c06000600000000000000"
     "000000000600000063616c6c2d31000004000000746f6f6c0000000007000000706c616e6e657200e1443c42"
     "ecb685b76e756c6c"},
    {Kind::credit_account,
     "bc2a0100700000006859f6ec2a5a3b5c2000000000001a0044002000280030000400080018001c0005003800"
     "060007001a00000002011f01c0c1c2c3c4c5c6c7c8c9cacbcccdcecf2c000000140000000807060504030201"
     "0188f373643c06000288f373643c060007000000000000000000000007000000706c616e6e657200"},
    {Kind::credit_counter,
     "bc2b010018000000ca92d204dabffbe3030000000000000004000000000000000500000000000000"},
    {Kind::credit_entry,
     "bc2c0100a00000007e8dd3fc683815ef2c00000028005c0034003c00440005000800180006001c0020002400"
     "0000280000004c002c003000070054002800000000020201c0c1c2c3c4c5c6c7c8c9cacbcccdcecf50000000"
     "03000000feffffffffffffff09000000300000001400000008070605040302010188f373643c06000288f373"
     "643c060005000000000000000700000000000000040000007475726e0000000007000000706c616e6e657200"},
    {Kind::integration,
     "bc32010070000000884f35f846d8d9a720000000000000001800440020002800300005000800180006001c00"
     "070038001800000000020201c0c1c2c3c4c5c6c7c8c9cacbcccdcecf2c000000030000000807060504030201"
     "0188f373643c06000288f373643c060004000000000000000000000007000000706c616e6e657200"},
    {Kind::integration_change,
     "bc330100600000003e17360a518834d21c00000000000000140038001c0024002c0005000800180006000700"
     "1400000000020203c0c1c2c3c4c5c6c7c8c9cacbcccdcecf2000000008070605040302010188f373643c0600"
     "0288f373643c06000000000007000000706c616e6e657200"},
    {Kind::secret,
     "bc340101600000007d879592ef0119ca18000000000012003c002000280030000700080018001c0012000000"
     "00000002c0c1c2c3c4c5c6c7c8c9cacbcccdcecf240000000300000008070605040302010188f373643c0600"
     "0288f373643c06000000000007000000706c616e6e657200165c7027e1cd49137b7d"},
    {Kind::public_name,
     "bc35010078000000119666db8e6fd34b1c00000000001600440024002c0034000700080018001c0020003c00"
     "1600000000000002c0c1c2c3c4c5c6c7c8c9cacbcccdcecf3800000028000000030000000807060504030201"
     "0188f373643c06000288f373643c0600040000000000000006000000707269636573000007000000706c616e"
     "6e657200"},
    {Kind::public_record,
     "bc36010168000000b2331a6a7f3260a318000000140038002000280030000600080018001c00070014000000"
     "00000201c0c1c2c3c4c5c6c7c8c9cacbcccdcecf2c0000001c00000008070605040302010188f373643c0600"
     "0288f373643c060006000000707269636573000007000000706c616e6e657200165c7027e1cd49137b7d"},
    {Kind::vector_space,
     "bc37010070000000cb0fe7fc174dc22e1c00000000001600400024002c0034000600080018001c0020000700"
     "1600000000000201c0c1c2c3c4c5c6c7c8c9cacbcccdcecf3000000024000000020000000807060504030201"
     "0188f373643c06000288f373643c060000000000000000000000000007000000706c616e6e657200"},
    {Kind::section_head,
     "bc380101780000006a1cb9e7e157ab261c00000000001600500034003c0044000700080018001c0020003000"
     "1600000000000002c0c1c2c3c4c5c6c7c8c9cacbcccdcecf3800000003000000404142434445464748494a4b"
     "4c4d4e4f0100000008070605040302010188f373643c06000288f373643c06000000000007000000706c616e"
     "6e657200beac4fd91d15e1c50807060504030201181716151413121128272625242322213433323103000000"
     "05000000"},
    {Kind::section_list,
     "bc39010178000000eb97f2eb4e707c811c00000000001600500034003c0044000700080018001c0020002400"
     "1600000000000002c0c1c2c3c4c5c6c7c8c9cacbcccdcecf3800000005000000010000004041424344454647"
     "48494a4b4c4d4e4f08070605040302010188f373643c06000288f373643c06000000000007000000706c616e"
     "6e657200189379df4225e01d08070605040302011817161514131211282726252423222134333231"},
    {Kind::section_block,
     "bc3a010188000000ba1f2f130d073fe120000000000000000000160044002800300038000700080018001c00"
     "200024001600000000000002c0c1c2c3c4c5c6c7c8c9cacbcccdcecf44000000340000002400000003000000"
     "08070605040302010188f373643c06000288f373643c06000000000005000000476f616c7300000005000000"
     "676f616c7300000007000000706c616e6e65720097022f7393655bb053656c6c20746561"},
    {Kind::vector,
     "bc3b010178000000146f3e1f85c0ed5d1c00000000001600500034003c0044000700080018001c0020003000"
     "1600000000000002c0c1c2c3c4c5c6c7c8c9cacbcccdcecf3800000002000000404142434445464748494a4b"
     "4c4d4e4f0300000008070605040302010188f373643c06000288f373643c06000000000007000000706c616e"
     "6e65720023375d349cbaa0280000803f000000c0"},
    {Kind::call,
     "bc3c010010010000e4e63d2eb411f7c5380000000000000000002e00b4005800600068000600080018001c00"
     "20000700700078008000880090009800250028003800a000a80048002e00000000000202c0c1c2c3c4c5c6c7"
     "c8c9cacbcccdcecfb4000000a40000009400000000455552303132333435363738393a3b3c3d3e3f40414243"
     "4445464748494a4b4c4d4e4f404142434445464748494a4b4c4d4e4f08070605040302010188f373643c0600"
     "0288f373643c0600030000000000000004000000000000000500000000000000060000000000000007000000"
     "00000000080000000000000009000000000000000a0000000000000000000000050000007465612d31000000"
     "07000000706c616e6e65720007000000706c616e6e657200"},
    {Kind::call_rollup,
     "bc3d0100c0000000186138b57fbd0c372c0000000000000024007c0024002c0034000700080018001c002100"
     "3c0044004c0054005c0064006c0074002400000000000002c0c1c2c3c4c5c6c7c8c9cacbcccdcecf70000000"
     "600000000045555208070605040302010188f373643c06000288f373643c0600030000000000000004000000"
     "0000000005000000000000000600000000000000070000000000000008000000000000000900000000000000"
     "0a00000000000000050000007465612d3100000007000000706c616e6e657200"},
    {Kind::call_month,
     "bc3e01001c00000016f1587eebbcb34f707172737475767778797a7b7c7d7e7f0d0c0b0a000000000c170300"},
};

fb::Uuid fb_id(uint8_t first) {
  const Uuid plain = id(first);
  fb::Uuid out;
  std::memcpy(out.mutable_bytes()->data(), plain.bytes.data(), plain.bytes.size());
  return out;
}

// Calls a generated Create...Direct with the six common fields and then those of the kind.
template <class Create, class... Fields>
std::string table(Create create, const Fields&... fields) {
  flatbuffers::FlatBufferBuilder builder;
  const fb::Uuid actor = fb_id(0xC0);
  builder.Finish(create(builder, kCommitSeq, kCreatedAt, kEffectiveAt, kActorKind, &actor,
                        kActorName.data(), fields...));
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

std::string touched() {
  std::string tail;
  append(&tail, {Kind::project, id(0x50), 1});
  append(&tail, {Kind::message, id(0x60), 0x1122334455667788});
  return tail;
}

Draft reference(Kind kind) { return Draft(kind, pack(Reference{id(0x70), 0x0A0B0C0D, 202508})); }

Draft project_records(Kind kind) {
  const fb::Uuid project = fb_id(0x30);
  switch (kind) {
    case Kind::project:
      return Draft(kind, table(fb::CreateProjectHeadDirect, "Tea shop", "Sell teas", uint8_t{2},
                               uint32_t{3}, uint32_t{4}, int64_t{5}, int64_t{6}, uint64_t{7}));
    case Kind::project_version:
      return Draft(kind, table(fb::CreateProjectVersionDirect, "Tea shop", "Sell teas", uint8_t{2},
                               "first"));
    case Kind::project_status:
      return Draft(kind, table(fb::CreateProjectStatusDirect, uint8_t{3}));
    case Kind::document:
      return Draft(kind, table(fb::CreateDocumentHeadDirect, &project, uint32_t{3}, uint8_t{2},
                               true, uint32_t{4}, uint32_t{5}, int64_t{6}, int64_t{7}));
    case Kind::document_lock:
      return Draft(kind, table(fb::CreateLockChangeDirect, true));
    default:
      return {};
  }
}

Draft task_and_chat_records(Kind kind) {
  const fb::Uuid project = fb_id(0x30);
  const fb::Uuid other = fb_id(0x40);
  switch (kind) {
    case Kind::task:
      return Draft(kind,
                   table(fb::CreateTaskHeadDirect, "Taste", uint8_t{2}, uint32_t{3}, uint64_t{4},
                         int64_t{5}, int64_t{6}),
                   "Green tea");
    case Kind::task_revision:
      return Draft(kind, table(fb::CreateTaskRevisionDirect, "Taste", true, int32_t{-3}),
                   "Green tea");
    case Kind::task_activity:
      return Draft(kind, table(fb::CreateTaskActivityDirect, uint8_t{1}));
    case Kind::session:
      return Draft(kind, table(fb::CreateSessionHeadDirect, &project, "Morning", uint32_t{2},
                               int64_t{3}, uint64_t{4}));
    case Kind::session_title:
      return Draft(kind, table(fb::CreateSessionTitleDirect, "Evening"));
    case Kind::message:
      return Draft(kind,
                   table(fb::CreateMessageDirect, uint8_t{2}, int32_t{17}, uint64_t{3}, &other,
                         "call-1", "search", "{}"),
                   "Hello");
    case Kind::event:
    case Kind::audit:
      return Draft(kind,
                   table(fb::CreateEventDirect, "tool", true, &project, &other, uint32_t{5}, &other,
                         uint64_t{6}, "call-1"),
                   "null");
    case Kind::credit_account:
      return Draft(kind, table(fb::CreateCreditAccountDirect, int32_t{20}, true, int64_t{7},
                               uint8_t{31}, true));
    case Kind::credit_counter:
      return Draft(kind, pack(Counter{3, 4, 5}));
    case Kind::credit_entry:
      return Draft(kind, table(fb::CreateCreditEntryDirect, uint8_t{2}, int32_t{3}, int32_t{-2},
                               int32_t{-1}, int32_t{0}, int32_t{9}, false, uint64_t{5}, "turn",
                               int32_t{20}, true, int64_t{7}));
    default:
      return {};
  }
}

std::string spans() {
  const SectionEntry entry{
      0x0102030405060708, 0x1112131415161718, {0x2122232425262728, 0x31323334}};
  std::string tail;
  append(&tail, SectionSpan{entry, 3, 5});
  return tail;
}

Draft section_records(Kind kind) {
  const fb::Uuid other = fb_id(0x40);
  switch (kind) {
    case Kind::vector_space:
      return Draft(kind, table(fb::CreateVectorSpaceDirect, "", uint32_t{2}, uint8_t{1}));
    case Kind::section_head:
      return Draft(kind, table(fb::CreateSectionHeadDirect, uint32_t{3}, &other, uint32_t{1}),
                   spans());
    case Kind::section_list:
      return Draft(kind, table(fb::CreateSectionListDirect, uint32_t{5}, uint32_t{1}, &other),
                   spans().substr(0, SectionEntry::kBytes));
    case Kind::section_block:
      return Draft(kind, table(fb::CreateSectionBlockDirect, "goals", "Goals", uint32_t{3}),
                   "Sell tea");
    case Kind::vector:
      return Draft(kind, table(fb::CreateVectorDirect, uint32_t{2}, &other, uint32_t{3}),
                   std::string_view("\0\0\x80\x3f\0\0\0\xc0", 8));
    default:
      return {};
  }
}

Draft call_records(Kind kind) {
  const fb::Uuid project = fb_id(0x30);
  const fb::Uuid other = fb_id(0x40);
  fb::Currency currency;
  std::memcpy(currency.mutable_letters()->data(), "EUR", 3);
  switch (kind) {
    case Kind::call:
      return Draft(kind, table(fb::CreateCallDirect, "planner", "tea-1", uint8_t{2}, int64_t{3},
                               int64_t{4}, int64_t{5}, int64_t{6}, int64_t{7}, int64_t{8},
                               &currency, &project, &other, uint64_t{9}, uint64_t{10}, &other));
    case Kind::call_rollup:
      return Draft(kind,
                   table(fb::CreateCallRollupDirect, "tea-1", &currency, int64_t{3}, int64_t{4},
                         int64_t{5}, int64_t{6}, int64_t{7}, int64_t{8}, int64_t{9}, int64_t{10}));
    default:
      return section_records(kind);
  }
}

Draft integration_and_public_records(Kind kind) {
  switch (kind) {
    case Kind::integration:
      return Draft(
          kind, table(fb::CreateIntegrationHeadDirect, uint8_t{2}, uint32_t{3}, true, int64_t{4}));
    case Kind::integration_change:
      return Draft(kind, table(fb::CreateIntegrationChangeDirect, uint8_t{2}, uint8_t{3}));
    case Kind::secret:
      return Draft(kind, table(fb::CreateSecretDirect, uint32_t{3}), "{}");
    case Kind::public_name:
      return Draft(kind, table(fb::CreatePublicNameDirect, "prices", uint32_t{3}, int64_t{4}));
    case Kind::public_record:
      return Draft(kind, table(fb::CreatePublicRecordDirect, "prices", uint8_t{1}), "{}");
    default:
      return call_records(kind);
  }
}

}  // namespace

Uuid id(uint8_t first) {
  Uuid out;
  for (size_t i = 0; i < out.bytes.size(); ++i) out.bytes[i] = static_cast<uint8_t>(first + i);
  return out;
}

std::string key(Kind kind) {
  const KindInfo* info = kind_info(static_cast<uint8_t>(kind));
  const bool system_only = static_cast<uint8_t>(kind) < 16;
  std::string out = Key(system_only ? Uuid() : id(0xA0), kind).str();
  if (info != nullptr) out.resize(info->key_bytes, '\x11');
  return out;
}

Draft draft(Kind kind) {
  const fb::Uuid hash = fb_id(0x80);
  switch (kind) {
    case Kind::store:
      return Draft(kind, table(fb::CreateStoreRecordDirect, uint32_t{1}, &hash, uint64_t{99}));
    case Kind::commit_link:
      return Draft(kind, pack(Link{kCreatedAt, 2, 3, 4, 5}));
    case Kind::user:
      return Draft(
          kind, table(fb::CreateUserDirect, "ada@example.com", "Ada", "cus_1", true, int64_t{8}));
    case Kind::commit_body:
      return Draft(kind,
                   table(fb::CreateCommitBodyDirect, uint64_t{9}, uint32_t{1}, uint8_t{1},
                         uint64_t{77}, uint32_t{2}),
                   touched());
    case Kind::idempotency:
      return Draft(kind, table(fb::CreateIdempotencyRecordDirect, uint64_t{9}, &hash),
                   std::string(kReceiptOperationBytes, '\x22'));
    case Kind::revision:
      return Draft(kind,
                   table(fb::CreateRevisionDirect, uint8_t{1}, uint64_t{2}, &hash, "typo",
                         uint32_t{4}, uint32_t{3}),
                   "{}", Coding::delta);
    default:
      break;
  }
  const KindInfo* info = kind_info(static_cast<uint8_t>(kind));
  if (info != nullptr && info->payload == Payload::reference) return reference(kind);
  Draft made = project_records(kind);
  if (made.empty()) made = task_and_chat_records(kind);
  return made.empty() ? integration_and_public_records(kind) : std::move(made);
}

std::string_view value_hex(Kind kind) {
  for (const Row& row : kRows) {
    if (row.kind == kind) return row.hex;
  }
  return {};
}

}  // namespace bcstore::format::golden
