/* One HTTP request by libcurl: time limits, a bounded answer, no redirects. */
#pragma once

#include "base/buf.h"

struct http_tls {
    const char *certificate, *key, *ca; /* PEM files; NULL: none, the system's trust */
};

struct http_request {
    const char *url;
    const struct http_tls *tls; /* NULL: as in {0} */
    const char *body;           /* NULL: GET; else POST */
    size_t body_len;
    const char *content_type;
    const char *header; /* one more, "Name: value"; NULL: none */
    long timeout_sec;
};

/* The status, or 0 when there was no answer: reason (256 bytes) says why. */
long http_run(const struct http_request *request, struct buf *ret_body, char reason[static 256]);
