/* Certificates as JSON, for the API and the pages. */
#pragma once

#include "services/ingress/http.h"
#include "store/certificate.h"

/* What a client asks for by q, state, expires_before, cursor and limit. */
struct certificate_query {
    struct certificate_filter filter;
    char part[256];
    uint8_t serial[16];
};

/* 0, or -EINVAL when a parameter cannot be used: the reply then says so. */
int certificate_query_read(const struct request *r, struct reply *p, struct certificate_query *ret);
/*
 * {"certificates": […], "next": "cursor" or null} of the registrar's organisation. 0, or negative as of a handler. The
 * caller owns *ret.
 */
int certificate_query_run(struct thread *t, const struct request *r, const struct certificate_query *query,
                          json_t **ret);
/* The handler of serverAll.tsv (manual 1-4) and its query, which the list of columns makes (server_all.def). */
int certificate_server_all(struct thread *t, struct request *r, struct reply *p);
extern const struct statement server_all_statement;
/* One row of certificate_list() or certificate_get(). New reference, NULL without memory. */
json_t *certificate_json(const struct db_rows *rows, size_t row);
/*
 * Sends the one-time link of an application again. 1 and when it expires, or 0: the reply says why not; negative as of a
 * handler.
 */
int certificate_resend(struct thread *t, const struct request *r, struct reply *p, const char *application,
                       int64_t *ret_expires_usec);
