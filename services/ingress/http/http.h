/*
 * The ingress's HTTP core: three listeners, one route table, handlers that run on database threads.
 *
 * libmicrohttpd's pool threads read a request to its end (the file of an upload goes to an unlinked spool file and is
 * hashed on the way), suspend the connection and queue it; one of a few database threads runs the handler and the
 * connection is resumed with the reply. A full queue answers 503 with Retry-After. So a slow client never holds a database
 * connection, and a slow query never holds a pool thread.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/errors.h"
#include "service.h"

enum listener {
    LISTENER_REGISTRAR, /* https, client certificate requested */
    LISTENER_PUBLIC,    /* https, one-time links */
    LISTENER_PKI,       /* plain http: CA certificates, CRL, OCSP */
};

enum access {
    ACCESS_ANYONE,
    ACCESS_REGISTRAR, /* a page or a problem says what is wrong with the certificate otherwise */
};

enum language { LANGUAGE_JA, LANGUAGE_EN };

struct registrar {
    int64_t id, organisation;
    char name[256];
    char organisation_name[256];
    char organisation_name_en[256];
    bool organisation_active;
    bool issuing_expired; /* the organisation's 証明書発行有効期限 is past */
};

/* What the browser presented; texts as RFC 4514, "" when they cannot be shown. */
struct client_certificate {
    bool present;
    char subject[512], issuer[512];
    int64_t not_after_usec;
};

struct request {
    enum listener listener;
    const char *method, *path;
    const char *segment[4];     /* what the {…} of the route's pattern stand for, percent-decoded */
    enum language language;     /* ?lang=, cookie, Accept-Language; in this order */
    bool wants_html;            /* a page rather than JSON: not under /api/ */
    struct registrar registrar; /* id 0: none */
    enum error registrar_error; /* why there is none */
    struct client_certificate certificate;
    int file_fd; /* spooled file of the body or of the form's `file` part, at offset 0; -1: none */
    int64_t file_bytes;
    char file_name[256]; /* UTF-8, as sent; "" when not given */
    uint8_t file_sha256[32];
    struct buf body;       /* only where the route has a body_type, or of JSON */
    struct thread *thread; /* the database thread that runs it */
    void *core;
};

/* NULL when absent. Query parameters and form fields (or the members of a JSON object) are one name space, the latter first. */
const char *request_parameter(const struct request *r, const char *name);
/* The values of every parameter of that name, at most max; how many there are. */
size_t request_parameters(const struct request *r, const char *name, const char **ret, size_t max);
const char *request_header(const struct request *r, const char *name);
/* All parameters but one as "name=value&name=value&", percent-encoded. */
void request_put_query(const struct request *r, struct buf *to, const char *without);

struct reply {
    int status;       /* 200 by default */
    const char *type; /* static text; default application/json or text/html; charset=utf-8 */
    struct buf body;  /* owned by the reply */
    int file_fd;      /* in place of a body: the whole file, owned by the reply; -1: none */
    struct {
        const char *name;
        char *value;
    } header[8]; /* values malloc'ed, owned by the reply */
    unsigned headers;
    /*
     * Called on a database thread when it is known how the reply ended: whole = every byte was acknowledged by the peer's
     * kernel (SIOCOUTQ = 0 within 10 s), not merely handed to the library, which reports success for clients that
     * never read.
     */
    void (*delivered)(struct thread *t, void *ctx, bool whole);
    void *delivered_ctx; /* freed with free() after delivered */
};

void reply_header(struct reply *p, const char *name, const char *format, ...) _printf_(3, 4);
void reply_json(struct reply *p, int status, json_t *steal);
/* RFC 9457 problem details, or the error page where the request wants HTML. args as of error_text(). */
void reply_error(const struct request *r, struct reply *p, enum error error, const char *const *args, size_t n_args);
/* ERROR_BAD_PARAMETER: what was given ("" when nothing), and what is allowed. Always -EINVAL, for who reads a query. */
int reply_bad_parameter(const struct request *r, struct reply *p, const char *name, const char *value,
                        const char *allowed);
/* For a page that tells of an error in its own way: counts the error and gives its HTTP status. */
int reply_error_status(enum error error);
/* 303 See Other to a path of our own. */
void reply_redirect(struct reply *p, const char *format, ...) _printf_(2, 3);

struct thread {
    struct context *context;
    struct db *db;        /* role inkan_ingress */
    struct db *db_public; /* role inkan_public */
};

/*
 * 0: the reply stands. HANDLER_PARK: nothing to tell yet; the handler runs again in a moment (long polling), until
 * request_waited_usec() says that it must answer. Negative (enum db_result, -errno) becomes 503 or 500 by reply_error(); the
 * reply's content is dropped then.
 */
typedef int (*handler)(struct thread *t, struct request *r, struct reply *p);
#define HANDLER_PARK 1
/* Time since the request was complete. */
int64_t request_waited_usec(const struct request *r);

struct route {
    enum listener listener;
    const char *method;  /* "GET" serves HEAD too */
    const char *pattern; /* "/api/v1/uploads/{}/events"; {} a segment, {*} all the rest, slashes too */
    enum access access;
    bool changes_state; /* foreign Origin or Sec-Fetch-Site refused; forms need their CSRF token */
    bool takes_file;
    handler handle;
    const char *body_type; /* media type of a body that is kept as it is, in request.body; NULL: none is */
    const char *takes;     /* /api/: the parameters that there are, "cursor, limit"; NULL: none. lang is always one */
    const char *repeats;   /* the one field that a form may send several times (ticked boxes); NULL: none */
};

/* Ended by {.handle = NULL}; each file of handlers exports one such table, main.c's init joins them. */
extern const struct route upload_api_routes[], upload_file_routes[], certificate_api_routes[], permission_api_routes[],
    statistics_api_routes[], links_api_routes[], page_routes[], certificate_page_routes[], link_routes[], pki_routes[],
    ocsp_routes[];
