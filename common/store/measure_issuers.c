#include "store/measure.h"

const struct statement measure_issuers_statement = {
    "measure_issuers", 0,
    "SELECT i.id, i.certificate, i.active,"
    " CASE WHEN count(c.issuer) < i.crl_shards THEN 0 ELSE extract(epoch FROM min(c.next_update))::bigint END"
    " FROM issuer i LEFT JOIN crl c ON c.issuer = i.id GROUP BY i.id ORDER BY i.id"};
