#include "lint.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static int64_t read_time(struct der *from) {
    bool utc = der_peek(from) == DER_UTC_TIME;
    struct der text = der_get(from, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME);
    char digits[16] = "";
    struct tm tm = {0};
    size_t len = utc ? 13 : 15;
    if (text.failed || text.left != len)
        return -1;
    memcpy(digits, text.at, len);
    if (strspn(digits, "0123456789") != len - 1) /* strptime() passes over blanks */
        return -1;
    const char *end = strptime(digits, utc ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ", &tm);
    bool right_form = utc == (tm.tm_year < 150); /* RFC 5280 4.1.2.5: UTCTime through 2049 */
    return end && *end == '\0' && right_form ? (int64_t) timegm(&tm) * USEC_PER_SEC : -1;
}

static bool serial_is(struct der *from, const uint8_t serial[static SERIAL_BYTES]) {
    struct der number = der_get(from, DER_INTEGER);
    if (number.failed || number.left == 0 || number.left > SERIAL_BYTES || number.at[0] & 0x80)
        return false;
    if (number.at[0] == 0 && (number.left == 1 || !(number.at[1] & 0x80)))
        return false; /* zero, or not the shortest form */
    uint8_t padded[SERIAL_BYTES] = {0};
    memcpy(padded + SERIAL_BYTES - number.left, number.at, number.left);
    return memcmp(padded, serial, SERIAL_BYTES) == 0;
}

/* At most this many characters of UTF-8. */
static bool is_within(const char *value, size_t characters) {
    size_t n = 0;
    for (const char *p = value; *p; p++)
        n += ((unsigned char) *p & 0xc0) != 0x80;
    return n > 0 && n <= characters;
}

/* One RDN of one attribute with this X.520 number and value; max: BR 7.1.4.2. */
static bool attribute_is(struct der *name, uint8_t type, const char *value, size_t max) {
    const uint8_t oid[] = {0x55, 0x04, type};
    struct der set = der_get(name, DER_SET), pair = der_get(&set, DER_SEQUENCE);
    struct der id = der_get(&pair, DER_OID), text = der_get(&pair, type == 6 ? DER_PRINTABLE_STRING : DER_UTF8_STRING);
    return der_at_end(&set) && der_at_end(&pair) && der_equal(&id, oid, sizeof(oid)) && is_within(value, max) &&
           der_equal(&text, value, strlen(value));
}

/* BR 7.1.4.2: C, ST, L, O, OU, CN in this order and nothing else; which of them, the policy says. */
static bool subject_is(struct der name, const struct policy *policy, const struct content *c) {
    bool good = !c->st == !policy->state_or_province && !c->l == !policy->locality &&
                (c->ous_count == 0 || policy->ou == POLICY_OU_LISTED);
    good = good && attribute_is(&name, 6, "JP", 2);
    good = good && (!c->st || attribute_is(&name, 8, c->st, 128));
    good = good && (!c->l || attribute_is(&name, 7, c->l, 128));
    good = good && attribute_is(&name, 10, c->o, 64);
    for (size_t i = 0; good && i < c->ous_count; i++)
        good = attribute_is(&name, 11, c->ous[i], 64);
    return good && attribute_is(&name, 3, c->cn, 64) && der_at_end(&name);
}

static bool validity_is(struct der validity, const struct lint *a) {
    int64_t from = read_time(&validity), to = read_time(&validity);
    int64_t days = from < 0 ? 0 : policy_validity_days(a->policy, from);
    return der_at_end(&validity) && days > 0 && from == a->content->not_before_usec &&
           to - from == (days * SEC_PER_DAY - 1) * USEC_PER_SEC && to <= a->issuer->not_after_usec;
}

const char *lint_tbs(const void *tbs, size_t len, const struct lint *a) {
    const struct content *c = a->content;
    struct der whole = der_of(tbs, len), t = der_get(&whole, DER_SEQUENCE);
    struct der version = der_get(&t, DER_CONTEXT_CONSTRUCTED | 0);
    if (!der_equal(&version, "\x02\x01\x02", 3))
        return "version";
    if (!serial_is(&t, c->serial))
        return "serialNumber";
    struct der algorithm = der_get_any(&t), name = der_get_any(&t);
    if (!der_equal(&algorithm, a->issuer->algorithm.data, a->issuer->algorithm.len))
        return "signature";
    if (!der_equal(&name, a->issuer->name.data, a->issuer->name.len))
        return "issuer";
    if (!validity_is(der_get(&t, DER_SEQUENCE), a))
        return "validity";
    if (!subject_is(der_get(&t, DER_SEQUENCE), a->policy, c))
        return "subject";
    struct der spki = der_get_any(&t);
    if (!der_equal(&spki, c->spki.data, c->spki.len))
        return "subjectPublicKeyInfo";
    bool rsa = false;
    const char *wrong = lint_key(spki, a->policy, &rsa);
    if (wrong)
        return wrong;
    if (rsa != c->rsa)
        return "key algorithm";
    struct der wrapped = der_get(&t, DER_CONTEXT_CONSTRUCTED | 3), list = der_get(&wrapped, DER_SEQUENCE);
    if (!der_at_end(&t) || !der_at_end(&whole) || !der_at_end(&wrapped))
        return "end";
    return lint_extensions(list, a, rsa, spki);
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
