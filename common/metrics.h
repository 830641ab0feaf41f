/*
 * Prometheus metrics (text format 0.0.4), declared in proto/metrics.def. Callable from any thread.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"

enum metric {
#define METRIC(symbol, type, name, label, help) METRIC_##symbol,
#include "proto/metrics.def"
#undef METRIC
    METRIC_COUNT,
};

/*
 * value is the label's value, or NULL for a metric without label; of a metric with two labels both values, with a comma between. Values
 * beyond 200 per metric are counted as "other".
 */
void metrics_add(enum metric metric, const char *value, double n);
void metrics_set(enum metric metric, const char *value, double n);           /* gauges */
void metrics_set_time(enum metric metric, const char *value, int64_t usec);  /* a gauge in seconds since 1970 */
void metrics_clear_gauges(void);                                             /* what is not set again is not there */
void metrics_observe(enum metric metric, const char *value, double seconds); /* histograms */
void metrics_write(struct buf *to);
