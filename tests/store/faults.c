#include "faults.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "sql.h"

static enum fault { NONE, LOST, MEMORY, STATEMENT, CONNECTION } armed;
static unsigned left; /* until one is struck; 0: it was */

static bool strike(enum fault what) {
    return armed == what && left > 0 && --left == 0;
}

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the linker's names
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
int64_t __real_db_run(struct db *db, const struct statement *statement, struct db_args *args, struct db_rows **ret);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);
int64_t __wrap_db_run(struct db *db, const struct statement *statement, struct db_args *args, struct db_rows **ret);

void *__wrap_malloc(size_t size) {
    return strike(MEMORY) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
    return strike(MEMORY) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size) {
    return strike(MEMORY) ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text) {
    return strike(MEMORY) ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len) {
    return strike(MEMORY) ? NULL : __real_strndup(text, len);
}

int64_t __wrap_db_run(struct db *db, const struct statement *statement, struct db_args *args, struct db_rows **ret) {
    if (strike(STATEMENT))
        return DB_FAILED;
    if (strike(CONNECTION))
        (void) shutdown(db_socket(db), SHUT_RDWR);
    return __real_db_run(db, statement, args, ret);
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

void faults_open(void) {
    json_set_alloc_funcs(__wrap_malloc, free);
}

static int do_job(struct context *c, const struct faulty *f, struct job *ret_job, enum fault what, unsigned nth) {
    assert_int_equal(job_claim(c->db, f->stage, "test", NULL, c->shared.lease_usec, ret_job), 1);
    if (what == LOST)
        (void) value("UPDATE job SET token = nextval('job_token') WHERE id = %lld", (long long) ret_job->id);
    c->job = ret_job;
    c->job_renewed_usec = 0; /* so that its lease is renewed where it may be */
    left = nth;
    armed = what;
    int r = f->work(c, ret_job);
    armed = NONE;
    c->job = NULL;
    return r;
}

/* Not done: it was held, or put off for a short while. */
static bool is_left(const struct job *job) {
    return *value(
        "SELECT 1 FROM job WHERE id = %lld AND (token IS NOT NULL OR due < clock_timestamp() + interval '15 s')",
        (long long) job->id);
}

static void do_again(struct context *c, const struct faulty *f, struct job *job) {
    (void) value("UPDATE job SET due = clock_timestamp(), token = NULL, worker = NULL WHERE id = %lld",
                 (long long) job->id);
    assert_int_equal(do_job(c, f, job, NONE, 0), 0);
}

void faults_each(struct context *c, const struct faulty *f) {
    struct job job;
    f->arrange();
    assert_int_equal(do_job(c, f, &job, LOST, 0), JOB_LOST);
    do_again(c, f, &job);
    f->check();
    for (enum fault what = MEMORY; what <= CONNECTION; what++) {
        unsigned nth = 1;
        for (;; nth++) {
            f->arrange();
            int r = do_job(c, f, &job, what, nth);
            if (left > 0) {
                assert_int_equal(r, 0);
                f->check();
                break;
            }
            if (r != 0 || is_left(&job))
                do_again(c, f, &job);
            f->check();
        }
        assert_true(nth > 1);
        print_message("# %s: %u faults of kind %d\n", stage_name(f->stage), nth - 1, (int) what);
    }
}
