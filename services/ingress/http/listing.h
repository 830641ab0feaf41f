/* What the lists of the API share: a page of them by cursor and limit, and ids and times as JSON. */
#pragma once

#include <jansson.h>

#include "services/ingress/http/http.h"
#include "store/db.h"

/* The parameter cursor, "next" of the page before; 0 when it is left out. 0, or -EINVAL: the reply says so. */
int listing_cursor(const struct request *r, struct reply *p, int64_t *ret);
/* The parameter limit, 1 to 1000; 100 when it is left out. 0, or -EINVAL: the reply says so. */
int listing_limit(const struct request *r, struct reply *p, int *ret);

/* New references, NULL without memory. Ids are opaque texts, times RFC 3339 in UTC, null where the column is. */
json_t *listing_id(int64_t id);
json_t *listing_time(const struct db_rows *rows, size_t row, unsigned column);
