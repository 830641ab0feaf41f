/* What service.c, service_options.c, worker.c and health.c share. Nobody else includes this. */
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
unsigned worker_stages(const struct service *s);

struct health;
/* 0 and NULL when no address is configured and none inherited; -errno. */
int health_open(struct health **ret, struct context *c);
void health_free(struct health *h);
