// The documents of a data directory, each with all its revisions, oldest first.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "document_data.h"

namespace bcstore::bench {

using RealDocuments = std::vector<std::vector<std::string>>;

inline constexpr const char* kRealRevisions = "document_revisions.jsonl.zst";

// From JSON Lines in zstd with document_id and body_md, oldest first within each document. Each
// revision is a JSON object with its body_md. Throws Refused, naming the file.
RealDocuments read_documents(const std::string& path);

// One of them (of that number, modulo how many there are): an edit goes on to its next revision,
// and after the last to the first.
std::unique_ptr<Body> real_body(const RealDocuments& documents, uint64_t number);

}  // namespace bcstore::bench
