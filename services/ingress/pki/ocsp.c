/*
 * OCSP over http (RFC 6960 appendix A, RFC 5019; BR 4.9.9, 4.9.10, 7.3), by GET and POST. Each answer is made from the database
 * when it is asked for. What is wrong with a question is said in OCSP's own words; a question is of one issuer, since one
 * certificate signs the answer.
 */
#include "store/ocsp.h"

#include <openssl/ocsp.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "services/ingress/http/core.h"
#include "services/ingress/pki/ocsp_question.h"
#include "services/ingress/pki/pki.h"
#include "services/ingress/pki/responder.h"

#define ANSWER_USEC (2 * SEC_PER_DAY * USEC_PER_SEC)       /* nextUpdate - thisUpdate */
#define ANSWER_MIN_USEC (8 * INT64_C(3600) * USEC_PER_SEC) /* BR 4.9.10 */
#define MAX_AGE_SEC 900 /* what a proxy may keep: a revocation shows within a quarter of an hour */

static void send_response(struct reply *p, OCSP_RESPONSE *response) {
    unsigned char *der = NULL;
    int len = response ? i2d_OCSP_RESPONSE(response, &der) : -1;
    p->type = "application/ocsp-response";
    p->status = len > 0 ? 200 : 500;
    if (len > 0)
        buf_add(&p->body, der, (size_t) len);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
}

/* RFC 6960 2.3: unsigned, and for this moment alone. */
static int send_failure(struct reply *p, int status) {
    reply_header(p, "Cache-Control", "no-store");
    send_response(p, OCSP_response_create(status, NULL));
    return 0;
}

/* ---- the answer */

static bool add_status(OCSP_BASICRESP *basic, OCSP_CERTID *id, const struct db_rows *rows, size_t *row, size_t place,
                       ASN1_TIME *from, ASN1_TIME *to) {
    int status = V_OCSP_CERTSTATUS_UNKNOWN, reason = -1;
    ASN1_TIME *revoked = NULL;
    if (*row < db_rows_count(rows) && db_int64(rows, *row, 0) == (int64_t) place) {
        status = V_OCSP_CERTSTATUS_GOOD;
        if (!db_is_null(rows, *row, 2)) {
            status = V_OCSP_CERTSTATUS_REVOKED;
            /* As in the CRL: reason 0 is said by leaving it out. */
            reason = db_int64(rows, *row, 1) > 0 ? (int) db_int64(rows, *row, 1) : -1;
            revoked = ASN1_TIME_set(NULL, (time_t) (db_time(rows, *row, 2) / USEC_PER_SEC));
        }
        (*row)++;
    }
    bool good = (status != V_OCSP_CERTSTATUS_REVOKED || revoked) &&
                OCSP_basic_add1_status(basic, id, status, reason, revoked, from, to);
    ASN1_TIME_free(revoked);
    return good;
}

static OCSP_RESPONSE *make_response(const struct ocsp_question *q, const struct responder_voice *voice,
                                    const struct db_rows *rows, int64_t now_usec, int64_t next_usec) {
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_RESPONSE *response = NULL;
    ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t) (now_usec / USEC_PER_SEC)),
              *to = ASN1_TIME_set(NULL, (time_t) (next_usec / USEC_PER_SEC));
    bool good = basic && from && to;
    size_t row = 0;
    for (size_t i = 0; good && i < q->n; i++)
        good = add_status(basic, q->ids[i], rows, &row, i + 1, from, to);
    if (good && q->has_nonce)
        good = OCSP_copy_nonce(basic, q->request) == 1;
    if (good && OCSP_basic_sign(basic, voice->certificate, voice->key, EVP_sha256(), NULL, OCSP_RESPID_KEY) == 1)
        response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    OCSP_BASICRESP_free(basic);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    return response;
}

/* RFC 5019 6.2: what was asked by GET, without a nonce, and is known, may be kept for a while. */
static void put_cache_headers(const struct request *r, struct reply *p, const struct ocsp_question *q, bool known,
                              int64_t now_usec) {
    if (strcmp(r->method, "POST") == 0 || q->has_nonce || !known) {
        reply_header(p, "Cache-Control", "no-store");
        return;
    }
    uint8_t digest[SHA256_DIGEST_LENGTH];
    _cleanup_buf_ struct buf tag = {0};
    (void) SHA256((const unsigned char *) p->body.data, p->body.len, digest);
    text_hex(&tag, digest, sizeof(digest));
    reply_header(p, "Cache-Control", "public, no-transform, must-revalidate, max-age=%d", MAX_AGE_SEC);
    reply_header(p, "ETag", "\"%s\"", buf_string(&tag));
    pki_date_header(p, "Last-Modified", now_usec);
    pki_date_header(p, "Expires", now_usec + MAX_AGE_SEC * USEC_PER_SEC);
}

static int answer(struct thread *t, struct request *r, struct reply *p, const struct ocsp_question *q,
                  const struct responder_voice *voice) {
    int64_t now = clock_realtime_usec(), next = now + ANSWER_USEC;
    if (next > voice->not_after_usec)
        next = voice->not_after_usec;
    if (!voice->certificate || next - now < ANSWER_MIN_USEC)
        return send_failure(p, OCSP_RESPONSE_STATUS_TRYLATER);
    struct db_bytes serials[OCSP_SERIALS_MAX];
    for (size_t i = 0; i < q->n; i++)
        serials[i] = (struct db_bytes){q->serials[i], OCSP_SERIAL_BYTES};
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = ocsp_status(t->db_public, voice->issuer, serials, q->n, &rows);
    if (n < 0)
        return send_failure(p, OCSP_RESPONSE_STATUS_TRYLATER);
    OCSP_RESPONSE *response = make_response(q, voice, rows, now, next);
    if (!response)
        return send_failure(p, OCSP_RESPONSE_STATUS_INTERNALERROR);
    send_response(p, response);
    put_cache_headers(r, p, q, (size_t) n == q->n, now);
    return 0;
}

static int answer_der(struct thread *t, struct request *r, struct reply *p, const void *der, size_t len) {
    struct ocsp_question q = {0};
    struct responder_voice voice = {0};
    struct responder *responder = ((struct exchange *) r->core)->server->responder;
    int result = 0;
    bool same = true;
    if (!ocsp_question_read(&q, der, len))
        result = send_failure(p, OCSP_RESPONSE_STATUS_MALFORMEDREQUEST);
    else if (!responder_find(responder, q.ids[0], &voice))
        result = send_failure(p, OCSP_RESPONSE_STATUS_UNAUTHORIZED);
    else {
        for (size_t i = 1; i < q.n; i++)
            same = same && responder_names(q.ids[i], voice.ca);
        result = same ? answer(t, r, p, &q, &voice) : send_failure(p, OCSP_RESPONSE_STATUS_UNAUTHORIZED);
    }
    responder_voice_done(&voice);
    ocsp_question_done(&q);
    return result;
}

static int ocsp_get(struct thread *t, struct request *r, struct reply *p) {
    _cleanup_buf_ struct buf der = {0};
    if (text_from_base64(r->segment[0], strlen(r->segment[0]), &der) < 0 || der.failed)
        return send_failure(p, OCSP_RESPONSE_STATUS_MALFORMEDREQUEST);
    return answer_der(t, r, p, der.data, der.len);
}

static int ocsp_post(struct thread *t, struct request *r, struct reply *p) {
    return answer_der(t, r, p, r->body.data, r->body.len);
}

const struct route ocsp_routes[] = {
    {LISTENER_PKI, "GET", "/ocsp/{*}", ACCESS_ANYONE, .handle = ocsp_get},
    {LISTENER_PKI, "POST", "/ocsp", ACCESS_ANYONE, .body_type = "application/ocsp-request", .handle = ocsp_post},
    {.handle = NULL},
};
