/*
 * RSA moduli that nobody may use: BR 6.1.1.3(5) and 6.1.6. Debian's lists of CVE-2008-0166 join this file when they are
 * shipped.
 */
#pragma once

#include <openssl/bn.h>
#include <stdbool.h>

#include "base/buf.h"

/*
 * True for a weak modulus; says why in a few signs without words of any language ("n mod 3 = 0", "ROCA", "Fermat").
 * -ENOMEM never counts as sound: the return is then true and the reason's buffer failed.
 */
bool key_weak_modulus(const BIGNUM *n, struct buf *ret_reason);
