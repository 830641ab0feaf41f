/* GET /api/v1/links, POST /api/v1/links/{application}/resend */
#include "services/ingress/links/links_api.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "proto/tsv.h"
#include "services/ingress/http/listing.h"

/* ---- what is not fetched */

int links_query_read(const struct request *r, struct reply *p, struct links_query *ret) {
    *ret = (struct links_query){0};
    return listing_cursor(r, p, &ret->after) < 0 || listing_limit(r, p, &ret->limit) < 0 ? -EINVAL : 0;
}

static json_t *link_json(const struct db_rows *rows, size_t i) {
    struct db_bytes number = db_bytes(rows, i, LINK_LIST_SERIAL);
    _cleanup_buf_ struct buf serial = {0};
    text_serial(&serial, number.data, number.len);
    return json_pack("{s:o, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "application",
                     listing_id(db_int64(rows, i, LINK_LIST_APPLICATION)), "serial", buf_string(&serial), "cn",
                     db_text(rows, i, LINK_LIST_CN), "manager_mail", db_text(rows, i, LINK_LIST_MAIL), "state",
                     db_text(rows, i, LINK_LIST_STATE), "sent", listing_time(rows, i, LINK_LIST_SENT), "expires",
                     listing_time(rows, i, LINK_LIST_EXPIRES), "fetched", listing_time(rows, i, LINK_LIST_FETCHED));
}

struct listing {
    const struct links_query *query;
    struct db_rows *rows;
};

static int list_work(struct db *db, void *ctx) {
    struct listing *l = ctx;
    db_rows_free(l->rows);
    l->rows = NULL;
    const struct links_query *query = l->query;
    /* One more than asked for tells whether there is a next page. */
    int64_t n = query->application ? link_get(db, query->application, &l->rows)
                                   : link_list(db, query->after, query->limit + 1, &l->rows);
    return n < 0 ? (int) n : 0;
}

int links_query_run(struct thread *t, const struct request *r, const struct links_query *query, json_t **ret) {
    struct listing l = {.query = query};
    int result = db_transaction(t->db, "link_list", r->registrar.organisation, list_work, &l);
    _cleanup_rows_ struct db_rows *rows = l.rows;
    if (result < 0)
        return result;
    size_t n = db_rows_count(rows), shown = n > (size_t) query->limit ? n - 1 : n;
    json_t *list = json_array();
    for (size_t i = 0; i < shown; i++)
        if (json_array_append_new(list, link_json(rows, i)) < 0) {
            json_decref(list);
            return -ENOMEM;
        }
    json_t *next = n > shown ? listing_id(db_int64(rows, shown - 1, LINK_LIST_ID)) : json_null();
    *ret = json_pack("{s:o, s:o}", "links", list, "next", next);
    return *ret ? 0 : -ENOMEM;
}

static int links(struct thread *t, struct request *r, struct reply *p) {
    struct links_query query;
    if (links_query_read(r, p, &query) < 0)
        return 0;
    json_t *page = NULL;
    int result = links_query_run(t, r, &query, &page);
    if (result == 0)
        reply_json(p, 200, page);
    return result;
}

/* ---- sending again */

struct resending {
    int64_t application, registrar;
    int life_days;
    const char *new_mail;
    enum link_status status;
    int64_t expires_usec, job;
};

static int resend_work(struct db *db, void *ctx) {
    struct resending *s = ctx;
    return link_resend(db, s->application, s->registrar, s->life_days, s->new_mail, &s->status, &s->expires_usec,
                       &s->job);
}

/* The corrected address, if one is given. 0, or -EINVAL: the reply says why it cannot be used. */
static int read_mail(const struct request *r, struct reply *p, const char **ret) {
    const char *mail = request_parameter(r, "manager_mail");
    *ret = mail && *mail ? mail : NULL;
    if (!*ret || tsv_is_manager_mail(*ret))
        return 0;
    return reply_bad_parameter(r, p, "manager_mail", mail, "name@example.ac.jp");
}

int links_resend(struct thread *t, const struct request *r, struct reply *p, const char *application,
                 int64_t *ret_expires_usec) {
    struct resending s = {.registrar = r->registrar.id, .status = LINK_UNKNOWN};
    if (read_mail(r, p, &s.new_mail) < 0)
        return 0;
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
    int result = links_resend(t, r, p, r->segment[0], &expires_usec);
    if (result <= 0)
        return result;
    char text[CLOCK_TEXT_MAX];
    reply_json(p, 202,
               json_pack("{s:s, s:s}", "application", r->segment[0], "expires", clock_rfc3339(expires_usec, text)));
    return 0;
}

const struct route links_api_routes[] = {
    {LISTENER_REGISTRAR, "GET", "/api/v1/links", ACCESS_REGISTRAR, false, false, links, .takes = "cursor, limit"},
    {LISTENER_REGISTRAR, "POST", "/api/v1/links/{}/resend", ACCESS_REGISTRAR, true, false, resend,
     .takes = "manager_mail"},
    {.handle = NULL},
};
