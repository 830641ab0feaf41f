#include "whois_request.h"

#include <time.h>

#include "base/clock.h"
#include "store/operator.h"

#define LOOK_AGAIN_USEC (100 * USEC_PER_MSEC)

/* The highest id among the answers there are: later ones are answers to our question. */
static int64_t mark(struct ctl *c, int64_t *ret) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = db_run(c->db, &whois_mark_statement, NULL, &rows);
    *ret = n > 0 ? db_int64(rows, 0, 0) : 0;
    return n;
}

static int64_t request(struct ctl *c, const struct statement *statement, const char *domain) {
    _cleanup_args_ struct db_args args = {0};
    db_add_text(&args, domain);
    return db_run(c->db, statement, &args, NULL);
}

static int64_t look(struct ctl *c, const char *domain, int64_t after, json_t **ret_answer) {
    _cleanup_args_ struct db_args args = {0};
    json_t *rows = NULL;
    db_add_text(&args, domain);
    db_add_int64(&args, after);
    int64_t n = ctl_query(c, &whois_newer_statement, &args, &rows);
    if (n > 0)
        *ret_answer = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    return n;
}

int whois_request(struct ctl *c, const char *domain, int64_t wait_sec, json_t **ret_answer) {
    int64_t after = 0, n = mark(c, &after);
    if (n >= 0)
        n = request(c, &whois_request_statement, domain);
    if (n < 0)
        return ctl_database_failed(n);
    int64_t end_usec = clock_monotonic_usec() + wait_sec * USEC_PER_SEC;
    struct timespec pause = {.tv_nsec = LOOK_AGAIN_USEC * 1000};
    do {
        n = look(c, domain, after, ret_answer);
        if (n != 0)
            return n < 0 ? ctl_database_failed(n) : 0;
        (void) nanosleep(&pause, NULL);
    } while (clock_monotonic_usec() < end_usec);
    (void) request(c, &whois_cancel_statement, domain);
    return ctl_fail(CTL_FAILED, "%s: no answer within %lld s; does inkan-whois run? (inkanctl health)", domain,
                    (long long) wait_sec);
}
