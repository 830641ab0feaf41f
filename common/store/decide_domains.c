#include "store/decide.h"

const struct statement decide_domains_statement = {
    "decide_domains", 2,
    "SELECT used.id, d.name, d.registrant_ja, d.registrant_en,"
    "  COALESCE(d.state = 'permitted' AND d.organisation = u.organisation, false),"
    "  w.outcome, w.registrant_ja, w.registrant_en, w.status"
    " FROM upload u"
    " CROSS JOIN LATERAL (SELECT DISTINCT unnest(domains) AS id FROM application"
    "    WHERE upload = u.id AND state = 'valid') AS used"
    " LEFT JOIN domain d ON d.id = used.id"
    " LEFT JOIN whois_answer w ON w.id = whois_fresh(d.name, u.created - $2::bigint * interval '1 microsecond')"
    " WHERE u.id = $1::bigint ORDER BY used.id"};

int64_t decide_domains(struct db *db, int64_t upload, int64_t cache_usec, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    db_add_int64(&args, cache_usec);
    return db_run(db, &decide_domains_statement, &args, ret);
}
