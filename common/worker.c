/* The loop of a daemon: hints, due jobs, timers, signals. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "log.h"
#include "metrics.h"
#include "service_internal.h"
#include "store/schema.h"

#define WAIT_MAX_USEC USEC_PER_SEC
#define EXTRA_FDS_MAX 256
#define BACKOFF_FIRST_USEC USEC_PER_SEC
#define BACKOFF_MAX_USEC (60 * USEC_PER_SEC)
#define LANE_SILENT_MAX_USEC (90 * USEC_PER_SEC) /* beyond any statement_timeout */

#define IDLE_USEC (2 * USEC_PER_SEC)

static int signal_fd = -1;
static atomic_bool stopping, started;
static bool outdated;            /* a migration came while we ran */
static atomic_llong worked_usec; /* monotonic: when the last job ended whose memory is still kept; 0: none */

bool service_stopping(const struct context *c) {
    (void) c;
    return atomic_load(&stopping);
}

void worker_stop(void) {
    atomic_store(&stopping, true);
}

bool service_started(const struct context *c) {
    (void) c;
    return atomic_load(&started);
}

int worker_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return -EINVAL;
    (void) signal(SIGPIPE, SIG_IGN);
    signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return signal_fd < 0 ? -errno : signal_fd;
}

static void take_signals(struct context *c) {
    struct signalfd_siginfo info;
    while (read(signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo != SIGHUP) {
            atomic_store(&stopping, true);
            (void) sd_notify(0, "STOPPING=1");
        } else {
            log_info("reloading");
            bus_reload(c->bus);
            if (c->service->reload)
                c->service->reload(c);
        }
    }
}

unsigned worker_stages(const struct service *s) {
    unsigned stages = s->works;
    for (const struct stage_work *w = s->stages; w && w->work; w++)
        stages |= 1u << w->stage;
    return stages;
}

/* How long to sleep: until the next job of ours falls due, at most a second, so that nothing rests on a hint. */
static int64_t until_due(struct context *c) {
    unsigned stages = worker_stages(c->service) & ~c->resting;
    if (stages == 0 || c->full || !db_connected(c->db))
        return WAIT_MAX_USEC;
    int64_t due = job_next_due(c->db, stages, c->issuers);
    return due < 0 || due > WAIT_MAX_USEC ? WAIT_MAX_USEC : due;
}

static int poll_all(struct context *c, struct pollfd *fds, int n_fds, int64_t timeout_usec) {
    zmq_pollitem_t items[STAGE_COUNT + 1 + EXTRA_FDS_MAX];
    if (n_fds > EXTRA_FDS_MAX)
        return -EINVAL;
    int n = bus_poll_items(c->bus, items);
    items[n++] = (zmq_pollitem_t){.fd = signal_fd, .events = ZMQ_POLLIN};
    for (int i = 0; i < n_fds; i++)
        items[n + i] = (zmq_pollitem_t){.fd = fds[i].fd,
                                        .events = (short) ((fds[i].events & POLLIN ? ZMQ_POLLIN : 0) |
                                                           (fds[i].events & POLLOUT ? ZMQ_POLLOUT : 0))};
    int r = zmq_poll(items, n + n_fds, (long) ((timeout_usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
    for (int i = 0; i < n_fds; i++) {
        short got = r > 0 ? items[n + i].revents : 0;
        fds[i].revents = (short) ((got & ZMQ_POLLIN ? POLLIN : 0) | (got & ZMQ_POLLOUT ? POLLOUT : 0) |
                                  (got & ZMQ_POLLERR ? POLLERR : 0));
    }
    return r < 0 && errno != EINTR ? -errno : 0;
}

/* After a migration job_claim() gives us nothing, and nothing else should be done by statements of the schema before. */
static void look_for_migration(struct context *c) {
    static int64_t next_usec;
    int64_t now = clock_monotonic_usec();
    if (now < next_usec || service_stopping(c))
        return;
    next_usec = now + WAIT_MAX_USEC;
    if (schema_check(c->db) == DB_FAILED) {
        outdated = true;
        atomic_store(&stopping, true);
    }
}

/* systemd hears from the first lane, as long as none of the others hangs. */
static void ping(const struct context *c) {
    lanes_stamp(c);
    if (c->lane == 0 && lanes_alive(LANE_SILENT_MAX_USEC))
        (void) sd_notify(0, "WATCHDOG=1");
}

int service_wait(struct context *c, struct pollfd *fds, int n_fds, int64_t timeout_usec) {
    int64_t due = until_due(c);
    int r = poll_all(c, fds, n_fds, timeout_usec < due ? timeout_usec : due);
    (void) bus_drain(c->bus);
    take_signals(c);
    ping(c);
    if (db_connected(c->db) || db_connect(c->db) == 0)
        look_for_migration(c);
    return r;
}

int service_claim(struct context *c, enum stage stage, struct job *ret_job) {
    int r = job_claim(c->db, stage, c->instance, c->issuers, c->shared.lease_usec, ret_job);
    if (r > 0 && ret_job->expired) {
        metrics_add(METRIC_LEASES_EXPIRED, stage_name(stage), 1);
        log_notice("job %lld (%s): the lease of another worker had run out, attempt %d", (long long) ret_job->id,
                   stage_name(stage), ret_job->attempt);
    }
    return r;
}

int service_keep(struct context *c) {
    ping(c);
    int64_t now = clock_monotonic_usec();
    if (!c->job || now - c->job_renewed_usec < c->shared.lease_usec / 3)
        return 0;
    int r = job_renew(c->db, c->job, c->shared.lease_usec);
    if (r > 0)
        c->job_renewed_usec = now;
    return r == 0 ? JOB_LOST : r < 0 ? r : 0;
}

static int64_t backoff(int attempt) {
    int64_t usec = BACKOFF_FIRST_USEC << (attempt < 7 ? attempt - 1 : 6);
    return usec > BACKOFF_MAX_USEC ? BACKOFF_MAX_USEC : usec;
}

static void give_back(struct context *c, const struct job *job, int r) {
    /* Contention and a lost database are nobody's fault; anything else counts towards poison. */
    enum job_why why = r == DB_RETRY || r == DB_UNSURE ? JOB_HAPLESS : JOB_FAILED;
    log_warning("job %lld (%s): failed (%d), given back", (long long) job->id, stage_name(job->stage), r);
    metrics_add(METRIC_JOBS_FAILED, stage_name(job->stage), 1);
    /* On a new connection if need be: a lost one is no reason to let the lease run out. What was committed unseen has no job to touch. */
    (void) job_release(c->db, job, backoff(why == JOB_FAILED ? job->attempt : 1), why);
}

static bool can_be_split(const struct job *job) {
    return (job->upload > 0 || job->campaign > 0) && job->seq_from < job->seq_to;
}

/* Periodic work has no other end than being done: it is tried for ever. */
static bool is_poison(const struct stage_work *w, const struct job *job) {
    return (job->discarded && w->poison) || (job->attempt > JOB_ATTEMPTS_MAX && (w->poison || can_be_split(job)));
}

/* A line each for a chunk that killed its workers; the stage's own answer for what cannot be divided. */
static int do_poison(struct context *c, const struct stage_work *w, const struct job *job) {
    if (job->discarded)
        log_notice("job %lld (%s): discarded by an operator", (long long) job->id, stage_name(job->stage));
    else
        log_error("job %lld (%s): %d attempts without a result", (long long) job->id, stage_name(job->stage),
                  job->attempt - 1);
    if (job->discarded || !can_be_split(job))
        return w->poison(c, job);
    int r = job_split(c->db, job);
    return r == 0 ? JOB_LOST : r < 0 ? r : 0;
}

static void do_job(struct context *c, const struct stage_work *w, const struct job *job) {
    const char *stage = stage_name(job->stage);
    int64_t begin = clock_monotonic_usec();
    c->job = job;
    c->job_renewed_usec = begin;
    lanes_wake();
    int r = is_poison(w, job) ? do_poison(c, w, job) : w->work(c, job);
    c->job = NULL;
    int64_t end = clock_monotonic_usec();
    atomic_store(&worked_usec, end);
    double seconds = (double) (end - begin) / USEC_PER_SEC;
    metrics_observe(METRIC_JOB_SECONDS, stage, seconds);
    if (r == JOB_LOST) {
        metrics_add(METRIC_JOBS_LOST, stage, 1);
        log_notice("job %lld (%s): another worker has it, result thrown away", (long long) job->id, stage);
    } else if (r < 0)
        give_back(c, job, r);
    else
        log_debug("job %lld (%s): %.1f ms", (long long) job->id, stage, seconds * 1e3);
}

bool worker_one(struct context *c, int *turn) {
    int n = 0;
    while (c->service->stages && c->service->stages[n].work)
        n++;
    for (int i = 0; i < n; i++) {
        const struct stage_work *w = &c->service->stages[(*turn + i) % n];
        struct job job;
        if (c->resting & 1u << w->stage || service_claim(c, w->stage, &job) <= 0)
            continue;
        *turn = (*turn + i + 1) % n;
        do_job(c, w, &job);
        return true;
    }
    return false;
}

int64_t worker_timers(struct context *c, int64_t next_usec[static WORKER_TIMERS_MAX], bool all) {
    int64_t soonest = WAIT_MAX_USEC;
    for (int i = 0; c->service->timers && i < WORKER_TIMERS_MAX && c->service->timers[i].fire; i++) {
        int64_t now = clock_monotonic_usec();
        if (c->lane > 0 && !c->service->timers[i].every_lane)
            continue;
        if (all || now >= next_usec[i]) {
            if (db_connected(c->db))
                (void) c->service->timers[i].fire(c);
            next_usec[i] = now + c->service->timers[i].interval_usec;
        }
        if (next_usec[i] - now < soonest)
            soonest = next_usec[i] - now;
    }
    return soonest;
}

/* malloc keeps what large chunks were worked in; the system gets it back when no lane has worked for a while. */
static void give_memory_back(void) {
    long long last = atomic_load(&worked_usec);
    if (last > 0 && clock_monotonic_usec() - last > IDLE_USEC && atomic_compare_exchange_strong(&worked_usec, &last, 0))
        (void) malloc_trim(0);
}

int worker_loop(struct context *c) {
    int64_t timers_usec[WORKER_TIMERS_MAX] = {0};
    int turn = 0;
    atomic_store(&started, true);
    (void) sd_notify(0, "READY=1");
    log_info("ready");
    if (c->service->loop)
        return c->service->loop(c) < 0 || outdated;
    while (!service_stopping(c)) {
        int64_t soonest = worker_timers(c, timers_usec, false);
        bool worked = db_connected(c->db) && worker_one(c, &turn);
        if (worked) {
            (void) bus_drain(c->bus);
            take_signals(c);
            ping(c);
            continue;
        }
        if (c->once)
            break;
        give_memory_back();
        int r = service_wait(c, NULL, 0, soonest);
        if (r < 0) {
            log_bug("waiting: %s", strerror(-r));
            return 1;
        }
    }
    if (c->once)
        (void) worker_timers(c, timers_usec, true);
    return outdated;
}
