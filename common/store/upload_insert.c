#include "store/upload.h"

/* ON CONFLICT waits for a rival with the same key to end. */
const struct statement upload_insert_statement = {
    "upload_insert", 12,
    "WITH found AS (SELECT CASE WHEN o.state = 'active' THEN $10::text::jsonb ELSE $10::text::jsonb ||"
    "    '[{\"code\": 215, \"symbol\": \"ORGANISATION_INACTIVE\", \"column\": 0, \"args\": []}]' END AS errors"
    "    FROM organisation o WHERE o.id = $1::bigint),"
    "made AS ("
    "  INSERT INTO upload (organisation, registrar, kind, on_error, dry_run, confirmed, filename, sha256, "
    "idempotency_key,"
    "    errors, rows_total, open_chunks, state, ended)"
    "  SELECT $1::bigint, $2::bigint, $3::text, $4::text, $5::boolean, $6::boolean, $7::text, $8::bytea, $9::text,"
    "    errors, $11::integer, CASE WHEN errors = '[]' THEN $12::integer ELSE 0 END,"
    "    CASE WHEN errors = '[]' THEN 'checking' ELSE 'rejected' END, CASE WHEN errors <> '[]' THEN inkan_now() END"
    "   FROM found ON CONFLICT (organisation, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING"
    "  RETURNING id, organisation, state, errors),"
    "audited AS ("
    "  INSERT INTO audit_event (kind, actor, organisation, upload, subject, detail)"
    "  SELECT k, 'registrar:' || $2::bigint, organisation, id, encode($8::bytea, 'hex'),"
    "    jsonb_build_object('rows', $11::integer, 'errors', errors)"
    "   FROM made, unnest(CASE WHEN state = 'rejected' THEN ARRAY['upload_received', 'upload_rejected']"
    "                     ELSE ARRAY['upload_received'] END) AS k)"
    "SELECT id, state = 'checking' FROM made"};

int upload_insert(struct db *db, const struct upload_new *u, int64_t *ret_id, bool *ret_checking) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, u->organisation);
    db_add_int64(&args, u->registrar);
    db_add_text(&args, u->kind);
    db_add_text(&args, u->on_error);
    db_add_bool(&args, u->dry_run);
    db_add_bool(&args, u->confirmed);
    db_add_text(&args, u->filename);
    db_add_bytes(&args, u->sha256, 32);
    db_add_text(&args, u->idempotency_key);
    db_add_text(&args, u->errors);
    db_add_int32(&args, u->rows_total);
    db_add_int32(&args, u->chunks);
    int64_t n = db_run(db, &upload_insert_statement, &args, &rows);
    if (n > 0) {
        *ret_id = db_int64(rows, 0, 0);
        *ret_checking = db_bool(rows, 0, 1);
    }
    return (int) n;
}
