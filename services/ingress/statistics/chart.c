#include "services/ingress/statistics/chart.h"

#include "base/cleanup.h"
#include "base/text.h"

#define WIDTH 960.0
#define LEFT 70.0 /* of the plane: the values' place */
#define RIGHT 10.0
#define TOP 40.0 /* the legend's place */
#define PLANE_HEIGHT 220.0
#define BOTTOM 30.0 /* the labels' place */
#define LABEL_WIDTH 80.0
#define TICKS 4
#define BAR_HEIGHT 22.0
#define BAR_STEP 34.0
#define BAR_LEFT 260.0
#define BAR_RIGHT 110.0

/* Coordinates with one decimal: the pages' locale is C. */
static void put_element(struct buf *to, const char *element, const char *text) {
    buf_printf(to, "<%s>", element);
    text_html(to, text);
    buf_printf(to, "</%s>", element);
}

static void open_chart(struct buf *to, const struct chart *chart, double height) {
    buf_printf(to,
               "<svg class=\"chart\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-labelledby=\"%s-title\"><title "
               "id=\"%s-title\">",
               WIDTH, height, chart->id, chart->id);
    text_html(to, chart->title);
    buf_text(to, "</title>");
}

/* 1, 2 or 5 times a power of ten: TICKS of them reach the highest value. */
static int64_t tick_of(int64_t highest) {
    for (int64_t power = 1;; power *= 10)
        for (int64_t step = 1; step <= 5; step = step == 1 ? 2 : step == 2 ? 5 : 10)
            if (highest <= power * step * TICKS)
                return power * step;
}

static int64_t highest_of(const struct chart *chart, size_t series_count) {
    int64_t highest = 1;
    for (size_t s = 0; s < series_count; s++)
        for (size_t i = 0; i < chart->labels; i++)
            if (chart->series[s].value[i] > highest)
                highest = chart->series[s].value[i];
    return highest < INT64_C(1000000000000) ? highest : INT64_C(1000000000000);
}

/* What tells one series from another without its colour. */
static void put_patterns(struct buf *to, const struct chart *chart) {
    static const char *const forms[CHART_SERIES_MAX] = {"", "<path d=\"M-2 10L10 -2M4 12L12 4M-4 4L4 -4\"/>",
                                                        "<path d=\"M0 4H8\"/>", "<path d=\"M4 0V8\"/>"};
    buf_text(to, "<defs>");
    for (size_t s = 0; s < chart->series_count; s++)
        buf_printf(
            to,
            "<pattern id=\"%s-%zu\" class=\"series%zu\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"
            "<rect width=\"8\" height=\"8\"/>%s</pattern>",
            chart->id, s, s, forms[s]);
    buf_text(to, "</defs>");
}

static void put_legend(struct buf *to, const struct chart *chart) {
    for (size_t s = 0; s < chart->series_count; s++) {
        double x = LEFT + (double) s * 150;
        buf_printf(to,
                   "<rect class=\"mark\" x=\"%.1f\" y=\"6\" width=\"18\" height=\"18\" fill=\"url(#%s-%zu)\"/>"
                   "<text x=\"%.1f\" y=\"21\">",
                   x, chart->id, s, x + 26);
        text_html(to, chart->series[s].title);
        buf_text(to, "</text>");
    }
}

static void put_ticks(struct buf *to, int64_t tick) {
    for (int i = 0; i <= TICKS; i++) {
        double y = TOP + PLANE_HEIGHT * (TICKS - i) / TICKS;
        long long value = (long long) tick * i;
        buf_printf(
            to,
            "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%lld</text>",
            LEFT, y, WIDTH - RIGHT, LEFT - 8, y + 5, value);
    }
}

static void put_column(struct buf *to, const struct chart *chart, size_t i, size_t s, double x, double width,
                       int64_t tick) {
    double height = PLANE_HEIGHT * (double) chart->series[s].value[i] / (double) (tick * TICKS);
    if (height <= 0)
        return;
    buf_printf(to, "<rect class=\"mark\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"url(#%s-%zu)\">",
               x, TOP + PLANE_HEIGHT - height, width, height, chart->id, s);
    _cleanup_buf_ struct buf text = {0};
    buf_printf(&text, "%s %s: %lld", chart->label[i], chart->series[s].title, (long long) chart->series[s].value[i]);
    put_element(to, "title", buf_string(&text));
    buf_text(to, "</rect>");
}

void chart_columns(struct buf *to, const struct chart *chart) {
    int64_t tick = tick_of(highest_of(chart, chart->series_count));
    double step = (WIDTH - LEFT - RIGHT) / (double) (chart->labels ? chart->labels : 1);
    double width = step * 0.8 / (double) chart->series_count;
    size_t every = 1;
    while (step * (double) every < LABEL_WIDTH)
        every++;
    open_chart(to, chart, TOP + PLANE_HEIGHT + BOTTOM);
    put_patterns(to, chart);
    put_legend(to, chart);
    put_ticks(to, tick);
    for (size_t i = 0; i < chart->labels; i++) {
        double x = LEFT + step * (double) i + step * 0.1;
        for (size_t s = 0; s < chart->series_count; s++)
            put_column(to, chart, i, s, x + width * (double) s, width, tick);
        if (i % every == 0) {
            buf_printf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", x + step * 0.4,
                       TOP + PLANE_HEIGHT + 21);
            text_html(to, chart->label[i]);
            buf_text(to, "</text>");
        }
    }
    buf_text(to, "</svg>");
}

void chart_bars(struct buf *to, const struct chart *chart) {
    int64_t highest = highest_of(chart, 1);
    open_chart(to, chart, BAR_STEP * (double) chart->labels + 8);
    for (size_t i = 0; i < chart->labels; i++) {
        int64_t value = chart->series[0].value[i];
        double y = 6 + BAR_STEP * (double) i;
        double width = (WIDTH - BAR_LEFT - BAR_RIGHT) * (double) value / (double) highest;
        buf_printf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", BAR_LEFT - 10, y + 16);
        text_html(to, chart->label[i]);
        buf_printf(to, "</text><rect class=\"mark series0\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
                   BAR_LEFT, y, width, BAR_HEIGHT);
        buf_printf(to, "<text x=\"%.1f\" y=\"%.1f\">%lld</text>", BAR_LEFT + width + 8, y + 16, (long long) value);
    }
    buf_text(to, "</svg>");
}
