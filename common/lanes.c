/*
 * Lanes: threads that take jobs of one daemon side by side, as further processes of it would, with one set of keys and lists in
 * memory. While one lane waits for the database, another computes. The first lane is the daemon's loop, which alone hears hints and
 * signals; each lane that finds a job wakes one more.
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "log.h"
#include "service_internal.h"

#define LANES_MAX 64

struct lane {
    struct context context;
    pthread_t thread;
    atomic_llong alive_usec; /* monotonic */
    bool started;
};

static struct lane lane[LANES_MAX]; /* [0] has no thread */
static unsigned lane_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake;
static unsigned calls; /* wakings that no lane has answered yet */

void lanes_wake(void) {
    pthread_mutex_lock(&lock);
    if (calls + 1 < lane_count) {
        calls++;
        pthread_cond_signal(&wake);
    }
    pthread_mutex_unlock(&lock);
}

static void wait_for_call(int64_t timeout_usec) {
    int64_t until = clock_monotonic_usec() + timeout_usec;
    struct timespec end = {.tv_sec = until / USEC_PER_SEC, .tv_nsec = until % USEC_PER_SEC * 1000};
    pthread_mutex_lock(&lock);
    while (calls == 0 && pthread_cond_timedwait(&wake, &lock, &end) == 0)
        ;
    if (calls > 0)
        calls--;
    pthread_mutex_unlock(&lock);
}

void lanes_stamp(const struct context *c) {
    atomic_store(&lane[c->lane].alive_usec, clock_monotonic_usec());
}

bool lanes_alive(int64_t silent_max_usec) {
    int64_t oldest = clock_monotonic_usec() - silent_max_usec;
    for (unsigned i = 1; i < lane_count; i++)
        if (atomic_load(&lane[i].alive_usec) < oldest)
            return false;
    return true;
}

static void *run(void *arg) {
    struct context *c = &((struct lane *) arg)->context;
    int64_t timers_usec[WORKER_TIMERS_MAX] = {0};
    int turn = 0;
    while (!service_stopping(c)) {
        lanes_stamp(c);
        (void) db_connect(c->db);
        int64_t soonest = worker_timers(c, timers_usec, false);
        if (!db_connected(c->db) || !worker_one(c, &turn))
            wait_for_call(soonest);
    }
    return NULL;
}

static int open_one(struct context *first, unsigned number) {
    struct lane *l = &lane[number];
    l->context = *first;
    l->context.lane = number;
    l->context.db = service_lane_db(first);
    int r = l->context.db ? 0 : -ENOMEM;
    if (r == 0 && first->service->lane_init)
        r = first->service->lane_init(&l->context);
    lane_count = number + 1;
    lanes_stamp(&l->context);
    if (r == 0)
        r = -pthread_create(&l->thread, NULL, run, l);
    l->started = r == 0;
    return r;
}

int lanes_open(struct context *c) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&wake, &attributes);
    pthread_condattr_destroy(&attributes);
    int r = 0;
    for (unsigned i = 1; r == 0 && !c->once && i < c->lanes && i < LANES_MAX; i++)
        r = open_one(c, i);
    if (r < 0)
        log_error("a lane could not be opened (%d)", r);
    return r;
}

void lanes_close(void) {
    pthread_mutex_lock(&lock);
    calls = lane_count;
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&lock);
    for (unsigned i = 1; i < lane_count; i++) {
        struct context *c = &lane[i].context;
        if (lane[i].started)
            pthread_join(lane[i].thread, NULL);
        if (lane[i].started && c->service->lane_done)
            c->service->lane_done(c);
        db_free(c->db);
    }
}
