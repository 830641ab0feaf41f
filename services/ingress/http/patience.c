/*
 * How long a client may take. libmicrohttpd's time limit begins anew with each byte, so that a few clients who send or take one
 * byte now and then could hold all connections for ever. Here the limit is for the whole: the head of a request (TLS handshake
 * included), and then its body or the reply at no less than a certain pace. Who is slower is cut off.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "log.h"
#include "metrics.h"
#include "services/ingress/http/core.h"

#define PACE_BYTES_PER_SEC 4096
#define LOOK_USEC (500 * USEC_PER_MSEC)

struct visit {
    int fd;
    int64_t deadline_usec; /* monotonic; 0: it is our turn */
    bool cut;
    struct visit *next, **self; /* self points at what points here */
};

struct patience {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct visit *visits;
    int64_t limit_usec;
    bool stop, running;
    pthread_t thread;
};

static void look(struct patience *p) {
    int64_t now = clock_monotonic_usec();
    for (struct visit *v = p->visits; v; v = v->next) {
        if (v->deadline_usec == 0 || now < v->deadline_usec || v->cut)
            continue;
        /* The library finds its end and closes it; the descriptor is open until it has told us of that. */
        (void) shutdown(v->fd, SHUT_RDWR);
        v->cut = true;
        metrics_add(METRIC_HTTP_CUT_OFF, NULL, 1);
    }
}

static void *run(void *arg) {
    struct patience *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        look(p);
        int64_t next = clock_monotonic_usec() + LOOK_USEC;
        struct timespec until = {.tv_sec = next / USEC_PER_SEC, .tv_nsec = next % USEC_PER_SEC * 1000};
        (void) pthread_cond_timedwait(&p->wake, &p->lock, &until);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

int patience_open(struct patience **ret, int64_t limit_usec) {
    struct patience *p = calloc(1, sizeof(*p));
    pthread_condattr_t attributes;
    if (!p)
        return -ENOMEM;
    p->limit_usec = limit_usec;
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&p->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    p->running = pthread_create(&p->thread, NULL, run, p) == 0;
    if (!p->running) {
        patience_close(p);
        return -EAGAIN;
    }
    *ret = p;
    return 0;
}

void patience_close(struct patience *p) {
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    if (p->running)
        pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static void begin(struct patience *p, struct MHD_Connection *connection, void **ret_visit) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct visit *v = info ? calloc(1, sizeof(*v)) : NULL;
    *ret_visit = v;
    if (!v)
        return; /* without memory it has the library's limit alone */
    v->fd = info->connect_fd;
    v->deadline_usec = clock_monotonic_usec() + p->limit_usec;
    pthread_mutex_lock(&p->lock);
    v->next = p->visits;
    v->self = &p->visits;
    if (v->next)
        v->next->self = &v->next;
    p->visits = v;
    pthread_mutex_unlock(&p->lock);
}

static void end(struct patience *p, struct visit *v) {
    if (!v)
        return;
    pthread_mutex_lock(&p->lock);
    *v->self = v->next;
    if (v->next)
        v->next->self = v->self;
    pthread_mutex_unlock(&p->lock);
    free(v);
}

void patience_connection(struct patience *p, struct MHD_Connection *connection, void **visit,
                         enum MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        begin(p, connection, visit);
    else
        end(p, *visit);
}

static void set_deadline(struct patience *p, struct MHD_Connection *connection, int64_t usec) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    const struct visitor *visitor = info ? info->socket_context : NULL;
    struct visit *v = visitor ? visitor->visit : NULL;
    if (!v)
        return;
    pthread_mutex_lock(&p->lock);
    v->deadline_usec = usec;
    pthread_mutex_unlock(&p->lock);
}

void patience_await(struct patience *p, struct MHD_Connection *connection, int64_t since_usec, int64_t bytes) {
    int64_t more = bytes / PACE_BYTES_PER_SEC * USEC_PER_SEC;
    set_deadline(p, connection, since_usec + p->limit_usec + more);
}

void patience_rest(struct patience *p, struct MHD_Connection *connection) {
    set_deadline(p, connection, 0);
}
