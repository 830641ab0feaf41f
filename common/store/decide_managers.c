#include "store/decide.h"

/* An empty column leaves what is there. Certificates are locked by id: one order for all. */
const struct statement decide_managers_statement = {
    "decide_managers", 1,
    "WITH held AS ("
    "  SELECT c.id, a.id AS application, a.upload, c.organisation, c.serial,"
    "         jsonb_build_object('name', COALESCE(c.manager_name, old.manager_name),"
    "           'affiliation', COALESCE(c.manager_affiliation, old.manager_affiliation),"
    "           'mail', COALESCE(c.manager_mail, old.manager_mail), 'software', COALESCE(c.software, old.software)) AS "
    "before,"
    "         jsonb_strip_nulls(jsonb_build_object('name', a.manager_name, 'affiliation', a.manager_affiliation,"
    "           'mail', a.manager_mail, 'software', a.software)) AS given"
    "    FROM application a JOIN certificate c ON c.id = a.target AND c.organisation = a.organisation"
    "    JOIN application old ON old.id = c.application"
    "   WHERE a.upload = $1::bigint AND a.state = 'valid' ORDER BY c.id FOR NO KEY UPDATE OF c),"
    "audited AS ("
    "  INSERT INTO audit_event (kind, organisation, upload, application, subject, detail)"
    "  SELECT 'manager_changed', organisation, upload, application, encode(serial, 'hex'),"
    "         jsonb_build_object('before', before, 'after', before || given) FROM held ORDER BY id)"
    "UPDATE certificate c SET manager_name = COALESCE(given->>'name', c.manager_name),"
    "  manager_affiliation = COALESCE(given->>'affiliation', c.manager_affiliation),"
    "  manager_mail = COALESCE(given->>'mail', c.manager_mail), software = COALESCE(given->>'software', c.software),"
    "  manager_changed = inkan_now()"
    " FROM held WHERE c.id = held.id"};

int64_t decide_managers(struct db *db, int64_t upload) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    return db_run(db, &decide_managers_statement, &args, NULL);
}
