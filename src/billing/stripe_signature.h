// The signature of a Stripe webhook delivery: the header `Stripe-Signature: t=...,v1=...`.
//
// `t` is the time of signing in seconds since 1970; each `v1` is the lower-case hexadecimal
// HMAC-SHA256, under the endpoint's secret, of `t`, a full stop and the request's body, byte by
// byte as it came. There may be several `v1`, while a secret is being replaced; other schemes are
// passed over. Parts are separated by a comma alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bcstore/billing.h"
#include "bcstore/status.h"

namespace bcstore::billing {

inline constexpr size_t kMaxStripePayloadBytes = kMaxWebhookBytes;
inline constexpr size_t kMaxStripeHeaderBytes = size_t{8} << 10;
inline constexpr int64_t kStripeToleranceS = kWebhookToleranceS;

// Ok if a `v1` of the header is the payload's and `t` is at most `tolerance_s` seconds before
// `now_s` (0: any age). A time of signing after now is accepted, as it is by Stripe's own
// libraries: only the holder of the secret can name it. Else `invalid_argument` with a reason that
// tells nothing of secret, payload or signature. All `v1` are compared, each in constant time.
Status check_stripe_signature(std::string_view payload, std::string_view header,
                              std::string_view secret, int64_t now_s,
                              int64_t tolerance_s = kStripeToleranceS);

// The `v1` of a payload for a time of signing, as the header writes it.
Result<std::string> stripe_signature(std::string_view payload, std::string_view t,
                                     std::string_view secret);

}  // namespace bcstore::billing
