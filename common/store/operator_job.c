#include "store/operator.h"
#include "store/sql.h"

#define JOB_JSON                                                                                                       \
    "json_build_object('id', j.id, 'stage', j.stage, 'state', CASE WHEN j.due <= clock_timestamp() THEN 'ready'"       \
    "  WHEN j.worker IS NOT NULL THEN 'leased' ELSE 'waiting' END, 'age_sec',"                                         \
    " extract(epoch FROM clock_timestamp() - j.created)::bigint, 'due', " SQL_TIME(                                    \
        "j.due") ","                                                                                                   \
                 " 'attempt', j.attempt, 'worker', j.worker, 'organisation', j.organisation, 'upload', j.upload,"      \
                 " 'campaign', j.campaign, 'seq_from', j.seq_from, 'seq_to', j.seq_to, 'subject', j.subject,"          \
                 " 'discarded', j.discarded)::text"

const struct statement job_list_statement = {
    "job_list", 1,
    "SELECT " JOB_JSON " FROM job j WHERE $1::text IS NULL OR j.stage = $1::text ORDER BY j.stage, j.turn, j.id"};

const struct statement job_show_statement = {"job_show", 1, "SELECT " JOB_JSON " FROM job j WHERE j.id = $1::bigint"};

const struct statement job_retry_statement = {
    "job_retry", 2,
    "WITH j AS (UPDATE job SET due = clock_timestamp(), attempt = 0, worker = NULL, token = NULL"
    "  WHERE id = $1::bigint AND (worker IS NULL OR due <= clock_timestamp()) RETURNING *),"
    "told AS (INSERT INTO audit_event (kind, subject, detail) SELECT 'job_retried', subject,"
    "  jsonb_build_object('job', id, 'stage', stage, 'by', $2::text) FROM j) "
    "SELECT " JOB_JSON " FROM j"};

const struct statement job_take_statement = {
    "job_take", 1,
    "UPDATE job SET token = nextval('job_token') WHERE id = $1::bigint RETURNING stage, token, COALESCE(subject, '')"};

const struct statement job_discard_send_statement = {
    "job_discard_send", 2,
    "UPDATE notice SET state = 'failed', reply = 'discarded by an operator: ' || $2::text, ended = inkan_now()"
    " WHERE job = $1::bigint AND state = 'queued'"};

const struct statement job_discard_mark_statement = {
    "job_discard_mark", 1,
    "UPDATE job SET discarded = true, due = clock_timestamp(), worker = NULL WHERE id = $1::bigint"};

/* An ask job is gone by then: ask_finish() ended it. One that is marked is ended by its daemon. */
const struct statement job_discard_finish_statement = {
    "job_discard_finish", 5,
    "WITH gone AS (DELETE FROM job WHERE id = $1::bigint AND NOT discarded),"
    "told AS (INSERT INTO audit_event (kind, subject, detail) VALUES ('job_discarded', NULLIF($3::text, ''),"
    "  jsonb_build_object('job', $1::bigint, 'stage', $2::text, 'reason', $4::text, 'by', $5::text))) "
    "SELECT json_build_object('job', $1::bigint, 'stage', $2::text, 'discarded', true)::text"};
