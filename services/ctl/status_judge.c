/* Which facts are no good, and what to do about each. */
#include "status.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

#define UNSEALED_MAX_SEC 60
#define HEAD_MAX_SEC (INT64_C(26) * 3600) /* it leaves once a day, after midnight UTC */
#define MAIL_MAX_SEC 900
#define ISSUER_LEFT_MIN_SEC (400 * SEC_PER_DAY) /* longer than any certificate that it has still to sign */
#define RESPONDER_LEFT_MIN_SEC SEC_PER_DAY      /* it lasts seven days and is renewed at half of that */
#define OWN_LEFT_MIN_SEC (14 * SEC_PER_DAY)     /* TLS, S/MIME */

struct judging {
    json_t *findings;
    bool failed;
};

static void find(struct judging *j, const char *see, const char *remedy, const char *format, ...) _printf_(4, 5);

static void find(struct judging *j, const char *see, const char *remedy, const char *format, ...) {
    _cleanup_buf_ struct buf what = {0};
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&what, format, ap);
    va_end(ap);
    json_t *finding = json_pack("{s:s, s:s, s:s}", "what", buf_string(&what), "do", remedy, "see", see);
    j->failed |= !finding || json_array_append_new(j->findings, finding) < 0;
}

static int64_t number(const json_t *object, const char *name) {
    return json_integer_value(json_object_get(object, name));
}

static bool is_known(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return value && !json_is_null(value);
}

static const char *text(const json_t *object, const char *name) {
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static const char *age(struct buf *to, int64_t sec) {
    buf_reset(to);
    status_age(sec, to);
    return buf_string(to);
}

static void judge_daemons(struct judging *j, const json_t *daemons) {
    size_t i;
    const json_t *d;
    json_array_foreach(daemons, i, d) {
        _cleanup_buf_ struct buf remedy = {0};
        if (json_is_true(json_object_get(d, "ready")))
            continue;
        buf_printf(&remedy, "systemctl status inkan-%s; journalctl -u inkan-%s", text(d, "daemon"), text(d, "daemon"));
        find(j, "a-daemon-is-not-ready", buf_string(&remedy), "%s is not ready: %s", text(d, "daemon"),
             text(d, "reasons"));
    }
}

static void judge_signing(struct judging *j, const json_t *signing) {
    if (json_is_true(json_object_get(signing, "halted")))
        find(j, "signing-is-halted", "inkanctl resume, when the cause is gone", "signing is halted: %s",
             text(signing, "reason"));
    if (signing && !is_known(signing, "policy"))
        find(j, "a-daemon-is-not-ready", "inkanctl policy load FILE", "no policy is in force");
}

static void judge_queues(struct judging *j, const json_t *queues, int64_t max_sec) {
    _cleanup_buf_ struct buf long_ = {0};
    size_t i;
    const json_t *q;
    json_array_foreach(queues, i, q) if (number(q, "overdue_sec") > max_sec)
        find(j, "a-queue-stands-still", "is the daemon of this stage running? inkanctl job list --stage STAGE",
             "the queue %s stands still: a job has been due for %s", text(q, "stage"),
             age(&long_, number(q, "overdue_sec")));
}

/* An issuer that no longer signs and whose last certificate has ended needs nothing any more. */
static bool is_over(const json_t *issuer) {
    return !json_is_true(json_object_get(issuer, "active")) && number(issuer, "left_sec") < 0;
}

static void judge_crls(struct judging *j, const json_t *issuer) {
    static const char remedy[] = "a signer with this CA's key must run; inkanctl job list --stage crl";
    _cleanup_buf_ struct buf left = {0};
    int64_t id = number(issuer, "issuer"), left_sec = number(issuer, "crl_left_sec");
    if (number(issuer, "crls") < number(issuer, "shards"))
        find(j, "a-crl-is-old", remedy, "issuer %lld: %lld of %lld CRLs were never made", (long long) id,
             (long long) (number(issuer, "shards") - number(issuer, "crls")), (long long) number(issuer, "shards"));
    else if (left_sec <= 0)
        find(j, "a-crl-is-old", remedy, "issuer %lld: a CRL ended %s ago", (long long) id, age(&left, left_sec));
    else if (left_sec < number(issuer, "crl_life_sec") / 2)
        find(j, "a-crl-is-old", remedy, "issuer %lld: a CRL is not renewed and ends in %s", (long long) id,
             age(&left, left_sec));
}

static void judge_issuers(struct judging *j, const json_t *issuers) {
    _cleanup_buf_ struct buf left = {0};
    bool active = false;
    size_t i;
    const json_t *issuer;
    json_array_foreach(issuers, i, issuer) {
        long long id = number(issuer, "issuer");
        if (is_over(issuer))
            continue;
        judge_crls(j, issuer);
        if (is_known(issuer, "responder_left_sec") && number(issuer, "responder_left_sec") < RESPONDER_LEFT_MIN_SEC)
            find(j, "ocsp-is-not-answered", "a signer with this CA's key must run; inkanctl job list --stage ocsp",
                 "issuer %lld: the certificate of an OCSP responder is missing, has ended or is not renewed", id);
        if (!json_is_true(json_object_get(issuer, "active")))
            continue;
        active = true;
        if (number(issuer, "left_sec") < ISSUER_LEFT_MIN_SEC)
            find(j, "a-certificate-of-the-service-ends", "inkanctl ca renew, or ca init and ca activate",
                 "issuer %lld: the CA's certificate ends %s %s: it must outlive what it signs", id,
                 number(issuer, "left_sec") < 0 ? "since" : "in", age(&left, number(issuer, "left_sec")));
    }
    if (issuers && !active)
        find(j, "a-daemon-is-not-ready", "inkanctl ca init, or ca activate", "no issuing CA is active");
}

static void judge_certificates(struct judging *j, const json_t *certificates) {
    _cleanup_buf_ struct buf left = {0};
    size_t i;
    const json_t *c;
    json_array_foreach(certificates, i, c) if (number(c, "left_sec") < OWN_LEFT_MIN_SEC)
        find(j, "a-certificate-of-the-service-ends", "put a new one in place and restart its daemon",
             number(c, "left_sec") < 0 ? "the certificate \"%s\" ended %s ago" : "the certificate \"%s\" ends in %s",
             text(c, "certificate"), age(&left, number(c, "left_sec")));
}

/* A server that answered last is well, however often it failed before. */
static void judge_whois(struct judging *j, const json_t *servers) {
    _cleanup_buf_ struct buf since = {0};
    size_t i;
    const json_t *s;
    json_array_foreach(servers, i, s) if (strcmp(text(s, "last"), "unreachable") == 0)
        find(j, "whois-does-not-answer", "inkanctl whois ask DOMAIN; whois.servers; registrars see 903 and apply again",
             "WHOIS %s did not answer %s ago: %s (%lld of %lld within a day)", text(s, "server"),
             age(&since, number(s, "last_sec")), text(s, "detail"), (long long) number(s, "unreachable"),
             (long long) number(s, "answers"));
}

static void judge_mail(struct judging *j, const json_t *mail) {
    _cleanup_buf_ struct buf old = {0};
    if (number(mail, "oldest_sec") > MAIL_MAX_SEC)
        find(j, "mails-wait", "the relay (mailer.smtp) and its log; mails are tried again by themselves",
             "%lld mails wait, the oldest for %s: %s", (long long) number(mail, "waiting"),
             age(&old, number(mail, "oldest_sec")), *text(mail, "reply") ? text(mail, "reply") : "not tried yet");
    if (number(mail, "refused") > 0)
        find(j, "mails-are-refused",
             "inkanctl link list --unfetched; correct the address: inkanctl link resend SERIAL --mail ADDRESS",
             "%lld mails were refused or given up within a day, the last to %s: %s",
             (long long) number(mail, "refused"), text(mail, "refused_recipient"), text(mail, "refused_reply"));
}

static void judge_audit(struct judging *j, const json_t *audit) {
    _cleanup_buf_ struct buf old = {0};
    if (json_is_true(json_object_get(audit, "other_cluster")))
        find(j, "back-up-and-restore", "inkanctl audit epoch --reason TEXT",
             "the audit's seals are of another database cluster: nothing is decided");
    else if (number(audit, "unsealed_sec") > UNSEALED_MAX_SEC)
        find(j, "the-audit-is-not-sealed", "the signer must run; its log: journalctl -u inkan-signer",
             "an audit event has waited %s for its seal, and mails with it", age(&old, number(audit, "unsealed_sec")));
    int64_t since_sec = is_known(audit, "head_sec") ? number(audit, "head_sec") : number(audit, "first_sec");
    if (since_sec > HEAD_MAX_SEC)
        find(j, "the-audits-head-does-not-leave", "the mailer's log; mailer.head_file, mailer.head_to",
             "no head of the audit has left the database for %s", age(&old, since_sec));
}

int status_judge(json_t *facts, int64_t queue_max_sec) {
    struct judging j = {.findings = json_array()};
    const json_t *database = json_object_get(facts, "database");
    if (!j.findings)
        return -ENOMEM;
    if (json_is_false(json_object_get(database, "up")))
        find(&j, "the-database-cannot-be-reached",
             "systemctl status postgresql; database.uri; inkanctl database status",
             "the database cannot be reached, or this inkanctl is of another version");
    judge_daemons(&j, json_object_get(facts, "daemons"));
    judge_signing(&j, json_object_get(facts, "signing"));
    judge_queues(&j, json_object_get(facts, "queues"), queue_max_sec);
    judge_issuers(&j, json_object_get(facts, "issuers"));
    judge_certificates(&j, json_object_get(facts, "certificates"));
    judge_whois(&j, json_object_get(facts, "whois"));
    judge_mail(&j, json_object_get(facts, "mail"));
    judge_audit(&j, json_object_get(facts, "audit"));
    bool well = json_array_size(j.findings) == 0;
    if (json_object_set_new(facts, "well", json_boolean(well)) < 0 ||
        json_object_set_new(facts, "findings", j.findings) < 0)
        j.failed = true;
    return j.failed ? -ENOMEM : 0;
}
