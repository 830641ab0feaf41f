#include "store/operator.h"

const struct statement audit_epoch_open_statement = {
    "audit_epoch_open", 2,
    "SELECT json_build_object('epoch', epoch, 'unsealed', unsealed)::text FROM audit_epoch_open($1::text, $2::text)"
    " WHERE epoch IS NOT NULL"};
