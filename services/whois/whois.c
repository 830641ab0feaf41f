#include "whois.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "log.h"
#include "metrics.h"
#include "question.h"
#include "store/ask.h"

#define WAIT_MAX_USEC USEC_PER_SEC
#define CLAIMS_AT_ONCE 32                /* between two looks at the sockets */
#define HELD_MAX 1024                    /* jobs */
#define SERVER_QUESTIONS_MAX 128         /* held for one server; the others would only wait for their turn here */
#define BACK_MIN_USEC (5 * USEC_PER_SEC) /* a job given back because its server's line is long */
#define BACK_MAX_USEC (60 * USEC_PER_SEC)
#define DATABASE_PAUSE_USEC (USEC_PER_SEC / 2) /* after it did not take a result */

struct whois {
    struct asking asking;
    struct question *questions, **tail;
    unsigned held;
    int64_t database_usec; /* monotonic: not tried again before */
};

int whois_init(struct context *c) {
    _cleanup_buf_ struct buf errors = {0};
    struct whois *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    c->state = w;
    w->tail = &w->questions;
    w->asking.gap_usec = whois_settings.gap_usec;
    w->asking.timeout_usec = whois_settings.timeout_usec;
    w->asking.in_flight_max = (unsigned) whois_settings.in_flight;
    int r = servers_new(&w->asking.servers, whois_settings.servers, whois_settings.referrals, &errors);
    if (r == -EINVAL)
        log_error("%s", buf_string(&errors));
    return r < 0 ? r : resolver_new(&w->asking.resolver);
}

void whois_done(struct context *c) {
    struct whois *w = c->state;
    if (!w)
        return;
    servers_free(w->asking.servers);
    resolver_free(w->asking.resolver);
    free(w);
    c->state = NULL;
}

void whois_measure(struct context *c, struct db *db) {
    struct whois *w = c->state;
    (void) db;
    if (w)
        servers_measure(w->asking.servers);
}

void whois_readiness(struct context *c, struct buf *reasons) {
    struct whois *w = c->state;
    if (w)
        servers_readiness(w->asking.servers, reasons);
}

static void add_question(struct whois *w, struct question *q) {
    *w->tail = q;
    w->tail = &q->next;
}

/* Takes q, which *at points to, out of the list. */
static void drop_question(struct whois *w, struct question **at) {
    struct question *q = *at;
    *at = q->next;
    if (!q->next)
        w->tail = at;
    for (const struct held *h = q->jobs; h; h = h->next)
        w->held--;
    question_free(&w->asking, q);
}

static struct question *find_open(const struct whois *w, const char *domain) {
    for (struct question *q = w->questions; q; q = q->next)
        if (q->phase != QUESTION_ANSWERED && strcmp(q->domain, domain) == 0)
            return q;
    return NULL;
}

static void hint_decisions(struct context *c, const struct db_rows *rows) {
    for (size_t i = 0; i < db_rows_count(rows); i++)
        if (ask_decide_job(rows, i) > 0)
            bus_hint(c->bus, STAGE_decide, ask_decide_job(rows, i));
}

static void give_back(struct context *c, const struct job *job, int64_t delay_usec, enum job_why why) {
    if (job_release(c->db, job, delay_usec, why) < 0)
        log_warning("job %lld: not given back, its lease will run out", (long long) job->id);
}

/* ---- jobs in */

/* 1: another upload's answer serves this job too. */
static int reuse_answer(struct context *c, const struct job *job) {
    if (c->shared.whois_cache_usec == 0)
        return 0;
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = ask_reuse(c->db, job, c->shared.whois_cache_usec, &rows);
    if (n <= 0)
        return (int) n;
    hint_decisions(c, rows);
    metrics_add(METRIC_ROWS_OUT, "ask", 1);
    log_info("%s: answered before", job->subject);
    return 1;
}

static struct question *question_for(struct whois *w, const struct job *job) {
    struct question *q = question_new(&w->asking, job->subject);
    if (q && job->attempt > JOB_ATTEMPTS_MAX)
        question_refuse(q, "given up after several attempts");
    if (q)
        add_question(w, q);
    return q;
}

static void take_job(struct context *c, struct whois *w, const struct job *job) {
    bool poison = job->attempt > JOB_ATTEMPTS_MAX;
    struct question *q = poison ? NULL : find_open(w, job->subject);
    const struct server *server = servers_find(w->asking.servers, job->subject);
    if (!q && !poison && server && server->users >= SERVER_QUESTIONS_MAX) {
        int64_t line_usec = w->asking.gap_usec * server->users;
        give_back(c, job,
                  line_usec < BACK_MIN_USEC   ? BACK_MIN_USEC
                  : line_usec > BACK_MAX_USEC ? BACK_MAX_USEC
                                              : line_usec,
                  JOB_WAITS);
        return;
    }
    if (!q && !poison && reuse_answer(c, job) != 0)
        return; /* or the database is away: the lease will run out */
    struct held *h = calloc(1, sizeof(*h));
    if (h && !q)
        q = question_for(w, job);
    if (!h || !q) {
        free(h);
        log_error("job %lld: out of memory", (long long) job->id);
        give_back(c, job, BACK_MIN_USEC, JOB_HAPLESS);
        return;
    }
    int64_t now = clock_monotonic_usec();
    *h = (struct held){.next = q->jobs, .job = *job, .taken_usec = now, .renewed_usec = now};
    q->jobs = h;
    w->held++;
    metrics_add(METRIC_ROWS_IN, "ask", 1);
}

/* True when there may be more. */
static bool take_jobs(struct context *c, struct whois *w) {
    for (int i = 0; i < CLAIMS_AT_ONCE && w->held < HELD_MAX; i++) {
        struct job job;
        if (!db_connected(c->db) || service_claim(c, STAGE_ask, &job) <= 0)
            return false;
        take_job(c, w, &job);
    }
    return w->held < HELD_MAX;
}

/* ---- leases */

/* Renews what is due and forgets what is lost. */
static void renew_jobs(struct context *c, struct whois *w, struct question *q, int64_t now, int64_t *wake_usec) {
    for (struct held **at = &q->jobs; *at;) {
        struct held *h = *at;
        int64_t due = h->renewed_usec + c->shared.lease_usec / 3;
        int r = due > now ? 1 : job_renew(c->db, &h->job, c->shared.lease_usec);
        if (r < 0) {
            w->database_usec = now + DATABASE_PAUSE_USEC;
            return;
        }
        if (r == 0) {
            log_notice("job %lld (ask): another worker has it", (long long) h->job.id);
            metrics_add(METRIC_JOBS_LOST, "ask", 1);
            *at = h->next;
            free(h);
            w->held--;
            continue;
        }
        if (due <= now)
            h->renewed_usec = now;
        due = h->renewed_usec + c->shared.lease_usec / 3;
        if (due < *wake_usec)
            *wake_usec = due;
        at = &h->next;
    }
}

/* ---- answers out */

static const char *outcome_name(enum answer_outcome outcome) {
    return outcome == ANSWER_FOUND ? "found" : outcome == ANSWER_NOT_FOUND ? "not_found" : "unreachable";
}

static const char *text_or_null(const char *text) {
    return *text ? text : NULL;
}

static void report_answer(const struct question *q, int64_t ended) {
    const char *outcome = outcome_name(q->answer.outcome), *server = question_server(q);
    metrics_add(METRIC_WHOIS_ANSWERS, outcome, 1);
    if (q->answer.outcome == ANSWER_UNREACHABLE)
        log_peer("%s: no answer from %s: %s", q->domain, server ? server : "any server", q->detail);
    else
        log_info("%s: %s at %s for %lld jobs", q->domain, outcome, server, (long long) ended);
}

static void count_ended(const struct question *q, int64_t ended) {
    int64_t now = clock_monotonic_usec(), all = 0;
    for (const struct held *h = q->jobs; h; h = h->next, all++)
        metrics_observe(METRIC_JOB_SECONDS, "ask", (double) (now - h->taken_usec) / USEC_PER_SEC);
    metrics_add(METRIC_ROWS_OUT, "ask", (double) ended);
    if (ended < all)
        metrics_add(METRIC_JOBS_LOST, "ask", (double) (all - ended));
}

static int64_t record_answer(struct context *c, const struct question *q, struct db_rows **ret) {
    int64_t jobs[HELD_MAX], tokens[HELD_MAX];
    size_t n = 0;
    for (const struct held *h = q->jobs; h && n < HELD_MAX; h = h->next, n++) {
        jobs[n] = h->job.id;
        tokens[n] = h->job.token;
    }
    struct ask_answer answer = {
        .domain = q->domain,
        .outcome = outcome_name(q->answer.outcome),
        .registrant_ja = text_or_null(q->answer.registrant_ja),
        .registrant_en = text_or_null(q->answer.registrant_en),
        .status = text_or_null(q->answer.status),
        .server = question_server(q),
        .detail = text_or_null(q->detail),
    };
    return n > 0 ? ask_finish(c->db, jobs, tokens, n, &answer, ret) : 0;
}

/* True when the question is over. */
static bool finish_question(struct context *c, struct whois *w, const struct question *q) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = record_answer(c, q, &rows);
    if (n == DB_RETRY) {
        w->database_usec = clock_monotonic_usec() + DATABASE_PAUSE_USEC;
        return false;
    }
    if (n == DB_UNSURE) {
        log_warning("%s: recorded or not, the database did not say; if not, it is asked again", q->domain);
        return true;
    }
    if (n < 0) {
        log_error("%s: the answer cannot be recorded: %s", q->domain, db_last_error(c->db));
        for (const struct held *h = q->jobs; h; h = h->next)
            give_back(c, &h->job, BACK_MAX_USEC, JOB_FAILED);
        metrics_add(METRIC_JOBS_FAILED, "ask", 1);
        return true;
    }
    if (rows)
        hint_decisions(c, rows);
    count_ended(q, n);
    report_answer(q, n);
    return true;
}

/* ---- the loop */

/* Everything that can go on without an event. */
static void advance(struct context *c, struct whois *w, int64_t *wake_usec) {
    for (struct question **at = &w->questions; *at;) {
        struct question *q = *at;
        int64_t now = clock_monotonic_usec();
        bool database = db_connected(c->db) && now >= w->database_usec;
        if (database)
            renew_jobs(c, w, q, now, wake_usec);
        if (q->phase == QUESTION_WAITING && q->jobs)
            question_try(&w->asking, q, wake_usec);
        if (q->phase == QUESTION_ASKING && query_wake_usec(&q->query) < *wake_usec)
            *wake_usec = query_wake_usec(&q->query);
        bool over = !q->jobs || (q->phase == QUESTION_ANSWERED && database && finish_question(c, w, q));
        if (over)
            drop_question(w, at);
        else
            at = &q->next;
    }
    if (w->database_usec > clock_monotonic_usec() && w->database_usec < *wake_usec)
        *wake_usec = w->database_usec;
}

static int wait_for_events(struct context *c, struct whois *w, int64_t timeout_usec) {
    struct pollfd fds[1 + 256];
    int n = 0;
    fds[n++] = (struct pollfd){.fd = resolver_fd(w->asking.resolver), .events = POLLIN};
    for (const struct question *q = w->questions; q; q = q->next)
        if (q->phase == QUESTION_ASKING && q->query.fd >= 0)
            fds[n++] = query_poll(&q->query);
    int r = service_wait(c, fds, n, timeout_usec);
    if (r < 0)
        return r;
    if (fds[0].revents)
        resolver_drain(w->asking.resolver);
    n = 1;
    for (struct question *q = w->questions; q; q = q->next)
        if (q->phase == QUESTION_ASKING)
            question_step(&w->asking, q, q->query.fd >= 0 ? fds[n++].revents : 0);
    return 0;
}

static void drop_all(struct context *c, struct whois *w) {
    while (w->questions) {
        for (const struct held *h = w->questions->jobs; h && db_connected(c->db); h = h->next)
            give_back(c, &h->job, 0, JOB_WAITS);
        drop_question(w, &w->questions);
    }
}

int whois_loop(struct context *c) {
    struct whois *w = c->state;
    int r = 0;
    while (r == 0 && !service_stopping(c)) {
        bool more = take_jobs(c, w);
        int64_t wake_usec = clock_monotonic_usec() + WAIT_MAX_USEC;
        advance(c, w, &wake_usec);
        if (c->once && !more && !w->questions)
            break;
        c->full = w->held >= HELD_MAX;
        int64_t left_usec = more ? 0 : wake_usec - clock_monotonic_usec();
        r = wait_for_events(c, w, left_usec > 0 ? left_usec : 0);
        if (r < 0)
            log_bug("waiting: %s", strerror(-r));
    }
    drop_all(c, w);
    return r;
}
