/*
 * The database threads. A full queue says so at once (503), and to one registrar with many requests in it (429); a handler that parks runs again in a moment, more seldom the
 * longer it waits.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "log.h"
#include "metrics.h"
#include "services/ingress/http/core.h"
#include "services/ingress/pages/pages.h"

#define THREADS_MAX 32
#define PARK_FIRST_USEC (2 * USEC_PER_MSEC)
#define PARK_LAST_USEC (200 * USEC_PER_MSEC)

struct queue {
    struct server *server;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct exchange *first, *last; /* ready, in order */
    struct exchange *parked;
    struct exchange *inside;
    int64_t length, max, per_registrar;
    bool stop;
    pthread_t thread[THREADS_MAX];
    int64_t threads;
};

static void append(struct queue *q, struct exchange *x) {
    x->next = NULL;
    if (q->last)
        q->last->next = x;
    else
        q->first = x;
    q->last = x;
}

static struct exchange *pop(struct queue *q) {
    struct exchange *x = q->first;
    if (x) {
        q->first = x->next;
        if (!q->first)
            q->last = NULL;
    }
    return x;
}

/* Parked ones whose time has come; returns when the next one's comes. */
static int64_t unpark(struct queue *q) {
    int64_t now = clock_monotonic_usec(), next = now + USEC_PER_SEC;
    for (struct exchange **p = &q->parked; *p;) {
        struct exchange *x = *p;
        if (x->due_usec <= now || q->stop) {
            *p = x->next;
            append(q, x);
            continue;
        }
        if (x->due_usec < next)
            next = x->due_usec;
        p = &x->next;
    }
    return next;
}

static struct exchange *take(struct queue *q) {
    pthread_mutex_lock(&q->lock);
    struct exchange *x = NULL;
    for (;;) {
        int64_t next = unpark(q);
        x = pop(q);
        if (x || q->stop)
            break;
        struct timespec until = {.tv_sec = next / USEC_PER_SEC, .tv_nsec = next % USEC_PER_SEC * 1000};
        (void) pthread_cond_timedwait(&q->wake, &q->lock, &until);
    }
    pthread_mutex_unlock(&q->lock);
    return x;
}

static void park(struct queue *q, struct exchange *x) {
    int64_t pause = request_waited_usec(&x->request) / 8;
    pause = pause < PARK_FIRST_USEC ? PARK_FIRST_USEC : pause > PARK_LAST_USEC ? PARK_LAST_USEC : pause;
    pthread_mutex_lock(&q->lock);
    x->due_usec = clock_monotonic_usec() + pause;
    x->next = q->parked;
    q->parked = x;
    pthread_cond_signal(&q->wake);
    pthread_mutex_unlock(&q->lock);
}

static bool is_known(const struct exchange *x) {
    return x->route->access == ACCESS_REGISTRAR && x->request.registrar_error == ERROR_NONE;
}

static int64_t count_of_same(const struct queue *q, const struct exchange *x) {
    int64_t n = 0;
    for (const struct exchange *i = q->inside; i; i = i->inside_next)
        n += is_known(i) && memcmp(i->fingerprint, x->fingerprint, sizeof(x->fingerprint)) == 0;
    return n;
}

static void enter(struct queue *q, struct exchange *x) {
    x->inside = &q->inside;
    x->inside_next = q->inside;
    if (q->inside)
        q->inside->inside = &x->inside_next;
    q->inside = x;
    q->length++;
}

static void leave(struct queue *q, struct exchange *x) {
    *x->inside = x->inside_next;
    if (x->inside_next)
        x->inside_next->inside = x->inside;
    q->length--;
}

/* A name that nobody reads is a mistake: "dryrun=true" would issue. False: the reply says so. */
static bool parameters_are_known(struct exchange *x) {
    const struct request *r = &x->request;
    const char *name = r->listener == LISTENER_REGISTRAR && !r->wants_html ? exchange_unknown_parameter(x) : NULL;
    if (name)
        reply_error(r, &x->reply, ERROR_UNKNOWN_PARAMETER,
                    (const char *const[]){name, x->route->takes ? x->route->takes : "lang"}, 2);
    return !name;
}

static int run_handler(struct thread *t, struct exchange *x) {
    struct request *r = &x->request;
    r->thread = t;
    if (x->route->access == ACCESS_REGISTRAR && r->wants_html && page_session(r) != SESSION_ON)
        return page_session_ended(r, &x->reply, page_session(r));
    if (x->route->access == ACCESS_REGISTRAR && r->registrar.id == 0) {
        int result = identity_look(t, x);
        if (result < 0)
            return result;
        if (r->registrar_error != ERROR_NONE) {
            reply_error(r, &x->reply, r->registrar_error, NULL, 0);
            return 0;
        }
    }
    return parameters_are_known(x) ? x->route->handle(t, r, &x->reply) : 0;
}

/* How long it took, unless it waited because the client wanted it to. */
static void observe(const struct exchange *x) {
    if (x->due_usec == 0)
        metrics_observe(METRIC_HTTP_SECONDS, listener_names[x->request.listener],
                        (double) request_waited_usec(&x->request) / USEC_PER_SEC);
}

static void answer(struct queue *q, struct exchange *x) {
    pthread_mutex_lock(&q->lock);
    leave(q, x);
    pthread_mutex_unlock(&q->lock);
    observe(x);
    x->phase = PHASE_ANSWERED;
    MHD_resume_connection(x->connection);
}

static void serve(struct queue *q, struct thread *t, struct exchange *x) {
    bool stopping = q->stop;
    int result = stopping ? -ESHUTDOWN : run_handler(t, x);
    if (result == HANDLER_PARK) {
        park(q, x);
        return;
    }
    if (result < 0) {
        bool passing = result == DB_RETRY || result == DB_UNSURE || stopping;
        if (!stopping)
            log_error("%s %s: failed (%d)", x->request.method, x->request.path, result);
        x->reply.delivered = NULL;
        reply_error(&x->request, &x->reply, passing ? ERROR_UNAVAILABLE : ERROR_INTERNAL, NULL, 0);
    }
    answer(q, x);
}

static void *run(void *arg) {
    struct queue *q = arg;
    struct thread t = {0};
    bool open = thread_open(&t, q->server->context) == 0;
    if (!open)
        log_error("a database thread has no memory");
    for (struct exchange *x; open && (x = take(q));)
        serve(q, &t, x);
    thread_close(&t);
    return NULL;
}

int queue_open(struct queue **ret, struct server *server, int64_t threads, int64_t max, int64_t per_registrar) {
    struct queue *q = calloc(1, sizeof(*q));
    pthread_condattr_t attributes;
    if (!q)
        return -ENOMEM;
    q->server = server;
    q->max = max;
    q->per_registrar = per_registrar;
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&q->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    while (q->threads < threads && q->threads < THREADS_MAX &&
           pthread_create(&q->thread[q->threads], NULL, run, q) == 0)
        q->threads++;
    if (q->threads == 0) {
        queue_close(q);
        return -EAGAIN;
    }
    *ret = q;
    return 0;
}

enum error queue_put(struct queue *q, struct exchange *x) {
    enum error error = ERROR_NONE;
    pthread_mutex_lock(&q->lock);
    if (q->length >= q->max || q->stop)
        error = ERROR_UNAVAILABLE;
    else if (is_known(x) && count_of_same(q, x) >= q->per_registrar)
        error = ERROR_OVERLOADED;
    if (error == ERROR_NONE) {
        enter(q, x);
        append(q, x);
        pthread_cond_signal(&q->wake);
    }
    pthread_mutex_unlock(&q->lock);
    return error;
}

void queue_close(struct queue *q) {
    if (!q)
        return;
    pthread_mutex_lock(&q->lock);
    q->stop = true;
    pthread_cond_broadcast(&q->wake);
    pthread_mutex_unlock(&q->lock);
    for (int64_t i = 0; i < q->threads; i++)
        pthread_join(q->thread[i], NULL);
    pthread_cond_destroy(&q->wake);
    pthread_mutex_destroy(&q->lock);
    free(q);
}
