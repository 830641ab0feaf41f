#include <stdio.h>
#include <string.h>

#include "store/job.h"
#include "store/schema.h"
#include "store/sql.h"

const struct statement job_claim_statement = {
    "job_claim", 4,
    "WITH next AS MATERIALIZED ("
    "  SELECT id, worker FROM job WHERE stage = $1::text AND " SQL_JOB_IS_DUE " AND " SQL_SCHEMA_IS_OURS
    "     AND (subject IS NULL OR $4::text IS NULL"
    "          OR split_part(subject, '-', 1) = ANY (string_to_array($4::text, ' ')))"
    "   ORDER BY stage, turn, id FOR UPDATE SKIP LOCKED LIMIT 1)"
    "UPDATE job SET due = clock_timestamp() + $3::bigint * interval '1 microsecond', attempt = attempt + 1,"
    "               token = nextval('job_token'), worker = $2::text,"
    "               failing = CASE WHEN next.worker IS NULL THEN failing ELSE COALESCE(failing, clock_timestamp()) END"
    "  FROM next WHERE job.id = next.id "
    "RETURNING job.id, organisation, upload, seq_from, seq_to, subject, attempt, token, next.worker IS NOT NULL, "
    "campaign, discarded"};

int job_claim(struct db *db, enum stage stage, const char *worker, const char *issuers, int64_t lease_usec,
              struct job *ret_job) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_text(&args, stage_name(stage));
    db_add_text(&args, worker);
    db_add_int64(&args, lease_usec);
    db_add_text(&args, issuers);
    int64_t n = db_run(db, &job_claim_statement, &args, &rows);
    if (n <= 0)
        return (int) n;
    *ret_job = (struct job){
        .id = db_int64(rows, 0, 0),
        .stage = stage,
        .organisation = db_int64(rows, 0, 1),
        .upload = db_int64(rows, 0, 2),
        .seq_from = (int) db_int64(rows, 0, 3),
        .seq_to = (int) db_int64(rows, 0, 4),
        .attempt = (int) db_int64(rows, 0, 6),
        .token = db_int64(rows, 0, 7),
        .expired = db_bool(rows, 0, 8),
        .campaign = db_int64(rows, 0, 9),
        .discarded = db_bool(rows, 0, 10),
    };
    (void) snprintf(ret_job->subject, sizeof(ret_job->subject), "%s", db_text(rows, 0, 5));
    return 1;
}
