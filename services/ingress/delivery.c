/*
 * Was a reply delivered? The library says "sent" when the kernel took the bytes; only the peer's acknowledgements say that they
 * arrived: SIOCOUTQ (bytes not yet acknowledged) must come to 0 within a time limit. A reset leaves it above 0.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/clock.h"
#include "log.h"
#include "services/ingress/core.h"

#define LIMIT_USEC (10 * USEC_PER_SEC)
#define POLL_USEC (5 * USEC_PER_MSEC)

struct deliveries {
    struct server *server;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct exchange *list;
    bool stop;
    pthread_t thread;
    bool running;
};

/* 1 all acknowledged, 0 not yet, -1 never. */
static int look(const struct exchange *x) {
    int waiting = 0;
    if (x->watch_fd < 0 || ioctl(x->watch_fd, SIOCOUTQ, &waiting) < 0)
        return -1;
    if (waiting == 0)
        return 1;
    return clock_monotonic_usec() > x->deadline_usec ? -1 : 0;
}

static void finish(struct thread *t, struct exchange *x, bool whole) {
    x->reply.delivered(t, x->reply.delivered_ctx, whole);
    exchange_free(x);
}

/* The whole list, so that the lock is not held while a socket or the database is asked. */
static struct exchange *wait_for_list(struct deliveries *d, bool *ret_stop) {
    pthread_mutex_lock(&d->lock);
    while (!d->list && !d->stop)
        pthread_cond_wait(&d->wake, &d->lock);
    struct exchange *list = d->list;
    d->list = NULL;
    *ret_stop = d->stop;
    pthread_mutex_unlock(&d->lock);
    return list;
}

static void put_back(struct deliveries *d, struct exchange *x) {
    pthread_mutex_lock(&d->lock);
    x->next = d->list;
    d->list = x;
    pthread_mutex_unlock(&d->lock);
}

static void *run(void *arg) {
    struct deliveries *d = arg;
    struct thread t = {0};
    bool stop = thread_open(&t, d->server->context) < 0;
    while (!stop) {
        struct exchange *next = wait_for_list(d, &stop);
        bool waiting = false;
        for (struct exchange *x = next; x; x = next) {
            next = x->next;
            int seen = look(x);
            /* On stopping, what is not acknowledged now counts as not delivered: the link stays usable. */
            if (seen != 0 || stop)
                finish(&t, x, seen > 0);
            else {
                put_back(d, x);
                waiting = true;
            }
        }
        struct timespec pause = {.tv_nsec = POLL_USEC * 1000};
        if (waiting)
            (void) nanosleep(&pause, NULL);
    }
    thread_close(&t);
    return NULL;
}

int deliveries_open(struct deliveries **ret, struct server *server) {
    struct deliveries *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->server = server;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->wake, NULL);
    d->running = pthread_create(&d->thread, NULL, run, d) == 0;
    if (!d->running) {
        deliveries_close(d);
        return -EAGAIN;
    }
    *ret = d;
    return 0;
}

void deliveries_watch(struct deliveries *d, struct exchange *x) {
    x->deadline_usec = clock_monotonic_usec() + LIMIT_USEC;
    pthread_mutex_lock(&d->lock);
    x->next = d->list;
    d->list = x;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
}

void deliveries_close(struct deliveries *d) {
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
    if (d->running)
        pthread_join(d->thread, NULL);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->lock);
    free(d);
}
