#include "question.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static struct server *current(const struct question *q) {
    return q->servers_count > 0 ? q->servers[q->servers_count - 1] : NULL;
}

const char *question_server(const struct question *q) {
    const struct server *s = current(q);
    return s ? s->name : NULL;
}

static void add_server(struct question *q, struct server *server) {
    q->servers[q->servers_count++] = server;
    server->users++;
    q->phase = QUESTION_WAITING;
}

void question_refuse(struct question *q, const char *detail) {
    q->answer = (struct answer){.outcome = ANSWER_UNREACHABLE};
    q->phase = QUESTION_ANSWERED;
    (void) snprintf(q->detail, sizeof(q->detail), "%s", detail);
}

struct question *question_new(const struct asking *a, const char *domain) {
    struct question *q = calloc(1, sizeof(*q));
    if (!q)
        return NULL;
    q->query.fd = -1;
    q->left_usec = a->timeout_usec;
    (void) snprintf(q->domain, sizeof(q->domain), "%s", domain);
    struct server *server = servers_find(a->servers, domain);
    if (!host_is_name(domain)) /* it would go into the line that is sent */
        question_refuse(q, "not a domain name");
    else if (!server)
        question_refuse(q, "no WHOIS server is configured for this name");
    else
        add_server(q, server);
    return q;
}

static void stop_query(struct asking *a, struct question *q) {
    if (q->phase != QUESTION_ASKING)
        return;
    query_stop(&q->query);
    current(q)->open--;
    a->in_flight--;
}

void question_free(struct asking *a, struct question *q) {
    stop_query(a, q);
    for (unsigned i = 0; i < q->servers_count; i++)
        q->servers[i]->users--;
    while (q->jobs) {
        struct held *next = q->jobs->next;
        free(q->jobs);
        q->jobs = next;
    }
    free(q);
}

static void give_up(struct asking *a, struct question *q, const char *detail) {
    servers_record(a->servers, current(q), false);
    stop_query(a, q);
    question_refuse(q, detail);
}

void question_try(struct asking *a, struct question *q, int64_t *wake_usec) {
    struct server *server = current(q);
    int64_t now = clock_monotonic_usec();
    if (a->in_flight >= a->in_flight_max || server->open >= SERVER_OPEN_MAX)
        return; /* somebody else's end wakes us */
    if (server->next_usec > now) {
        if (server->next_usec < *wake_usec)
            *wake_usec = server->next_usec;
        return;
    }
    int r = query_start(&q->query, server, a->resolver, q->domain, now + q->left_usec);
    if (r == -EAGAIN)
        return;
    q->phase = QUESTION_ASKING;
    q->asked_usec = now;
    server->open++;
    a->in_flight++;
    server->next_usec = now + a->gap_usec;
    if (r < 0)
        give_up(a, q, *q->query.detail ? q->query.detail : strerror(-r));
}

static bool asked_before(const struct question *q, const struct server *server) {
    for (unsigned i = 0; i < q->servers_count; i++)
        if (q->servers[i] == server)
            return true;
    return false;
}

/* The present server knows of the name but not its registrant; another may. */
static void follow(struct asking *a, struct question *q) {
    struct server *server = NULL;
    const char *trouble = "out of memory";
    int r = servers_refer(a->servers, q->answer.referral, &server);
    if (r == 0 && asked_before(q, server))
        trouble = "a referral in a circle";
    else if (r == 0 && q->servers_count > QUESTION_REFERRALS_MAX)
        trouble = "too many referrals";
    else if (r == 0) {
        add_server(q, server);
        return;
    } else if (r == -EINVAL)
        trouble = "a referral to what is no host name";
    else if (r == -ENOSPC)
        trouble = "too many servers at once";
    if (q->answer.whole) {
        q->answer.outcome = ANSWER_FOUND;
        q->phase = QUESTION_ANSWERED;
        (void) snprintf(q->detail, sizeof(q->detail), "the registrant is withheld");
    } else
        question_refuse(q, trouble);
}

static void take_answer(struct asking *a, struct question *q) {
    answer_read(&q->answer, q->domain, buf_string(&q->query.answer), q->query.answer.len);
    bool answered = q->answer.outcome != ANSWER_UNREACHABLE;
    servers_record(a->servers, current(q), answered);
    stop_query(a, q);
    q->left_usec -= clock_monotonic_usec() - q->asked_usec;
    if (q->answer.outcome == ANSWER_REFERRED) {
        follow(a, q);
        return;
    }
    q->phase = QUESTION_ANSWERED;
    (void) snprintf(q->detail, sizeof(q->detail), "%s", q->answer.detail ? q->answer.detail : "");
}

void question_step(struct asking *a, struct question *q, short revents) {
    switch (query_step(&q->query, revents)) {
    case QUERY_GOING:
        break;
    case QUERY_ANSWERED:
        take_answer(a, q);
        break;
    case QUERY_FAILED:
        give_up(a, q, q->query.detail);
        break;
    }
}
