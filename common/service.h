/*
 * The life of a daemon, once for all five: services/<name>/main.c is a table and one call.
 *
 * service_run() owns the order: options → config, all errors → log → refuse uid 0 → inherited sockets → connect, check
 * the schema version, prepare and EXPLAIN every listed statement → bus → init → READY=1 → loop → SIGTERM: take nothing
 * new, finish the transaction in hand, close in mirror order.
 *
 * Exit codes: 0 asked to stop; 1 failed, restart may help; 78 bad config or refused to run, restart does not help.
 */
#pragma once

#include <poll.h>
#include <stdatomic.h>

#include "bus.h"
#include "config.h"
#include "policy.h"
#include "store/db.h"
#include "store/job.h"

struct context;

struct stage_work {
    enum stage stage;
    /*
     * Does one job to its end: 0 when it was ended or released in a transaction of its own, JOB_LOST when the token was old,
     * negative (enum db_result or -errno) to have it released with a back-off.
     */
    int (*work)(struct context *c, const struct job *job);
    /* Called instead of work when the lease ran out JOB_ATTEMPTS_MAX times, chunks of several lines being split before; and for a
     * job that an operator discarded, whole. Ends what the job holds in an error state. NULL: tried for ever. */
    int (*poison)(struct context *c, const struct job *job);
};
#define JOB_LOST 1

struct timer {
    int64_t interval_usec;
    int (*fire)(struct context *c); /* result as of work; failures are logged and tried again at the next interval */
    bool every_lane;                /* not in the first alone */
};

struct service {
    const char *name;    /* "validator": instance default, log name, runtime directory, database role inkan_<name> */
    const char *summary; /* one line for --help */
    const struct setting *settings;            /* own table, ended by {0}; shared ones are added by service_run */
    const struct statement *const *statements; /* own ones, NULL-terminated; those of the queue are added */
    const struct stage_work *stages;           /* ended by {.work = NULL}; may be NULL */
    const struct timer *timers;                /* ended by {0}; may be NULL */
    unsigned works;                            /* bit set of stages that an own loop serves, beside the table's */
    unsigned hints;                            /* bit set of stages it hints */
    int (*init)(struct context *c);            /* 0, or negative: exit 1; -EINVAL: exit 78 */
    void (*done)(struct context *c);           /* also after a failed start: c->state may be NULL */
    /* A further lane's context, a copy of the first's, gets a state of its own; lane_done frees it. NULL: all lanes share the first's. */
    int (*lane_init)(struct context *c); /* 0 or -errno */
    void (*lane_done)(struct context *c);
    /* Adds a line per reason why it cannot work; called from the health thread. May be NULL. */
    void (*readiness)(struct context *c, struct buf *reasons);
    /* Sets the daemon's gauges before each scrape, on the health thread and its connection, which has the statements measured (at most 8,
     * NULL-terminated). Both may be NULL. */
    void (*measure)(struct context *c, struct db *db);
    const struct statement *const *measured;
    /* For a daemon with a loop of its own (whois): replaces the standard loop. Returns when service_stopping(). */
    int (*loop)(struct context *c);
    void (*reload)(struct context *c); /* SIGHUP; may be NULL */
};

/* Settings shared by all daemons. */
struct shared_settings {
    const char *database; /* database.uri, without user: the role is given by the daemon's name */
    const char *bus_bind, *bus_senders, *bus_key, *bus_peers;
    bool bus_send;
    int64_t lease_usec;       /* job.lease */
    int64_t chunk_max;        /* job.chunk_max: rows */
    const char *health;       /* health.<name>: 127.0.0.1:PORT, unless a socket is inherited */
    int64_t oldest_usec;      /* health.oldest: readiness fails when the oldest due job is older */
    int64_t upload_rows_max;  /* upload.rows_max: 214 */
    int64_t whois_cache_usec; /* whois.cache: an answer this much older than the upload still counts */
    const char *pki_url;      /* pki.url: base of /ca and /crl addresses */
    const char *public_url;   /* public.url: base of one-time links */
};

struct context {
    const struct service *service;
    struct shared_settings shared;
    const char *instance; /* --instance NAME, default the service's name; names its leases */
    struct db *db;        /* of the lane; other threads make their own with service_db() */
    struct bus *bus;
    void *state;              /* the daemon's own, set by init */
    const struct job *job;    /* in hand */
    int64_t job_renewed_usec; /* monotonic */
    bool once;                /* --once: an own loop returns when idle */
    bool full;                /* set by an own loop that can hold no more jobs: due ones do not wake it */
    unsigned lanes;           /* jobs in hand at a time (lanes.c), at most 64; set by init, 0: one */
    unsigned lane;            /* which of them this context is of; 0: the loop's own */
    unsigned resting;         /* bit set of stages left to other workers for now; set by the daemon */
    const char *issuers;      /* as of job_claim(); set by the daemon */
};

int service_run(const struct service *service, int argc, char **argv);

bool service_stopping(const struct context *c);
/* Another connection with the same statements (and the extra user's role if user is not NULL); the caller owns it. */
struct db *service_db(struct context *c, const char *user, const struct statement *const *statements);
/* Call between the steps of a long job: renews the lease when a third has passed and pings the watchdog. 0, or JOB_LOST. */
int service_keep(struct context *c);
/* True once the loop runs; the health endpoint says "starting" before. */
bool service_started(const struct context *c);
/* Socket inherited from systemd by name (FileDescriptorName=), or -1. */
int service_inherited(const char *name);
/* For own loops: waits until a hint, a due job, fds[] ready, a signal, or timeout_usec; pings the watchdog. 0 or -errno. */
int service_wait(struct context *c, struct pollfd *fds, int n_fds, int64_t timeout_usec);
/* For own loops: claims one job of the stage. 1, 0 or negative as of job_claim(); counts metrics. */
int service_claim(struct context *c, enum stage stage, struct job *ret_job);

/*
 * The policy in force, from table service/policy; read again when the hash changed. Valid until the next call from the same
 * thread. db must have policy_get_statement (store/policy_store.h) among its statements. 0, -ENOENT (none installed),
 * -EINVAL, or enum db_result.
 */
int service_policy(struct context *c, struct db *db, const struct policy **ret);
