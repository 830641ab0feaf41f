/* RSA moduli that nobody may use: BR 6.1.1.3(5) and 6.1.6. */
#pragma once

#include <openssl/bn.h>
#include <stdbool.h>

#include "base/buf.h"

#define KEY_MODULUS_BITS_MAX 8192 /* nobody may ask about longer ones */

/*
 * True for a weak modulus; says why in a few signs without words of any language ("n mod 3 = 0", "ROCA", "n = x^2", "CVE-2008-0166",
 * "Fermat").
 * -ENOMEM never counts as sound: the return is then true and the reason's buffer failed.
 */
bool key_weak_modulus(const BIGNUM *n, struct buf *ret_reason);
