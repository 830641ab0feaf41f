#include "store/db.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "log.h"
#include "metrics.h"
#include "store/db_internal.h"

#define RETRY_WITHIN_USEC (10 * USEC_PER_SEC) /* a database that takes so long is asked again by the next job */
#define RETRIES_MAX 8
#define RETRY_FIRST_USEC 2000
#define RETRY_LAST_USEC 200000

int db_new(struct db **ret, const char *conninfo, const char *application_name,
           const struct statement *const *statements) {
    struct db *db = calloc(1, sizeof(*db));
    if (!db)
        return -ENOMEM;
    db->conninfo = strdup(conninfo);
    db->application_name = strdup(application_name);
    db->statements = statements;
    if (!db->conninfo || !db->application_name) {
        db_free(db);
        return -ENOMEM;
    }
    *ret = db;
    return 0;
}

void db_free(struct db *db) {
    if (!db)
        return;
    PQfinish(db->conn);
    free(db->conninfo);
    free(db->application_name);
    free(db);
}

bool db_connected(const struct db *db) {
    return db->conn && PQstatus(db->conn) == CONNECTION_OK;
}

int db_socket(const struct db *db) {
    return db->conn ? PQsocket(db->conn) : -1;
}

const char *db_last_error(const struct db *db) {
    return db->last_error;
}

static void first_line(const char *message, char *to, size_t size) {
    (void) snprintf(to, size, "%s", message ? message : "");
    to[strcspn(to, "\r\n")] = '\0';
}

int db_judge(struct db *db, const PGresult *result, const char *name, bool committing) {
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN)
        return 0;
    char message[300];
    first_line(PQresultErrorMessage(result), message, sizeof(message));
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (!state || PQstatus(db->conn) != CONNECTION_OK) {
        if (!*message)
            first_line(PQerrorMessage(db->conn), message, sizeof(message));
        log_warning("database: %s: connection lost: %s", name, message);
        return committing ? DB_UNSURE : DB_RETRY;
    }
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    (void) snprintf(db->last_error, sizeof(db->last_error), "%s", constraint ? constraint : state);
    /* Class 40: conflict, deadlock. 55P03: lock_timeout. 57014: statement_timeout. 57P0x: the server is going down or coming up.
     * 53: out of resources. */
    if (strncmp(state, "40", 2) == 0 || strcmp(state, "55P03") == 0 || strncmp(state, "57", 2) == 0 ||
        strncmp(state, "53", 2) == 0) {
        log_notice("database: %s: %s, trying again: %s", name, state, message);
        return DB_RETRY;
    }
    log_error("database: %s: %s: %s", name, state, message);
    return DB_FAILED;
}

int db_command(struct db *db, const char *sql, const char *name, bool committing) {
    PGresult *result = PQexec(db->conn, sql);
    int r = db_judge(db, result, name, committing);
    PQclear(result);
    return r;
}

static int prepare_all(struct db *db) {
    for (size_t i = 0; db->statements && db->statements[i]; i++) {
        const struct statement *s = db->statements[i];
        PGresult *result = PQprepare(db->conn, s->name, s->sql, 0, NULL);
        int r = db_judge(db, result, s->name, false);
        PQclear(result);
        if (r < 0)
            return r;
    }
    return 0;
}

static void ignore_notice(void *ctx, const PGresult *result) {
    (void) ctx;
    char message[300];
    first_line(PQresultErrorMessage(result), message, sizeof(message));
    log_debug("database: %s", message);
}

static void disconnect(struct db *db) {
    PQfinish(db->conn);
    db->conn = NULL;
    db->in_transaction = false;
}

/* A server speaks unasked to say goodbye: better heard now than by the first statement, which could not be run again. */
static bool has_hung_up(const struct db *db) {
    struct pollfd fd = {.fd = PQsocket(db->conn), .events = POLLIN};
    return poll(&fd, 1, 0) != 0;
}

int db_connect(struct db *db) {
    if (db_connected(db) && !has_hung_up(db))
        return 0;
    disconnect(db);
    /* A server or a link that falls silent is given up within 20 s, less than a lease; database.uri may say otherwise. */
    const char *keys[] = {"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                          "keepalives_count", "tcp_user_timeout", "dbname",
                          "application_name", "client_encoding",  NULL};
    const char *values[] = {"5", "5", "5", "3", "20000", db->conninfo, db->application_name, "UTF8", NULL};
    db->conn = PQconnectdbParams(keys, values, 1);
    if (PQstatus(db->conn) != CONNECTION_OK) {
        char message[300];
        first_line(PQerrorMessage(db->conn), message, sizeof(message));
        log_warning("database: cannot connect: %s", message);
        disconnect(db);
        return DB_RETRY;
    }
    (void) PQsetNoticeReceiver(db->conn, ignore_notice, NULL);
    int r = prepare_all(db);
    if (r < 0)
        disconnect(db);
    return r;
}

int db_check_statements(struct db *db) {
    int worst = 0;
    for (size_t i = 0; db->statements && db->statements[i]; i++) {
        const struct statement *s = db->statements[i];
        _cleanup_buf_ struct buf sql = {0};
        buf_printf(&sql, "EXPLAIN EXECUTE %s", s->name);
        for (unsigned p = 0; p < s->params; p++)
            buf_text(&sql, p == 0 ? "(NULL" : ",NULL");
        if (s->params > 0)
            buf_char(&sql, ')');
        int r = db_command(db, buf_string(&sql), s->name, false);
        if (r < 0)
            worst = r;
    }
    return worst;
}

int64_t db_run(struct db *db, const struct statement *statement, struct db_args *args, struct db_rows **ret) {
    static struct db_args none;
    if (!args)
        args = &none;
    if (args->failed) {
        log_error("%s: out of memory", statement->name);
        return DB_FAILED;
    }
    if (args->count != statement->params) {
        log_bug("%s: %u parameters given, %u wanted", statement->name, args->count, statement->params);
        return DB_FAILED;
    }
    if (db->in_transaction ? !db_connected(db) : db_connect(db) < 0)
        return DB_RETRY;
    const char *values[DB_ARGS_MAX];
    int lengths[DB_ARGS_MAX], formats[DB_ARGS_MAX];
    for (unsigned i = 0; i < args->count; i++) {
        values[i] = args->item[i].value;
        lengths[i] = (int) args->item[i].len;
        formats[i] = 1;
    }
    PGresult *result = PQexecPrepared(db->conn, statement->name, (int) args->count, values, lengths, formats, 1);
    int r = db_judge(db, result, statement->name, !db->in_transaction);
    if (r < 0) {
        PQclear(result);
        return r;
    }
    int64_t n = PQresultStatus(result) == PGRES_TUPLES_OK ? PQntuples(result) : strtoll(PQcmdTuples(result), NULL, 10);
    if (!ret) {
        PQclear(result);
        return n;
    }
    struct db_rows *rows = calloc(1, sizeof(*rows));
    if (!rows) {
        PQclear(result);
        return DB_FAILED;
    }
    rows->result = result;
    *ret = rows;
    return n;
}

static int begin(struct db *db, int64_t organisation) {
    char sql[160];
    if (organisation > 0)
        (void) snprintf(sql, sizeof(sql),
                        "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT set_config('inkan.organisation', '%lld', true)",
                        (long long) organisation);
    else
        (void) snprintf(sql, sizeof(sql), "BEGIN ISOLATION LEVEL READ COMMITTED");
    return db_command(db, sql, "BEGIN", false);
}

static int attempt(struct db *db, int64_t organisation, db_work work, void *ctx) {
    int r = db_connect(db);
    if (r < 0)
        return r;
    r = begin(db, organisation);
    if (r < 0)
        return r;
    db->in_transaction = true;
    int outcome = work(db, ctx);
    if (outcome >= 0) {
        /* A COMMIT of a failed transaction rolls back and says so only in its tag. */
        PGresult *result = PQexec(db->conn, "COMMIT");
        r = db_judge(db, result, "COMMIT", true);
        if (r == 0 && strcmp(PQcmdStatus(result), "COMMIT") != 0)
            r = DB_FAILED;
        PQclear(result);
        db->in_transaction = false;
        return r < 0 ? r : outcome;
    }
    if (db_connected(db) && db_command(db, "ROLLBACK", "ROLLBACK", false) < 0)
        disconnect(db);
    db->in_transaction = false;
    return outcome;
}

static void pause_before_retry(int tries) {
    int64_t longest = RETRY_FIRST_USEC << tries;
    if (longest > RETRY_LAST_USEC)
        longest = RETRY_LAST_USEC;
    int64_t usec = longest / 2 + clock_monotonic_usec() % (longest / 2 + 1);
    struct timespec ts = {.tv_sec = 0, .tv_nsec = usec * 1000};
    (void) nanosleep(&ts, NULL);
}

int db_transaction(struct db *db, const char *name, int64_t organisation, db_work work, void *ctx) {
    if (db->in_transaction) {
        log_bug("%s: a transaction inside a transaction", name);
        return DB_FAILED;
    }
    int64_t begin = clock_monotonic_usec();
    for (int tries = 0;; tries++) {
        int r = attempt(db, organisation, work, ctx);
        if (r != DB_RETRY || tries == RETRIES_MAX || clock_monotonic_usec() - begin > RETRY_WITHIN_USEC)
            return r;
        metrics_add(METRIC_DB_RETRIES, name, 1);
        pause_before_retry(tries);
    }
}
