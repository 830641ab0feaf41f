#include <string.h>

#include "lint.h"

/* BR 7.1.3.1: these bytes and no others. */
static const uint8_t rsa_algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                        0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00},
                     p384_algorithm[] = {0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                         0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

static bool has_profile(const struct policy *policy, enum policy_key key, int bits) {
    for (int i = 0; i < policy->profiles_count; i++)
        if (policy->profiles[i].key == key && policy->profiles[i].bits == bits)
            return true;
    return false;
}

/* RSAPublicKey (RFC 8017 A.1.1): an odd modulus with its first bit set, an odd exponent of 65537 or more (BR 6.1.6). */
static const char *check_rsa(struct der bits, const struct policy *policy) {
    struct der key = der_get(&bits, DER_SEQUENCE);
    struct der modulus = der_get(&key, DER_INTEGER), exponent = der_get(&key, DER_INTEGER);
    if (!der_at_end(&bits) || !der_at_end(&key) || modulus.left < 2 || modulus.at[0] != 0 || !(modulus.at[1] & 0x80) ||
        !(modulus.at[modulus.left - 1] & 1))
        return "RSA modulus";
    if (exponent.left == 0 || exponent.left > 33 || exponent.at[0] & 0x80 || !(exponent.at[exponent.left - 1] & 1) ||
        exponent.left < 3)
        return "RSA exponent";
    return has_profile(policy, POLICY_KEY_RSA, (int) (modulus.left - 1) * 8) ? NULL : "RSA key size";
}

const char *lint_key(struct der spki, const struct policy *policy, bool *ret_rsa) {
    struct der key = der_get(&spki, DER_SEQUENCE), algorithm = der_get_any(&key), bits = der_get(&key, DER_BIT_STRING);
    if (!der_at_end(&spki) || !der_at_end(&key) || bits.left < 2 || bits.at[0] != 0)
        return "subjectPublicKeyInfo";
    bits.at++;
    bits.left--;
    *ret_rsa = der_equal(&algorithm, rsa_algorithm, sizeof(rsa_algorithm));
    if (*ret_rsa)
        return check_rsa(bits, policy);
    if (!der_equal(&algorithm, p384_algorithm, sizeof(p384_algorithm)))
        return "key algorithm";
    /* SEC 1 2.3.3: an uncompressed point */
    if (bits.left != 1 + 2 * 48 || bits.at[0] != 0x04)
        return "EC point";
    return has_profile(policy, POLICY_KEY_EC, 384) ? NULL : "EC curve";
}
