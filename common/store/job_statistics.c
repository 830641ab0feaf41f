#include "store/job.h"

/* ready: due and free; leased: held; waiting: due later. A leased job whose lease ran out counts as ready. */
const struct statement job_statistics_statement = {
    "job_statistics", 0,
    "SELECT stage, CASE WHEN due <= clock_timestamp() THEN 'ready' WHEN token IS NOT NULL THEN 'leased' ELSE 'waiting' "
    "END,"
    "       count(*), COALESCE(max(extract(epoch FROM clock_timestamp() - created))::bigint, 0),"
    "       COALESCE(max(extract(epoch FROM clock_timestamp() - due) * 1000000)::bigint, 0)"
    "  FROM job GROUP BY 1, 2"};
