#include "policy.h"

#include <errno.h>
#include <ini.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "der.h"
#include "proto/reasons.h"

#define DAYS_MAX 3650
#define HOURS_MAX 240
#define NAMES_MAX 100

struct parsing {
    struct policy *policy;
    struct buf *errors;
    unsigned given; /* bit set over the table of values */
    bool failed;
};

/* ---- kinds of values: each 0 or -EINVAL */

static int parse_bool(const char *text, bool *ret) {
    *ret = strcmp(text, "true") == 0;
    return *ret || strcmp(text, "false") == 0 ? 0 : -EINVAL;
}

static int parse_int(const char *text, int min, int max, int *ret) {
    int64_t v = 0;
    if (text_to_int64(text, min, max, &v) < 0)
        return -EINVAL;
    *ret = (int) v;
    return 0;
}

static int parse_text(const char *text, char *to, size_t size) {
    if (strlen(text) >= size)
        return -EINVAL;
    (void) snprintf(to, size, "%s", text);
    return 0;
}

static int set_name(struct policy *p, const char *v) {
    return *v ? parse_text(v, p->name, sizeof(p->name)) : -EINVAL;
}

static int set_ou(struct policy *p, const char *v) {
    static const char *const words[] = {"refuse", "strip", "listed"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i], v) == 0) {
            p->ou = (enum policy_ou) i;
            return 0;
        }
    return -EINVAL;
}

static int set_locality(struct policy *p, const char *v) {
    return parse_bool(v, &p->locality);
}

static int set_state(struct policy *p, const char *v) {
    return parse_bool(v, &p->state_or_province);
}

static int set_match(struct policy *p, const char *v) {
    p->match = strcmp(v, "cn+ou") == 0 ? POLICY_MATCH_CN_OU : POLICY_MATCH_CN;
    return p->match == POLICY_MATCH_CN_OU || strcmp(v, "cn") == 0 ? 0 : -EINVAL;
}

static int set_names_max(struct policy *p, const char *v) {
    return parse_int(v, 1, NAMES_MAX, &p->names_max);
}

static int set_policies(struct policy *p, const char *v) {
    p->policy_oids_count = 0;
    while (*(v += strspn(v, " "))) {
        size_t len = strcspn(v, " ");
        if (p->policy_oids_count == POLICY_OIDS_MAX || len >= sizeof(p->policy_oids[0]))
            return -EINVAL;
        char *oid = p->policy_oids[p->policy_oids_count++];
        _cleanup_buf_ struct buf der = {0};
        (void) snprintf(oid, sizeof(p->policy_oids[0]), "%.*s", (int) len, v);
        der_put_oid(&der, oid);
        if (der.failed)
            return -EINVAL;
        v += len;
    }
    return p->policy_oids_count > 0 ? 0 : -EINVAL;
}

static int set_cps(struct policy *p, const char *v) {
    if (*v && strncmp(v, "http://", 7) != 0 && strncmp(v, "https://", 8) != 0)
        return -EINVAL;
    return parse_text(v, p->cps_uri, sizeof(p->cps_uri));
}

static int set_client_auth(struct policy *p, const char *v) {
    return parse_bool(v, &p->client_auth);
}

static int set_ski(struct policy *p, const char *v) {
    return parse_bool(v, &p->subject_key_identifier);
}

static int set_crl_days(struct policy *p, const char *v) {
    int days = 0, r = parse_int(v, 1, 10, &days); /* BR 7.2: nextUpdate within 10 days */
    p->crl_validity_sec = days * SEC_PER_DAY;
    return r;
}

static int set_crl_hours(struct policy *p, const char *v) {
    int hours = 0, r = parse_int(v, 1, HOURS_MAX, &hours);
    p->crl_interval_sec = hours * INT64_C(3600);
    return r;
}

static int set_whois(struct policy *p, const char *v) {
    return parse_bool(v, &p->whois_check);
}

static int set_link_days(struct policy *p, const char *v) {
    return parse_int(v, 1, 366, &p->link_days);
}

static int set_link_remind(struct policy *p, const char *v) {
    return parse_int(v, 0, 366, &p->link_remind_days);
}

static int set_link_lapsed(struct policy *p, const char *v) {
    return parse_int(v, 0, 366, &p->link_lapsed_days);
}

static int set_remind(struct policy *p, const char *v) {
    return parse_int(v, 0, 366, &p->remind_days);
}

static int set_old_reason(struct policy *p, const char *v) {
    int r = parse_int(v, 0, 9, &p->old_reason);
    return r == 0 && !reason_available(p->old_reason) ? -EINVAL : r;
}

static int set_expiry(struct policy *p, const char *v) {
    for (p->expiry_days_count = 0; *v; p->expiry_days_count++) {
        char days[8];
        size_t len = strcspn(v, " ");
        if (p->expiry_days_count == POLICY_EXPIRY_MAX || len >= sizeof(days))
            return -EINVAL;
        memcpy(days, v, len);
        days[len] = '\0';
        int *to = &p->expiry_days[p->expiry_days_count];
        if (parse_int(days, 1, 366, to) < 0 || (p->expiry_days_count > 0 && *to >= to[-1]))
            return -EINVAL;
        v += len + strspn(v + len, " ");
    }
    return 0;
}

static const struct {
    const char *section, *name;
    int (*set)(struct policy *p, const char *value);
    const char *allowed;
} values[] = {
    {"policy", "name", set_name, "a name of at most 63 bytes"},
    {"subject", "ou", set_ou, "refuse, strip or listed"},
    {"subject", "locality", set_locality, "true or false"},
    {"subject", "state_or_province", set_state, "true or false"},
    {"match", "key", set_match, "cn or cn+ou"},
    {"names", "max", set_names_max, "1..100"},
    {"extensions", "policies", set_policies, "one to four OIDs separated by blanks"},
    {"extensions", "cps", set_cps, "an http or https address, or nothing"},
    {"extensions", "client_auth", set_client_auth, "true or false"},
    {"extensions", "subject_key_identifier", set_ski, "true or false"},
    {"crl", "days", set_crl_days, "1..10"},
    {"crl", "hours", set_crl_hours, "1..240"},
    {"holder", "check", set_whois, "true or false"},
    {"delivery", "days", set_link_days, "1..366"},
    {"delivery", "remind", set_link_remind, "0..366"},
    {"delivery", "lapsed", set_link_lapsed, "0..366"},
    {"renewal", "remind", set_remind, "0..366"},
    {"renewal", "reason", set_old_reason, "0, 1, 3, 4 or 5"},
    {"expiry", "days", set_expiry, "up to four descending numbers of days separated by blanks, or nothing"},
};

static void complain(struct parsing *s, const char *section, const char *name, const char *what, const char *value) {
    s->failed = true;
    buf_printf(s->errors, "%s.%s: %s%s%s%s\n", section, name, what, value ? " (found \"" : "", value ? value : "",
               value ? "\")" : "");
}

static int add_period(struct policy *p, const char *date, const char *days) {
    if (p->periods_count == POLICY_PERIODS_MAX)
        return -EINVAL;
    struct policy_period *period = &p->periods[p->periods_count];
    if (clock_parse_date(date, &period->from_usec) < 0 || parse_int(days, 1, DAYS_MAX, &period->validity_days) < 0)
        return -EINVAL;
    if (p->periods_count > 0 && period->from_usec <= period[-1].from_usec)
        return -EINVAL;
    p->periods_count++;
    return 0;
}

static int add_profile(struct policy *p, const char *id, const char *key) {
    if (p->profiles_count == POLICY_PROFILES_MAX)
        return -EINVAL;
    struct policy_profile *profile = &p->profiles[p->profiles_count];
    if (parse_int(id, 1, 99, &profile->id) < 0 || policy_profile(p, profile->id))
        return -EINVAL;
    if (strncmp(key, "rsa:", 4) == 0 && parse_int(key + 4, 2048, 8192, &profile->bits) == 0 && profile->bits % 8 == 0) {
        profile->key = POLICY_KEY_RSA;
        (void) snprintf(profile->label, sizeof(profile->label), "RSA %d", profile->bits);
    } else if (strcmp(key, "ec:secp384r1") == 0) {
        profile->key = POLICY_KEY_EC;
        profile->bits = 384;
        (void) snprintf(profile->label, sizeof(profile->label), "ECDSA P-384 (secp384r1)");
    } else
        return -EINVAL;
    p->profiles_count++;
    return 0;
}

static int handle(void *ctx, const char *section, const char *name, const char *value) {
    struct parsing *s = ctx;
    if (strcmp(section, "validity") == 0) {
        if (add_period(s->policy, name, value) < 0)
            complain(s, section, name, "must be YYYY-MM-DD = 1..3650, in ascending order, at most 16", value);
        return 1;
    }
    if (strcmp(section, "profiles") == 0) {
        if (add_profile(s->policy, name, value) < 0)
            complain(s, section, name, "must be NUMBER = rsa:BITS or ec:secp384r1, each number once, at most 8", value);
        return 1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        if (strcmp(values[i].section, section) == 0 && strcmp(values[i].name, name) == 0) {
            if (s->given & 1u << i)
                complain(s, section, name, "given twice", NULL);
            s->given |= 1u << i;
            if (values[i].set(s->policy, value) < 0) {
                _cleanup_buf_ struct buf what = {0};
                buf_printf(&what, "must be %s", values[i].allowed);
                complain(s, section, name, buf_string(&what), value);
            }
            return 1;
        }
    complain(s, section, name, "no such name", NULL);
    return 1;
}

int policy_parse(struct policy *ret, const char *body, size_t len, struct buf *errors) {
    *ret = (struct policy){0};
    struct parsing s = {.policy = ret, .errors = errors};
    if (strlen(body) != len) {
        complain(&s, "policy", "file", "holds a NUL", NULL);
        return -EINVAL;
    }
    int line = ini_parse_string(body, handle, &s);
    if (line != 0) {
        char where[24];
        (void) snprintf(where, sizeof(where), "%d", line);
        complain(&s, "line", where, "not of the form name = value, or longer than 199 bytes", NULL);
    }
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        if (!(s.given & 1u << i))
            complain(&s, values[i].section, values[i].name, "must be given", NULL);
    if (ret->periods_count == 0)
        complain(&s, "validity", "…", "must have a period", NULL);
    if (ret->profiles_count == 0)
        complain(&s, "profiles", "…", "must have a profile", NULL);
    (void) SHA256((const unsigned char *) body, len, ret->hash);
    return s.failed || errors->failed ? -EINVAL : 0;
}

const struct policy_profile *policy_profile(const struct policy *p, int id) {
    for (int i = 0; i < p->profiles_count; i++)
        if (p->profiles[i].id == id)
            return &p->profiles[i];
    return NULL;
}

int policy_validity_days(const struct policy *p, int64_t issued_usec) {
    int days = 0;
    for (int i = 0; i < p->periods_count && p->periods[i].from_usec <= issued_usec; i++)
        days = p->periods[i].validity_days;
    return days;
}
