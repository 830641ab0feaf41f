/*
 * Time. Every variable that holds one says its unit: _usec for microseconds, _sec, _days.
 * Points in time are microseconds since 1970-01-01T00:00:00Z (RFC 3339 without leap seconds).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define USEC_PER_SEC INT64_C(1000000)
#define USEC_PER_MSEC INT64_C(1000)
#define SEC_PER_DAY INT64_C(86400)
#define JST_OFFSET_SEC (9 * 3600)

int64_t clock_monotonic_usec(void); /* for waiting and measuring; not affected by clock steps */
int64_t clock_realtime_usec(void);  /* for logs and Date fields; leases and business rules use the database's clock */

#define CLOCK_TEXT_MAX 40
/* Each writes at most CLOCK_TEXT_MAX bytes with NUL and returns its argument. */
char *clock_rfc3339(int64_t usec, char text[static CLOCK_TEXT_MAX]);  /* 2026-11-23T01:02:03Z */
char *clock_jst(int64_t usec, char text[static CLOCK_TEXT_MAX]);      /* 2026/11/23 10:02:03 */
char *clock_jst_date(int64_t usec, char text[static CLOCK_TEXT_MAX]); /* 2026年11月23日 */
char *clock_rfc5322(int64_t usec, char text[static CLOCK_TEXT_MAX]);  /* Mon, 23 Nov 2026 10:02:03 +0900 */
/* "YYYY-MM-DD" at 00:00:00 UTC; 0 or -EINVAL. */
int clock_parse_date(const char *text, int64_t *ret_usec);
