/* 発行証明書統計照会, for the API and the page. */
#pragma once

#include "services/ingress/http/http.h"

#define STATISTICS_MONTHS_MAX 120

/* Months since 1970-01, Japan's, both inclusive. */
struct statistics_query {
    int from, to;
};

/*
 * From the parameters from and to, "2026-11"; by default the twelve months that end with this one. 0, or -EINVAL when they cannot
 * be used: the reply then says so.
 */
int statistics_query_read(const struct request *r, struct reply *p, struct statistics_query *ret);
/*
 * {from, to, at, months: [{month, profile, issued, renewed, revoked}], profiles: [{profile, issued, renewed, revoked, valid}],
 * total: {issued, renewed, revoked, valid}} of the registrar's organisation; months without anything are left out. 0, or negative as
 * of a handler. The caller owns *ret.
 */
int statistics_query_run(struct thread *t, const struct request *r, const struct statistics_query *query, json_t **ret);
/* "2026-11" */
json_t *statistics_month(int month);
