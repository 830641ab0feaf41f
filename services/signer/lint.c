#include "lint.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "der.h"

static int64_t read_time(struct der *from) {
    bool utc = der_peek(from) == DER_UTC_TIME;
    struct der text = der_get(from, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME);
    char digits[16] = "";
    struct tm tm = {0};
    size_t len = utc ? 13 : 15;
    if (text.failed || text.left != len)
        return -1;
    memcpy(digits, text.at, len);
    const char *end = strptime(digits, utc ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ", &tm);
    return end && *end == '\0' ? (int64_t) timegm(&tm) * USEC_PER_SEC : -1;
}

static bool serial_is(struct der *from, const uint8_t serial[static SERIAL_BYTES]) {
    struct der number = der_get(from, DER_INTEGER);
    if (number.failed || number.left == 0 || number.left > SERIAL_BYTES || number.at[0] & 0x80)
        return false;
    uint8_t padded[SERIAL_BYTES] = {0};
    memcpy(padded + SERIAL_BYTES - number.left, number.at, number.left);
    return memcmp(padded, serial, SERIAL_BYTES) == 0;
}

/* One RDN of one attribute with this X.520 number and value. */
static bool attribute_is(struct der *name, uint8_t type, const char *value) {
    const uint8_t oid[] = {0x55, 0x04, type};
    if (!value)
        return true;
    struct der set = der_get(name, DER_SET), pair = der_get(&set, DER_SEQUENCE);
    struct der id = der_get(&pair, DER_OID), text = der_get(&pair, type == 6 ? DER_PRINTABLE_STRING : DER_UTF8_STRING);
    return der_at_end(&set) && der_at_end(&pair) && der_equal(&id, oid, sizeof(oid)) &&
           der_equal(&text, value, strlen(value));
}

static bool subject_is(struct der *from, const struct content *c) {
    struct der name = der_get(from, DER_SEQUENCE);
    return attribute_is(&name, 6, "JP") && attribute_is(&name, 8, c->st) && attribute_is(&name, 7, c->l) &&
           attribute_is(&name, 10, c->o) && attribute_is(&name, 3, c->cn) && der_at_end(&name);
}

static bool alt_name_is(struct der value, const struct content *c) {
    struct der names = der_get(&value, DER_SEQUENCE);
    for (size_t i = 0; i < c->names_count; i++) {
        struct der name = der_get(&names, DER_CONTEXT | 2);
        if (!der_equal(&name, c->names[i], strlen(c->names[i])))
            return false;
    }
    return der_at_end(&names) && der_at_end(&value);
}

static bool authority_key_id_is(struct der value, const struct issuer *issuer) {
    struct der ids = der_get(&value, DER_SEQUENCE), id = der_get(&ids, DER_CONTEXT | 0);
    return der_at_end(&ids) && der_equal(&id, issuer->key_id.data, issuer->key_id.len);
}

/* Extensions by the last byte of 2.5.29.n; each at most once, nothing critical but keyUsage. */
static const char *check_extensions(struct der *from, const struct issuer *issuer, const struct content *c) {
    struct der wrapped = der_get(from, DER_CONTEXT_CONSTRUCTED | 3), list = der_get(&wrapped, DER_SEQUENCE);
    bool usage = false, alt = false, authority = false;
    while (der_peek(&list)) {
        struct der one = der_get(&list, DER_SEQUENCE), oid = der_get(&one, DER_OID);
        bool critical = der_peek(&one) == DER_BOOLEAN;
        if (critical)
            (void) der_get(&one, DER_BOOLEAN);
        struct der value = der_get(&one, DER_OCTET_STRING);
        if (value.failed || !der_at_end(&one))
            return "extensions";
        int number = oid.left == 3 && oid.at[0] == 0x55 && oid.at[1] == 0x1d ? oid.at[2] : -1;
        if (critical != (number == 0x0f))
            return "critical extensions";
        if (number == 0x0f) {
            struct der bits = der_get(&value, DER_BIT_STRING);
            if (usage || !der_equal(&bits, c->rsa ? "\x05\xa0" : "\x07\x80", 2))
                return "keyUsage";
            usage = true;
        } else if (number == 0x11) {
            if (alt || !alt_name_is(value, c))
                return "subjectAltName";
            alt = true;
        } else if (number == 0x23) {
            if (authority || !authority_key_id_is(value, issuer))
                return "authorityKeyIdentifier";
            authority = true;
        } else if (number == 0x13)
            return "basicConstraints";
    }
    return usage && alt && authority && der_at_end(&list) && der_at_end(&wrapped) ? NULL : "extensions";
}

const char *lint_tbs(const void *tbs, size_t len, const struct issuer *issuer, const struct content *c,
                     const struct policy *policy) {
    struct der whole = der_of(tbs, len), t = der_get(&whole, DER_SEQUENCE);
    struct der version = der_get(&t, DER_CONTEXT_CONSTRUCTED | 0);
    if (!der_equal(&version, "\x02\x01\x02", 3))
        return "version";
    if (!serial_is(&t, c->serial))
        return "serialNumber";
    struct der algorithm = der_get_any(&t), name = der_get_any(&t);
    if (!der_equal(&algorithm, issuer->algorithm.data, issuer->algorithm.len))
        return "signature";
    if (!der_equal(&name, issuer->name.data, issuer->name.len))
        return "issuer";
    struct der validity = der_get(&t, DER_SEQUENCE);
    int64_t from = read_time(&validity), to = read_time(&validity), days = policy_validity_days(policy, from);
    if (from < 0 || !der_at_end(&validity) || days == 0 || to - from != (days * SEC_PER_DAY - 1) * USEC_PER_SEC ||
        to > issuer->not_after_usec)
        return "validity";
    if (!subject_is(&t, c))
        return "subject";
    struct der spki = der_get_any(&t);
    if (!der_equal(&spki, c->spki.data, c->spki.len))
        return "subjectPublicKeyInfo";
    const char *wrong = check_extensions(&t, issuer, c);
    if (wrong)
        return wrong;
    return der_at_end(&t) && der_at_end(&whole) ? NULL : "end";
}

int lint_validity(const void *tbs, size_t len, int64_t *ret_not_before_usec, int64_t *ret_not_after_usec) {
    struct der whole = der_of(tbs, len), t = der_get(&whole, DER_SEQUENCE);
    for (int before = 0; before < 4; before++) /* version, serialNumber, signature, issuer */
        (void) der_get_any(&t);
    struct der validity = der_get(&t, DER_SEQUENCE);
    *ret_not_before_usec = read_time(&validity);
    *ret_not_after_usec = read_time(&validity);
    return *ret_not_before_usec < 0 || *ret_not_after_usec < 0 ? -EINVAL : 0;
}
