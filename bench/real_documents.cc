#include "real_documents.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <zstd.h>

#include <fstream>
#include <iterator>
#include <map>

#include "failure.h"

namespace bcstore::bench {
namespace {

std::string unpacked_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string packed((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
  if (packed.empty()) throw Refused(fmt::format("cannot read '{}'", path));
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                   ZSTD_freeDCtx);
  std::string out, piece(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  while (in.pos < in.size) {
    ZSTD_outBuffer to{piece.data(), piece.size(), 0};
    if (ZSTD_isError(ZSTD_decompressStream(context.get(), &to, &in))) {
      throw Refused(fmt::format("'{}' is no zstd file", path));
    }
    out.append(piece, 0, to.pos);
  }
  return out;
}

class RealBody : public Body {
 public:
  explicit RealBody(const std::vector<std::string>& revisions) : revisions_(revisions) {}
  void edit() override { at_ = (at_ + 1) % revisions_.size(); }
  const std::string& json() const override { return revisions_[at_]; }

 private:
  const std::vector<std::string>& revisions_;
  size_t at_ = 0;
};

}  // namespace

RealDocuments read_documents(const std::string& path) {
  RealDocuments documents;
  std::map<std::string, size_t, std::less<>> numbers;
  simdjson::dom::parser parser;
  const std::string text = unpacked_file(path);
  size_t line = 0;
  try {
    for (size_t at = 0; at < text.size();) {
      ++line;
      size_t end = text.find('\n', at);
      if (end == std::string::npos) end = text.size();
      const simdjson::dom::element row = parser.parse(text.data() + at, end - at);
      const std::string_view id = row["document_id"];
      const simdjson::dom::element body = row["body_md"];
      const size_t number = numbers.emplace(id, numbers.size()).first->second;
      if (documents.size() <= number) documents.resize(number + 1);
      documents[number].push_back(fmt::format("{{\"body_md\":{}}}", simdjson::minify(body)));
      at = end + 1;
    }
  } catch (const simdjson::simdjson_error& error) {
    throw Refused(fmt::format("'{}', line {}: {}", path, line, error.what()));
  }
  if (documents.empty()) throw Refused(fmt::format("'{}' holds no revisions", path));
  return documents;
}

std::unique_ptr<Body> real_body(const RealDocuments& documents, uint64_t number) {
  return std::make_unique<RealBody>(documents[number % documents.size()]);
}

}  // namespace bcstore::bench
