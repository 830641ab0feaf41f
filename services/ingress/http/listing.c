#include "services/ingress/http/listing.h"

#include "base/clock.h"
#include "base/text.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000

int listing_cursor(const struct request *r, struct reply *p, int64_t *ret) {
    const char *cursor = request_parameter(r, "cursor");
    *ret = 0;
    if (!cursor || !*cursor || text_to_int64(cursor, 1, INT64_MAX, ret) == 0)
        return 0;
    return reply_bad_parameter(r, p, "cursor", cursor, "next");
}

int listing_limit(const struct request *r, struct reply *p, int *ret) {
    const char *limit = request_parameter(r, "limit");
    int64_t n = LIMIT_DEFAULT;
    if (limit && *limit && text_to_int64(limit, 1, LIMIT_MAX, &n) < 0)
        return reply_bad_parameter(r, p, "limit", limit, "1-1000");
    *ret = (int) n;
    return 0;
}

json_t *listing_id(int64_t id) {
    return json_sprintf("%lld", (long long) id);
}

json_t *listing_time(const struct db_rows *rows, size_t row, unsigned column) {
    char text[CLOCK_TEXT_MAX];
    return db_is_null(rows, row, column) ? json_null() : json_string(clock_rfc3339(db_time(rows, row, column), text));
}
