/* Certificates as JSON, for the API and the pages. */
#pragma once

#include "services/ingress/http/http.h"
#include "store/certificate.h"

/* What a client asks for by q, state, expires_before, cursor and limit. */
struct certificate_query {
    struct certificate_filter filter;
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
/* By its serial number as people write it. 1 and a row of certificate_get(), 0: the organisation has none, or negative as of a handler. */
int certificate_read_one(struct thread *t, const struct request *r, const char *serial, struct db_rows **ret);
/* The handler of serverAll.tsv (manual 1-4) and its query, which the list of columns makes (server_all.def). */
int certificate_server_all(struct thread *t, struct request *r, struct reply *p);
/* 全証明書情報一括ダウンロード: the same columns, all kinds. */
int certificate_all(struct thread *t, struct request *r, struct reply *p);
extern const struct statement server_all_statement;
/* One row of certificate_list() or certificate_get(). New reference, NULL without memory. */
json_t *certificate_json(const struct db_rows *rows, size_t row);
