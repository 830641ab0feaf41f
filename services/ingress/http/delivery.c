/*
 * Was a reply delivered? The library says "sent" when the kernel took the bytes; only the peer's acknowledgements say that they
 * arrived: those of all bytes up to the reply's end must come within a time limit. What follows the reply does not count: many
 * clients hang up as soon as they have it, and never acknowledge TLS's close_notify.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "log.h"
#include "services/ingress/http/core.h"

#define LIMIT_USEC (10 * USEC_PER_SEC)
#define POLL_USEC (5 * USEC_PER_MSEC)
#define STATE_CLOSE 7 /* TCP_CLOSE of netinet/tcp.h, which cannot be included beside linux/tcp.h */

struct deliveries {
    struct server *server;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct exchange *list;
    bool stop;
    pthread_t thread;
    bool running;
};

/* tcpi_bytes_acked: what the peer has acknowledged since the connection began; also known after a reset. */
static int connection_info(int fd, struct tcp_info *ret) {
    socklen_t len = sizeof(*ret);
    memset(ret, 0, sizeof(*ret));
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, ret, &len) < 0 ? -errno : 0;
}

/* Where, in bytes acknowledged, all that was written so far will have arrived. */
static int bytes_written(int fd, uint64_t *ret) {
    struct tcp_info before, after;
    int waiting = 0;
    do {
        if (connection_info(fd, &before) < 0 || ioctl(fd, SIOCOUTQ, &waiting) < 0 || connection_info(fd, &after) < 0)
            return -EIO;
    } while (before.tcpi_bytes_acked != after.tcpi_bytes_acked);
    *ret = after.tcpi_bytes_acked + (unsigned) waiting;
    return 0;
}

/* 1 all acknowledged, 0 not yet, -1 never. */
static int look(const struct exchange *x) {
    struct tcp_info info;
    if (x->watch_fd < 0 || connection_info(x->watch_fd, &info) < 0)
        return -1;
    if (info.tcpi_bytes_acked >= x->reply_end)
        return 1;
    return info.tcpi_state == STATE_CLOSE || clock_monotonic_usec() > x->deadline_usec ? -1 : 0;
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

/* Called when the library has written the reply and nothing after it. */
void deliveries_watch(struct deliveries *d, struct exchange *x, bool written) {
    if (!written || x->watch_fd < 0 || bytes_written(x->watch_fd, &x->reply_end) < 0) {
        closep(&x->watch_fd);
        x->watch_fd = -1;
    }
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
