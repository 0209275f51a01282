// Headers of Stripe deliveries with what Stripe's own Node library 23.1.0 says of them. All are
// under the secret kVectorSecret.
#pragma once

#include <cstdint>
#include <string_view>

namespace bcstore::billing {

inline constexpr std::string_view kVectorSecret = "whsec_test_secret";
inline constexpr std::string_view kBody =
    "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";
inline constexpr std::string_view kBodyAndLine =
    "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}\n";
inline constexpr std::string_view kUnicodeBody =
    "{\"id\":\"evt_1\",\"object\":\"event\",\"data\":{\"object\":{\"name\":\"Zoë Łukasz 日本 "
    "😀\"}}}";

struct SignatureVector {
  std::string_view name;
  std::string_view payload;
  std::string_view header;
  int64_t now_s;
  int64_t tolerance_s;
  bool is_valid;
};

inline constexpr SignatureVector kSignatureVectors[] = {
    {"valid v1", kBody,
     "t=12345,v1=2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e", 12345, 300,
     true},
    {"valid with several v1, one right", kBody,
     "t=12345,v1=bad,v1=2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da125"
     "7e",
     12345, 300, true},
    {"valid with v0 beside v1", kBody,
     "t=12345,v1=2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e,v0=0"
     "000000000000000000000000000000000000000000000000000000000000000",
     12345, 300, true},
    {"no timestamp", kBody, "v1=2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e",
     12345, 300, false},
    {"empty header", kBody, "", 12345, 300, false},
    {"malformed header", kBody, "I'm not even a real signature header", 12345, 300, false},
    {"only v0", kBody,
     "t=12345,v0=2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e", 12345, 300,
     false},
    {"wrong signature", kBody, "t=12345,v1=bad_signature", 12345, 300, false},
    {"wrong secret", kBody,
     "t=12345,v1=e770f52840e6ff053f9af4268fd9e9925bf612cb7fa0a79fe569b84ae0a999c7", 12345, 300,
     false},
    {"timestamp changed after signing", kBody,
     "t=12346,v1=2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e", 12345, 300,
     false},
    {"payload changed by one byte", kBodyAndLine,
     "t=12345,v1=2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e", 12345, 300,
     false},
    {"too old for tolerance", kBody,
     "t=12345,v1=2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e", 12646, 300,
     false},
    {"at the edge of tolerance", kBody,
     "t=12345,v1=2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e", 12645, 300,
     true},
    {"old but tolerance 0 (off)", kBody,
     "t=12345,v1=2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e", 1012345, 0,
     true},
    {"timestamp not a number", kBody,
     "t=abc,v1=2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e", 12345, 300,
     false},
    {"UTF-8 body", kUnicodeBody,
     "t=12345,v1=e87152d49de9e2d320e667ecb3748d9b83e0439c5c8869969d2cc01e8b850560", 12345, 300,
     true},
};

}  // namespace bcstore::billing
