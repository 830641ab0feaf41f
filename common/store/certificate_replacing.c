#include "store/certificate.h"

const struct statement certificate_replacing_statement = {
    "certificate_replacing", 2,
    "SELECT c.id, c.serial, c.cn, COALESCE(c.manager_name, a.manager_name), COALESCE(c.manager_mail, a.manager_mail),"
    "       c.fetched, old.application, old.serial, old.not_after,"
    "       ceil(extract(epoch FROM old.not_after - inkan_now()) / 86400)::integer,"
    "       (SELECT max(COALESCE(n.ended, n.dated)) FROM notice n WHERE n.certificate = c.id AND n.kind = 'replace'),"
    "       (SELECT d.due FROM reminder d WHERE d.certificate = c.id AND d.kind = 'replace')"
    "  FROM certificate_search(NULL, NULL, NULL, 8, NULL, NULL, $1::bigint, $2::integer) AS found"
    "  JOIN certificate c ON c.id = found.id JOIN application a ON a.id = c.application"
    "  JOIN certificate old ON old.id = a.target ORDER BY c.id DESC"};

int64_t certificate_replacing(struct db *db, int64_t before, int limit, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, before ? before : INT64_MAX);
    db_add_int32(&args, limit);
    return db_run(db, &certificate_replacing_statement, &args, ret);
}
