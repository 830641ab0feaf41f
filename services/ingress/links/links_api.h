/* One-time links as registrars see them, for the API and the pages. */
#pragma once

#include "services/ingress/http/http.h"
#include "store/link.h"

/* A page of what is not fetched, or the link of one application. */
struct links_query {
    int64_t after;
    int limit;
    int64_t application; /* 0: the page */
};

/* 0, or -EINVAL when a parameter (cursor, limit) cannot be used: the reply then says so. */
int links_query_read(const struct request *r, struct reply *p, struct links_query *ret);
/* {"links": […], "next": "cursor" or null} of the registrar's organisation. 0, or negative as of a handler. The caller owns *ret. */
int links_query_run(struct thread *t, const struct request *r, const struct links_query *query, json_t **ret);
/*
 * Sends the one-time link of an application again, to the parameter manager_mail where that is given. 1 and when the link ends, or 0:
 * the reply says why not; negative as of a handler.
 */
int links_resend(struct thread *t, const struct request *r, struct reply *p, const char *application,
                 int64_t *ret_expires_usec);
