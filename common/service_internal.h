/* What service.c, service_options.c, worker.c, lanes.c and health.c share. Nobody else includes this, but for their tests. */
#pragma once

#include "base/buf.h"
#include "service.h"

#define EXIT_CONFIG 78 /* sysexits.h EX_CONFIG; the units list it as RestartPreventExitStatus */

struct options {
    const char *config;
    const char *instance;
    bool check, once;
};

/* Parses the command line; returns -1 to go on, or the exit code (--help, --version, --settings, usage). */
int options_parse(const struct service *s, int argc, char **argv, struct options *ret);
/* Reads config into the shared and the service's own settings. 0 or -EINVAL, all errors on stderr. */
int options_read_config(const struct service *s, struct context *c, const char *path);

/* The connection string with the role put in; the caller frees. NULL without memory. */
char *service_conninfo(const char *uri, const char *role);

/* Blocks the signals the loop takes by signalfd; before any thread is made. Returns the signalfd or -errno. */
int worker_signals(void);
/* The standard loop: until SIGTERM, or, with once, until idle. Returns the exit code. */
int worker_loop(struct context *c);
/* As SIGTERM: service_stopping() is true from now on. */
void worker_stop(void);
unsigned worker_stages(const struct service *s);
/*
 * A lane does one job at a time, on a thread, a connection and a context of its own. The first is the daemon's loop; the others have
 * worker_one() and worker_timers() in common with it.
 */
/* One job of the first stage that has one, beginning after the stage served last. True when there was one. */
bool worker_one(struct context *c, int *turn);
#define WORKER_TIMERS_MAX 8
/* Fires the timers of a lane that have come round (all: every one). How long until the next, at most a second, in µs. */
int64_t worker_timers(struct context *c, int64_t next_usec[static WORKER_TIMERS_MAX], bool all);

/* The connection of a lane: the daemon's role, and the statements of its queue and its own. NULL without memory. */
struct db *service_lane_db(struct context *c);
/* Starts the lanes beside the first, which is the caller's loop. 0 or -errno. */
int lanes_open(struct context *c);
/* There may be a job more: one idle lane looks. */
void lanes_wake(void);
/* Nothing of them hangs: each has come round within the time. */
bool lanes_alive(int64_t silent_max_usec);
/* A lane has come round. */
void lanes_stamp(const struct context *c);
/* After worker_stop(): waits until each lane has ended its job. */
void lanes_close(void);

struct health;
/* 0 and NULL when no address is configured and none inherited; -errno. */
int health_open(struct health **ret, struct context *c);
void health_free(struct health *h);
