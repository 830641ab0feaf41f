#include "store/operator.h"

const struct statement service_lock_statement = {"service_lock", 0, "LOCK TABLE service IN EXCLUSIVE MODE"};

const struct statement service_halt_statement = {
    "service_halt", 2,
    "WITH new AS (UPDATE service SET halted = true, halt_reason = $1::text RETURNING halted),"
    "told AS (INSERT INTO audit_event (kind, detail)"
    "  SELECT 'halted', jsonb_build_object('reason', $1::text, 'by', $2::text) FROM new) "
    "SELECT json_build_object('halted', true, 'reason', $1::text)::text FROM new"};

const struct statement service_resume_statement = {
    "service_resume", 1,
    "WITH old AS (SELECT halt_reason FROM service WHERE halted),"
    "new AS (UPDATE service SET halted = false, halt_reason = NULL FROM old RETURNING old.halt_reason),"
    "told AS (INSERT INTO audit_event (kind, detail)"
    "  SELECT 'resumed', jsonb_build_object('reason', halt_reason, 'by', $1::text) FROM new) "
    "SELECT json_build_object('halted', false, 'was', halt_reason)::text FROM new"};
