#include "billing/stripe_signature.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <charconv>
#include <memory>
#include <optional>

namespace bcstore::billing {
namespace {

constexpr size_t kMacBytes = 32;
constexpr size_t kHexChars = 2 * kMacBytes;

Status invalid(std::string_view reason) {
  return Status(Code::invalid_argument, fmt::format("Stripe signature: {}", reason));
}

struct FreeMac {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

bool update(EVP_MAC_CTX* context, std::string_view bytes) {
  return EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(bytes.data()),
                        bytes.size()) == 1;
}

// HMAC-SHA256 of `t.payload`; false when the library has none to give.
bool sign(std::string_view payload, std::string_view t, std::string_view secret,
          std::array<unsigned char, kMacBytes>* mac) {
  const std::unique_ptr<EVP_MAC, FreeMac> algorithm(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  if (!algorithm) return false;
  const std::unique_ptr<EVP_MAC_CTX, FreeMac> context(EVP_MAC_CTX_new(algorithm.get()));
  if (!context) return false;
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                   OSSL_PARAM_construct_end()};
  const auto* key = reinterpret_cast<const unsigned char*>(secret.data());
  size_t bytes = 0;
  return EVP_MAC_init(context.get(), key, secret.size(), parameters) == 1 &&
         update(context.get(), t) && update(context.get(), ".") && update(context.get(), payload) &&
         EVP_MAC_final(context.get(), mac->data(), &bytes, mac->size()) == 1 &&
         bytes == mac->size();
}

struct Header {
  std::string_view t;
  int64_t time_s = 0;
  std::string_view signatures;  // the header from its first v1 on
  size_t count = 0;             // of v1
};

// The next part of the header, taken off its front.
std::string_view next_part(std::string_view* rest) {
  const size_t comma = rest->find(',');
  const std::string_view part = rest->substr(0, comma);
  rest->remove_prefix(comma == std::string_view::npos ? rest->size() : comma + 1);
  return part;
}

std::optional<std::string_view> value_of(std::string_view part, std::string_view name) {
  if (!part.starts_with(name) || part.substr(name.size(), 1) != "=") return std::nullopt;
  return part.substr(name.size() + 1);
}

Status read_time(std::string_view t, int64_t* time_s) {
  const char* end = t.data() + t.size();
  // from_chars would take a sign.
  const bool digits = !t.empty() && t.find_first_not_of("0123456789") == std::string_view::npos;
  const auto [stop, error] = std::from_chars(t.data(), end, *time_s);
  if (!digits || error != std::errc() || stop != end) {
    return invalid("the header's t is not a time in seconds");
  }
  return Status();
}

Status read_header(std::string_view text, Header* header) {
  if (text.empty()) return invalid("the header is empty");
  if (text.size() > kMaxStripeHeaderBytes) {
    return invalid(fmt::format("the header has {} bytes, the limit is {}", text.size(),
                               kMaxStripeHeaderBytes));
  }
  bool has_time = false;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view whole = rest;
    const std::string_view part = next_part(&rest);
    if (const auto t = value_of(part, "t")) {
      // Which of two was signed would be a guess.
      if (has_time) return invalid("the header has more than one t");
      has_time = true;
      header->t = *t;
    } else if (value_of(part, "v1")) {
      if (header->count++ == 0) header->signatures = whole;
    }
  }
  if (!has_time) return invalid("the header has no t");
  if (Status s = read_time(header->t, &header->time_s); !s.ok()) return s;
  if (header->count == 0) return invalid("the header has no v1");
  return Status();
}

}  // namespace

Result<std::string> stripe_signature(std::string_view payload, std::string_view t,
                                     std::string_view secret) {
  if (secret.empty()) return invalid("the secret is empty");
  if (payload.size() > kMaxStripePayloadBytes) {
    return invalid(fmt::format("the payload has {} bytes, the limit is {}", payload.size(),
                               kMaxStripePayloadBytes));
  }
  std::array<unsigned char, kMacBytes> mac{};
  if (!sign(payload, t, secret, &mac)) {
    return Status(Code::unavailable, "Stripe signature: libcrypto gives no HMAC-SHA256");
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(kHexChars);
  for (const unsigned char byte : mac) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

Status check_stripe_signature(std::string_view payload, std::string_view header,
                              std::string_view secret, int64_t now_s, int64_t tolerance_s) {
  if (tolerance_s < 0) return invalid("the tolerance is below 0");
  Header parts;
  if (Status s = read_header(header, &parts); !s.ok()) return s;
  const Result<std::string> expected = stripe_signature(payload, parts.t, secret);
  if (!expected.ok()) return expected.status();
  // Nobody learns from the time this takes which of them was right, or how far one was.
  bool is_signed = false;
  for (std::string_view rest = parts.signatures; !rest.empty();) {
    const std::optional<std::string_view> v1 = value_of(next_part(&rest), "v1");
    if (!v1 || v1->size() != kHexChars) continue;
    is_signed |= CRYPTO_memcmp(v1->data(), expected->data(), kHexChars) == 0;
  }
  if (!is_signed) return invalid("no v1 of the header is the payload's under this secret");
  // The time of signing is not below 0, so this difference fits.
  if (tolerance_s > 0 && now_s > parts.time_s && now_s - parts.time_s > tolerance_s) {
    return invalid(
        fmt::format("it is {} seconds old, the limit is {}", now_s - parts.time_s, tolerance_s));
  }
  return Status();
}

}  // namespace bcstore::billing
