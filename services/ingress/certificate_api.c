/* GET /api/v1/certificates…, POST /api/v1/links/{application}/resend */
#include "services/ingress/certificate_api.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "services/ingress/certificate_view.h"
#include "store/link.h"

static int certificates(struct thread *t, struct request *r, struct reply *p) {
    struct certificate_query query;
    if (certificate_query_read(r, p, &query) < 0)
        return 0;
    json_t *page = NULL;
    int result = certificate_query_run(t, r, &query, &page);
    if (result == 0)
        reply_json(p, 200, page);
    return result;
}

struct getting {
    uint8_t serial[16];
    struct db_rows *rows;
};

static int get_work(struct db *db, void *ctx) {
    struct getting *g = ctx;
    db_rows_free(g->rows);
    g->rows = NULL;
    return (int) certificate_get(db, g->serial, &g->rows);
}

/* {serial} or {serial}.pem */
static int certificate(struct thread *t, struct request *r, struct reply *p) {
    const char *name = r->segment[0];
    size_t len = strlen(name);
    bool pem = len > 4 && strcmp(name + len - 4, ".pem") == 0;
    char serial[64];
    struct getting g = {0};
    int result = 0;
    if (len < sizeof(serial)) {
        memcpy(serial, name, len + 1);
        serial[pem ? len - 4 : len] = '\0';
        if (text_parse_serial(serial, g.serial) == 0)
            result = db_transaction(t->db, "certificate_get", r->registrar.organisation, get_work, &g);
    }
    _cleanup_rows_ struct db_rows *rows = g.rows;
    if (result < 0)
        return result;
    if (result == 0) {
        reply_error(r, p, ERROR_NOT_FOUND, NULL, 0);
        return 0;
    }
    if (!pem) {
        reply_json(p, 200, certificate_json(rows, 0));
        return 0;
    }
    certificate_pem(&p->body, db_bytes(rows, 0, CERTIFICATE_DER));
    certificate_pem(&p->body, db_bytes(rows, 0, CERTIFICATE_ISSUER_DER));
    p->type = "application/x-pem-file";
    reply_header(p, "Content-Disposition", "attachment; filename=\"%s.pem\"", db_text(rows, 0, CERTIFICATE_CN));
    return 0;
}

struct resending {
    int64_t application, registrar;
    int life_days;
    enum link_status status;
    int64_t expires_usec, job;
};

static int resend_work(struct db *db, void *ctx) {
    struct resending *s = ctx;
    return link_resend(db, s->application, s->registrar, s->life_days, &s->status, &s->expires_usec, &s->job);
}

int certificate_resend(struct thread *t, const struct request *r, struct reply *p, const char *application,
                       int64_t *ret_expires_usec) {
    struct resending s = {.registrar = r->registrar.id, .status = LINK_UNKNOWN};
    if (text_to_int64(application, 1, INT64_MAX, &s.application) == 0) {
        const struct policy *policy;
        int result = service_policy(t->context, t->db, &policy);
        if (result < 0)
            return result;
        s.life_days = policy->link_days;
        result = db_transaction(t->db, "link_resend", r->registrar.organisation, resend_work, &s);
        if (result < 0)
            return result;
    }
    if (s.status == LINK_OPEN) {
        bus_hint(t->context->bus, STAGE_send, s.job);
        *ret_expires_usec = s.expires_usec;
        return 1;
    }
    reply_error(r, p,
                s.status == LINK_REVOKED ? ERROR_LINK_REVOKED
                : s.status == LINK_BUSY  ? ERROR_LINK_BUSY
                                         : ERROR_NOT_FOUND,
                NULL, 0);
    return 0;
}

static int resend(struct thread *t, struct request *r, struct reply *p) {
    int64_t expires_usec;
    int result = certificate_resend(t, r, p, r->segment[0], &expires_usec);
    if (result <= 0)
        return result;
    char text[CLOCK_TEXT_MAX];
    reply_json(p, 202,
               json_pack("{s:s, s:s}", "application", r->segment[0], "expires", clock_rfc3339(expires_usec, text)));
    return 0;
}

const struct route certificate_api_routes[] = {
    {LISTENER_REGISTRAR, "GET", "/api/v1/certificates", ACCESS_REGISTRAR, false, false, certificates},
    {LISTENER_REGISTRAR, "GET", "/api/v1/certificates.tsv", ACCESS_REGISTRAR, false, false, certificate_server_all},
    {LISTENER_REGISTRAR, "GET", "/api/v1/certificates/{}", ACCESS_REGISTRAR, false, false, certificate},
    {LISTENER_REGISTRAR, "POST", "/api/v1/links/{}/resend", ACCESS_REGISTRAR, true, false, resend},
    {.handle = NULL},
};
