/*
 * What the files of the HTTP core share: the exchange (one request and its reply) and the server. Handlers see http.h only.
 *
 * The life of an exchange: READING on a pool thread of libmicrohttpd → suspended and QUEUED → run on a database thread, or
 * parked and run again → ANSWERED: resumed, sent, and, where somebody wants to know, watched until the peer has it all.
 */
#pragma once

#include <microhttpd.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "services/ingress/http/http.h"

#define PARAMETERS_MAX 160 /* a page of certificates has 100 to choose */
#define PARAMETER_BYTES_MAX 4096
#define HEADERS_MAX 64
#define WHY_MAX 96

enum phase { PHASE_NEW, PHASE_READING, PHASE_QUEUED, PHASE_ANSWERED };

struct pair {
    char *name, *value; /* one allocation, at name */
};

struct exchange {
    struct request request;
    struct reply reply;
    struct server *server;
    struct MHD_Connection *connection;
    const struct route *route;
    enum phase phase;
    char *segments[4];
    struct pair parameter[PARAMETERS_MAX], header[HEADERS_MAX];
    unsigned parameters, headers;
    unsigned query_parameters; /* the first ones of parameter[] */
    uint8_t fingerprint[32];   /* of the client certificate; only with registrar_error NONE */
    /* the body */
    struct MHD_PostProcessor *post;
    EVP_MD_CTX *digest;
    int64_t body_bytes;     /* so far */
    bool in_file;           /* the part being read is the file */
    bool in_json;           /* the body is JSON: its members become parameters */
    enum error body_error;  /* why the body cannot be used; the rest is dropped */
    char body_why[WHY_MAX]; /* of ERROR_BAD_REQUEST: where */
    int64_t begun_usec;     /* when its head was complete; monotonic */
    /* the queue */
    int64_t complete_usec, due_usec;        /* monotonic */
    struct exchange *next;                  /* ready or parked */
    struct exchange *inside_next, **inside; /* all that are not answered; inside points at what points here */
    /* the delivery */
    int watch_fd; /* duplicate of the socket, -1: nobody wants to know */
    int64_t deadline_usec;
    uint64_t reply_end; /* in bytes acknowledged */
};

struct queue;
struct deliveries;
struct responder;
struct patience;
struct tls_holder;

/* What is remembered of a connection. */
struct visitor {
    void *visit; /* patience.c's */
    void *tls;   /* tls.c's */
};

struct server {
    struct context *context;
    struct MHD_Daemon *daemon[3]; /* by enum listener */
    char *tls_certificate, *tls_key, *client_ca;
    struct queue *queue;
    struct deliveries *deliveries;
    struct patience *patience;
    struct responder *responder;
    struct tls_holder *tls;
    const char *spool;
    int64_t body_bytes_max;
    bool secure[3]; /* https */
};

struct server_options {
    const char *listen[3]; /* address:port by enum listener, unless inherited */
    const char *tls_certificate, *tls_key, *client_ca, *spool;
    int64_t threads, queue_max, queue_per_registrar, connections, patience_usec;
};

/* server.c */
extern const char *const listener_names[3]; /* by enum listener */
int server_open(struct server **ret, struct context *c, const struct server_options *options);
/* Certificate, key and client CAs are read anew, for connections to come; what was read before stays where they are wrong. */
void server_reload(struct server *server, const struct server_options *options);
void server_close(struct server *server);

/* exchange.c: copies of what the connection holds, so that database threads touch nothing of the library's. */
struct exchange *exchange_new(const char *uri); /* as in the request line; NULL without memory */
bool exchange_begin(struct exchange *x, struct server *server, enum listener listener,
                    struct MHD_Connection *connection, const char *method); /* false without memory */
void exchange_free(struct exchange *x);
/* False without room or memory, or for a value with a NUL in it. */
bool exchange_parameter(struct exchange *x, const char *name, const char *value, size_t len);
/* The request cannot be read: where, in words of no language. What was said first stays. */
void exchange_unreadable(struct exchange *x, const char *format, ...) _printf_(2, 3);
/* The first parameter of an API's request that its route does not take; NULL: there is none. */
const char *exchange_unknown_parameter(const struct exchange *x);
enum MHD_Result exchange_send(struct exchange *x);

/* body.c: 0, or -errno (no room on disk, no memory); what the client did wrong is body_error. */
int body_begin(struct exchange *x);
void body_take(struct exchange *x, const char *data, size_t len);
void body_end(struct exchange *x);

/* identity.c: from the TLS session, no database. Sets registrar_error and fingerprint. */
void identity_read(struct exchange *x);
/* From the database: sets registrar or registrar_error. 0 or negative as of a handler. */
int identity_look(struct thread *t, struct exchange *x);

/* router.c */
const struct route *router_find(enum listener listener, const char *method, const char *path, char *segments[static 4],
                                const char **ret_allow);
/* origin.c: what a browser says about where a state-changing request came from. */
bool origin_is_foreign(const char *origin, const char *fetch_site, const char *host, bool secure);

/* language.c: of ?lang=, the Cookie header, Accept-Language, in this order; each may be NULL. Japanese when none says. */
enum language language_choose(const char *wanted, const char *cookies, const char *accepted);

/* queue.c: database threads. max: requests inside, parked ones too; per_registrar: of one client certificate. */
int queue_open(struct queue **ret, struct server *server, int64_t threads, int64_t max, int64_t per_registrar);
/* ERROR_NONE, or why there is no place for it. */
enum error queue_put(struct queue *q, struct exchange *x);
void queue_close(struct queue *q); /* answers what waits with 503 */

/* delivery.c */
int deliveries_open(struct deliveries **ret, struct server *server);
/* Takes x over; written: the library gave the whole reply to the kernel. */
void deliveries_watch(struct deliveries *d, struct exchange *x, bool written);
void deliveries_close(struct deliveries *d);

/* patience.c: limits for a request's head, and for its body or the reply at a minimal pace. */
int patience_open(struct patience **ret, int64_t limit_usec);
void patience_close(struct patience *p);
/* When a connection begins and ends; visit: of its visitor. */
void patience_connection(struct patience *p, struct MHD_Connection *connection, void **visit,
                         enum MHD_ConnectionNotificationCode what);
/* From since on (monotonic) it is the client's turn: with so many bytes to send or to take, 0 for a head. */
void patience_await(struct patience *p, struct MHD_Connection *connection, int64_t since_usec, int64_t bytes);
void patience_rest(struct patience *p, struct MHD_Connection *connection); /* it is ours */

/* main.c: connections of a database thread. 0 or -ENOMEM. */
int thread_open(struct thread *t, struct context *c);
void thread_close(struct thread *t);
