#include "store/job.h"
#include "store/sql.h"

/* Of each stage and state: how many, the age of the oldest (seconds), the longest overdue and the longest failing (usec). ready: due and free; leased: held; waiting: due later. A leased job whose lease ran out counts as ready. */
const struct statement job_statistics_statement = {
    "job_statistics", 0,
    "SELECT stage, CASE WHEN " SQL_JOB_IS_DUE " THEN 'ready' WHEN token IS NOT NULL THEN 'leased' ELSE 'waiting' "
    "END,"
    "       count(*), COALESCE(max(extract(epoch FROM clock_timestamp() - created))::bigint, 0),"
    "       COALESCE(max(extract(epoch FROM clock_timestamp() - due) * 1000000)::bigint, 0),"
    "       COALESCE(max(extract(epoch FROM clock_timestamp() - failing) * 1000000)::bigint, 0)"
    "  FROM job GROUP BY 1, 2"};
