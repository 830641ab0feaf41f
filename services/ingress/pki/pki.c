/* CA certificates and CRLs over plain http, as they must be (RFC 5280 8): what is served is signed already. */
#include "store/pki.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "services/ingress/pki/pki.h"

#define ISSUER_MAX_AGE_SEC SEC_PER_DAY
/* A new CRL must be seen within the hour, whenever nextUpdate may be. */
#define CRL_MAX_AGE_SEC 3600

/* "7.cer" → 7 */
static bool number_before(const char *text, const char *suffix, int *ret) {
    size_t len = strlen(text), suffix_len = strlen(suffix);
    char digits[8];
    int64_t n;
    if (len <= suffix_len || len - suffix_len >= sizeof(digits) || strcmp(text + len - suffix_len, suffix) != 0)
        return false;
    memcpy(digits, text, len - suffix_len);
    digits[len - suffix_len] = '\0';
    if ((digits[0] == '0' && digits[1]) || text_to_int64(digits, 0, 32767, &n) < 0)
        return false;
    *ret = (int) n;
    return true;
}

/* "1-3.crl" → 1, 3 */
static bool crl_name(const char *text, int *ret_issuer, int *ret_shard) {
    const char *dash = strchr(text, '-');
    char issuer[16];
    if (!dash || (size_t) (dash - text) >= sizeof(issuer))
        return false;
    (void) snprintf(issuer, sizeof(issuer), "%.*s", (int) (dash - text), text);
    return number_before(issuer, "", ret_issuer) && number_before(dash + 1, ".crl", ret_shard);
}

void pki_date_header(struct reply *p, const char *name, int64_t usec) {
    time_t sec = (time_t) (usec / USEC_PER_SEC);
    struct tm tm;
    char text[64];
    /* RFC 9110 5.6.7; the locale is C. */
    if (gmtime_r(&sec, &tm) && strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0)
        reply_header(p, name, "%s", text);
}

/* True when the client holds this version already (RFC 9110 13.2.2: the tag goes before the date). */
static bool is_held(const struct request *r, const char *tag, int64_t modified_usec) {
    const char *tags = request_header(r, "If-None-Match");
    if (tags)
        return strcmp(tags, "*") == 0 || strstr(tags, tag) != NULL;
    const char *since = request_header(r, "If-Modified-Since");
    struct tm tm = {0};
    const char *end = since ? strptime(since, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;
    return end && *end == '\0' && modified_usec / USEC_PER_SEC <= (int64_t) timegm(&tm);
}

static void send_object(const struct request *r, struct reply *p, struct db_bytes der, const char *type,
                        const char *tag, int64_t modified_usec, int64_t max_age_sec) {
    p->type = type;
    reply_header(p, "ETag", "%s", tag);
    pki_date_header(p, "Last-Modified", modified_usec);
    reply_header(p, "Cache-Control", "public, max-age=%lld", (long long) (max_age_sec > 0 ? max_age_sec : 0));
    if (is_held(r, tag, modified_usec))
        p->status = 304;
    else
        buf_add(&p->body, der.data, der.len);
}

static int issuer_file(struct thread *t, struct request *r, struct reply *p) {
    int id, result = 0;
    struct pki_issuer issuer;
    _cleanup_rows_ struct db_rows *rows = NULL;
    if (number_before(r->segment[0], ".cer", &id))
        result = pki_issuer(t->db_public, id, &issuer, &rows);
    if (result < 0)
        return result;
    if (result == 0) {
        reply_error(r, p, ERROR_NOT_FOUND, NULL, 0);
        return 0;
    }
    char tag[32];
    (void) snprintf(tag, sizeof(tag), "\"ca-%d\"", id);
    send_object(r, p, issuer.der, "application/pkix-cert", tag, issuer.created_usec, ISSUER_MAX_AGE_SEC);
    return 0;
}

static int crl_file(struct thread *t, struct request *r, struct reply *p) {
    int issuer, shard, result = 0;
    struct pki_crl crl;
    _cleanup_rows_ struct db_rows *rows = NULL;
    if (crl_name(r->segment[0], &issuer, &shard))
        result = pki_crl(t->db_public, issuer, shard, &crl, &rows);
    if (result < 0)
        return result;
    if (result == 0) {
        reply_error(r, p, ERROR_NOT_FOUND, NULL, 0);
        return 0;
    }
    char tag[64];
    (void) snprintf(tag, sizeof(tag), "\"crl-%d-%d-%lld\"", issuer, shard, (long long) crl.number);
    int64_t left_sec = (crl.next_update_usec - clock_realtime_usec()) / USEC_PER_SEC;
    send_object(r, p, crl.der, "application/pkix-crl", tag, crl.this_update_usec,
                left_sec < CRL_MAX_AGE_SEC ? left_sec : CRL_MAX_AGE_SEC);
    return 0;
}

const struct route pki_routes[] = {
    {LISTENER_PKI, "GET", "/ca/{}", ACCESS_ANYONE, false, false, issuer_file},
    {LISTENER_PKI, "GET", "/crl/{}", ACCESS_ANYONE, false, false, crl_file},
    {.handle = NULL},
};
