#include "log.h"
#include "store/db.h"
#include "store/db_internal.h"

int db_script(struct db *db, const char *name, const char *sql) {
    if (!db->in_transaction) {
        log_bug("%s: outside a transaction", name);
        return DB_FAILED;
    }
    int r = db_command(db, sql, name, false);
    if (r == 0 && PQtransactionStatus(db->conn) != PQTRANS_INTRANS) {
        log_error("database: %s ends the transaction it runs in", name);
        return DB_FAILED;
    }
    return r;
}
