/*
 * /healthz, /readyz and /metrics of a daemon, on a thread of its own with a database connection of its own, so that they
 * answer while a chunk is in work. Loopback only; the address is inherited (systemd) or configured.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/text.h"
#include "log.h"
#include "metrics.h"
#include "service_internal.h"
#include "store/measure.h"

#define CONNECTIONS_MAX 16
#define CONNECTION_TIMEOUT_SEC 10
#define MEASURED_MAX 8
#define LOOKS 2 /* statements of every daemon */
#define COMMIT_WAIT_MAX_USEC (10 * USEC_PER_SEC)

struct health {
    struct context *context;
    struct MHD_Daemon *daemon;
    struct db *db; /* of MHD's thread */
    const struct statement *statements[LOOKS + MEASURED_MAX + 1];
};

/* What is measured and what is ready come from the same look. */
struct look {
    struct db_rows *queue; /* NULL: the database did not answer */
    int64_t commit_wait_usec;
};

static struct look look(struct health *h) {
    struct look seen = {0};
    if (db_run(h->db, &job_statistics_statement, NULL, &seen.queue) < 0)
        seen.queue = NULL;
    if (seen.queue)
        seen.commit_wait_usec = commit_wait(h->db);
    return seen;
}

static void look_done(struct look *seen) {
    db_rows_free(seen->queue);
}

static void measure_database(const struct look *seen) {
    const struct db_rows *rows = seen->queue;
    metrics_set(METRIC_DATABASE_UP, NULL, rows != NULL);
    if (rows && seen->commit_wait_usec >= 0)
        metrics_set(METRIC_COMMIT_WAIT, NULL, (double) seen->commit_wait_usec / USEC_PER_SEC);
    for (size_t i = 0; rows && i < db_rows_count(rows); i++) {
        const char *stage = db_text(rows, i, 0), *state = db_text(rows, i, 1);
        char both[64];
        (void) snprintf(both, sizeof(both), "%s,%s", stage, state);
        metrics_set(METRIC_JOBS, both, (double) db_int64(rows, i, 2));
        metrics_set(METRIC_JOB_OLDEST, both, (double) db_int64(rows, i, 3));
        if (strcmp(state, "ready") == 0)
            metrics_set(METRIC_JOB_OVERDUE, stage, (double) db_int64(rows, i, 4) / USEC_PER_SEC);
    }
}

/* A job that is due and that nobody takes is a queue that stands still; one that fails again and again is never overdue. */
static void check_queue(const struct context *c, const struct db_rows *rows, struct buf *reasons) {
    if (!rows) {
        buf_text(reasons, "database: no answer\n");
        return;
    }
    int64_t failing_usec[STAGE_COUNT] = {0};
    for (size_t i = 0; i < db_rows_count(rows); i++) {
        enum stage stage = stage_from_name(db_text(rows, i, 0));
        int64_t overdue_usec = db_int64(rows, i, 4), failing = db_int64(rows, i, 5);
        if (stage == STAGE_INVALID || !(worker_stages(c->service) & 1u << stage))
            continue;
        if (failing > failing_usec[stage])
            failing_usec[stage] = failing;
        if (strcmp(db_text(rows, i, 1), "ready") == 0 && overdue_usec > c->shared.oldest_usec)
            buf_printf(reasons, "queue %s: a job has been due for %lld s\n", stage_name(stage),
                       (long long) (overdue_usec / USEC_PER_SEC));
    }
    for (int i = 0; i < STAGE_COUNT; i++)
        if (failing_usec[i] > c->shared.oldest_usec)
            buf_printf(reasons, "queue %s: a job has failed for %lld s\n", stage_name((enum stage) i),
                       (long long) (failing_usec[i] / USEC_PER_SEC));
}

/* A line per reason why it cannot work. */
static void find_reasons(struct context *c, const struct look *seen, struct buf *reasons) {
    if (!service_started(c))
        buf_text(reasons, "starting\n");
    if (service_stopping(c))
        buf_text(reasons, "stopping\n");
    check_queue(c, seen->queue, reasons);
    if (seen->commit_wait_usec > COMMIT_WAIT_MAX_USEC)
        buf_printf(reasons, "database: a commit has waited for the replica for %lld s\n",
                   (long long) (seen->commit_wait_usec / USEC_PER_SEC));
    if (c->service->readiness && service_started(c))
        c->service->readiness(c, reasons);
}

static void answer_metrics(struct health *h, struct buf *to) {
    struct context *c = h->context;
    _cleanup_buf_ struct buf reasons = {0};
    _cleanup_(look_done) struct look seen = look(h);
    find_reasons(c, &seen, &reasons);
    metrics_clear_gauges();
    metrics_set(METRIC_READY, NULL, reasons.len == 0);
    measure_database(&seen);
    if (c->service->measure && service_started(c))
        c->service->measure(c, h->db);
    metrics_write(to);
}

static unsigned answer_ready(struct health *h, struct buf *to) {
    struct context *c = h->context;
    _cleanup_buf_ struct buf reasons = {0};
    _cleanup_(look_done) struct look seen = look(h);
    find_reasons(c, &seen, &reasons);
    json_t *list = json_array();
    char *rest = reasons.data;
    for (char *line; rest && (line = strsep(&rest, "\n"));)
        if (*line)
            (void) json_array_append_new(list, json_string(line));
    bool ready = json_array_size(list) == 0;
    json_t *answer = json_pack("{s:s, s:s, s:b, s:o}", "daemon", c->service->name, "instance", c->instance, "ready",
                               ready, "reasons", list);
    char *text = answer ? json_dumps(answer, JSON_INDENT(2)) : NULL;
    buf_text(to, text ? text : "{}");
    free(text);
    json_decref(answer);
    return ready ? 200 : 503;
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *body, size_t *body_len, void **request) {
    (void) version;
    (void) body;
    (void) body_len;
    (void) request;
    struct health *h = ctx;
    _cleanup_buf_ struct buf text = {0};
    const char *type = "text/plain; charset=utf-8";
    unsigned status = 200;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        status = 405;
    else if (strcmp(path, "/healthz") == 0)
        buf_text(&text, "alive\n");
    else if (strcmp(path, "/readyz") == 0) {
        status = answer_ready(h, &text);
        type = "application/json";
    } else if (strcmp(path, "/metrics") == 0) {
        answer_metrics(h, &text);
        type = "text/plain; version=0.0.4; charset=utf-8";
    } else
        status = 404;
    size_t len = text.len;
    char *data = buf_steal(&text);
    if (!data)
        return MHD_NO;
    struct MHD_Response *response = MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(data);
        return MHD_NO;
    }
    (void) MHD_add_response_header(response, "Content-Type", type);
    enum MHD_Result r = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return r;
}

static int parse_address(const char *text, struct sockaddr_in *ret) {
    char host[64];
    const char *colon = strrchr(text, ':');
    int64_t port = 0;
    if (!colon || (size_t) (colon - text) >= sizeof(host))
        return -EINVAL;
    memcpy(host, text, (size_t) (colon - text));
    host[colon - text] = '\0';
    *ret = (struct sockaddr_in){.sin_family = AF_INET};
    if (inet_pton(AF_INET, host, &ret->sin_addr) != 1 || text_to_int64(colon + 1, 1, 65535, &port) < 0)
        return -EINVAL;
    ret->sin_port = htons((uint16_t) port);
    return 0;
}

static struct MHD_Daemon *listen_on(struct health *h, int inherited_fd, const struct sockaddr_in *address) {
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC; /* the latter for MHD_quiesce_daemon() */
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_TIMEOUT_SEC, NULL},
        {inherited_fd >= 0 ? MHD_OPTION_LISTEN_SOCKET : MHD_OPTION_END, inherited_fd, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(flags, 0, NULL, NULL, handle, h, MHD_OPTION_ARRAY, options, MHD_OPTION_SOCK_ADDR, address,
                            MHD_OPTION_END);
}

int health_open(struct health **ret, struct context *c) {
    int fd = service_inherited("health");
    struct sockaddr_in address = {0};
    *ret = NULL;
    if (fd < 0 && !*c->shared.health)
        return 0;
    if (fd < 0 && parse_address(c->shared.health, &address) < 0) {
        log_error("health.%s: \"%s\" is not address:port", c->service->name, c->shared.health);
        return -EINVAL;
    }
    struct health *h = calloc(1, sizeof(*h));
    if (!h)
        return -ENOMEM;
    h->context = c;
    h->statements[0] = &job_statistics_statement;
    h->statements[1] = &commit_wait_statement;
    for (size_t i = 0; c->service->measured && c->service->measured[i] && i < MEASURED_MAX; i++)
        h->statements[LOOKS + i] = c->service->measured[i];
    h->db = service_db(c, NULL, h->statements);
    h->daemon = h->db ? listen_on(h, fd, &address) : NULL;
    if (!h->daemon) {
        log_error("health: cannot listen on %s", fd >= 0 ? "the inherited socket" : c->shared.health);
        health_free(h);
        return -EADDRINUSE;
    }
    *ret = h;
    return 0;
}

void health_free(struct health *h) {
    if (!h)
        return;
    if (h->daemon) {
        /* MHD_stop_daemon() would shut the listening socket down, for systemd and the next daemon too. */
        int fd = MHD_quiesce_daemon(h->daemon);
        MHD_stop_daemon(h->daemon);
        closep(&fd);
    }
    db_free(h->db);
    free(h);
}
