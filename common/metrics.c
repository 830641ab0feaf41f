#include "metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define VALUES_MAX 201 /* the last one is "other" */
#define VALUE_BYTES 64

enum metric_type { COUNTER, HISTOGRAM, GAUGE };

static const char *const type_names[] = {"counter", "histogram", "gauge"};

static const struct {
    enum metric_type type;
    const char *name, *label, *help;
} metrics[] = {
#define METRIC(symbol, type, name, label, help) [METRIC_##symbol] = {type, name, label, help},
#include "proto/metrics.def"
#undef METRIC
};

/* Seconds; from one statement to a chunk that had to wait for its lease. */
static const double bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};

struct series {
    char value[VALUE_BYTES];
    double sum;
    double count;
    double bucket[ARRAY_SIZE(bounds)];
};

static struct {
    struct series *series;
    size_t n;
} table[METRIC_COUNT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Under the lock. NULL without memory: the event is then not counted. */
static struct series *series_of(enum metric metric, const char *value) {
    if (!value)
        value = "";
    for (size_t i = 0; i < table[metric].n; i++)
        if (strncmp(table[metric].series[i].value, value, VALUE_BYTES - 1) == 0)
            return &table[metric].series[i];
    if (table[metric].n == VALUES_MAX)
        return &table[metric].series[VALUES_MAX - 1];
    if (table[metric].n == VALUES_MAX - 1)
        value = "other";
    struct series *grown = realloc(table[metric].series, (table[metric].n + 1) * sizeof(*grown));
    if (!grown)
        return NULL;
    table[metric].series = grown;
    struct series *s = &grown[table[metric].n++];
    *s = (struct series){0};
    (void) snprintf(s->value, sizeof(s->value), "%s", value);
    return s;
}

void metrics_add(enum metric metric, const char *value, double n) {
    pthread_mutex_lock(&lock);
    struct series *s = series_of(metric, value);
    if (s)
        s->sum += n;
    pthread_mutex_unlock(&lock);
}

void metrics_set(enum metric metric, const char *value, double n) {
    pthread_mutex_lock(&lock);
    struct series *s = series_of(metric, value);
    if (s)
        s->sum = n;
    pthread_mutex_unlock(&lock);
}

void metrics_set_time(enum metric metric, const char *value, int64_t usec) {
    int64_t sec = usec / USEC_PER_SEC;
    metrics_set(metric, value, (double) sec);
}

void metrics_clear_gauges(void) {
    pthread_mutex_lock(&lock);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (metrics[m].type == GAUGE)
            table[m].n = 0;
    pthread_mutex_unlock(&lock);
}

void metrics_observe(enum metric metric, const char *value, double seconds) {
    pthread_mutex_lock(&lock);
    struct series *s = series_of(metric, value);
    if (s) {
        s->sum += seconds;
        s->count++;
        for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
            if (seconds <= bounds[i])
                s->bucket[i]++;
    }
    pthread_mutex_unlock(&lock);
}

/* label="value": the text format escapes backslash, quote and line feed in values. */
static void write_label(struct buf *to, const char *label, size_t label_len, const char *value, size_t len) {
    buf_printf(to, "%.*s=\"", (int) label_len, label);
    for (const char *p = value; p < value + len; p++) {
        if (*p == '\\' || *p == '"')
            buf_char(to, '\\');
        buf_char(to, *p == '\n' ? ' ' : *p);
    }
    buf_char(to, '"');
}

/* {label="value",…}; two labels are divided by a comma, and so are their values. */
static void write_labels(struct buf *to, const char *label, const char *value, const char *more) {
    const char *second = strchr(label, ',');
    size_t first_len = second ? strcspn(value, ",") : strlen(value);
    if (!*label && !*more)
        return;
    buf_char(to, '{');
    if (*label)
        write_label(to, label, strcspn(label, ","), value, first_len);
    if (second && value[first_len] == ',') {
        buf_char(to, ',');
        write_label(to, second + 1, strlen(second + 1), value + first_len + 1, strlen(value + first_len + 1));
    }
    buf_printf(to, "%s%s}", *label && *more ? "," : "", more);
}

static void write_histogram(struct buf *to, enum metric metric, const struct series *s) {
    const char *name = metrics[metric].name, *label = metrics[metric].label;
    for (size_t i = 0; i <= ARRAY_SIZE(bounds); i++) {
        char le[40];
        if (i < ARRAY_SIZE(bounds))
            (void) snprintf(le, sizeof(le), "le=\"%g\"", bounds[i]);
        else
            (void) snprintf(le, sizeof(le), "le=\"+Inf\"");
        buf_printf(to, "%s_bucket", name);
        write_labels(to, label, s->value, le);
        buf_printf(to, " %.0f\n", i < ARRAY_SIZE(bounds) ? s->bucket[i] : s->count);
    }
    buf_printf(to, "%s_sum", name);
    write_labels(to, label, s->value, "");
    buf_printf(to, " %.6f\n%s_count", s->sum, name);
    write_labels(to, label, s->value, "");
    buf_printf(to, " %.0f\n", s->count);
}

void metrics_write(struct buf *to) {
    pthread_mutex_lock(&lock);
    for (int m = 0; m < METRIC_COUNT; m++) {
        buf_printf(to, "# HELP %s %s\n# TYPE %s %s\n", metrics[m].name, metrics[m].help, metrics[m].name,
                   type_names[metrics[m].type]);
        for (size_t i = 0; i < table[m].n; i++) {
            const struct series *s = &table[m].series[i];
            if (metrics[m].type == HISTOGRAM) {
                write_histogram(to, (enum metric) m, s);
                continue;
            }
            buf_text(to, metrics[m].name);
            write_labels(to, metrics[m].label, s->value, "");
            buf_printf(to, " %.0f\n", s->sum);
        }
    }
    pthread_mutex_unlock(&lock);
}
