#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "lint.h"

struct reading {
    const struct lint *against;
    bool rsa;
    struct der spki;
};

static bool key_usage(struct der value, const struct reading *r) {
    struct der bits = der_get(&value, DER_BIT_STRING);
    return der_at_end(&value) && der_equal(&bits, r->rsa ? "\x05\xa0" : "\x07\x80", 2);
}

static bool ext_key_usage(struct der value, const struct reading *r) {
    static const uint8_t server_auth[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01},
                         client_auth[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
    struct der list = der_get(&value, DER_SEQUENCE), one = der_get(&list, DER_OID);
    bool good = der_equal(&one, server_auth, sizeof(server_auth));
    if (r->against->policy->client_auth) {
        one = der_get(&list, DER_OID);
        good = good && der_equal(&one, client_auth, sizeof(client_auth));
    }
    return good && der_at_end(&list) && der_at_end(&value);
}

static bool authority_key_id(struct der value, const struct reading *r) {
    const struct buf *id = &r->against->issuer->key_id;
    struct der ids = der_get(&value, DER_SEQUENCE), found = der_get(&ids, DER_CONTEXT | 0);
    return der_at_end(&ids) && der_at_end(&value) && der_equal(&found, id->data, id->len);
}

/* RFC 5280 4.2.1.2 (1) */
static bool subject_key_id(struct der value, const struct reading *r) {
    struct der spki = r->spki, key = der_get(&spki, DER_SEQUENCE), id = der_get(&value, DER_OCTET_STRING);
    (void) der_get_any(&key);
    struct der bits = der_get(&key, DER_BIT_STRING);
    uint8_t wanted[SHA_DIGEST_LENGTH];
    if (bits.failed || bits.left < 2)
        return false;
    (void) SHA1(bits.at + 1, bits.left - 1, wanted);
    return der_at_end(&value) && der_equal(&id, wanted, sizeof(wanted));
}

/* The OID as people write it; false when it is malformed or longer than any that a policy holds. */
static bool write_dotted(const struct der *oid, char *to, size_t size) {
    uint64_t arc = 0;
    size_t at = 0, arcs = 0;
    for (size_t i = 0; i < oid->left; i++) {
        if (arc > UINT32_MAX || (arc == 0 && oid->at[i] == 0x80))
            return false;
        arc = arc << 7 | (oid->at[i] & 0x7f);
        if (oid->at[i] & 0x80)
            continue;
        if (arcs++ == 0) {
            uint64_t first = arc < 80 ? arc / 40 : 2;
            at += (size_t) snprintf(to, size, "%llu", (unsigned long long) first);
            arc -= 40 * first;
        }
        at += (size_t) snprintf(to + at, size - at, ".%llu", (unsigned long long) arc);
        if (at >= size - 1)
            return false;
        arc = 0;
    }
    return !oid->failed && arcs > 0 && !(oid->at[oid->left - 1] & 0x80);
}

static bool qualifier_is(struct der *information, const char *cps_uri) {
    static const uint8_t id_qt_cps[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x02, 0x01};
    struct der list = der_get(information, DER_SEQUENCE), one = der_get(&list, DER_SEQUENCE);
    struct der id = der_get(&one, DER_OID), uri = der_get(&one, DER_IA5_STRING);
    return der_at_end(&list) && der_at_end(&one) && der_equal(&id, id_qt_cps, sizeof(id_qt_cps)) &&
           der_equal(&uri, cps_uri, strlen(cps_uri));
}

static bool policies(struct der value, const struct reading *r) {
    const struct policy *p = r->against->policy;
    struct der list = der_get(&value, DER_SEQUENCE);
    for (int i = 0; i < p->policy_oids_count; i++) {
        struct der information = der_get(&list, DER_SEQUENCE), oid = der_get(&information, DER_OID);
        char dotted[sizeof(p->policy_oids[0]) + 24];
        if (!write_dotted(&oid, dotted, sizeof(dotted)) || strcmp(dotted, p->policy_oids[i]) != 0)
            return false;
        if (i == 0 && *p->cps_uri && !qualifier_is(&information, p->cps_uri))
            return false;
        if (!der_at_end(&information))
            return false;
    }
    return der_at_end(&list) && der_at_end(&value);
}

/* The address of the shard that the CRLs of this serial are published in (RFC 5280 4.2.1.13, BR 7.1.2.11.2). */
static bool crl_points(struct der value, const struct reading *r) {
    const struct lint *a = r->against;
    const uint8_t *serial = a->content->serial;
    unsigned last = (unsigned) serial[SERIAL_BYTES - 2] * 256 + serial[SERIAL_BYTES - 1];
    char address[512];
    int len = snprintf(address, sizeof(address), "%s/crl/%d-%u.crl", a->pki_url, a->issuer->id,
                       last % (unsigned) a->issuer->crl_shards);
    struct der points = der_get(&value, DER_SEQUENCE), point = der_get(&points, DER_SEQUENCE);
    struct der name = der_get(&point, DER_CONTEXT_CONSTRUCTED | 0), full = der_get(&name, DER_CONTEXT_CONSTRUCTED | 0);
    struct der uri = der_get(&full, DER_CONTEXT | 6);
    return len > 0 && (size_t) len < sizeof(address) && der_equal(&uri, address, (size_t) len) && der_at_end(&full) &&
           der_at_end(&name) && der_at_end(&point) && der_at_end(&points) && der_at_end(&value);
}

static bool access_is(struct der *list, const char *method, const char *address) {
    struct der one = der_get(list, DER_SEQUENCE), oid = der_get(&one, DER_OID), uri = der_get(&one, DER_CONTEXT | 6);
    char dotted[32];
    return write_dotted(&oid, dotted, sizeof(dotted)) && strcmp(dotted, method) == 0 &&
           der_equal(&uri, address, strlen(address)) && der_at_end(&one);
}

/* Where the status is asked for, then where the CA's certificate is (BR 7.1.2.7.7). */
static bool info_access(struct der value, const struct reading *r) {
    char ocsp[512], ca[512];
    const char *base = r->against->pki_url;
    if (snprintf(ocsp, sizeof(ocsp), "%s/ocsp", base) >= (int) sizeof(ocsp) ||
        snprintf(ca, sizeof(ca), "%s/ca/%d.cer", base, r->against->issuer->id) >= (int) sizeof(ca))
        return false;
    struct der list = der_get(&value, DER_SEQUENCE);
    return access_is(&list, "1.3.6.1.5.5.7.48.1", ocsp) && access_is(&list, "1.3.6.1.5.5.7.48.2", ca) &&
           der_at_end(&list) && der_at_end(&value);
}

/* Letters in lower case, digits, inner hyphens (BR 7.1.2.7.12: LDH labels; "--" in 3 and 4 only after "xn"). */
static bool is_label(const uint8_t *p, size_t len) {
    if (len < 1 || len > 63 || p[0] == '-' || p[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '-'))
            return false;
    return len < 4 || p[2] != '-' || p[3] != '-' || (p[0] == 'x' && p[1] == 'n');
}

/* Two labels or more, the last no number: no address either. */
static bool is_host_name(const struct der *name) {
    size_t from = 0, labels = 0;
    bool letter = false;
    if (name->failed || name->left > 253)
        return false;
    for (size_t i = 0; i <= name->left; i++) {
        if (i < name->left && name->at[i] != '.') {
            letter = letter || name->at[i] > '9';
            continue;
        }
        if (!is_label(name->at + from, i - from) || (i == name->left && !letter))
            return false;
        from = i + 1;
        letter = false;
        labels++;
    }
    return labels >= 2;
}

/* The names that were asked for and decided on, no other, none twice; CN is one of them (BR 7.1.4.3). */
static bool alt_name(struct der value, const struct reading *r) {
    const struct content *c = r->against->content;
    struct der names = der_get(&value, DER_SEQUENCE);
    bool cn_is_there = false;
    for (size_t i = 0; i < c->names_count; i++) {
        struct der name = der_get(&names, DER_CONTEXT | 2);
        if (!der_equal(&name, c->names[i], strlen(c->names[i])) || !is_host_name(&name))
            return false;
        for (size_t k = 0; k < i; k++)
            if (strcmp(c->names[i], c->names[k]) == 0)
                return false;
        cn_is_there = cn_is_there || strcmp(c->names[i], c->cn) == 0;
    }
    return cn_is_there && der_at_end(&names) && der_at_end(&value);
}

/* Every extension that may be there (RFC 5280 4.2.1 and 4.2.2.1); which of them must be, is_wanted() says. */
static const struct rule {
    const char *name;
    uint8_t oid[8], oid_len;
    bool critical;
    bool (*is_right)(struct der value, const struct reading *r);
} rules[] = {
    {"keyUsage", {0x55, 0x1d, 0x0f}, 3, true, key_usage},
    {"extKeyUsage", {0x55, 0x1d, 0x25}, 3, false, ext_key_usage},
    {"authorityKeyIdentifier", {0x55, 0x1d, 0x23}, 3, false, authority_key_id},
    {"certificatePolicies", {0x55, 0x1d, 0x20}, 3, false, policies},
    {"authorityInfoAccess", {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01}, 8, false, info_access},
    {"cRLDistributionPoints", {0x55, 0x1d, 0x1f}, 3, false, crl_points},
    {"subjectAltName", {0x55, 0x1d, 0x11}, 3, false, alt_name},
    {"subjectKeyIdentifier", {0x55, 0x1d, 0x0e}, 3, false, subject_key_id},
};

static bool is_wanted(const struct rule *rule, const struct lint *against) {
    return rule->is_right != subject_key_id || against->policy->subject_key_identifier;
}

static const struct rule *rule_of(const struct der *oid) {
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        if (der_equal(oid, rules[i].oid, rules[i].oid_len))
            return &rules[i];
    return NULL;
}

const char *lint_extensions(struct der list, const struct lint *against, bool rsa, struct der spki) {
    const struct reading reading = {against, rsa, spki};
    unsigned seen = 0;
    while (der_peek(&list)) {
        struct der one = der_get(&list, DER_SEQUENCE), oid = der_get(&one, DER_OID);
        bool critical = der_peek(&one) == DER_BOOLEAN;
        struct der flag = critical ? der_get(&one, DER_BOOLEAN) : (struct der){0};
        struct der value = der_get(&one, DER_OCTET_STRING);
        const struct rule *rule = rule_of(&oid);
        if (!der_at_end(&one) || (critical && !der_equal(&flag, "\xff", 1)) || !rule || !is_wanted(rule, against))
            return "an extension that must not be there";
        unsigned bit = 1u << (rule - rules);
        if (seen & bit || critical != rule->critical || !rule->is_right(value, &reading))
            return rule->name;
        seen |= bit;
    }
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        if (is_wanted(&rules[i], against) && !(seen & 1u << i))
            return rules[i].name;
    return der_at_end(&list) ? NULL : "extensions";
}
