#include "store/operator.h"

const struct statement drill_record_statement = {
    "drill_record", 2,
    "WITH told AS (INSERT INTO audit_event (kind, detail)"
    "  VALUES ('restore_drilled', jsonb_build_object('comment', $1::text, 'by', $2::text))) "
    "SELECT json_build_object('drilled', true, 'comment', $1::text)::text"};
