#include "service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base/clock.h"
#include "log.h"
#include "service_internal.h"
#include "store/policy_store.h"
#include "store/schema.h"

#define CONNECT_TRIES 60 /* a second apart: systemd starts us and PostgreSQL together */
#define STATEMENTS_MAX 128

static const struct statement *const queue_statements[] = {&job_claim_statement,
                                                           &job_renew_statement,
                                                           &job_release_statement,
                                                           &job_recover_statement,
                                                           &job_next_due_statement,
                                                           &schema_version_statement,
                                                           NULL};
/* An own loop's role may end its jobs through a function of the database alone (whois). */
static const struct statement *const end_statements[] = {&job_end_statement, NULL};

int service_inherited(const char *name) {
    char **names = NULL;
    int n = sd_listen_fds_with_names(0, &names), found = -1;
    for (int i = 0; i < n; i++) {
        if (found < 0 && strcmp(names[i], name) == 0)
            found = SD_LISTEN_FDS_START + i;
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return found;
}

struct db *service_db(struct context *c, const char *user, const struct statement *const *statements) {
    char role[64];
    (void) snprintf(role, sizeof(role), "inkan_%s", user ? user : c->service->name);
    _cleanup_free_
    char *conninfo = service_conninfo(c->shared.database, role);
    struct db *db = NULL;
    if (!conninfo || db_new(&db, conninfo, c->instance, statements) < 0)
        return NULL;
    return db;
}

static bool add_statements(const struct statement **to, size_t *n, const struct statement *const *from) {
    for (; from && *from; from++) {
        if (*n == STATEMENTS_MAX - 1)
            return false;
        to[(*n)++] = *from;
    }
    to[*n] = NULL;
    return true;
}

/* The queue's statements for those who work a queue, then the daemon's own. */
static const struct statement *const *all_statements(const struct service *s) {
    static const struct statement *all[STATEMENTS_MAX];
    size_t n = 0;
    if (all[0])
        return all;
    static const struct statement *const version_only[] = {&schema_version_statement, NULL};
    bool works = worker_stages(s) != 0;
    if (!add_statements(all, &n, works ? queue_statements : version_only) ||
        !add_statements(all, &n, s->stages ? end_statements : NULL) || !add_statements(all, &n, s->statements) ||
        !add_statements(all, &n, s->measured)) {
        log_bug("more than %d statements", STATEMENTS_MAX - 1);
        return NULL;
    }
    return all;
}

struct db *service_lane_db(struct context *c) {
    const struct statement *const *statements = all_statements(c->service);
    return statements ? service_db(c, NULL, statements) : NULL;
}

static int connect_database(struct context *c) {
    c->db = service_lane_db(c);
    if (!c->db)
        return -ENOMEM;
    struct timespec second = {.tv_sec = 1};
    int r = db_connect(c->db);
    for (int tries = 1; r == DB_RETRY && tries < CONNECT_TRIES && !service_stopping(c); tries++) {
        (void) nanosleep(&second, NULL);
        r = db_connect(c->db);
    }
    if (r < 0)
        return r;
    r = schema_check(c->db);
    if (r == 0)
        r = db_check_statements(c->db);
    if (r == 0 && worker_stages(c->service) != 0) {
        int64_t n = job_recover(c->db, c->instance);
        if (n > 0)
            log_notice("freed %lld jobs that %s held before", (long long) n, c->instance);
    }
    return r;
}

static int open_bus(struct context *c) {
    struct bus_options options = {.bind = c->shared.bus_bind,
                                  .senders = c->shared.bus_senders,
                                  .key = c->shared.bus_key,
                                  .peers = c->shared.bus_peers,
                                  .send = c->shared.bus_send};
    return bus_open(&c->bus, &options, c->service->hints, worker_stages(c->service));
}

static int run(struct context *c) {
    struct health *health = NULL;
    int code = 1;
    if (worker_signals() < 0)
        return 1;
    if (health_open(&health, c) < 0)
        return 1;
    int r = connect_database(c);
    if (r == 0)
        r = open_bus(c);
    if (r == 0 && c->service->init)
        r = c->service->init(c);
    if (r == 0)
        r = lanes_open(c);
    if (r == 0) {
        code = worker_loop(c);
        log_info("stopping");
    } else if (r == -EINVAL)
        code = EXIT_CONFIG;
    worker_stop();
    lanes_close();
    health_free(health); /* before done(): its thread asks readiness() about what that frees */
    if (c->service->done)
        c->service->done(c);
    bus_free(c->bus);
    db_free(c->db);
    return code;
}

int service_run(const struct service *service, int argc, char **argv) {
    static struct context context;
    struct options options;
    log_open(service->name, LOG_LEVEL_INFO);
    int code = options_parse(service, argc, argv, &options);
    if (code >= 0)
        return code;
    context.service = service;
    context.instance = options.instance;
    context.once = options.once;
    if (options_read_config(service, &context, options.config) < 0)
        return EXIT_CONFIG;
    if (options.check)
        return 0;
    if (geteuid() == 0) {
        log_error("refusing to run as root: start it as a user of its own (inkan-%s)", service->name);
        return EXIT_CONFIG;
    }
    return run(&context);
}

int service_policy(struct context *c, struct db *db, const struct policy **ret) {
    static _Thread_local struct policy policy;
    static _Thread_local bool loaded;
    (void) c;
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = policy_get(db, &rows);
    if (n <= 0)
        return n < 0 ? (int) n : -ENOENT;
    struct db_bytes hash = db_bytes(rows, 0, 0);
    if (!loaded || hash.len != POLICY_HASH_BYTES || memcmp(hash.data, policy.hash, POLICY_HASH_BYTES) != 0) {
        _cleanup_buf_ struct buf errors = {0};
        const char *body = db_text(rows, 0, 1);
        loaded = false;
        if (policy_parse(&policy, body, strlen(body), &errors) < 0) {
            log_error("the policy in force cannot be read: %s", buf_string(&errors));
            return -EINVAL;
        }
        loaded = true;
        log_info("policy %s is in force", policy.name);
    }
    *ret = &policy;
    return 0;
}
