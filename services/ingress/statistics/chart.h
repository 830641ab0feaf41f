/* Charts as SVG within a page: no script, no style but classes of the style sheet, readable in print and without colours. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

#define CHART_SERIES_MAX 4

struct chart_series {
    const char *title;
    const int64_t *value; /* one for each label; not negative */
};

struct chart {
    const char *id;    /* unique on the page: letters */
    const char *title; /* said to who does not see it */
    const char *const *label;
    size_t labels;
    const struct chart_series *series;
    size_t series_count; /* at most CHART_SERIES_MAX */
};

/* Columns side by side for each label, with a legend. */
void chart_columns(struct buf *to, const struct chart *chart);
/* A bar for each label, of the first series. */
void chart_bars(struct buf *to, const struct chart *chart);
