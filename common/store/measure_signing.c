#include "store/measure.h"

const struct statement measure_signing_statement = {
    "measure_signing", 0,
    "SELECT halted,"
    " (SELECT COALESCE(extract(epoch FROM clock_timestamp() - min(at))::bigint, 0) FROM audit_event"
    "   WHERE xid >= audit_sealed()),"
    " (SELECT extract(epoch FROM at)::bigint FROM audit_event WHERE kind = 'head_kept' ORDER BY xid DESC, id DESC "
    "LIMIT 1)"
    " FROM service"};
