/* The screen of inkanctl status: a line a subject. */
#include <string.h>

#include "base/clock.h"
#include "status.h"

#define NAME_WIDTH 13

static int64_t number(const json_t *object, const char *name) {
    return json_integer_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name) {
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static bool is_known(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return value && !json_is_null(value);
}

void status_age(int64_t sec, struct buf *to) {
    static const struct {
        int64_t sec;
        const char *unit;
    } units[] = {{SEC_PER_DAY, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    size_t i = 0;
    if (sec < 0)
        sec = -sec;
    while (i < 3 && sec < units[i].sec)
        i++;
    buf_printf(to, "%lld %s", (long long) (sec / units[i].sec), units[i].unit);
    int64_t rest = i < 2 ? sec % units[i].sec / units[i + 1].sec : 0;
    if (rest > 0)
        buf_printf(to, " %lld %s", (long long) rest, units[i + 1].unit);
}

static void put_name(struct buf *to, const char *name) {
    buf_printf(to, "%-*s", NAME_WIDTH, name);
}

/* 2026-11-25T22:40:11Z as people read it. */
static void put_time(struct buf *to, const char *rfc3339) {
    if (strlen(rfc3339) >= 16)
        buf_printf(to, "%.10s %.5s UTC", rfc3339, rfc3339 + 11);
}

static void put_signing(struct buf *to, const json_t *signing) {
    put_name(to, "signing");
    if (!signing)
        buf_text(to, "not known");
    else if (json_is_true(json_object_get(signing, "halted")))
        buf_printf(to, "HALTED: %s", text(signing, "reason"));
    else
        buf_text(to, "on");
    if (signing)
        buf_printf(to, "; policy %s, schema %lld", is_known(signing, "policy") ? text(signing, "policy") : "NONE",
                   (long long) number(signing, "schema"));
    buf_char(to, '\n');
}

static void put_daemons(struct buf *to, const json_t *daemons) {
    size_t i;
    const json_t *d;
    put_name(to, "daemons");
    json_array_foreach(daemons, i, d) buf_printf(to, "%s%s %s", i > 0 ? ", " : "", text(d, "daemon"),
                                                 json_is_true(json_object_get(d, "ready")) ? "ready" : "NOT READY");
    buf_char(to, '\n');
}

static void put_queues(struct buf *to, const json_t *queues) {
    size_t i;
    const json_t *q;
    put_name(to, "queues");
    if (!queues)
        buf_text(to, "not known");
    json_array_foreach(queues, i, q) {
        buf_printf(to, "%s%s %lld", i > 0 ? ", " : "", text(q, "stage"), (long long) number(q, "due"));
        if (number(q, "overdue_sec") > 0) {
            buf_text(to, " (for ");
            status_age(number(q, "overdue_sec"), to);
            buf_char(to, ')');
        }
        if (number(q, "later") > 0)
            buf_printf(to, " +%lld", (long long) number(q, "later"));
    }
    buf_char(to, '\n');
}

static void put_issuers(struct buf *to, const json_t *issuers) {
    size_t i;
    const json_t *c;
    json_array_foreach(issuers, i, c) {
        put_name(to, i == 0 ? "CAs" : "");
        buf_printf(to, "%lld %s%s ends %.10s; CRL %lld", (long long) number(c, "issuer"), text(c, "name"),
                   json_is_true(json_object_get(c, "active")) ? " (active)" : "", text(c, "ends"),
                   (long long) number(c, "crl_number"));
        buf_printf(to, ", %lld of %lld shards", (long long) number(c, "crls"), (long long) number(c, "shards"));
        if (is_known(c, "crl_next_update")) {
            buf_text(to, ", next update by ");
            put_time(to, text(c, "crl_next_update"));
        }
        if (is_known(c, "responder_left_sec")) {
            buf_text(to, "; OCSP for ");
            status_age(number(c, "responder_left_sec") < 0 ? 0 : number(c, "responder_left_sec"), to);
        }
        buf_char(to, '\n');
    }
}

static void put_certificates(struct buf *to, const json_t *certificates) {
    size_t i;
    const json_t *c;
    put_name(to, "certificates");
    if (json_array_size(certificates) == 0)
        buf_text(to, "not known");
    json_array_foreach(certificates, i, c) {
        buf_printf(to, "%s%s ends %.10s (", i > 0 ? ", " : "", text(c, "certificate"), text(c, "ends"));
        status_age(number(c, "left_sec"), to);
        buf_text(to, number(c, "left_sec") < 0 ? " ago)" : ")");
    }
    buf_char(to, '\n');
}

static void put_whois(struct buf *to, const json_t *servers) {
    size_t i;
    const json_t *s;
    if (json_array_size(servers) == 0) {
        put_name(to, "WHOIS");
        buf_text(to, servers ? "nobody was asked within a day\n" : "not known\n");
    }
    json_array_foreach(servers, i, s) {
        put_name(to, i == 0 ? "WHOIS" : "");
        buf_printf(to, "%s: %s ", text(s, "server"), text(s, "last"));
        status_age(number(s, "last_sec"), to);
        buf_printf(to, " ago; %lld of %lld within a day unreachable\n", (long long) number(s, "unreachable"),
                   (long long) number(s, "answers"));
    }
}

static void put_mail(struct buf *to, const json_t *mail) {
    put_name(to, "mail");
    if (!mail) {
        buf_text(to, "not known\n");
        return;
    }
    buf_printf(to, "%lld wait", (long long) number(mail, "waiting"));
    if (is_known(mail, "oldest_sec")) {
        buf_text(to, ", the oldest for ");
        status_age(number(mail, "oldest_sec"), to);
    }
    buf_printf(to, "; %lld refused within a day\n", (long long) number(mail, "refused"));
}

static void put_audit(struct buf *to, const json_t *audit) {
    put_name(to, "audit");
    if (!audit || !is_known(audit, "seal")) {
        buf_text(to, audit ? "no seal yet\n" : "not known\n");
        return;
    }
    buf_printf(to, "seal %lld ", (long long) number(audit, "seal"));
    status_age(number(audit, "sealed_sec"), to);
    buf_text(to, " ago, oldest event without one ");
    status_age(number(audit, "unsealed_sec"), to);
    buf_char(to, '\n');
    put_name(to, "");
    if (is_known(audit, "head")) {
        buf_printf(to, "head %.24s… left ", text(audit, "head"));
        put_time(to, text(audit, "head_left"));
        buf_printf(to, ", mailed to %lld\n", (long long) number(audit, "head_mailed"));
    } else
        buf_text(to, "no head has left yet\n");
}

static void put_drill(struct buf *to, const json_t *audit) {
    put_name(to, "restore");
    if (!is_known(audit, "drilled")) {
        buf_text(to, audit ? "no trial is recorded (inkanctl database drill)\n" : "not known\n");
        return;
    }
    buf_printf(to, "tried %.10s: %s\n", text(audit, "drilled"), text(audit, "drill"));
}

static void put_verdict(struct buf *to, const json_t *status) {
    const json_t *findings = json_object_get(status, "findings"), *f;
    size_t i, n = json_array_size(findings);
    buf_char(to, '\n');
    json_array_foreach(findings, i, f) buf_printf(to, "%zu. %s\n   do:  %s\n   see: operating.md#%s\n", i + 1,
                                                  text(f, "what"), text(f, "do"), text(f, "see"));
    if (n == 0)
        buf_text(to, "All is well.\n");
    else
        buf_printf(to, "%sNOT WELL: %zu finding%s.\n", n > 0 ? "\n" : "", n, n == 1 ? "" : "s");
}

void status_text(const json_t *status, struct buf *to) {
    const json_t *audit = json_object_get(status, "audit");
    put_name(to, "time");
    put_time(to, text(status, "time"));
    buf_char(to, '\n');
    put_signing(to, json_object_get(status, "signing"));
    put_daemons(to, json_object_get(status, "daemons"));
    put_queues(to, json_object_get(status, "queues"));
    put_issuers(to, json_object_get(status, "issuers"));
    put_certificates(to, json_object_get(status, "certificates"));
    put_whois(to, json_object_get(status, "whois"));
    put_mail(to, json_object_get(status, "mail"));
    put_audit(to, audit);
    put_drill(to, audit);
    put_verdict(to, status);
}
