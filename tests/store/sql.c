#include "sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

PGconn *sql;

int sql_open(void) {
    const char *uri = getenv("INKAN_TEST_DATABASE");
    sql = uri ? PQconnectdb(uri) : NULL;
    return sql && PQstatus(sql) == CONNECTION_OK ? 0 : -1;
}

const char *value(const char *format, ...) {
    static char *text;
    static PGresult *result;
    va_list ap;
    va_start(ap, format);
    free(text);
    assert_true(vasprintf(&text, format, ap) >= 0);
    va_end(ap);
    PQclear(result);
    result = PQexec(sql, text);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", text, PQerrorMessage(sql));
    return status == PGRES_TUPLES_OK && PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
}

void install_policy(const char *name) {
    _cleanup_buf_ struct buf body = {0};
    FILE *file = fopen(POLICY_FILE, "re");
    char piece[4096];
    size_t n;
    assert_non_null(file);
    while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
        buf_add(&body, piece, n);
    (void) fclose(file);
    buf_printf(&body, "\n# %s\n", name);
    char *quoted = PQescapeLiteral(sql, body.data, body.len);
    (void) value("INSERT INTO policy (hash, name, body) VALUES (sha256(convert_to(%s, 'UTF8')), '%s', %s)"
                 " ON CONFLICT DO NOTHING",
                 quoted, name, quoted);
    (void) value("UPDATE service SET policy = sha256(convert_to(%s, 'UTF8'))", quoted);
    PQfreemem(quoted);
}
