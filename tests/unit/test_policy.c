/* The shipped policies: what they say on each side of every date, and in what they differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "policy.h"

static struct policy manual, today;

static int load(struct policy *to, const char *name) {
    char path[512], body[16384];
    _cleanup_buf_ struct buf errors = {0};
    (void) snprintf(path, sizeof(path), "%s/deploy/policy/%s", getenv("INKAN_SOURCE"), name);
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    size_t len = fread(body, 1, sizeof(body) - 1, file);
    body[len] = '\0';
    (void) fclose(file);
    return policy_parse(to, body, len, &errors);
}

static int setup(void **state) {
    (void) state;
    return load(&manual, "upki-2021.conf") == 0 && load(&today, "upki-2026.conf") == 0 ? 0 : -1;
}

/* BR 6.3.2: the longest validity by the date of issuance. */
static int limit_days(int64_t usec) {
    static const struct {
        const char *from;
        int days;
    } limits[] = {{"2020-09-01", 398}, {"2026-03-15", 200}, {"2027-03-15", 100}, {"2029-03-15", 47}};
    int days = 825;
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        int64_t from = 0;
        assert_int_equal(clock_parse_date(limits[i].from, &from), 0);
        days = usec >= from ? limits[i].days : days;
    }
    return days;
}

static void test_dates(void **state) {
    (void) state;
    static const struct {
        const char *date;
        int manual_before, manual_from, today_before, today_from;
    } dates[] = {
        {"2020-08-25", 0, 396, 0, 396},    {"2026-03-04", 396, 396, 396, 198}, {"2026-03-15", 396, 396, 198, 198},
        {"2027-03-15", 396, 396, 198, 99}, {"2029-03-15", 396, 396, 99, 46},
    };
    for (size_t i = 0; i < ARRAY_SIZE(dates); i++) {
        int64_t at = 0;
        assert_int_equal(clock_parse_date(dates[i].date, &at), 0);
        int64_t before = at - USEC_PER_SEC;
        assert_int_equal(policy_validity_days(&manual, before), dates[i].manual_before);
        assert_int_equal(policy_validity_days(&manual, at), dates[i].manual_from);
        assert_int_equal(policy_validity_days(&today, before), dates[i].today_before);
        assert_int_equal(policy_validity_days(&today, at - 1), dates[i].today_before);
        assert_int_equal(policy_validity_days(&today, at), dates[i].today_from);
        assert_true(policy_validity_days(&today, before) <= limit_days(before));
        assert_true(policy_validity_days(&today, at) <= limit_days(at));
    }
}

/* BR 6.3.2 asks to stay a day below each limit. */
static void test_today_stays_below_the_limits(void **state) {
    (void) state;
    int64_t day = 0, end = 0;
    assert_int_equal(clock_parse_date("2020-09-01", &day), 0);
    assert_int_equal(clock_parse_date("2040-01-01", &end), 0);
    for (; day < end; day += SEC_PER_DAY * USEC_PER_SEC)
        assert_true(policy_validity_days(&today, day) < limit_days(day));
}

static void test_differences(void **state) {
    (void) state;
    assert_int_equal(manual.ou, POLICY_OU_LISTED);
    assert_int_equal(today.ou, POLICY_OU_REFUSE);
    assert_int_equal(manual.match, POLICY_MATCH_CN_OU);
    assert_int_equal(today.match, POLICY_MATCH_CN);
    assert_true(manual.client_auth && manual.subject_key_identifier);
    assert_true(!today.client_auth && !today.subject_key_identifier);
    assert_int_equal(manual.expiry_days_count, 0);
    assert_int_equal(today.expiry_days_count, 2);
    assert_true(manual.link_remind_days == 0 && manual.link_lapsed_days == 0);
    assert_true(today.link_remind_days == 7 && today.link_lapsed_days == 1);
    assert_int_equal(manual.old_reason, 0);
    assert_int_equal(today.old_reason, 4);
    for (int id = 0; id < 20; id++) {
        const struct policy_profile *a = policy_profile(&manual, id), *b = policy_profile(&today, id);
        assert_true(!a == !b && !a == (id != 3 && id != 11));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_today_stays_below_the_limits),
        cmocka_unit_test(test_differences),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
