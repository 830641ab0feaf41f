#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t clock_read(clockid_t id) {
    struct timespec ts;
    (void) clock_gettime(id, &ts);
    return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

int64_t clock_monotonic_usec(void) {
    return clock_read(CLOCK_MONOTONIC);
}

int64_t clock_realtime_usec(void) {
    return clock_read(CLOCK_REALTIME);
}

static int64_t seconds_floor(int64_t usec) {
    return usec >= 0 ? usec / USEC_PER_SEC : -((-usec + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

/* The parts of a time offset_sec east of Greenwich. */
static struct tm parts_of(int64_t usec, int offset_sec) {
    time_t t = (time_t) (seconds_floor(usec) + offset_sec);
    struct tm tm = {0};
    (void) gmtime_r(&t, &tm);
    return tm;
}

char *clock_rfc3339(int64_t usec, char text[static CLOCK_TEXT_MAX]) {
    struct tm tm = parts_of(usec, 0);
    (void) strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return text;
}

char *clock_jst(int64_t usec, char text[static CLOCK_TEXT_MAX]) {
    struct tm tm = parts_of(usec, JST_OFFSET_SEC);
    (void) strftime(text, CLOCK_TEXT_MAX, "%Y/%m/%d %H:%M:%S", &tm);
    return text;
}

char *clock_jst_date(int64_t usec, char text[static CLOCK_TEXT_MAX]) {
    struct tm tm = parts_of(usec, JST_OFFSET_SEC);
    (void) strftime(text, CLOCK_TEXT_MAX, "%Y年%-m月%-d日", &tm);
    return text;
}

char *clock_rfc5322(int64_t usec, char text[static CLOCK_TEXT_MAX]) {
    /* Names by hand: strftime's depend on the locale. */
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm = parts_of(usec, JST_OFFSET_SEC);
    (void) snprintf(text, CLOCK_TEXT_MAX, "%s, %02d %s %04d %02d:%02d:%02d +0900", days[tm.tm_wday % 7],
                    tm.tm_mday % 100, months[tm.tm_mon % 12], (tm.tm_year + 1900) % 10000, tm.tm_hour % 100,
                    tm.tm_min % 100, tm.tm_sec % 100);
    return text;
}

int clock_parse_date(const char *text, int64_t *ret_usec) {
    struct tm tm = {0};
    if (strlen(text) != 10)
        return -EINVAL;
    const char *end = strptime(text, "%Y-%m-%d", &tm);
    if (!end || *end != '\0')
        return -EINVAL;
    int year = tm.tm_year, month = tm.tm_mon, day = tm.tm_mday;
    time_t t = timegm(&tm);
    /* timegm() carries 30 February over into March: such a date is none. */
    if (tm.tm_year != year || tm.tm_mon != month || tm.tm_mday != day)
        return -EINVAL;
    *ret_usec = (int64_t) t * USEC_PER_SEC;
    return 0;
}
