/* Metrics, threads and errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"
#include "metrics.h"
#include "parallel.h"
#include "proto/errors.h"

static void test_metrics_text(void **state) {
    (void) state;
    metrics_add(METRIC_ERRORS, "212", 2);
    metrics_add(METRIC_ERRORS, "a\"b\\c\nd", 1);
    metrics_observe(METRIC_JOB_SECONDS, "check", 0.03);
    metrics_observe(METRIC_JOB_SECONDS, "check", 100);
    metrics_add(METRIC_SEALED_EVENTS, NULL, 5);
    _cleanup_buf_ struct buf text = {0};
    metrics_write(&text);
    static const char *const wanted[] = {"inkan_errors_total{code=\"212\"} 2\n",
                                         "inkan_errors_total{code=\"a\\\"b\\\\c d\"} 1\n",
                                         "# TYPE inkan_job_seconds histogram\n",
                                         "inkan_job_seconds_bucket{stage=\"check\",le=\"0.025\"} 0\n",
                                         "inkan_job_seconds_bucket{stage=\"check\",le=\"0.05\"} 1\n",
                                         "inkan_job_seconds_bucket{stage=\"check\",le=\"+Inf\"} 2\n",
                                         "inkan_job_seconds_count{stage=\"check\"} 2\n",
                                         "inkan_audit_sealed_total 5\n"};
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        assert_non_null(strstr(buf_string(&text), wanted[i]));
}

/* Gauges hold what was set last; two labels come as one text. */
static void test_metrics_gauges(void **state) {
    (void) state;
    for (int round = 0; round < 2; round++) {
        _cleanup_buf_ struct buf text = {0};
        metrics_clear_gauges();
        metrics_set(METRIC_JOBS, "check,ready", 7);
        if (round == 0)
            metrics_set(METRIC_UNSEALED, NULL, 61);
        metrics_set(METRIC_JOBS, "check,ready", 8);
        metrics_write(&text);
        assert_non_null(
            strstr(buf_string(&text), "# TYPE inkan_jobs gauge\ninkan_jobs{stage=\"check\",state=\"ready\"} 8\n"));
        assert_int_equal(strstr(buf_string(&text), "\ninkan_audit_unsealed_seconds 61\n") != NULL, round == 0);
    }
}

static void test_metrics_are_bounded(void **state) {
    (void) state;
    for (int i = 0; i < 1000; i++) {
        char value[20];
        (void) snprintf(value, sizeof(value), "%d", i);
        metrics_add(METRIC_MAILS, value, 1);
    }
    _cleanup_buf_ struct buf text = {0};
    metrics_write(&text);
    assert_non_null(strstr(buf_string(&text), "inkan_mails_total{outcome=\"199\"} 1\n"));
    assert_non_null(strstr(buf_string(&text), "inkan_mails_total{outcome=\"other\"} 800\n"));
}

static void count(void *ctx, size_t i) {
    atomic_int *seen = ctx;
    atomic_fetch_add(&seen[i], 1);
}

static void test_parallel(void **state) {
    (void) state;
    struct parallel *p = parallel_new(4);
    assert_non_null(p);
    for (int round = 0; round < 200; round++) {
        static atomic_int seen[97];
        memset(seen, 0, sizeof(seen));
        parallel_for(p, (size_t) round % 97, count, seen);
        for (int i = 0; i < 97; i++)
            assert_int_equal(atomic_load(&seen[i]), i < round % 97);
    }
    parallel_free(p);
}

static void test_error_texts(void **state) {
    (void) state;
    const char *const args[] = {"Other University", "testkikan"};
    json_t *stored = error_json(ERROR_O_MISMATCH, 1, args, 2);
    json_t *shown = error_shown(stored, "server-issue");
    assert_string_equal(json_string_value(json_object_get(shown, "cell")),
                        "241:1,主体者DN,主体者DNの機関名が申請者の所属機関名ではありません。(Other University)");
    assert_string_equal(json_string_value(json_object_get(shown, "remedy_en")), "Write \"testkikan\" as O.");
    json_decref(stored);
    json_decref(shown);
}

/* Every error has all four texts, and the two languages take the same arguments. */
static void test_error_table(void **state) {
    (void) state;
    json_t *args = json_pack("[s, s, s, s, s, s]", "1", "2", "3", "4", "5", "6");
    for (int e = 1; e < ERROR_COUNT; e++) {
        struct buf text[4] = {{0}, {0}, {0}, {0}};
        for (int t = 0; t < 4; t++) {
            error_text(&text[t], (enum error) e, (enum error_text) t, args);
            assert_true(text[t].len > 0);
            assert_null(strstr(buf_string(&text[t]), "{}"));
        }
        for (const char *digit = "123456"; *digit; digit++)
            assert_int_equal(!!strchr(buf_string(&text[0]), *digit), !!strchr(buf_string(&text[1]), *digit));
        for (int t = 0; t < 4; t++)
            buf_done(&text[t]);
        assert_int_equal(error_from_symbol(error_symbol((enum error) e)), e);
        assert_in_range(error_code((enum error) e), 201, 999);
    }
    json_decref(args);
}

/* What log_at() writes of a text from outside. */
static void log_line_is(const char *text, const char *expected) {
    int pipe_fds[2], saved = dup(STDERR_FILENO);
    char line[2048];
    assert_int_equal(pipe(pipe_fds), 0);
    assert_true(dup2(pipe_fds[1], STDERR_FILENO) >= 0);
    log_peer("%s", text);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    ssize_t n = read(pipe_fds[0], line, sizeof(line) - 1);
    assert_true(n > 0);
    line[n] = '\0';
    assert_string_equal(line, expected);
    (void) close(pipe_fds[0]);
    (void) close(pipe_fds[1]);
    (void) close(saved);
}

static void test_a_log_line_is_a_line(void **state) {
    (void) state;
    log_open("test", LOG_LEVEL_DEBUG);
    log_line_is("plain", "<4>test: peer: plain\n");
    log_line_is("a\r\n<3>kernel: b", "<4>test: peer: a?\?<3>kernel: b\n");
    log_line_is("\x1b[2J\x07\x7f", "<4>test: peer: ?[2J??\n");
    log_line_is("a\xe2\x80\xa8"
                "b\xef\xbb\xbf",
                "<4>test: peer: a?b?\n");
    log_line_is("\xff\xc0\xaf", "<4>test: peer: ???\n");
    char text[3000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    char expected[1100] = "<4>test: peer: ";
    memset(expected + strlen(expected), 'x', 1024 - 2 - strlen(expected));
    expected[1022] = '\n';
    log_line_is(text, expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_text),         cmocka_unit_test(test_metrics_gauges),
        cmocka_unit_test(test_metrics_are_bounded),  cmocka_unit_test(test_parallel),
        cmocka_unit_test(test_error_texts),          cmocka_unit_test(test_error_table),
        cmocka_unit_test(test_a_log_line_is_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
